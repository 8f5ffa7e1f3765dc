package aggregator

import (
	"encoding/binary"
	"errors"

	"weir/ingest"
)

// Counter is what the events of one cell in one window amount to. It serves
// every aggregation that there is; which of its parts are used depends on the
// metric. Counters merge in any order.
//
// A Counter that was copied must not be changed as long as the copy is in use: Clone it.
type Counter struct {
	EventsCount int64
	Sum         Sum // of the values
	// Highest is the highest log position among what moved it.
	Highest ingest.Position
	rare    *rare // what only some aggregations need; nil = nothing
}

// rare are the parts of a counter that most do without.
type rare struct {
	moment  Sum // Σ value × nanoseconds since the beginning of the window
	precise Sum // Σ precise_total_amount_cents
	point   point
}

// PreciseTotal returns the sum of precise_total_amount_cents.
func (c *Counter) PreciseTotal() Sum {
	if c.rare == nil {
		return Sum{}
	}
	return c.rare.precise
}

func (c *Counter) parts() *rare {
	if c.rare == nil {
		c.rare = new(rare)
	}
	return c.rare
}

// Clone returns a copy that shares nothing with c that could change.
func (c *Counter) Clone() Counter {
	clone := *c
	if c.rare != nil {
		parts := *c.rare
		clone.rare = &parts
	}
	return clone
}

// IsZero reports whether the counter holds nothing, as one does that lost its last event.
func (c *Counter) IsZero() bool {
	return c.EventsCount == 0 && c.Sum.IsZero() && (c.rare == nil ||
		c.rare.moment.IsZero() && c.rare.precise.IsZero() && c.rare.point.kind == noPoint)
}

// Equal reports whether two counters of one definition and window mean the same.
// Highest does not count: it says what moved a counter, not what it holds.
func (c *Counter) Equal(other *Counter) bool {
	if c.EventsCount != other.EventsCount || !c.Sum.Equal(&other.Sum) {
		return false
	}
	var none rare
	a, b := c.rare, other.rare
	if a == nil {
		a = &none
	}
	if b == nil {
		b = &none
	}
	p, q := &a.point, &b.point
	return a.moment.Equal(&b.moment) && a.precise.Equal(&b.precise) &&
		p.kind == q.kind && p.removed == q.removed && p.value.Compare(q.value) == 0 && p.timestamp == q.timestamp && p.id == q.id
}

// add takes an event into the counter of a window that begins at start.
func (m *Metric) add(c *Counter, q *Quantity, start int64, position ingest.Position) {
	c.EventsCount++
	c.Highest = max(c.Highest, position)
	if m.PreciseTotals {
		c.parts().precise.Add(q.precise)
	}
	switch m.Aggregation {
	case CountAgg, PercentileAgg: // the number of events is all
	case SumAgg, AvgAgg:
		c.Sum.Add(q.value)
	case WeightedSumAgg:
		addWeighted(c, q, start)
	case MaxAgg:
		c.parts().point.offer(highestKind, q)
	case MinAgg:
		c.parts().point.offer(lowestKind, q)
	case LatestAgg, UniqueCountAgg:
		c.parts().point.offer(latestKind, q)
	default:
		panic("BUG: no such aggregation")
	}
}

// remove takes an event, which add took, out of the counter again. The metric must
// be one that Subtracts.
func (m *Metric) remove(c *Counter, q *Quantity, start int64, position ingest.Position) {
	c.EventsCount--
	c.Highest = max(c.Highest, position)
	if m.PreciseTotals {
		c.parts().precise.Sub(q.precise)
	}
	switch m.Aggregation {
	case CountAgg, PercentileAgg:
	case SumAgg, AvgAgg:
		c.Sum.Sub(q.value)
	case WeightedSumAgg:
		removeWeighted(c, q, start)
	default:
		panic("BUG: an event can't be taken out of this aggregation")
	}
}

// Merge takes all that another counter took, whose window begins shift nanoseconds
// after that of c; 0 but for a weighted sum, which alone looks at it. The two must not
// have taken the same event.
func (c *Counter) Merge(other *Counter, shift int64) {
	c.EventsCount += other.EventsCount
	c.Highest = max(c.Highest, other.Highest)
	if other.rare != nil {
		parts := c.parts()
		parts.moment.Merge(&other.rare.moment)
		parts.precise.Merge(&other.rare.precise)
		parts.point.merge(&other.rare.point)
	}
	if shift != 0 && (other.rare != nil && !other.rare.moment.IsZero() || !other.Sum.IsZero()) {
		c.parts().moment.addProduct(&other.Sum, shift)
	}
	c.Sum.Merge(&other.Sum)
}

// The forms of an encoded counter: its first byte.
const (
	counterVersion     = 1 // the number of events, the highest position, and the sum
	counterVersionRare = 2 // and the rare parts
)

// The parts of a counter of version 2, each behind its length.
const (
	hasMoment  = 0x01
	hasPrecise = 0x02
	hasPoint   = 0x04

	partsKnown = hasMoment | hasPrecise | hasPoint

	pointRemoved = 0x80 // flag beside the kind
)

var errCorruptCounter = errors.New("counter is corrupt")

