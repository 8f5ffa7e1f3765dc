package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

// Bounds of rebuilds.
const (
	// rebuildsRunningMax is how many rebuilds a process runs at a time.
	rebuildsRunningMax = 2
	// rebuildsLookedAt is how many that are in line are looked at for one that can begin.
	rebuildsLookedAt = 16
)

// rebuild makes the counters of a series anew, by a definition that its events
// were not counted by. Counters add up in any order, so the work is cut in two: the
// events that were there when it began are read by a goroutine (rebuilder), those that
// come meanwhile are counted by the owner, and in the end the two are added. What was
// superseded meanwhile the goroutine has counted or not; those hours are counted again.
type rebuild struct {
	series     *series
	metric     *aggregator.Metric
	definition aggregator.Definition

	// Of one that has begun. They are the owner's.
	since  *aggregator.Series // what came since
	stale  staleHours         // hours in which something was superseded since
	cancel context.CancelFunc // ends the goroutine
}

// rebuilt is how the goroutine of a rebuild ended.
type rebuilt struct {
	of       *rebuild
	counters *aggregator.Series // what is not in the store yet; nil when there are too many cells
	dayMax   int32              // the highest day that is in the store
	chunks   int                // written to the store
	err      error
}

// rebuildQueue holds the rebuilds in line: those of series that were touched come
// before those that the sweep found.
type rebuildQueue struct {
	touched, swept []*rebuild
}

func (q *rebuildQueue) waiting() int { return len(q.touched) + len(q.swept) }

// startRebuild puts a series in line to be rebuilt.
func (p *partition) startRebuild(s *series, metric *aggregator.Metric, definition aggregator.Definition) {
	s.rebuild = &rebuild{series: s, metric: metric, definition: definition}
	if p.sweep.opening {
		p.rebuilds.swept = append(p.rebuilds.swept, s.rebuild)
	} else {
		p.rebuilds.touched = append(p.rebuilds.touched, s.rebuild)
	}
}

// abandon gives up the rebuild of a series, if there is one: another one, or none, is wanted.
func (p *partition) abandon(s *series) {
	r := s.rebuild
	if r == nil {
		return
	}
	s.rebuild = nil
	if r.cancel != nil {
		r.cancel()
	}
	p.estimate(s)
}

// countSince takes an event that came since the rebuild of its series began. Before that
// there is nothing to do: the rebuild will read it.
func (p *partition) countSince(s *series, e *ingest.Event, receivedAt int64, position ingest.Position) {
	r := s.rebuild
	if r.since == nil {
		return
	}
	reason, ok := r.since.Apply(e, receivedAt, position)
	if s.counters == nil {
		p.uncounted[reason]++
	}
	if !ok {
		p.abandon(s)
		p.overflow(s, r.definition)
	}
}

// canRebuild reports whether a rebuild can begin, and brings it to the front of its queue. What
// rebuilds bring waits in memory for a checkpoint, so they wait for one too.
func (p *partition) canRebuild() bool {
	if p.rebuilds.waiting() == 0 || p.rebuilding == rebuildsRunningMax || p.dirtyBytes() >= p.dirtyBytesMax() {
		return false
	}
	return p.bringToFront(&p.rebuilds.touched) || p.bringToFront(&p.rebuilds.swept)
}

// bringToFront looks for a rebuild that can begin, takes away those that are not wanted
// any more, and puts those that have to wait at the end.
func (p *partition) bringToFront(queue *[]*rebuild) bool {
	for range min(len(*queue), rebuildsLookedAt) {
		r := (*queue)[0]
		wanted := r.series.rebuild == r
		if wanted && p.mayBegin(r) {
			return true
		}
		(*queue)[0] = nil
		*queue = (*queue)[1:]
		if wanted {
			*queue = append(*queue, r)
		}
	}
	return false
}

