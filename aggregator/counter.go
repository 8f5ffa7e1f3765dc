package aggregator

import (
	"encoding/binary"
	"errors"

	"github.com/shopspring/decimal"

	"weir/ingest"
)

// Counter is what the events of one cell in one window amount to. It serves
// every aggregation that there is; which of its parts are units depends on the
// metric. Counters merge by addition, in any order.
type Counter struct {
	EventsCount int64
	Sum         Sum
	// Highest is the highest log position among the events it took.
	Highest ingest.Position
}

// Add takes one event.
func (c *Counter) Add(q Quantity, position ingest.Position) {
	c.EventsCount++
	c.Sum.Add(q)
	c.Highest = max(c.Highest, position)
}

// Merge takes all that another counter took. The two must not have taken the same event.
func (c *Counter) Merge(other *Counter) {
	c.EventsCount += other.EventsCount
	c.Sum.Merge(&other.Sum)
	c.Highest = max(c.Highest, other.Highest)
}

// Units returns what the counter amounts to under an aggregation, not rounded.
func (c *Counter) Units(a Aggregation) decimal.Decimal {
	switch a {
	case CountAgg:
		return countUnits(c)
	case SumAgg:
		return sumUnits(c)
	default:
		panic("BUG: no such aggregation")
	}
}

// counterVersion is the first byte of an encoded counter.
const counterVersion = 1

var errCorruptCounter = errors.New("counter is corrupt")

// AppendCounter appends the binary form of a counter.
func AppendCounter(dst []byte, c *Counter) []byte {
	dst = append(dst, counterVersion)
	dst = binary.AppendUvarint(dst, uint64(c.EventsCount))
	dst = binary.AppendUvarint(dst, uint64(c.Highest))
	return appendSum(dst, &c.Sum)
}

// DecodeCounter reads what AppendCounter wrote. b stays the caller's.
func DecodeCounter(b []byte) (Counter, error) {
	if len(b) == 0 || b[0] != counterVersion {
		return Counter{}, errCorruptCounter
	}
	b = b[1:]
	events, n := binary.Uvarint(b)
	if n <= 0 || int64(events) < 0 {
		return Counter{}, errCorruptCounter
	}
	highest, m := binary.Uvarint(b[n:])
	if m <= 0 || int64(highest) < 0 {
		return Counter{}, errCorruptCounter
	}
	sum, err := decodeSum(b[n+m:])
	return Counter{EventsCount: int64(events), Sum: sum, Highest: ingest.Position(highest)}, err
}
