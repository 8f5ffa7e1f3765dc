package store

import (
	"encoding/binary"

	"github.com/google/uuid"

	"weir/ingest"
)

// Event is a stored event, as it was sent or as an amendment has it. Its slices
// point into the store's or the pending events' memory and are valid during the call
// that hands it out.
type Event struct {
	ingest.Event
	Organization uuid.UUID
	Series       uint64 // the number of its series
	ReceivedAt   int64  // nanoseconds since the Unix epoch
	Position     ingest.Position
	// Cancelled: the id counts no more, and this is the last content that it had.
	// Revision is then the cancellation's. Only ByTransactionID finds such events.
	Cancelled bool
}

// eventOf returns an event of a series, without content.
func eventOf(name *SeriesName) Event {
	return Event{
		Event:        ingest.Event{Subscription: []byte(name.Subscription), Code: []byte(name.Code)},
		Organization: name.Organization,
		Series:       name.Number,
	}
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
	if len(r.b) > 0 && r.b[0] < 0x80 { // as most are
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	return r.longUvarint()
}

func (r *valueReader) longUvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *valueReader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
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

func (r *valueReader) bytes() []byte { return r.take(r.uvarint()) }

// take reads n bytes, or none.
func (r *valueReader) take(n uint64) []byte {
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
