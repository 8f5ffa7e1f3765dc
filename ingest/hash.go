package ingest

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
)

// Hashes take length-prefixed parts: each part stands behind its length as a
// uvarint, so that no two lists of parts give the same bytes, and an organization
// with a short id still fits one block of SHA-256. The organization goes in as its
// lower-case UUID text. All of this is for ever: stores are keyed by it.

// ID is an event's identity in 128 bits: eight bytes of SHA-256 over
// (organization, transaction_id), then eight over (organization, subscription,
// transaction_id). The first half finds an id whose subscription is not known.
type ID [16]byte

// IDPrefix returns the first half of the ID of every event that has the
// transaction_id, whatever its subscription.
func IDPrefix(organization uuid.UUID, transactionID []byte) [8]byte {
	var scratch [idScratchBytes]byte
	sum := sha256.Sum256(appendPart(appendOrganization(scratch[:0], organization), transactionID))
	return [8]byte(sum[:8])
}

// IDKey returns the ID of an event.
func IDKey(organization uuid.UUID, subscription, transactionID []byte) ID {
	var scratch [idScratchBytes]byte
	var id ID
	buf := appendOrganization(scratch[:0], organization)
	sum := sha256.Sum256(appendPart(buf, transactionID))
	copy(id[:8], sum[:8])
	sum = sha256.Sum256(appendIdentity(buf, subscription, transactionID))
	copy(id[8:], sum[:8])
	return id
}

// EventID returns an event's lago_id: a UUID (version 8, RFC 9562) made from its
// identity, so that every node and every replay gives the event the same one.
func EventID(organization uuid.UUID, subscription, transactionID []byte) uuid.UUID {
	var scratch [idScratchBytes]byte
	buf := appendOrganization(scratch[:0], organization)
	sum := sha256.Sum256(appendIdentity(buf, subscription, transactionID))
	id := uuid.UUID(sum[16:])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ContentHash returns the hash of what an event says besides who it is and when:
// code, precise_total_amount_cents, properties by name with kind and text. Two
// events of one identity with different hashes are in conflict; so are two whose
// senders stated different times. A time that weir filled in (Event.Filled) agrees
// with every other: nobody stated it.
func ContentHash(e *Event) [sha256.Size]byte {
	if contentBytes(e) > contentScratchBytes {
		return largeContentHash(e)
	}
	var scratch [contentScratchBytes]byte
	buf := appendContentHead(scratch[:0], e)
	for i := range e.Properties {
		buf = appendContentProperty(buf, &e.Properties[i])
	}
	return sha256.Sum256(buf)
}

// ContentHash32 returns the first four bytes of ContentHash, big end first: what
// windows and stores keep beside an ID.
func ContentHash32(e *Event) uint32 {
	sum := ContentHash(e)
	return binary.BigEndian.Uint32(sum[:4])
}

const (
	partPrefixBytes = 2 // of a part below 16 KiB, which all are
	idScratchBytes  = 3*partPrefixBytes + uuidTextBytes + 2*IDBytesMax
	// contentScratchBytes holds the content of most events, on the stack.
	contentScratchBytes = 512
	// contentPieceBytes holds the code and the precise total, or one property.
	contentPieceBytes = 4*partPrefixBytes + IDBytesMax + PropertyValueBytesMax
)

// appendIdentity appends the rest of an event's identity to its organization.
func appendIdentity(organization, subscription, transactionID []byte) []byte {
	return appendPart(appendPart(organization, subscription), transactionID)
}

func appendOrganization(dst []byte, organization uuid.UUID) []byte {
	return appendUUID(append(dst, uuidTextBytes), organization)
}

func appendPart(dst, part []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(part)))
	return append(dst, part...)
}

// appendContentHead appends the parts of ContentHash before the properties. An
// absent precise_total_amount_cents is an empty part; a present one is never empty.
func appendContentHead(dst []byte, e *Event) []byte {
	return appendPart(appendPart(dst, e.Code), e.PreciseTotal)
}

func appendContentProperty(dst []byte, p *Property) []byte {
	dst = appendPart(dst, p.Name)
	dst = append(dst, 1, byte(p.Kind)) // a part of one byte
	return appendPart(dst, p.Text)
}

// largeContentHash is ContentHash in pieces, for contents that are not worth room
// on every stack.
func largeContentHash(e *Event) (sum [sha256.Size]byte) {
	var scratch [contentPieceBytes]byte
	h := sha256.New()
	h.Write(appendContentHead(scratch[:0], e))
	for i := range e.Properties {
		h.Write(appendContentProperty(scratch[:0], &e.Properties[i]))
	}
	h.Sum(sum[:0])
	return sum
}

// contentBytes is at least the length of what appendContent appends.
func contentBytes(e *Event) int {
	n := 2*partPrefixBytes + len(e.Code) + len(e.PreciseTotal)
	for i := range e.Properties {
		n += 3*partPrefixBytes + 1 + len(e.Properties[i].Name) + len(e.Properties[i].Text)
	}
	return n
}
