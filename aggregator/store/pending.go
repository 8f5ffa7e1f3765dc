package store

import (
	"slices"
	"unsafe"

	"github.com/google/uuid"

	"weir/ingest"
)

// Pending holds events that were taken but are in no checkpoint yet, in the
// order of the log. One goroutine appends; a copy of a Pending is a view of what was in
// it when it was copied, and may be read by any goroutine while the original grows.
type Pending struct {
	events []pendingEvent
	arena  []byte
}

type pendingEvent struct {
	id        ingest.ID
	series    *SeriesName
	timestamp int64
	position  ingest.Position
	content   uint32
	filled    bool
	txnBytes  uint8
	value     uint32 // where it ends in the arena, counted from its start
	at        int    // of the transaction id in the arena; the value follows
}

// NewPending returns an empty Pending with room for about as many events as another has.
func NewPending(like *Pending) *Pending {
	return &Pending{
		events: make([]pendingEvent, 0, len(like.events)+len(like.events)/8),
		arena:  make([]byte, 0, len(like.arena)+len(like.arena)/8),
	}
}

// Grow makes room for more events and bytes of theirs.
func (p *Pending) Grow(events, bytes int) {
	p.events = slices.Grow(p.events, events)
	p.arena = slices.Grow(p.arena, bytes)
}

// Append takes an event, copying what it needs of it.
func (p *Pending) Append(series *SeriesName, id ingest.ID, content uint32, e *ingest.Event, position ingest.Position, receivedAt int64) {
	at := len(p.arena)
	p.arena = append(p.arena, e.TransactionID...)
	p.arena = appendEventValue(p.arena, e, receivedAt)
	p.events = append(p.events, pendingEvent{
		id:        id,
		series:    series,
		timestamp: e.Timestamp,
		position:  position,
		content:   content,
		filled:    e.Filled,
		txnBytes:  uint8(len(e.TransactionID)),
		value:     uint32(len(p.arena) - at),
		at:        at,
	})
}

// Bytes returns the memory that the events take.
func (p *Pending) Bytes() int {
	return len(p.arena) + len(p.events)*int(unsafe.Sizeof(pendingEvent{}))
}

func (p *Pending) transactionID(e *pendingEvent) []byte {
	return p.arena[e.at : e.at+int(e.txnBytes)]
}

func (p *Pending) value(e *pendingEvent) []byte {
	return p.arena[e.at+int(e.txnBytes) : e.at+int(e.value)]
}

// Find calls f for the events with positions from at on that match, by series and timestamp.
func (p *Pending) Find(from ingest.Position, match func(series *SeriesName, timestamp int64) bool, f func(*Event) error) error {
	return p.scan(func(e *pendingEvent) bool {
		return e.position >= from && match(e.series, e.timestamp)
	}, f)
}

// ByTransactionID calls f for the organization's events with positions from at on and a transaction id.
func (p *Pending) ByTransactionID(organization uuid.UUID, transactionID string, from ingest.Position, f func(*Event) error) error {
	prefix := ingest.IDPrefix(organization, []byte(transactionID))
	return p.scan(func(e *pendingEvent) bool {
		return [8]byte(e.id[:8]) == prefix && e.position >= from &&
			e.series.Organization == organization && string(p.transactionID(e)) == transactionID
	}, f)
}

func (p *Pending) scan(match func(*pendingEvent) bool, f func(*Event) error) error {
	var event Event
	for i := range p.events {
		e := &p.events[i]
		if !match(e) {
			continue
		}
		if err := p.decode(e, &event); err != nil {
			return err
		}
		if err := f(&event); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pending) decode(e *pendingEvent, into *Event) error {
	into.Organization = e.series.Organization
	into.Subscription = []byte(e.series.Subscription)
	into.Code = []byte(e.series.Code)
	into.TransactionID = p.transactionID(e)
	into.Timestamp = e.timestamp
	into.Position = e.position
	return decodeEventValue(p.value(e), into)
}
