package worker

import (
	"time"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

// checkpointing is a checkpoint that is being written.
type checkpointing struct {
	content *store.Checkpoint
	frozen  frozen
	series  []*series // that are in it
	asides  []*store.Aside
	began   time.Time
	loans   *loans // of content.Pending
}

// write makes the checkpoint durable.
func (c *checkpointing) write(s *store.Store) error {
	c.frozen.putIn(c.content)
	return s.Write(c.content)
}

// behind reports whether something was taken from the log that is in no checkpoint.
func (p *partition) behind() bool { return p.next != p.committed }

// dirtyBytes is about what the next checkpoint would write.
func (p *partition) dirtyBytes() int {
	const counterBytes = 200
	return p.pending.Bytes() + p.asideBytes + p.rebuiltBytes + counterBytes*len(p.dirty)
}

// beginCheckpoint starts to write what changed, in the slot that was granted for it. When it
// fails, the loop ends (p.failed).
func (p *partition) beginCheckpoint() {
	p.schedule.inLine = false
	if p.failed != nil || p.recount(p.dirty...) != nil { // a checkpoint holds no stale hours
		<-p.slots
		return
	}
	p.schedule.wanted, p.schedule.began, p.schedule.since = false, time.Now(), time.Time{}
	writing := p.freeze()
	p.background.Go(func() {
		err := writing.write(p.store)
		<-p.slots
		p.written <- err // has room for the one that is written
	})
}

// freeze copies what changed since the last checkpoint into the one that is being written from now on.
// There are no stale hours. Nothing is counted meanwhile, but questions are answered: what the checkpoint
// is to hold is what they see, whether it is copied yet or not.
func (p *partition) freeze() *checkpointing {
	content := &store.Checkpoint{Progress: p.progress(), Pending: *p.pending}
	c := &checkpointing{content: content, frozen: p.thawed, series: p.dirty, asides: p.asides, began: time.Now(), loans: p.loans}
	p.writing, p.thawed = c, frozen{}
	p.dirty = make([]*series, 0, len(p.dirty))
	p.pending, p.loans = store.NewPending(p.pending), new(loans)
	p.asides, p.asideBytes, p.rebuiltBytes = nil, 0, 0
	cells := 0
	p.eachAnswering(c.series, func(s *series) {
		p.freezeSeries(&c.frozen, s)
		if s.counters != nil {
			cells = max(cells, s.counters.Cells())
		}
	})
	for _, aside := range c.asides {
		content.PutAside(aside)
	}
	p.metrics.sawCells(cells)
	p.metrics.checkpointRunning.Inc()
	p.metrics.checkpointFreeze.Observe(time.Since(c.began).Seconds())
	return c
}

// seriesBetweenQuestions is of how many series a checkpoint's copy is made, or let go, between two
// looks for questions: some 0.1 ms of work.
const seriesBetweenQuestions = 64

// eachAnswering calls f for each of the series, answers questions between them, and lets others run.
func (p *partition) eachAnswering(list []*series, f func(*series)) {
	var pace store.Pace
	for i, s := range list {
		if i%seriesBetweenQuestions == seriesBetweenQuestions-1 {
			p.askWaiting()
			pace.Rest()
		}
		f(s)
	}
}

// progress is how far the state has come.
func (p *partition) progress() store.Progress {
	progress := store.Progress{SeriesNext: p.seriesNext, Totals: p.totals}
	progress.LogID, progress.Next, progress.Checksum = p.logID, p.next, p.checksum
	return progress
}

func (p *partition) freezeSeries(f *frozen, s *series) {
	s.dirty, s.frozen = false, true
	at := frozenSeries{name: &s.name, drops: s.drops, cellsFrom: len(f.cells), countersFrom: len(f.counters)}
	s.drops = nil
	if s.counters != nil {
		freezeCounters(f, s)
	}
	at.cells, at.counters = len(f.cells), len(f.counters)
	at.row, at.definition, at.nameNew, at.rowChanged = s.row, s.row.Definition, s.nameNew, s.rowChanged
	f.series = append(f.series, at)
	s.nameNew, s.rowChanged = false, false
	p.estimate(s)
}

func freezeCounters(f *frozen, s *series) {
	s.counters.Freeze(
		func(cell string) { f.cells = append(f.cells, cell) },
		func(cell string, d *aggregator.Day) {
			d.Hours(func(hour int32, dirty bool, counter *aggregator.Counter) {
				if dirty {
					f.put(store.Hour, hour, cell, counter.Clone())
				}
			})
			f.put(store.Day, d.Number, cell, d.Total())
			if d.Number > s.row.DayMax {
				s.row.DayMax, s.rowChanged = d.Number, true
			}
		})
}

// lastCheckpoint writes a checkpoint in the owner's goroutine.
func (p *partition) lastCheckpoint() error {
	if err := p.recount(p.dirty...); err != nil {
		return err
	}
	if err := p.freeze().write(p.store); err != nil {
		return err
	}
	p.endCheckpoint()
	return nil
}

// endCheckpoint takes note that what was being written is durable.
func (p *partition) endCheckpoint() {
	c := p.writing
	p.writing = nil
	p.schedule.took = time.Since(c.began)
	p.thawed = c.frozen.emptied()
	if c.loans.none() {
		c.content.Pending.Recycle()
	}
	p.committed = c.content.Progress.Next
	p.eachAnswering(c.series, func(s *series) {
		s.frozen = false
		if s.counters != nil {
			s.counters.Saved()
		}
	})
	owned := max(1, p.owned())
	p.recent.trim(ingest.PositionOf(p.committed, 0), p.options.RecentIDsMax/owned)
	p.evict(p.options.StateBytesMax / owned)
	p.metrics.checkpointRunning.Dec()
	p.metrics.checkpoints.Inc()
	p.metrics.checkpointDuration.Observe(time.Since(c.began).Seconds())
}
