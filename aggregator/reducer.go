package aggregator

import (
	"encoding/binary"
	"slices"

	"weir/ingest"
)

// Reducer makes usage of counters and raw events. It is the only thing that
// does: live usage, what an invoice is made from, and a running total differ in what
// is fed to it, and in nothing else.
//
// A Reducer is used by one goroutine at a time.
type Reducer struct {
	metric   *Metric
	period   Span
	cells    map[string]*Counter // windows that begin with the period
	quantity Quantity
	scratch  []byte
}

// NewReducer returns a reducer for one metric, one subscription and one period, in
// nanoseconds since the Unix epoch. It must be fed exactly what lies in Reach.
func NewReducer(metric *Metric, period Span) *Reducer {
	return &Reducer{metric: metric, period: period, cells: make(map[string]*Counter)}
}

// Reach returns the spans of time whose events make the metric's usage of a period:
// the period, and for a recurring metric all time before it. No counter may reach over
// the border between the two.
func (m *Metric) Reach(period Span) []Span {
	switch {
	case !m.Recurring:
		return []Span{period}
	case m.Aggregation == WeightedSumAgg:
		return []Span{{ingest.TimestampMin, period.From}, period}
	default:
		return []Span{{ingest.TimestampMin, max(period.To, ingest.TimestampMin)}}
	}
}

// Reaches reports whether an event at the timestamp belongs to what the reducer is to be fed.
func (r *Reducer) Reaches(timestamp int64) bool {
	return timestamp < r.period.To && (r.metric.Recurring || timestamp >= r.period.From)
}

// AddCounter takes a counter of the metric's definition, of a window that begins at
// start. cell and c stay the caller's.
func (r *Reducer) AddCounter(cell []byte, start int64, c *Counter) {
	into := r.counter(cell)
	if r.opens(start) {
		// The events are not of this period, only what they left is.
		into.Sum.Merge(&c.Sum)
		into.Highest = max(into.Highest, c.Highest)
		return
	}
	into.Merge(c, r.shift(start))
}

// opens reports whether what happened at an instant makes up the value that a recurring
// weighted sum opens the period with.
func (r *Reducer) opens(at int64) bool {
	return r.metric.Aggregation == WeightedSumAgg && at < r.period.From
}

// shift returns by how much a window that begins at start is behind the period. Only
// weighted sums look at where in a window an event lies.
func (r *Reducer) shift(start int64) int64 {
	if r.metric.Aggregation != WeightedSumAgg {
		return 0
	}
	return start - r.period.From
}

// AddEvent takes a raw event with the metric's code that lies in Reach, received at
// receivedAt. e stays the caller's.
func (r *Reducer) AddEvent(e *ingest.Event, receivedAt int64, position ingest.Position) {
	r.move(e, receivedAt, position, (*Metric).add, 1)
}

// RemoveEvent takes an event, which AddEvent or a counter brought, out again; position is
// that of what removes it. The metric must be one that Subtracts.
func (r *Reducer) RemoveEvent(e *ingest.Event, receivedAt int64, position ingest.Position) {
	r.move(e, receivedAt, position, (*Metric).remove, -1)
}

func (r *Reducer) move(e *ingest.Event, receivedAt int64, position ingest.Position,
	apply func(*Metric, *Counter, *Quantity, int64, ingest.Position), sign int64,
) {
	reason := r.metric.Take(e, receivedAt, &r.quantity)
	if reason == BeforeMetric {
		return
	}
	r.scratch = r.metric.appendCellOf(r.scratch[:0], e, reason, &r.quantity)
	into := r.counter(r.scratch)
	switch {
	case reason != TakesPart:
		if !r.opens(e.Timestamp) {
			into.EventsCount += sign
		}
	case r.opens(e.Timestamp):
		if sign > 0 {
			into.Sum.Add(r.quantity.value)
		} else {
			into.Sum.Sub(r.quantity.value)
		}
	default:
		apply(r.metric, into, &r.quantity, r.period.From, position)
	}
	into.Highest = max(into.Highest, position)
}

func (r *Reducer) counter(cell []byte) *Counter {
	c := r.cells[string(cell)]
	if c == nil {
		c = new(Counter)
		r.cells[string(cell)] = c
	}
	return c
}

// Merge takes all that another reducer of the same metric and period took; they must
// not have taken the same event.
func (r *Reducer) Merge(other *Reducer) {
	for cell, c := range other.cells {
		r.counter([]byte(cell)).Merge(c, 0)
	}
}

