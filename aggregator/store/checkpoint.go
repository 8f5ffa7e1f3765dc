package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
	"weir/ingest"
)

// Checkpoint is what changed since the last one: a copy, which the owner of the
// state makes between two records and another goroutine writes.
type Checkpoint struct {
	Progress Progress
	Pending  Pending

	drops []drop // before the rows are put
	rows  rows
}

// drop names the counters of one definition of a series.
type drop struct {
	series     uint64
	definition aggregator.Definition
}

// PutSeries writes what is known of a series.
func (c *Checkpoint) PutSeries(name *SeriesName, s *Series) {
	r := &c.rows
	at := len(r.arena)
	r.arena = appendSeriesKey(r.arena, spaceSeries, name.Organization, name.Subscription, name.Code)
	value := len(r.arena)
	r.arena = appendSeries(r.arena, s)
	r.put(at, value)
}

// PutName makes a series known by its number.
func (c *Checkpoint) PutName(name *SeriesName) {
	r := &c.rows
	at := len(r.arena)
	r.arena = appendNumberKey(r.arena, spaceName, name.Number)
	value := len(r.arena)
	r.arena = appendSeriesName(r.arena, name)
	r.put(at, value)
}

// DropCounters removes all counters and cells of one definition of a series that
// were written before; those that this checkpoint puts stay, and so do other definitions'.
func (c *Checkpoint) DropCounters(series uint64, d aggregator.Definition) {
	c.drops = append(c.drops, drop{series, d})
}

// PutCell makes a cell of a series known.
func (c *Checkpoint) PutCell(series uint64, d aggregator.Definition, cell string) {
	c.rows.putCell(series, d, cell)
}

// PutCounter writes the absolute value of a counter.
func (c *Checkpoint) PutCounter(series uint64, d aggregator.Definition, w Window, number int32, cell string, counter *aggregator.Counter) {
	c.rows.putCounter(series, d, w, number, cell, counter)
}

// PutAside keeps something that was set aside.
func (c *Checkpoint) PutAside(a *Aside) {
	r := &c.rows
	at := len(r.arena)
	r.arena = appendAsideKey(r.arena, a.Position, a.Reason)
	value := len(r.arena)
	r.arena = appendAside(r.arena, a)
	r.put(at, value)
	if a.Reason == Conflict && a.ID != (ingest.ID{}) {
		r.putConflict(a)
	}
}

// step is a step of writing a checkpoint, for tests that cut in between.
type step int

const (
	stepBuilt     step = iota // tables are built and synced, and not part of the store
	stepIngested              // tables are part of the store, progress is the old one
	stepCommitted             // the commit point is reached
	stepCleaned               // nothing of the checkpoint is left
)

// Write makes a checkpoint durable. Its commit point is one synced batch of the
// rows and the progress; the tables of events and ids go first and are invisible
// until then. After an error the store must not be written any more.
func (s *Store) Write(c *Checkpoint) error {
	if s.readOnly {
		return ErrReadOnly
	}
	tables, err := s.buildTables(c)
	if err != nil {
		return fmt.Errorf("cannot build tables of checkpoint at %d: %w", c.Progress.Next, err)
	}
	s.step(stepBuilt)
	if len(tables) > 0 {
		if err := s.ingest(tables); err != nil {
			return fmt.Errorf("cannot ingest tables of checkpoint at %d: %w", c.Progress.Next, err)
		}
	}
	s.step(stepIngested)
	if err := s.commit(c); err != nil {
		return fmt.Errorf("cannot commit checkpoint at %d: %w", c.Progress.Next, err)
	}
	s.step(stepCommitted)
	for _, table := range tables {
		if err := s.fs.Remove(table); err != nil {
			return fmt.Errorf("cannot remove table of checkpoint at %d: %w", c.Progress.Next, err)
		}
	}
	s.step(stepCleaned)
	return nil
}

func (s *Store) step(done step) {
	if s.afterStep != nil {
		s.afterStep(done)
	}
}

// batchHeadBytes is room for what a batch has besides its rows.
const batchHeadBytes = 256

func (s *Store) commit(c *Checkpoint) (err error) {
	batch := s.db.NewBatchWithSize(c.rows.bytes() + batchHeadBytes)
	defer closeInto(batch, &err)
	for _, d := range c.drops {
		if err := dropIn(batch, d.series, d.definition); err != nil {
			return err
		}
	}
	if err := c.rows.setIn(batch); err != nil {
		return err
	}
	if err := batch.Set(metaProgress, appendProgress(nil, &c.Progress), nil); err != nil {
		return err
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		return err
	}
	progress := c.Progress
	s.progress.Store(&progress)
	return nil
}
