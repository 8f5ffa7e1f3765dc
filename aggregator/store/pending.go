package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
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
	names      []*SeriesName  // of the events' series, one for each; nil of a cancellation
	tombstones []tombstone
	arena      []byte
	shapes     *shapeTable // nil until it is needed
	ids        *idIndex    // nil until it is needed
}

// pendingEvent is an entry. It has no pointers, so that the collector has nothing to look for.
// In the arena stand, from at on: the transaction id, precise_total_amount_cents
// behind its length (2 bytes) if there is one, and the text of each property behind its (2).
type pendingEvent struct {
	id         ingest.ID
	series     uint64 // its number
	timestamp  int64
	position   ingest.Position
	receivedAt int64
	at         uint32
	bytes      uint32 // in the arena, from at on
	shape      uint32 // where the names and kinds of its properties stand in the arena
	content    uint32
	revision   uint32
	txnBytes   uint8
	filled     bool
	precise    bool
	cancelled  bool // a cancellation: of what stands here it has id, revision and position
}

// pendingBytesMax is how many bytes of texts a Pending holds. Who appends writes a
// checkpoint long before.
const pendingBytesMax = math.MaxUint32

// pendings keep the memory of what is in checkpoints. To let the collector have it, and
// to grow new memory up to megabytes, costs more than to fill it.
var pendings spares[Pending]

// NewPending returns an empty Pending with room for about as many events as another has.
func NewPending(like *Pending) *Pending {
	events := len(like.events) + len(like.events)/8
	p := pendings.take(func(p *Pending) bool {
		return cap(p.events) <= events*pendingRoomMax && events <= cap(p.events)*pendingRoomMax
	})
	if p != nil {
		return p
	}
	return &Pending{
		events: make([]pendingEvent, 0, events),
		names:  make([]*SeriesName, 0, events),
		arena:  make([]byte, 0, len(like.arena)+len(like.arena)/8),
	}
}

// pendingRoomMax is how many times more or less room a Pending may have than is likely to be needed.
const pendingRoomMax = 4

// Recycle gives the memory of a Pending to those that are made from now on. Nobody may have a copy of it
// that is used again, and no event that was loaded from it.
func (p *Pending) Recycle() {
	clear(p.names)
	pendings.put(&Pending{events: p.events[:0], names: p.names[:0], arena: p.arena[:0]})
	*p = Pending{}
}

// Grow makes room for more events and bytes of theirs.
func (p *Pending) Grow(events, bytes int) {
	p.events = slices.Grow(p.events, events)
	p.names = slices.Grow(p.names, events)
	p.arena = slices.Grow(p.arena, bytes)
}

// Append takes an event or, when e.Revision is not 0, an amendment, copying what it
// needs of it. An amendment's series is that of its own code. The series' name stays as it
// is from now on.
func (p *Pending) Append(series *SeriesName, id ingest.ID, content uint32, e *ingest.Event, position ingest.Position, receivedAt int64) {
	shape := p.shapeOf(e.Properties)
	at := len(p.arena)
	size := len(e.TransactionID)
	if e.PreciseTotal != nil {
		size += textHeadBytes + len(e.PreciseTotal)
	}
	for i := range e.Properties {
		size += textHeadBytes + len(e.Properties[i].Text)
	}
	if at+size > pendingBytesMax {
		panic("BUG: too much is pending")
	}
	if cap(p.arena)-at < size {
		p.arena = slices.Grow(p.arena, max(size, at)) // append would copy it four times as often
	}
	p.arena = p.arena[:at+size]
	b := p.arena[at:]
	b = b[copy(b, e.TransactionID):]
	if e.PreciseTotal != nil {
		b = putText(b, e.PreciseTotal)
	}
	for i := range e.Properties {
		b = putText(b, e.Properties[i].Text)
	}
	if n := len(p.events); n == cap(p.events) || n == cap(p.names) {
		p.Grow(max(pendingEventsMin, n), 0)
	}
	p.names = append(p.names, series)
	p.events = append(p.events, pendingEvent{
		id: id, series: series.Number,
		timestamp: e.Timestamp, position: position, receivedAt: receivedAt,
		at: uint32(at), bytes: uint32(size), shape: shape,
		content: content, revision: e.Revision,
		txnBytes: uint8(len(e.TransactionID)), filled: e.Filled, precise: e.PreciseTotal != nil,
	})
}