// Clone returns a reducer that goes its own way from here.
func (r *Reducer) Clone() *Reducer {
	clone := NewReducer(r.metric, r.period)
	for cell, c := range r.cells {
		counter := c.Clone()
		clone.cells[cell] = &counter
	}
	return clone
}

// Equal reports whether two reducers of the same metric and period amount to the same in
// every cell, however they were fed.
func (r *Reducer) Equal(other *Reducer) bool {
	covers := func(a, b *Reducer) bool {
		for cell, c := range a.cells {
			of := b.cells[cell]
			if of == nil {
				of = new(Counter)
			}
			if !c.Equal(of) {
				return false
			}
		}
		return true
	}
	return covers(r, other) && covers(other, r)
}

// Cells returns how many cells the reducer has.
func (r *Reducer) Cells() int { return len(r.cells) }

// Full reports whether there are more cells than an answer may be made of: Buckets would fail.
func (r *Reducer) Full() bool { return len(r.cells) > UsageCellsMax }

// Uncounted returns how many events did not take part.
func (r *Reducer) Uncounted() Uncounted {
	var uncounted Uncounted
	for cell, c := range r.cells {
		if reason, ok := asideReason([]byte(cell)); ok {
			uncounted[reason] += c.EventsCount
		}
	}
	return uncounted
}

// Buckets distributes what was taken over a charge's filters and groups, each cell into
// exactly one bucket. The buckets are ordered by filter, NoFilter first, then by group. A
// filter or group that nothing fell into has no bucket.
func (r *Reducer) Buckets(split *Split) ([]BucketUsage, error) {
	return r.BucketsOver(split, r.period.To-r.period.From)
}

// BucketsOver is Buckets with what a weighted sum is divided by, in nanoseconds, instead of
// the length of the reducer's own period; see DaysLength.
func (r *Reducer) BucketsOver(split *Split, length int64) ([]BucketUsage, error) {
	buckets, err := r.distribute(split)
	if err != nil {
		return nil, err
	}
	usage := make([]BucketUsage, 0, len(buckets))
	for _, b := range buckets {
		usage = append(usage, b.finish(r.metric, r.period, length))
	}
	slices.SortFunc(usage, func(a, b BucketUsage) int { return compareBuckets(&a, &b) })
	return usage, nil
}

// distribute takes each cell into its bucket; the buckets stand under appendBucketKey.
func (r *Reducer) distribute(split *Split) (map[string]*bucket, error) {
	if r.Full() {
		return nil, ErrTooManyCells
	}
	if err := split.Check(r.metric); err != nil {
		return nil, err
	}
	buckets := make(map[string]*bucket)
	for cell, c := range r.cells {
		if _, aside := asideReason([]byte(cell)); aside || c.IsZero() {
			continue
		}
		if err := r.addCell(buckets, split, cell, c); err != nil {
			return nil, err
		}
	}
	return buckets, nil
}

// addCell takes a cell into the bucket it belongs to.
func (r *Reducer) addCell(buckets map[string]*bucket, split *Split, cell string, c *Counter) error {
	n := len(r.metric.CellKeys)
	member := ""
	if r.metric.hasMembers() {
		n++
	}
	values, err := DecodeCell([]byte(cell), n)
	if err != nil {
		return err
	}
	if r.metric.hasMembers() {
		member = values[n-1].Text
	}
	value := func(key string) Value { return values[slices.Index(r.metric.CellKeys, key)] }
	filter, group := split.Place(value)
	r.scratch = appendBucketKey(r.scratch[:0], filter, group)
	b := buckets[string(r.scratch)]
	if b == nil {
		b = &bucket{usage: BucketUsage{Filter: filter, Group: group}}
		buckets[string(r.scratch)] = b
	}
	b.tally.take(r.metric, member, c)
	if keys := split.presentationKeys(filter); len(keys) > 0 {
		shown := valuesOf(value, keys)
		r.scratch = appendValues(r.scratch[:0], shown)
		b.presented(r.scratch, shown).tally.take(r.metric, member, c)
	}
	return nil
}

func appendBucketKey(dst []byte, filter int, group []Value) []byte {
	return appendValues(binary.AppendVarint(dst, int64(filter)), group)
}

// appendValues appends values as they stand in a cell.
func appendValues(dst []byte, values []Value) []byte {
	for _, v := range values {
		if v.Null {
			dst = append(dst, 0)
		} else {
			dst = append(binary.AppendUvarint(dst, uint64(len(v.Text))+1), v.Text...)
		}
	}
	return dst
}
