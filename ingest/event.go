package ingest

import "github.com/google/uuid"

// Kind says what a property's JSON value was. The numbers stand in the log
// and in stored events: they are for ever.
type Kind uint8

// The kinds of property values.
const (
	KindNull   Kind = 0
	KindFalse  Kind = 1
	KindTrue   Kind = 2
	KindNumber Kind = 3 // Text is the number as sent, JSON grammar, at most NumberDigitsMax digits
	KindString Kind = 4 // Text is the decoded string, valid UTF-8
	KindNested Kind = 5 // Text is the object's or array's JSON, white space removed; stored, never matched
)

// Property is one name and value of an event's properties. Both slices belong
// to the input or the Batch that the event was parsed or decoded with.
type Property struct {
	Name []byte
	Kind Kind
	Text []byte // empty for null, false and true
}

// Entry says what an entry of the log does to the event whose identity it names.
// The numbers stand in the log and in stores: they are for ever.
type Entry uint8

// The kinds of entries.
const (
	EntryEvent        Entry = 0 // the event, as its sender sent it
	EntryAmendment    Entry = 1 // a correction: new content for the identity
	EntryCancellation Entry = 2 // a correction: the identity counts no more, and stays used
)

// Event is one entry of the log: a usage event, or the correction of one. What
// becomes of an identity with several entries stands in the package's comment.
//
// Its slices point into the input that it was parsed or decoded from, or into
// the Batch, and are valid until the input is overwritten or the Batch reset,
// whichever comes first.
type Event struct {
	TransactionID []byte // 1..IDBytesMax bytes
	Subscription  []byte // external_subscription_id, 1..IDBytesMax bytes
	Code          []byte // billable metric code, 1..IDBytesMax bytes; empty in a cancellation

	// Timestamp is the event's own instant, nanoseconds since the Unix epoch; 0 in a
	// cancellation, which has no content.
	Timestamp int64
	// Filled reports that the sender gave no timestamp. Whoever parsed the event
	// puts one in before it goes to the log, and Filled stays true.
	Filled bool

	// Entry is what this is: the event as sent, or a correction. The zero value is
	// the event.
	Entry Entry
	// Revision orders the corrections of one identity: 1 or more, and 0 for the
	// event as sent.
	Revision uint32

	// PreciseTotal is precise_total_amount_cents as decimal text, nil when absent.
	PreciseTotal []byte
	// Properties are in the byte order of their names; names are unique.
	Properties []Property
}

// Property returns the value of the named property; ok is false when there is none.
func (e *Event) Property(name string) (p Property, ok bool) {
	for i := range e.Properties {
		if string(e.Properties[i].Name) == name {
			return e.Properties[i], true
		}
	}
	return Property{}, false
}

// Header is what a log record says about all of its events.
type Header struct {
	Organization uuid.UUID
	ReceivedAt   int64 // when weir took the events in, nanoseconds since the Unix epoch
}
