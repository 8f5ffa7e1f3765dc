package ingest

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A framed record, version 1. Integers are uvarints unless said otherwise.
//
//	version       1 byte, 0x01; never '{', by which JSON records are known
//	checksum      4 bytes, little end first: CRC-32C of all that follows
//	organization  16 bytes
//	received at   8 bytes, little end first: nanoseconds since the Unix epoch
//	count         number of entries, 1..EventsPerRecordMax
//	entries       each begins with a byte that says its kind
//
// The kinds are those of Entry. An event (0) is:
//
//	flags         1 byte: 1 = the timestamp was filled in, 2 = there is a precise total
//	timestamp     varint (zigzag): nanoseconds since received at
//	transaction_id, external_subscription_id, code, the precise total if flagged:
//	              length and bytes each
//	properties    their number, then for each in the order of names: kind (1 byte),
//	              length and bytes of the name, and for kinds with a text of the text
//
// An amendment (1) is its revision, then what an event is, from the flags on. A
// cancellation (2) is its revision, then transaction_id and
// external_subscription_id, length and bytes each.
//
// Whoever does not know a kind, a flag or a version refuses the record whole.
const (
	recordVersion   = 0x01
	recordJSON      = '{'
	recordBodyStart = 1 + 4 // after version and checksum

	flagFilled       = 1 << 0
	flagPreciseTotal = 1 << 1
	flagsKnown       = flagFilled | flagPreciseTotal
)

// RecordOverheadBytesMax is how many bytes a framed record has at most besides
// the EncodedSize of its events.
const RecordOverheadBytesMax = recordBodyStart + 16 + 8 + 3

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendRecord appends the framed record of events and corrections,
// 1..EventsPerRecordMax of them, which are all of h.Organization. Of a cancellation
// only identity and revision are written. The result holds copies: events may go.
func AppendRecord(dst []byte, h Header, events []Event) []byte {
	start := len(dst)
	dst = appendRecordHeader(dst, h, len(events))
	for i := range events {
		dst = appendEntry(dst, h, &events[i])
	}
	return sealRecord(dst, start)
}

// AppendRecordOf is AppendRecord for the events with the given indexes, in their order.
func AppendRecordOf(dst []byte, h Header, events []Event, indexes []int32) []byte {
	start := len(dst)
	dst = appendRecordHeader(dst, h, len(indexes))
	for _, i := range indexes {
		dst = appendEntry(dst, h, &events[i])
	}
	return sealRecord(dst, start)
}

// EncodedSize returns how many bytes e takes in a framed record with the header.
func EncodedSize(h Header, e *Event) int {
	n := 1 + sizeBytes(e.TransactionID) + sizeBytes(e.Subscription)
	if e.Entry != EntryEvent {
		n += sizeUvarint(int(e.Revision))
	}
	if e.Entry == EntryCancellation {
		return n
	}
	var scratch [binary.MaxVarintLen64]byte
	n += 1 + binary.PutVarint(scratch[:], e.Timestamp-h.ReceivedAt) + sizeBytes(e.Code)
	if e.PreciseTotal != nil {
		n += sizeBytes(e.PreciseTotal)
	}
	n += sizeUvarint(len(e.Properties))
	for i := range e.Properties {
		p := &e.Properties[i]
		n += 1 + sizeBytes(p.Name)
		if p.Kind.hasText() {
			n += sizeBytes(p.Text)
		}
	}
	return n
}

func appendRecordHeader(dst []byte, h Header, count int) []byte {
	if count < 1 || count > EventsPerRecordMax {
		panic(fmt.Sprintf("BUG: a record of %d events", count))
	}
	dst = append(dst, recordVersion, 0, 0, 0, 0)
	dst = append(dst, h.Organization[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.ReceivedAt))
	return binary.AppendUvarint(dst, uint64(count))
}

// sealRecord puts the checksum into the record that begins at start.
func sealRecord(dst []byte, start int) []byte {
	record := dst[start:]
	binary.LittleEndian.PutUint32(record[1:], crc32.Checksum(record[recordBodyStart:], castagnoli))
	return dst
}

func appendEntry(dst []byte, h Header, e *Event) []byte {
	if e.Entry > EntryCancellation || (e.Entry == EntryEvent) != (e.Revision == 0) {
		panic(fmt.Sprintf("BUG: an entry of kind %d with the revision %d", e.Entry, e.Revision))
	}
	dst = append(dst, byte(e.Entry))
	if e.Entry != EntryEvent {
		dst = binary.AppendUvarint(dst, uint64(e.Revision))
	}
	if e.Entry == EntryCancellation {
		return appendBytes(appendBytes(dst, e.TransactionID), e.Subscription)
	}
	return appendContent(dst, h, e)
}

// appendContent appends an event from its flags on.
func appendContent(dst []byte, h Header, e *Event) []byte {
	var flags byte
	if e.Filled {
		flags |= flagFilled
	}
	if e.PreciseTotal != nil {
		flags |= flagPreciseTotal
	}
	dst = append(dst, flags)
	dst = binary.AppendVarint(dst, e.Timestamp-h.ReceivedAt)
	dst = appendBytes(dst, e.TransactionID)
	dst = appendBytes(dst, e.Subscription)
	dst = appendBytes(dst, e.Code)
	if e.PreciseTotal != nil {
		dst = appendBytes(dst, e.PreciseTotal)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Properties)))
	for i := range e.Properties {
		p := &e.Properties[i]
		dst = append(dst, byte(p.Kind))
		dst = appendBytes(dst, p.Name)
		if p.Kind.hasText() {
			dst = appendBytes(dst, p.Text)
		}
	}
	return dst
}

func appendBytes(dst, text []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

func sizeBytes(text []byte) int { return sizeUvarint(len(text)) + len(text) }

func sizeUvarint(n int) int {
	size := 1
	for n >= 0x80 {
		n >>= 7
		size++
	}
	return size
}

// hasText reports whether values of the kind have a text.
func (k Kind) hasText() bool { return k >= KindNumber }