// AppendCounter appends the binary form of a counter.
func AppendCounter(dst []byte, c *Counter) []byte {
	flags := c.rareParts()
	if flags == 0 {
		dst = append(dst, counterVersion)
	} else {
		dst = append(dst, counterVersionRare)
	}
	dst = binary.AppendUvarint(dst, uint64(c.EventsCount))
	dst = binary.AppendUvarint(dst, uint64(c.Highest))
	if flags == 0 {
		return appendSum(dst, &c.Sum)
	}
	dst = append(dst, flags)
	dst = appendSized(dst, func(dst []byte) []byte { return appendSum(dst, &c.Sum) })
	if flags&hasMoment != 0 {
		dst = appendSized(dst, func(dst []byte) []byte { return appendSum(dst, &c.rare.moment) })
	}
	if flags&hasPrecise != 0 {
		dst = appendSized(dst, func(dst []byte) []byte { return appendSum(dst, &c.rare.precise) })
	}
	if flags&hasPoint != 0 {
		dst = appendSized(dst, func(dst []byte) []byte { return appendPoint(dst, &c.rare.point) })
	}
	return dst
}

func (c *Counter) rareParts() (flags byte) {
	if c.rare == nil {
		return 0
	}
	if !c.rare.moment.IsZero() {
		flags |= hasMoment
	}
	if !c.rare.precise.IsZero() {
		flags |= hasPrecise
	}
	if c.rare.point.kind != noPoint {
		flags |= hasPoint
	}
	return flags
}

// appendSized appends what part appends behind its length, which takes one byte
// nearly always.
func appendSized(dst []byte, part func([]byte) []byte) []byte {
	start := len(dst)
	dst = part(append(dst, 0))
	length := len(dst) - start - 1
	if length < 0x80 {
		dst[start] = byte(length)
		return dst
	}
	body := append([]byte(nil), dst[start+1:]...)
	dst = binary.AppendUvarint(dst[:start], uint64(length))
	return append(dst, body...)
}

// appendPoint appends kind and flag, timestamp, transaction id behind its length, value.
func appendPoint(dst []byte, p *point) []byte {
	kind := byte(p.kind)
	if p.removed {
		kind |= pointRemoved
	}
	dst = append(dst, kind)
	dst = binary.AppendVarint(dst, p.timestamp)
	dst = appendPart(dst, p.id)
	var value Sum
	value.Add(p.value)
	return appendSum(dst, &value)
}

// DecodeCounter reads what AppendCounter wrote. b stays the caller's.
func DecodeCounter(b []byte) (Counter, error) {
	var c Counter
	if len(b) == 0 || b[0] != counterVersion && b[0] != counterVersionRare {
		return c, errCorruptCounter
	}
	version, b := b[0], b[1:]
	events, n := binary.Uvarint(b)
	if n <= 0 || int64(events) < 0 {
		return c, errCorruptCounter
	}
	highest, m := binary.Uvarint(b[n:])
	if m <= 0 || int64(highest) < 0 {
		return c, errCorruptCounter
	}
	c.EventsCount, c.Highest = int64(events), ingest.Position(highest)
	b = b[n+m:]
	var err error
	if version == counterVersion {
		c.Sum, err = decodeSum(b)
		return c, err
	}
	if len(b) == 0 || b[0] == 0 || b[0]&^partsKnown != 0 {
		return Counter{}, errCorruptCounter
	}
	err = decodeRare(&c, b[0], b[1:])
	return c, err
}

// decodeRare reads the parts of a counter of version 2, to the end of b.
func decodeRare(c *Counter, flags byte, b []byte) (err error) {
	take := func(into *Sum) {
		var part []byte
		if part, b, err = takePart(b, err); err == nil {
			*into, err = decodeSum(part)
		}
	}
	parts := c.parts()
	take(&c.Sum)
	if flags&hasMoment != 0 {
		take(&parts.moment)
	}
	if flags&hasPrecise != 0 {
		take(&parts.precise)
	}
	if flags&hasPoint != 0 {
		var part []byte
		if part, b, err = takePart(b, err); err == nil {
			parts.point, err = decodePoint(part)
		}
	}
	if err == nil && len(b) != 0 {
		err = errCorruptCounter
	}
	return err
}

// takePart takes a part off the front of b, unless there was an error before.
func takePart(b []byte, before error) (part, rest []byte, err error) {
	if before != nil {
		return nil, nil, before
	}
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, errCorruptCounter
	}
	return b[n : n+int(length)], b[n+int(length):], nil
}

func decodePoint(b []byte) (point, error) {
	var p point
	if len(b) == 0 {
		return p, errCorruptCounter
	}
	p.kind, p.removed = pointKind(b[0]&^pointRemoved), b[0]&pointRemoved != 0
	timestamp, n := binary.Varint(b[1:])
	if n <= 0 || p.kind == noPoint || p.kind > latestKind {
		return p, errCorruptCounter
	}
	p.timestamp = timestamp
	id, rest, err := takePart(b[1+n:], nil)
	if err != nil {
		return p, err
	}
	p.id = string(id)
	value, err := decodeSum(rest)
	p.value = value.number()
	return p, err
}
