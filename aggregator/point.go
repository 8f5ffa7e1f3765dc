package aggregator

import "strings"

// pointKind says which of two points a counter keeps. The numbers stand in
// counters: they are for ever.
type pointKind uint8

const (
	noPoint     pointKind = 0
	highestKind pointKind = 1 // the highest value
	lowestKind  pointKind = 2 // the lowest value
	latestKind  pointKind = 3 // the last in the order of (timestamp, transaction_id)
)

// point is what a counter keeps of one single event. Which one depends on the set
// of events alone, not on their order.
type point struct {
	kind      pointKind
	removed   bool   // latest: the event removes its value
	value     Number // highest, lowest, latest
	timestamp int64  // latest
	id        string // latest: its transaction_id
}

// offer keeps the event of q if it is the one that the kind asks for.
func (p *point) offer(kind pointKind, q *Quantity) {
	if p.kind != noPoint && !p.loses(kind, q) {
		return
	}
	*p = point{kind: kind, value: q.value, removed: q.removed}
	if kind == latestKind {
		p.timestamp, p.id = q.timestamp, string(q.id)
	}
}

func (p *point) loses(kind pointKind, q *Quantity) bool {
	switch kind {
	case highestKind:
		return q.value.Compare(p.value) > 0
	case lowestKind:
		return q.value.Compare(p.value) < 0
	default:
		return q.timestamp > p.timestamp || q.timestamp == p.timestamp && string(q.id) > p.id
	}
}

// merge keeps the one of two points of a kind that the kind asks for.
func (p *point) merge(other *point) {
	switch {
	case other.kind == noPoint:
		return
	case p.kind == noPoint:
	case p.kind != other.kind:
		panic("BUG: merge of points of two kinds")
	case p.kind == highestKind && other.value.Compare(p.value) <= 0:
		return
	case p.kind == lowestKind && other.value.Compare(p.value) >= 0:
		return
	case p.kind == latestKind && !other.later(p):
		return
	}
	*p = *other
}

func (p *point) later(other *point) bool {
	if p.timestamp != other.timestamp {
		return p.timestamp > other.timestamp
	}
	return strings.Compare(p.id, other.id) > 0
}
