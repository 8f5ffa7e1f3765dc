package worker_test

import (
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/bench/oracle"
	"weir/ingest"
)

// pure is the engine without a worker and a store: the counters of one metric, what of
// them is written, and the events.
type pure struct {
	rng     *rand.Rand
	metric  *aggregator.Metric
	series  *aggregator.Series
	stored  map[window][]byte // encoded counters
	cells   []string          // stored
	current map[string]pureEntry
	running *aggregator.Reducer // fed since it was made; nil
}

// window names a stored counter: of a day, or of an hour.
type window struct {
	isDay  bool
	number int32
	cell   string
}

// pureEntry is the entry that counts of an id.
type pureEntry struct {
	event      ingest.Event
	receivedAt int64
	position   ingest.Position
}

func newPure(rng *rand.Rand, metric *aggregator.Metric) *pure {
	return &pure{
		rng: rng, metric: metric, series: aggregator.NewSeries(metric, true),
		stored: map[window][]byte{}, current: map[string]pureEntry{},
	}
}

// take takes an entry of the log.
func (p *pure) take(next pureEntry) {
	id, position := string(next.event.TransactionID), next.position
	now, known := p.current[id]
	if known && (next.event.Revision == 0 || next.event.Revision < now.event.Revision || isRetry(&next, &now)) {
		return
	}
	p.current[id] = next
	if known && p.counts(&now.event) {
		p.remove(&now, position)
	}
	if p.counts(&next.event) {
		p.load(&next.event)
		if _, ok := p.series.Apply(&next.event, next.receivedAt, position); !ok {
			panic("BUG: too many cells")
		}
		if p.running != nil && p.running.Reaches(next.event.Timestamp) {
			p.running.AddEvent(&next.event, next.receivedAt, position)
		}
	}
}

// isRetry reports whether a correction says what another has said.
func isRetry(a, b *pureEntry) bool {
	return a.event.Revision == b.event.Revision && a.event.Entry == b.event.Entry && a.event.Timestamp == b.event.Timestamp &&
		ingest.ContentHash(&a.event) == ingest.ContentHash(&b.event)
}

func (p *pure) counts(e *ingest.Event) bool {
	return e.Entry != ingest.EntryCancellation && string(e.Code) == p.metric.Code
}

// remove takes an entry out again, of which current knows no more.
func (p *pure) remove(was *pureEntry, position ingest.Position) {
	p.load(&was.event)
	if p.metric.Subtracts() {
		p.series.Remove(&was.event, was.receivedAt, position)
		if p.running != nil && p.running.Reaches(was.event.Timestamp) {
			p.running.RemoveEvent(&was.event, was.receivedAt, position)
		}
		return
	}
	p.running = nil
	hour := aggregator.HourOf(was.event.Timestamp)
	p.series.ResetHour(hour, position)
	for _, e := range p.current {
		if e.position != position && p.counts(&e.event) && aggregator.HourOf(e.event.Timestamp) == hour {
			p.series.Apply(&e.event, e.receivedAt, e.position)
		}
	}
}

// load brings the stored counters of an event's day into memory.
func (p *pure) load(e *ingest.Event) {
	day := aggregator.DayOfHour(aggregator.HourOf(e.Timestamp))
	if p.series.Loaded(day) {
		return
	}
	for w, b := range p.stored {
		if !w.isDay && aggregator.DayOfHour(w.number) == day && !p.series.LoadHour([]byte(w.cell), w.number, mustCounter(b)) {
			panic("BUG: a stored cell is not known")
		}
	}
	p.series.MarkLoaded(day)
}

func mustCounter(b []byte) aggregator.Counter {
	c, err := aggregator.DecodeCounter(b)
	if err != nil {
		panic(err)
	}
	return c
}

// checkpoint writes what changed; now and then what is in memory is let go, or the series
// opened anew from what is stored.
func (p *pure) checkpoint() {
	p.series.Freeze(
		func(cell string) { p.cells = append(p.cells, cell) },
		func(cell string, d *aggregator.Day) {
			total := d.Total()
			p.stored[window{true, d.Number, cell}] = aggregator.AppendCounter(nil, &total)
			d.Hours(func(hour int32, dirty bool, c *aggregator.Counter) {
				if dirty {
					p.stored[window{false, hour, cell}] = aggregator.AppendCounter(nil, c)
				}
			})
		})
	p.series.Saved()
	switch p.rng.IntN(3) {
	case 0:
		p.series.Forget()
	case 1:
		p.series = aggregator.NewSeries(p.metric, false)
		for _, cell := range p.cells {
			p.series.LoadCell([]byte(cell))
		}
	}
}

// rebuild counts all anew, in any order, in two parts that are added.
func (p *pure) rebuild() {
	halves := [2]*aggregator.Series{aggregator.NewSeries(p.metric, true), aggregator.NewSeries(p.metric, true)}
	entries := p.entries()
	p.rng.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	for _, e := range entries {
		halves[p.rng.IntN(2)].Apply(&e.event, e.receivedAt, e.position)
	}
	if !halves[0].Absorb(halves[1]) {
		panic("BUG: too many cells")
	}
	p.series, p.cells = halves[0], nil
	clear(p.stored)
}

