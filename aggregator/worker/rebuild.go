package worker

import (
	"context"
	"errors"
	"fmt"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

// rebuild makes the counters of a series anew, by a definition that its events
// were not counted by. Counters add up in any order, so the work is cut in two: the
// events that were there when it began are read by a goroutine, those that come
// meanwhile are counted by the owner, and in the end the two are added.
type rebuild struct {
	series     *series
	metric     *aggregator.Metric
	definition aggregator.Definition

	// What the goroutine reads: the events of snapshot, then those of pending at or
	// above its end. nil until it is started.
	snapshot *store.Snapshot
	pending  []store.Pending
}

// rebuilt is how a rebuild ended.
type rebuilt struct {
	of       *rebuild
	counters *aggregator.Series // nil when there are too many cells
	err      error
}

// startRebuild puts a series in line to be rebuilt. Its counters, whatever they
// were, hold for nothing until that is done.
func (p *partition) startRebuild(s *series, metric *aggregator.Metric) {
	s.rebuild = &rebuild{series: s, metric: metric, definition: metric.Definition()}
	s.counters = nil
	p.rebuilds = append(p.rebuilds, s.rebuild)
}

// nextRebuild starts the first rebuild in line that is still wanted, if none is running.
func (p *partition) nextRebuild(ctx context.Context) error {
	for !p.rebuilding && len(p.rebuilds) > 0 {
		r := p.rebuilds[0]
		p.rebuilds[0] = nil
		p.rebuilds = p.rebuilds[1:]
		if r.series.rebuild != r {
			continue
		}
		snapshot, err := p.store.Snapshot()
		if err != nil {
			return err
		}
		r.snapshot, r.pending = snapshot, p.pendings()
		r.series.counters = aggregator.NewSeries(r.metric, true)
		p.rebuilding = true
		p.background.Go(func() {
			counters, err := r.run(ctx)
			p.rebuilt <- rebuilt{r, counters, err} // has room for the one that runs
		})
	}
	return nil
}

var errOverflow = errors.New("too many cells")

func (r *rebuild) run(ctx context.Context) (*aggregator.Series, error) {
	defer r.snapshot.Close()
	counters := aggregator.NewSeries(r.metric, true)
	var scratch []byte
	apply := func(e *store.Event) (err error) {
		var ok bool
		if scratch, ok = counters.Apply(&e.Event, e.Position, scratch); !ok {
			return errOverflow
		}
		return nil
	}
	all := aggregator.Span{From: ingest.TimestampMin, To: ingest.TimestampMax}
	err := r.snapshot.Events(ctx, &r.series.name, all, apply)
	for i := range r.pending {
		if err == nil {
			err = r.pending[i].Find(r.snapshot.End(), r.matches, apply)
		}
	}
	if errors.Is(err, errOverflow) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot rebuild counters of series %d: %w", r.series.name.Number, err)
	}
	return counters, nil
}

func (r *rebuild) matches(name *store.SeriesName, _ int64) bool {
	return name.Number == r.series.name.Number
}

// finishRebuild puts the counters of a rebuild into force, if they are still wanted.
func (p *partition) finishRebuild(done rebuilt) error {
	p.rebuilding = false
	s := done.of.series
	if s.rebuild != done.of {
		return nil
	}
	if errors.Is(done.err, context.Canceled) { // the partition is ending
		return nil
	}
	if done.err != nil {
		return done.err
	}
	since := s.counters // nil when those that came meanwhile had too many cells
	s.rebuild = nil
	if done.counters == nil || since == nil || !done.counters.Absorb(since) {
		p.overflow(s, done.of.definition)
		return nil
	}
	s.counters = done.counters
	s.row.State, s.row.Definition, s.row.DayMax = store.Counted, done.of.definition, 0
	s.rowChanged, s.drop = true, true
	p.touch(s)
	p.metrics.rebuilds.Inc()
	return nil
}
