package aggregator

import "weir/ingest"

// Folder makes what the folds of a split ask for, of one metric, one subscription and one period. The events
// are walked once and in order; what is kept of them is a few numbers for each bucket, and of a unique
// count its members.
//
// A Folder is used by one goroutine at a time.
type Folder struct {
	metric *Metric
	split  *Split
	period Span
	reach  Span // of the events that it is to be fed
	days   *localDays
	opens  bool // there are prorated units
	asks   bool // some fold asks for something

	keys     []string            // that say which bucket an event belongs to
	places   map[string]*folding // by the values of keys
	buckets  map[string]*folding // by appendBucketKey
	cells    int
	quantity Quantity
	scratch  []byte
}

// folding is the fold of one bucket that is being made.
type folding struct {
	allowance   *allowanceFold
	transaction *transactionFold
	proration   *prorationFold
	members     map[string]*folded // of a unique count
}

// folded is what is known of a member.
type folded struct {
	there   bool
	removed int // the day on which it was removed last, plus one; 0 = never
}

// none is the folding of buckets that nothing is asked of.
var none = new(folding)

// NewFolder returns a folder for a split that Split.Check has passed. days are the instants (nanoseconds since the
// Unix epoch) at which the local days of the full period begin, ascending, and then its end; the period lies within
// them. They are needed if a fold of the split is prorated, and stay the caller's.
func NewFolder(metric *Metric, split *Split, period Span, days []int64) *Folder {
	f := &Folder{
		metric: metric, split: split, period: period, reach: period, days: newLocalDays(days, period),
		places: make(map[string]*folding), buckets: make(map[string]*folding), keys: split.placeKeys(),
	}
	history := metric.Recurring && metric.Aggregation != WeightedSumAgg
	for _, fold := range split.folds() {
		f.opens = f.opens || fold.Prorated
		f.asks = f.asks || fold.asks()
		if !fold.Prorated && history {
			f.reach.From = min(ingest.TimestampMin, period.From)
		}
	}
	return f
}

// Reach returns the span of the events that the folder is to be fed.
func (f *Folder) Reach() Span { return f.reach }

// History returns the period whose usage, of all time before the folder's own, is to be given to Open; ok is
// false if none is needed.
func (f *Folder) History() (period Span, ok bool) {
	return Span{f.period.From, f.period.From}, f.opens
}

// Open takes the units that are there when the period begins. history is fed with what History says, and stays
// the caller's. It must be called before Add.
func (f *Folder) Open(history *Reducer) error {
	buckets, err := history.distribute(f.split)
	if err != nil {
		return err
	}
	for _, b := range buckets {
		if fold := f.split.fold(b.usage.Filter); fold == nil || !fold.Prorated {
			continue
		}
		at := f.folding(b.usage.Filter, b.usage.Group)
		units := b.tally.total.Sum
		if f.metric.Aggregation == UniqueCountAgg {
			units = Sum{}
			units.Add(numberOfDecimal(uniqueUnits(b.tally.members)))
			f.join(at, b.tally.members)
		}
		at.proration.move(units.number(), f.days.from(f.days.first))
	}
	return nil
}

// join takes note of the members that are there when the period begins.
func (f *Folder) join(at *folding, members map[string]*Counter) {
	for member, c := range members {
		if c.isMember() {
			at.members[member] = &folded{there: true}
			f.cells++
		}
	}
}

// Add takes the next event with the metric's code, received at receivedAt: in the order of (timestamp, id), and
// all that lie in Reach. Others are passed over. e stays the caller's.
func (f *Folder) Add(e *ingest.Event, receivedAt int64) {
	if !f.reach.Contains(e.Timestamp) || f.metric.Take(e, receivedAt, &f.quantity) != TakesPart {
		return
	}
	at := f.place(e)
	if at == none || at.proration != nil && e.Timestamp < f.period.From {
		return
	}
	day := 0
	if at.proration != nil {
		day = f.days.next(e.Timestamp)
	}
	value, late := f.value(at, day)
	if at.proration != nil {
		at.proration.move(value, f.days.from(day)-late)
		return
	}
	paid, free := at.allowance.take(value)
	if !free {
		at.transaction.take(paid)
	}
}

// value returns what the event adds. late is 1 if that counts from the next day on only: a member counts on the day
// on which it is removed, and if it comes back on that day, counts once.
func (f *Folder) value(at *folding, day int) (value Number, late int64) {
	switch f.metric.Aggregation {
	case CountAgg:
		return wholeNumber(1), 0
	case UniqueCountAgg:
	default:
		return f.quantity.value, 0
	}
	m := at.members[string(f.quantity.member)]
	if there := m != nil && m.there; there != f.quantity.removed {
		return Number{}, 0
	}
	if m == nil {
		m = new(folded)
		at.members[string(f.quantity.member)] = m
		f.cells++
	}
	m.there = !m.there
	if !m.there {
		m.removed = day + 1
		return wholeNumber(-1), 1
	}
	if m.removed == day+1 {
		late = 1
	}
	return wholeNumber(1), late
}

// place returns the folding that an event belongs to.
func (f *Folder) place(e *ingest.Event) *folding {
	f.scratch = f.scratch[:0]
	for _, key := range f.keys {
		p, ok := e.Property(key)
		f.scratch = appendCellValue(f.scratch, p, ok)
	}
	at := f.places[string(f.scratch)]
	if at == nil {
		key := string(f.scratch)
		at = f.folding(f.split.Place(func(key string) Value { return valueOf(e, key) }))
		f.places[key] = at
		f.cells++
	}
	return at
}

// folding returns that of a bucket, made when it is missing.
func (f *Folder) folding(filter int, group []Value) *folding {
	fold := f.split.fold(filter)
	if fold == nil {
		return none
	}
	f.scratch = appendBucketKey(f.scratch[:0], filter, group)
	at := f.buckets[string(f.scratch)]
	if at != nil {
		return at
	}
	at = &folding{allowance: newAllowanceFold(fold.Allowance), transaction: newTransactionFold(fold.Transaction)}
	if fold.Prorated {
		at.proration = newProrationFold(fold)
	}
	if f.metric.Aggregation == UniqueCountAgg {
		at.members = make(map[string]*folded)
	}
	f.buckets[string(f.scratch)] = at
	f.cells += 1 + len(fold.Tiers)
	return at
}

// Done reports whether no event that is still to come can change anything: the rest need not be fed. Where events are
// not divided over buckets, an allowance of events alone ends early.
func (f *Folder) Done() bool {
	if !f.asks {
		return true
	}
	if len(f.keys) > 0 || len(f.places) == 0 {
		return false
	}
	at := f.places[""]
	return at.proration == nil && at.transaction == nil && at.allowance.done()
}

// Cells returns how much the folder holds, in cells of a Reducer.
func (f *Folder) Cells() int { return f.cells }

// Fill gives buckets that a reducer made of the same split and events their folds.
func (f *Folder) Fill(buckets []BucketUsage) {
	for i := range buckets {
		b := &buckets[i]
		at := f.folding(b.Filter, b.Group)
		if at == none {
			continue
		}
		usage := new(FoldUsage)
		at.allowance.finish(usage)
		at.transaction.finish(usage)
		at.proration.finish(usage)
		if at.proration != nil {
			usage.Days = int64(len(f.days.starts) - 1)
		}
		b.Fold = usage
	}
}
