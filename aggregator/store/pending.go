package store

import (
	"slices"
	"unsafe"

	"weir/ingest"
)

// Pending holds events and corrections that were taken but are in no checkpoint
// yet, in the order of the log. One goroutine appends, and it alone calls Versions; a copy
// of a Pending is a view of what was in it when it was copied, and may be read by any
// goroutine while the original grows.
type Pending struct {
	events     []pendingEvent // and amendments and cancellations
	tombstones []tombstone
	arena      []byte
	ids        *idIndex // nil until it is needed
}

type pendingEvent struct {
	id        ingest.ID
	series    *SeriesName
	timestamp int64
	position  ingest.Position
	content   uint32
	filled    bool
	cancelled bool // a cancellation: of what stands here it has id, revision and position
	txnBytes  uint8
	value     uint32 // where it ends in the arena, counted from its start
	revision  uint32
	at        int // of the transaction id in the arena; the value follows
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

// Append takes an event or, when e.Revision is not 0, an amendment, copying what it
// needs of it. An amendment's series is that of its own code.
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
		revision:  e.Revision,
		at:        at,
	})
}

// Cancel takes the cancellation of an id. What it cancels is superseded apart (Supersede).
func (p *Pending) Cancel(id ingest.ID, revision uint32, position ingest.Position) {
	p.events = append(p.events, pendingEvent{id: id, revision: revision, position: position, cancelled: true})
}

// Bytes returns the memory that the events and corrections take.
func (p *Pending) Bytes() int {
	return len(p.arena) + len(p.events)*int(unsafe.Sizeof(pendingEvent{})) + len(p.tombstones)*tombstoneBytes
}

func (p *Pending) transactionID(e *pendingEvent) []byte {
	return p.arena[e.at : e.at+int(e.txnBytes)]
}

func (p *Pending) value(e *pendingEvent) []byte {
	return p.arena[e.at+int(e.txnBytes) : e.at+int(e.value)]
}

// seen returns what will be kept of an entry's id.
func (e *pendingEvent) seen() Seen {
	if e.cancelled {
		return Seen{Position: e.position, Revision: e.revision, Cancelled: true}
	}
	return Seen{
		Position: e.position, Revision: e.revision, Content: e.content,
		Filled: e.filled, Series: e.series.Number, Timestamp: e.timestamp,
	}
}

func (p *Pending) decode(e *pendingEvent, into *Event) error {
	into.Organization = e.series.Organization
	into.Subscription = []byte(e.series.Subscription)
	into.Code = []byte(e.series.Code)
	into.TransactionID = p.transactionID(e)
	into.Timestamp = e.timestamp
	into.Position = e.position
	into.setRevision(e.revision)
	return decodeEventValue(p.value(e), into)
}