// entries returns what counts, in no order.
func (p *pure) entries() []pureEntry {
	var entries []pureEntry
	for _, e := range p.current {
		if p.counts(&e.event) {
			entries = append(entries, e)
		}
	}
	return entries
}

// watch makes a running total of a period, from two reducers that are merged.
func (p *pure) watch(period aggregator.Span) {
	halves := [2]*aggregator.Reducer{aggregator.NewReducer(p.metric, period), aggregator.NewReducer(p.metric, period)}
	for _, e := range p.entries() {
		if halves[0].Reaches(e.event.Timestamp) {
			halves[p.rng.IntN(2)].AddEvent(&e.event, e.receivedAt, e.position)
		}
	}
	halves[0].Merge(halves[1])
	p.running = halves[0]
}

// ask answers from stored counters and the events of the edges, or from the running total.
func (p *pure) ask(period aggregator.Span) *aggregator.Reducer {
	p.checkpoint()
	r := aggregator.NewReducer(p.metric, period)
	for _, span := range p.metric.Reach(period) {
		windows := aggregator.SplitWindows(span)
		for w, b := range p.stored {
			c, number := mustCounter(b), int64(w.number)
			switch {
			case w.isDay && windows.Days.Contains(number):
				r.AddCounter([]byte(w.cell), aggregator.StartOfDay(w.number), &c)
			case !w.isDay && (windows.Hours[0].Contains(number) || windows.Hours[1].Contains(number)):
				r.AddCounter([]byte(w.cell), aggregator.StartOfHour(w.number), &c)
			}
		}
		for _, e := range p.entries() {
			if at := e.event.Timestamp; windows.Edges[0].Contains(at) || windows.Edges[1].Contains(at) {
				r.AddEvent(&e.event, e.receivedAt, e.position)
			}
		}
	}
	return r
}

// pureCase runs a case through the pure engine, now and then in another order that makes no
// difference, and says in what it differs from the oracle, "" when it does not.
func pureCase(rng *rand.Rand, c oracle.Case) string {
	log := c.Log
	if rng.IntN(2) == 0 {
		log = oracle.Shuffled(rng, log)
	}
	entries := make([]pureEntry, len(log))
	for i, e := range log {
		entries[i] = pureEntry{engineEvent(e), e.ReceivedAt.UnixNano(), ingest.PositionOf(int64(i), 0)}
	}
	c.Log = oracle.Current(c.Log) // which is its own
	for _, m := range c.Metrics {
		if d := pureMetric(rng, c, m, entries); d != "" {
			return d
		}
	}
	return ""
}

// pureMetric sends the entries through the engine; the case has those that count.
func pureMetric(rng *rand.Rand, c oracle.Case, m oracle.CaseMetric, entries []pureEntry) string {
	p := newPure(rng, engineMetric(uuid.UUID{1}, m.Metric, m.Splits))
	watched := c.Periods[rng.IntN(len(c.Periods))]
	watchAt := rng.IntN(len(entries) + 1)
	for i, e := range entries {
		if i == watchAt {
			p.watch(aggregator.SpanOf(watched.From, watched.To))
		}
		p.take(e)
		switch rng.IntN(60) {
		case 0, 1:
			p.checkpoint()
		case 2:
			p.rebuild()
		}
	}
	for _, period := range c.Periods {
		reducers := []*aggregator.Reducer{p.ask(aggregator.SpanOf(period.From, period.To))}
		if p.running != nil && period.Name == watched.Name {
			reducers = append(reducers, p.running.Clone())
		}
		for _, s := range m.Splits {
			want := oracle.Usage(c.Log, m.Metric, c.Subscription, period.From, period.To, s)
			for _, r := range reducers {
				if d := reducerDifference(m.Metric, want, r, s); d != "" {
					return describeQuestion(m.Metric, s, period) + ": " + d
				}
			}
			split := engineSplit(m.Metric, s)
			buckets, err := reducers[0].Buckets(&split)
			if err != nil {
				return err.Error()
			}
			if d := p.folderDifference(c, m, period, s, buckets); d != "" {
				return describeQuestion(m.Metric, s, period) + ": " + d
			}
		}
	}
	return ""
}

func reducerDifference(m oracle.Metric, want oracle.Result, r *aggregator.Reducer, s oracle.Split) string {
	split := engineSplit(m, s)
	buckets, err := r.Buckets(&split)
	if err != nil {
		return err.Error()
	}
	return difference(m, want, query.ItemUsage{Buckets: buckets, Uncounted: r.Uncounted()})
}

// shrink takes entries out of a case's log as long as it fails.
func shrink(fails func(oracle.Case) string, c oracle.Case) oracle.Case {
	for size := len(c.Log) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(c.Log); {
			less := c
			less.Log = slices.Delete(slices.Clone(c.Log), from, from+size)
			if fails(less) != "" {
				c = less
			} else {
				from += size
			}
		}
	}
	return c
}
