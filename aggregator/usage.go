package aggregator

import (
	"errors"
	"slices"

	"github.com/shopspring/decimal"

	"weir/ingest"
)

// CellUsage is what one cell of a metric amounts to in the range asked for. A
// cell is a tuple of values, one for each of the metric's CellKeys, in their order.
type CellUsage struct {
	Values      []Value
	Units       decimal.Decimal // not rounded; a negative sum stays negative here
	EventsCount int64           // events that took part (for a sum: those with a number)
}

// UsageCellsMax is how many cells one answer may have.
const UsageCellsMax = 1_000_000

// ErrTooManyCells: the metric has more than UsageCellsMax cells in the range asked for.
var ErrTooManyCells = errors.New("metric has too many cells in this range")

// Reducer makes usage of counters and raw events. It is the only thing that
// does: live usage and what an invoice is made from differ in what is fed to it,
// and in nothing else.
type Reducer struct {
	metric  *Metric
	cells   map[string]*Counter
	scratch []byte
}

// NewReducer returns a reducer for one metric and one subscription.
func NewReducer(metric *Metric) *Reducer {
	return &Reducer{metric: metric, cells: make(map[string]*Counter)}
}

// AddCounter takes a counter of the metric's definition. cell stays the caller's.
func (r *Reducer) AddCounter(cell []byte, c *Counter) {
	r.counter(cell).Merge(c)
}

// AddEvent takes a raw event with the metric's code. e stays the caller's.
func (r *Reducer) AddEvent(e *ingest.Event, position ingest.Position) {
	q, ok := r.metric.Quantity(e)
	if !ok {
		return
	}
	r.scratch = r.metric.AppendCell(r.scratch[:0], e)
	r.counter(r.scratch).Add(q, position)
}

func (r *Reducer) counter(cell []byte) *Counter {
	c := r.cells[string(cell)]
	if c == nil {
		c = new(Counter)
		r.cells[string(cell)] = c
	}
	return c
}

// Full reports whether there are more cells than an answer may have: Usage would fail.
func (r *Reducer) Full() bool { return len(r.cells) > UsageCellsMax }

// Usage returns the cells that an event took part in, in the order of their values.
func (r *Reducer) Usage() ([]CellUsage, error) {
	if r.Full() {
		return nil, ErrTooManyCells
	}
	usage := make([]CellUsage, 0, len(r.cells))
	for cell, counter := range r.cells {
		if counter.EventsCount == 0 {
			continue
		}
		values, err := DecodeCell([]byte(cell), len(r.metric.CellKeys))
		if err != nil {
			return nil, err
		}
		usage = append(usage, CellUsage{
			Values:      values,
			Units:       counter.Units(r.metric.Aggregation),
			EventsCount: counter.EventsCount,
		})
	}
	slices.SortFunc(usage, func(a, b CellUsage) int { return CompareValues(a.Values, b.Values) })
	return usage, nil
}
