package worker

import (
	"slices"
	"time"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

// A running total is a cache of the usage of one series in one period, as its reader gives the
// period: what is asked for again and again while the period is open is then not made
// of its windows each time. The owner holds it, feeds it with every event that
// counts from the moment on at which it was begun, and takes out what is corrected. What was
// before comes from the asker that it was begun for: the usage which that one has made
// of windows, at that same moment, is the seed.
//
// It stands beside the counters and owes them nothing: it holds by the metric it was begun
// with, whatever the series is counted by later. Answers from a checkpoint never look at it.

// Bounds of running totals.
const (
	// runningPeriodsMax is how many periods of a series have one.
	runningPeriodsMax = 2
	// runningCellsMax is up to how many cells one is kept. It bounds what the owner copies for an answer.
	runningCellsMax = 1000
	// runningMissesMax is after how many questions for other periods one makes room for theirs.
	runningMissesMax = 8
	// runningIdleMax is how long one is kept that nobody asks for.
	runningIdleMax = 10 * time.Minute
	// seedsWaitingMax is how many seeds may wait for the owner; what is more waits with its asker.
	seedsWaitingMax = 64
	// runningSweepMax is how many series are looked at for that at a time.
	runningSweepMax = 1000
)

// How questions for usage ended, as indexes of runningResults.
const (
	runningHit    = 0
	runningMissed = 1
)

// runningResults are their names in metrics.
var runningResults = [...]string{"hit", "miss"}

// running are the running totals of one series. Series that are never asked about have none.
type running struct {
	totals []*runningTotal // at most runningPeriodsMax
}

// runningTotal is one of them. The owner's.
type runningTotal struct {
	of         *series
	metric     *aggregator.Metric
	definition aggregator.Definition // of metric
	period     aggregator.Span
	// reducer has taken what was counted since it was begun, and, once seeded, all. nil:
	// there are too many cells, and questions are answered from windows.
	reducer *aggregator.Reducer
	seeded  bool
	asked   time.Time // when it was last asked for
	misses  int       // questions for other periods since then
}

// answers reports whether the total is of this period by a metric that means the same.
func (t *runningTotal) answers(w *wanted, period aggregator.Span) bool {
	return t.period == period && t.definition == w.definition && t.metric.Recurring == w.metric.Recurring &&
		t.metric.Percentile.Equal(w.metric.Percentile)
}

// findRunning looks for the running total that answers what is wanted, or begins one.
func (p *partition) findRunning(s *series, w *wanted, period aggregator.Span, v *seriesView) {
	t := s.running.find(w, period)
	switch {
	case t == nil && s.row.State == store.Counted && s.row.Definition == w.definition:
		v.seed = p.beginRunning(s, w, period)
		p.metrics.runningAnswers[runningMissed].Inc()
	case t == nil || t.reducer == nil || !t.seeded:
		p.metrics.runningAnswers[runningMissed].Inc()
	default:
		v.running, v.total = t, t.reducer.Clone()
		p.runningHits++
		v.check = p.runningHits%p.options.RunningChecksEvery == 0
		p.metrics.runningAnswers[runningHit].Inc()
	}
}

// find returns the total that answers what is wanted, nil when there is none.
func (r *running) find(w *wanted, period aggregator.Span) *runningTotal {
	if r == nil {
		return nil
	}
	var found *runningTotal
	for _, t := range r.totals {
		if t.answers(w, period) {
			t.asked, t.misses = time.Now(), 0
			found = t
		} else {
			t.misses++
		}
	}
	return found
}

// beginRunning begins a running total that is to be seeded; nil when there is no room.
func (p *partition) beginRunning(s *series, w *wanted, period aggregator.Span) *runningTotal {
	if s.running == nil {
		s.running = new(running)
	}
	if !s.runningListed {
		s.runningListed = true
		p.runningSeries = append(p.runningSeries, s)
	}
	r := s.running
	if len(r.totals) >= runningPeriodsMax {
		idlest := slices.MaxFunc(r.totals, func(a, b *runningTotal) int { return a.misses - b.misses })
		if idlest.misses <= runningMissesMax {
			return nil
		}
		r.remove(idlest)
	}
	t := &runningTotal{
		of: s, metric: w.metric, definition: w.definition, period: period,
		reducer: aggregator.NewReducer(w.metric, period), asked: time.Now(),
	}
	r.totals = append(r.totals, t)
	p.estimate(s)
	return t
}

func (r *running) remove(t *runningTotal) {
	r.totals = slices.DeleteFunc(r.totals, func(other *runningTotal) bool { return other == t })
}

// add takes an event of the series that counts from now on.
func (r *running) add(e *ingest.Event, receivedAt int64, position ingest.Position) {
	for _, t := range r.totals {
		if t.reducer != nil && t.reducer.Reaches(e.Timestamp) {
			t.reducer.AddEvent(e, receivedAt, position)
			t.bound()
		}
	}
}

// subtract takes out an event of the series that counts no more; position is that of
// what corrects it. A total that can't be subtracted from is dropped.
func (r *running) subtract(e *ingest.Event, receivedAt int64, position ingest.Position) {
	r.totals = slices.DeleteFunc(r.totals, func(t *runningTotal) bool {
		if t.reducer == nil || !t.reducer.Reaches(e.Timestamp) {
			return false
		}
		if !t.metric.Subtracts() {
			return true
		}
		t.reducer.RemoveEvent(e, receivedAt, position)
		t.bound()
		return false
	})
}

// bound gives up a total with too many cells. It stays, so that it is not begun anew
// with each question.
func (t *runningTotal) bound() {
	if t.reducer.Cells() > runningCellsMax {
		t.reducer = nil
	}
}

// memoryBytes estimates what the running totals of a series take.
func (r *running) memoryBytes() int {
	const totalBytes, cellBytes = 600, 250
	if r == nil {
		return 0
	}
	bytes := 0
	for _, t := range r.totals {
		bytes += totalBytes
		if t.reducer != nil {
			bytes += cellBytes * t.reducer.Cells()
		}
	}
	return bytes
}

// seed is what an asker has found for a running total.
type seed struct {
	of      *runningTotal
	reducer *aggregator.Reducer // the owner's from now on; nil = the total is to be given up
}

// seed gives a running total what the asker found at its view.
func (p *partition) seed(t *runningTotal, found *aggregator.Reducer) {
	select {
	case p.seeds <- seed{t, found}:
	case <-p.ended:
	}
}

// takeSeeds takes the seeds that wait: who asks twice finds the second time what the first time brought.
func (p *partition) takeSeeds() {
	for {
		select {
		case sown := <-p.seeds:
			p.takeSeed(sown)
		default:
			return
		}
	}
}

// takeSeed puts a running total into force, unless it was dropped meanwhile.
func (p *partition) takeSeed(sown seed) {
	t := sown.of
	r := t.of.running
	if r == nil || !slices.Contains(r.totals, t) {
		return
	}
	switch {
	case sown.reducer == nil:
		r.remove(t)
	case t.reducer != nil:
		sown.reducer.Merge(t.reducer)
		t.reducer, t.seeded = sown.reducer, true
		t.bound()
	}
	p.estimate(t.of)
}

// giveUp drops the running totals that a view, which nobody takes, was to seed. It is
// called by the owner.
func (v *view) giveUp() {
	if v == nil {
		return
	}
	for _, s := range v.series {
		if s != nil && s.seed != nil && s.seed.of.running != nil {
			s.seed.of.running.remove(s.seed)
		}
	}
}

// dropRunning lets go of a series' running totals.
func (p *partition) dropRunning(s *series) {
	if s.running != nil {
		s.running = nil // sweepRunning takes the series out of its list
		p.estimate(s)
	}
}

// sweepRunning lets go of running totals that nobody has asked for in a while, some of
// the series at a time.
func (p *partition) sweepRunning(now time.Time) {
	for range min(runningSweepMax, len(p.runningSeries)) {
		if p.runningSwept >= len(p.runningSeries) {
			p.runningSwept = 0
		}
		s := p.runningSeries[p.runningSwept]
		if s.running != nil {
			s.running.totals = slices.DeleteFunc(s.running.totals, func(t *runningTotal) bool {
				return now.Sub(t.asked) > runningIdleMax
			})
			if len(s.running.totals) > 0 {
				p.runningSwept++
				continue
			}
			p.dropRunning(s)
		}
		s.runningListed = false
		last := len(p.runningSeries) - 1
		p.runningSeries[p.runningSwept] = p.runningSeries[last]
		p.runningSeries[last] = nil
		p.runningSeries = p.runningSeries[:last]
	}
}
