package store

import (
	"bytes"
	"cmp"
	"slices"

	"weir/ingest"
)

// heldEvents are events of one series that were read before their turn.
type heldEvents struct {
	name  *SeriesName
	p     Pending
	order []int32 // of those that were not given out, indexes into p.events; sorted unless loose
	loose bool
	event Event // scratch
}

// eventPlace is a place among the events of a series.
type eventPlace struct {
	timestamp     int64
	transactionID []byte
}

func (a *eventPlace) compare(timestamp int64, transactionID []byte) int {
	return cmp.Or(cmp.Compare(a.timestamp, timestamp), bytes.Compare(a.transactionID, transactionID))
}

// reset empties it for the events of a series. Memory is used again.
func (h *heldEvents) reset(name *SeriesName) {
	h.name, h.event = name, eventOf(name)
	h.empty()
}

func (h *heldEvents) empty() {
	h.p.events, h.p.names, h.p.arena, h.order, h.loose = h.p.events[:0], h.p.names[:0], h.p.arena[:0], h.order[:0], false
	if h.p.shapes != nil {
		*h.p.shapes = shapeTable{}
	}
}

func (h *heldEvents) hold(e *Event) {
	if len(h.order) == 0 {
		h.empty()
	}
	n := len(h.order)
	h.order = append(h.order, int32(len(h.p.events)))
	h.p.Append(h.name, ingest.ID{}, 0, &e.Event, e.Position, e.ReceivedAt)
	if n > 0 && !h.loose {
		h.loose = h.compare(h.order[n-1], h.order[n]) > 0
	}
}

func (h *heldEvents) compare(a, b int32) int {
	return comparePending(&h.p, &h.p.events[a], &h.p, &h.p.events[b])
}

func (h *heldEvents) sort() {
	if h.loose {
		slices.SortFunc(h.order, h.compare)
		h.loose = false
	}
}

// first returns the first entry; there must be one.
func (h *heldEvents) first() *pendingEvent {
	h.sort()
	return &h.p.events[h.order[0]]
}

// last returns the last entry; there must be one.
func (h *heldEvents) last() *pendingEvent {
	h.sort()
	return &h.p.events[h.order[len(h.order)-1]]
}

// takeFirst and takeLast give out an event, valid until the next call.
func (h *heldEvents) takeFirst() *Event {
	h.p.loadContent(h.first(), &h.event)
	h.order = h.order[1:]
	return &h.event
}

func (h *heldEvents) takeLast() *Event {
	h.p.loadContent(h.last(), &h.event)
	h.order = h.order[:len(h.order)-1]
	return &h.event
}

// isBefore reports whether the first held event comes before one that is read.
func (h *heldEvents) isBefore(e *Event) bool {
	if len(h.order) == 0 {
		return false
	}
	first := h.first()
	if first.timestamp != e.Timestamp {
		return first.timestamp < e.Timestamp
	}
	return cmp.Or(
		bytes.Compare(h.p.transactionID(first), e.TransactionID),
		cmp.Compare(first.revision, e.Revision), cmp.Compare(first.position, e.Position),
	) < 0
}

// halve keeps the first or the last half and returns where they part: nothing that comes before it and
// nothing from it on are on the same side. ok is false when all are at one place.
func (h *heldEvents) halve(keepLast bool) (at eventPlace, ok bool) {
	h.sort()
	n := len(h.order) / 2
	place := func(i int) (int64, []byte) {
		e := &h.p.events[h.order[i]]
		return e.timestamp, h.p.transactionID(e)
	}
	at.timestamp, at.transactionID = place(n)
	for n > 0 && at.compare(place(n-1)) == 0 {
		n--
	}
	if n == 0 { // the middle is where the first are: part behind it
		for n < len(h.order) && at.compare(place(n)) == 0 {
			n++
		}
		if n == len(h.order) {
			return eventPlace{}, false
		}
		at.timestamp, at.transactionID = place(n)
	}
	at.transactionID = bytes.Clone(at.transactionID)
	if keepLast {
		h.order = h.order[n:]
	} else {
		h.order = h.order[:n]
	}
	return at, true
}

// compact lets go of the memory of events that are no longer held.
func (h *heldEvents) compact() {
	old, order := h.p, h.order
	h.p, h.order = Pending{}, make([]int32, 0, len(order))
	event := eventOf(h.name)
	loose := h.loose
	for _, at := range order {
		old.loadContent(&old.events[at], &event)
		h.order = append(h.order, int32(len(h.p.events)))
		h.p.Append(h.name, ingest.ID{}, 0, &event.Event, event.Position, event.ReceivedAt)
	}
	h.loose = loose
}
