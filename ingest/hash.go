package ingest

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"
)

// What is hashed must not be the same for two identities or contents. So each part that is
// not the last stands behind its length as a uvarint, or has a fixed one, as the 16
// bytes of the organization. All of this is for ever: stores are keyed by it.

// ID is an event's identity in 128 bits: the first 4 bytes of XXH64 over (organization,
// transaction_id), then the first 12 of SHA-256 over (organization, subscription,
// transaction_id). The first part finds an id whose subscription is not known;
// others may share it, so whoever looks an event up by it compares the event.
//
// XXH64 is over the organization's 16 bytes and the bytes of the transaction_id. SHA-256 is
// over a block of its own (64 bytes), the organization's 16 bytes and zeros, and then
// subscription and transaction_id, each behind its length. The block is the same for
// all events of an organization: what it makes of the hash's state is calculated once.
//
// The 96 bits of SHA-256 are what keeps two ids apart, also for a sender who tries to
// make two that agree: that takes about 2^48 attempts, and hits only ids of its own.
type ID [16]byte

// IDPrefixBytes is the length of the part of an ID that does not depend on the subscription.
const IDPrefixBytes = 4

// IDPrefix returns the first part of the ID of every event that has the
// transaction_id, whatever its subscription.
func IDPrefix(organization uuid.UUID, transactionID []byte) (prefix [IDPrefixBytes]byte) {
	var scratch [prefixScratchBytes]byte
	buf := append(append(scratch[:0], organization[:]...), transactionID...)
	binary.BigEndian.PutUint32(prefix[:], uint32(xxhash.Sum64(buf)>>32))
	return prefix
}

// IDKey returns the ID of an event.
func IDKey(organization uuid.UUID, subscription, transactionID []byte) ID {
	id, _ := Identify(organization, subscription, transactionID)
	return id
}

// Identify returns the ID of an event and its lago_id (EventID): one hash makes both. An
// Identifier does the same for many events in half the time.
func Identify(organization uuid.UUID, subscription, transactionID []byte) (id ID, eventID uuid.UUID) {
	prefix := IDPrefix(organization, transactionID)
	copy(id[:], prefix[:])
	var scratch [sha256.BlockSize + idScratchBytes]byte
	copy(scratch[:], organization[:])
	buf := appendPart(scratch[:sha256.BlockSize], subscription)
	sum := sha256.Sum256(appendPart(buf, transactionID))
	copy(id[IDPrefixBytes:], sum[:])
	return id, eventIDOf(&sum)
}

// EventID returns an event's lago_id: a UUID (version 8, RFC 9562) made from its
// identity, so that every node and every replay gives the event the same one.
func EventID(organization uuid.UUID, subscription, transactionID []byte) uuid.UUID {
	_, eventID := Identify(organization, subscription, transactionID)
	return eventID
}

func eventIDOf(sum *[sha256.Size]byte) uuid.UUID {
	id := uuid.UUID(sum[16:])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ContentHash returns the hash (XXH64) of what an event says besides who it is and when:
// code, precise_total_amount_cents, properties by name with kind and text. Two
// events of one identity with different hashes are in conflict; so are two whose
// senders stated different times. A time that weir filled in (Event.Filled) agrees
// with every other: nobody stated it.
//
// It tells a sender that it used an id twice. Whoever makes two contents with one hash on
// purpose misses that message, and nothing else: the first content counts.
func ContentHash(e *Event) uint64 {
	var scratch [contentScratchBytes]byte
	if 2*partPrefixBytes+len(e.Code)+len(e.PreciseTotal) > len(scratch) {
		return largeContentHash(e)
	}
	n := putPart(scratch[:], putPart(scratch[:], 0, e.Code), e.PreciseTotal)
	for i := range e.Properties {
		p := &e.Properties[i]
		if len(scratch)-n < 2*partPrefixBytes+2+len(p.Name)+len(p.Text) {
			return largeContentHash(e)
		}
		n = putPart(scratch[:], n, p.Name)
		scratch[n], scratch[n+1] = 1, byte(p.Kind) // a part of one byte
		n = putPart(scratch[:], n+2, p.Text)
	}
	return xxhash.Sum64(scratch[:n])
}

// ContentHash32 returns the high half of ContentHash: what windows and stores keep beside an ID.
func ContentHash32(e *Event) uint32 {
	return uint32(ContentHash(e) >> 32)
}

const (
	partPrefixBytes = 2 // of a part below 16 KiB, which all are
	// idScratchBytes holds subscription and transaction_id, prefixScratchBytes what
	// IDPrefix hashes.
	idScratchBytes     = 2 * (partPrefixBytes + IDBytesMax)
	prefixScratchBytes = 16 + IDBytesMax
	// contentScratchBytes holds the content of most events, on the stack.
	contentScratchBytes = 256
	// contentPieceBytes holds the code and the precise total, or one property.
	contentPieceBytes = 4*partPrefixBytes + IDBytesMax + PropertyValueBytesMax
)

func appendPart(dst, part []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(part)))
	return append(dst, part...)
}

// putPart is appendPart at dst[at:], where there is room, and returns where the part ends.
func putPart(dst []byte, at int, part []byte) int {
	if len(part) >= 0x80 {
		return len(appendPart(dst[:at], part))
	}
	dst[at] = byte(len(part))
	return at + 1 + copy(dst[at+1:], part)
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
func largeContentHash(e *Event) uint64 {
	var scratch [contentPieceBytes]byte
	h := xxhash.New()
	_, _ = h.Write(appendContentHead(scratch[:0], e)) // never fails
	for i := range e.Properties {
		_, _ = h.Write(appendContentProperty(scratch[:0], &e.Properties[i]))
	}
	return h.Sum64()
}