// pendingEventsMin is for how many events there is room at the least, once there is one.
const pendingEventsMin = 16

// textHeadBytes is the length of a text's length.
const textHeadBytes = 2

// putText writes a text behind its length to the front of b and returns what is left of b.
func putText(b, text []byte) []byte {
	binary.LittleEndian.PutUint16(b, uint16(len(text)))
	return b[textHeadBytes+copy(b[textHeadBytes:], text):]
}

// takeText takes a text off the front of b, which putText wrote.
func takeText(b []byte) (text, rest []byte) {
	end := textHeadBytes + int(binary.LittleEndian.Uint16(b))
	return b[textHeadBytes:end:end], b[end:]
}

// Cancel takes the cancellation of an id. What it cancels is superseded apart (Supersede).
func (p *Pending) Cancel(id ingest.ID, revision uint32, position ingest.Position) {
	p.names = append(p.names, nil)
	p.events = append(p.events, pendingEvent{id: id, revision: revision, position: position, cancelled: true})
}

const pendingEventBytes = int(unsafe.Sizeof(pendingEvent{}) + unsafe.Sizeof((*SeriesName)(nil)))

// Bytes returns the memory that the events and corrections take.
func (p *Pending) Bytes() int {
	return len(p.arena) + len(p.events)*pendingEventBytes + len(p.tombstones)*tombstoneBytes
}

// transactionID returns an entry's transaction id; it lies in the arena.
func (p *Pending) transactionID(e *pendingEvent) []byte {
	return p.arena[e.at : e.at+uint32(e.txnBytes) : e.at+uint32(e.txnBytes)]
}

// texts returns what stands behind an entry's transaction id.
func (p *Pending) texts(e *pendingEvent) []byte {
	return p.arena[e.at+uint32(e.txnBytes) : e.at+e.bytes]
}

// seen returns what will be kept of an entry's id.
func (e *pendingEvent) seen() Seen {
	if e.cancelled {
		return Seen{Position: e.position, Revision: e.revision, Cancelled: true}
	}
	return Seen{
		Position: e.position, Revision: e.revision, Content: e.content,
		Filled: e.filled, Series: e.series, Timestamp: e.timestamp,
	}
}

// load reads the event with an index. Its texts lie in the arena; into's Properties' memory is used again.
func (p *Pending) load(at int, into *Event) {
	e, name := &p.events[at], p.names[at]
	into.Organization = name.Organization
	into.Subscription = append(into.Subscription[:0:0], name.Subscription...)
	into.Code = append(into.Code[:0:0], name.Code...)
	p.loadContent(e, into)
}

// loadContent reads all of an event but the name of its series.
func (p *Pending) loadContent(e *pendingEvent, into *Event) {
	into.Series = e.series
	into.TransactionID = p.transactionID(e)
	into.Timestamp = e.timestamp
	into.Filled = e.filled
	into.Position = e.position
	into.ReceivedAt = e.receivedAt
	into.setRevision(e.revision)
	texts := p.texts(e)
	into.PreciseTotal = nil
	if e.precise {
		into.PreciseTotal, texts = takeText(texts)
	}
	into.Properties = appendShape(into.Properties[:0], p.arena[e.shape:])
	for i := range into.Properties {
		into.Properties[i].Text, texts = takeText(texts)
	}
}

// comparePending orders entries of one series by timestamp, transaction id, revision and position.
func comparePending(p *Pending, a *pendingEvent, q *Pending, b *pendingEvent) int {
	if a.timestamp != b.timestamp {
		return cmp.Compare(a.timestamp, b.timestamp)
	}
	if c := bytes.Compare(p.transactionID(a), q.transactionID(b)); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.revision, b.revision), cmp.Compare(a.position, b.position))
}
