package store

import (
	"encoding/binary"
	"errors"

	"github.com/google/uuid"

	"weir/ingest"
)

// Event is a stored event, as it was sent or as an amendment has it. Its slices
// point into the store's or the pending events' memory and are valid during the call
// that hands it out.
type Event struct {
	ingest.Event
	Organization uuid.UUID
	ReceivedAt   int64 // nanoseconds since the Unix epoch
	Position     ingest.Position
	// Cancelled: the id counts no more, and this is the last content that it had.
	// Revision is then the cancellation's. Only ByTransactionID finds such events.
	Cancelled bool
}

// setRevision says which version of an event this is.
func (e *Event) setRevision(revision uint32) {
	e.Cancelled = false
	e.Revision = revision
	e.Entry = ingest.EntryEvent
	if revision > 0 {
		e.Entry = ingest.EntryAmendment
	}
}

const (
	eventVersion = 1

	eventFilled  = 0x01 // the timestamp was filled in
	eventPrecise = 0x02 // precise_total_amount_cents follows
)

var errCorruptEvent = errors.New("event is corrupt")

// appendEventValue appends what does not stand in an event's key: version,
// flags, time of receipt, precise_total_amount_cents, properties.
func appendEventValue(dst []byte, e *ingest.Event, receivedAt int64) []byte {
	flags := byte(0)
	if e.Filled {
		flags |= eventFilled
	}
	if e.PreciseTotal != nil {
		flags |= eventPrecise
	}
	dst = append(dst, eventVersion, flags)
	dst = binary.AppendVarint(dst, receivedAt)
	if e.PreciseTotal != nil {
		dst = appendBytes(dst, e.PreciseTotal)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Properties)))
	for i := range e.Properties {
		p := &e.Properties[i]
		dst = appendBytes(dst, p.Name)
		dst = append(dst, byte(p.Kind))
		dst = appendBytes(dst, p.Text)
	}
	return dst
}

// decodeEventValue reads what appendEventValue wrote into e, whose Properties'
// memory it uses again. The texts point into b.
func decodeEventValue(b []byte, e *Event) error {
	if len(b) < 2 || b[0] != eventVersion {
		return errCorruptEvent
	}
	flags := b[1]
	receivedAt, n := binary.Varint(b[2:])
	if n <= 0 {
		return errCorruptEvent
	}
	r := valueReader{b: b[2+n:]}
	e.Filled = flags&eventFilled != 0
	e.ReceivedAt = receivedAt
	e.PreciseTotal = nil
	if flags&eventPrecise != 0 {
		e.PreciseTotal = r.bytes()
	}
	count := r.uvarint()
	e.Properties = e.Properties[:0]
	for ; count > 0 && !r.failed; count-- {
		name := r.bytes()
		kind := ingest.Kind(r.byte())
		e.Properties = append(e.Properties, ingest.Property{Name: name, Kind: kind, Text: r.bytes()})
	}
	if r.failed || len(r.b) != 0 {
		return errCorruptEvent
	}
	return nil
}

func appendBytes[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// valueReader reads a value from the front. After a failure it gives zeros.
type valueReader struct {
	b      []byte
	failed bool
}

func (r *valueReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *valueReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *valueReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// fixed reads n bytes.
func (r *valueReader) fixed(n int) []byte {
	if len(r.b) < n {
		r.fail()
		return make([]byte, n)
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *valueReader) fail() { r.failed, r.b = true, nil }

// done reports whether all was read, and nothing was missing.
func (r *valueReader) done() bool { return !r.failed && len(r.b) == 0 }
