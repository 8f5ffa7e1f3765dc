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
	series  []*series // that are in it
	asides  []*store.Aside
	began   time.Time
}

// behind reports whether something was taken from the log that is in no checkpoint.
func (p *partition) behind() bool { return p.next != p.committed }

// dirtyBytes is about what the next checkpoint would write.
func (p *partition) dirtyBytes() int {
	const counterBytes = 200
	return p.pending.Bytes() + p.asideBytes + p.rebuiltBytes + counterBytes*len(p.dirty)
}

// beginCheckpoint starts to write what changed, unless there is nothing or one
// is being written. When it fails, the loop ends (p.failed).
func (p *partition) beginCheckpoint() {
	if p.failed != nil || p.writing != nil || !p.behind() && len(p.dirty) == 0 {
		return
	}
	if err := p.recount(p.dirty...); err != nil { // a checkpoint holds no stale hours
		return
	}
	p.writing = p.freeze()
	content := p.writing.content
	p.background.Go(func() {
		p.slots <- struct{}{}
		defer func() { <-p.slots }()
		p.written <- p.store.Write(content) // has room for the one that is written
	})
}

// freeze copies what changed since the last checkpoint; the state goes on. There are no stale hours.
func (p *partition) freeze() *checkpointing {
	content := &store.Checkpoint{Progress: p.progress(), Pending: *p.pending}
	for _, s := range p.dirty {
		p.freezeSeries(content, s)
	}
	for _, aside := range p.asides {
		content.PutAside(aside)
	}
	c := &checkpointing{content: content, series: p.dirty, asides: p.asides, began: time.Now()}
	p.dirty = make([]*series, 0, len(p.dirty))
	p.pending = store.NewPending(p.pending)
	p.asides, p.asideBytes, p.rebuiltBytes = nil, 0, 0
	p.metrics.checkpointRunning.Inc()
	return c
}

// progress is how far the state has come.
func (p *partition) progress() store.Progress {
	progress := store.Progress{SeriesNext: p.seriesNext, Totals: p.totals}
	progress.LogID, progress.Next, progress.Checksum = p.logID, p.next, p.checksum
	return progress
}

func (p *partition) freezeSeries(c *store.Checkpoint, s *series) {
	s.dirty, s.frozen = false, true
	for _, d := range s.drops {
		c.DropCounters(s.row.Number, d)
	}
	s.drops = nil
	if s.counters != nil {
		freezeCounters(c, s)
	}
	if s.nameNew {
		c.PutName(&s.name)
	}
	if s.rowChanged {
		c.PutSeries(&s.name, &s.row)
	}
	s.nameNew, s.rowChanged = false, false
	p.estimate(s)
	p.metrics.sawCells(s)
}

func freezeCounters(c *store.Checkpoint, s *series) {
	number, definition := s.row.Number, s.row.Definition
	s.counters.Freeze(
		func(cell string) { c.PutCell(number, definition, cell) },
		func(cell string, d *aggregator.Day) {
			d.Hours(func(hour int32, dirty bool, counter *aggregator.Counter) {
				if dirty {
					c.PutCounter(number, definition, store.Hour, hour, cell, counter)
				}
			})
			total := d.Total()
			c.PutCounter(number, definition, store.Day, d.Number, cell, &total)
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
	p.writing = p.freeze()
	if err := p.store.Write(p.writing.content); err != nil {
		return err
	}
	p.endCheckpoint()
	return nil
}

// endCheckpoint takes note that what was being written is durable.
func (p *partition) endCheckpoint() {
	c := p.writing
	p.writing = nil
	p.committed = c.content.Progress.Next
	for _, s := range c.series {
		s.frozen = false
		if s.counters != nil {
			s.counters.Saved()
		}
	}
	owned := max(1, p.owned())
	p.recent.trim(ingest.PositionOf(p.committed, 0), p.options.RecentIDsMax/owned)
	p.evict(p.options.StateBytesMax / owned)
	p.metrics.checkpointRunning.Dec()
	p.metrics.checkpoints.Inc()
	p.metrics.checkpointDuration.Observe(time.Since(c.began).Seconds())
}