// mayBegin reports whether nothing that is on its way into the store could meet what the
// rebuild writes there ahead of its checkpoint, and whether the one before it has ended.
func (p *partition) mayBegin(r *rebuild) bool {
	s := r.series
	if slices.Contains(s.drops, r.definition) && p.writing == nil {
		// The store may still say that it counts by this definition; a checkpoint ends that.
		p.schedule.wanted = true
	}
	return !s.frozen && !s.reading && !slices.Contains(s.drops, r.definition)
}

// beginRebuild starts the rebuild that canRebuild has brought to the front. The caller has
// taken one of the process's slots for it.
func (p *partition) beginRebuild(ctx context.Context) error {
	queue := &p.rebuilds.touched
	if !p.bringToFront(queue) {
		if queue = &p.rebuilds.swept; !p.bringToFront(queue) {
			<-p.rebuildSlots
			return nil
		}
	}
	r := (*queue)[0]
	(*queue)[0] = nil
	*queue = (*queue)[1:]
	err := p.inLine(r.series)
	if err != nil || r.series.rebuild != r {
		<-p.rebuildSlots
		return err
	}
	snapshot, err := p.store.Snapshot()
	if err != nil {
		<-p.rebuildSlots
		return err
	}
	s := r.series
	ctx, r.cancel = context.WithCancel(ctx)
	r.since = aggregator.NewSeries(r.metric, true)
	s.reading = true
	p.rebuilding++
	pendings, lent := p.lendPendings()
	work := rebuilder{
		store: p.store, snapshot: snapshot, pending: pendings, name: s.name, inForce: s.row.Definition,
		definition: r.definition, counters: aggregator.NewSeries(r.metric, true),
		chunk: store.NewCounters(s.name.Number, r.definition), chunkMax: p.chunkMax,
	}
	p.background.Go(func() {
		err := work.run(ctx)
		endLoans(lent)
		<-p.rebuildSlots
		p.rebuilt <- rebuilt{r, work.counters, work.dayMax, work.chunks, err} // has room for all that run
	})
	return nil
}

// finishRebuild takes note that the goroutine of a rebuild has ended, and puts its counters
// into force if they are still wanted.
func (p *partition) finishRebuild(done rebuilt) error {
	r := done.of
	s := r.series
	p.rebuilding--
	r.cancel()
	s.reading = false
	if err := p.inLine(s); err != nil {
		return err
	}
	if s.rebuild != r {
		if done.chunks > 0 && s.rebuild == nil { // another one begins with taking them away
			s.dropLater(r.definition)
			p.touch(s)
		}
		return nil
	}
	if errors.Is(done.err, context.Canceled) { // the partition is ending
		return nil
	}
	if done.err != nil {
		return fmt.Errorf("cannot rebuild counters of series %d: %w", s.name.Number, done.err)
	}
	s.rebuild = nil
	p.uncount(s)
	p.sweep.settled()
	if done.counters == nil {
		return p.giveUp(s, &done)
	}
	s.counters, s.stale = done.counters, r.stale
	s.row.State, s.row.Definition, s.row.DayMax = store.Counted, r.definition, done.dayMax
	if ok, err := p.absorb(s, r.since); err != nil || !ok {
		return errors.Join(err, p.giveUp(s, &done))
	}
	p.rebuiltBytes += s.counters.MemoryBytes()
	p.metrics.rebuilds.Inc()
	p.estimate(s)
	return nil
}

// giveUp ends a rebuild whose counters have too many cells.
func (p *partition) giveUp(s *series, done *rebuilt) error {
	if done.chunks > 0 {
		s.dropLater(done.of.definition)
	}
	s.counters, s.row.State = nil, store.Uncounted
	p.overflow(s, done.of.definition)
	return nil
}

// absorb adds what came since a rebuild began to its counters. It reports false when
// there are too many cells.
func (p *partition) absorb(s *series, since *aggregator.Series) (ok bool, err error) {
	since.Unsaved(func(_ string, d *aggregator.Day) {
		if err == nil {
			err = p.needDay(s, aggregator.StartOfDay(d.Number))
		}
	})
	if err != nil {
		return false, err
	}
	return s.counters.Absorb(since), nil
}
