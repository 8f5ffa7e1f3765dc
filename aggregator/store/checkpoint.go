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
	stepBuilt     step = iota // the batch holds all, the store nothing of it
	stepCommitted             // the commit point is reached
	stepMerged                // runs of ids that had to be are merged, or that is under way
)

// Write makes a checkpoint durable, by one synced batch: all of it is in the store, or
// nothing. After an error the store must not be written any more.
func (s *Store) Write(c *Checkpoint) error {
	if s.readOnly {
		return ErrReadOnly
	}
	if err := s.commit(c); err != nil {
		return fmt.Errorf("cannot commit checkpoint at %d: %w", c.Progress.Next, err)
	}
	s.step(stepCommitted)
	if err := s.ids.merge(); err != nil {
		return fmt.Errorf("cannot merge ids after checkpoint at %d: %w", c.Progress.Next, err)
	}
	s.step(stepMerged)
	return nil
}

func (s *Store) step(done step) {
	if s.afterStep != nil {
		s.afterStep(done)
	}
}

const (
	// batchHeadBytes is room for what a batch has besides its rows.
	batchHeadBytes = 256
	// idBytes is about what an id takes in a batch.
	idBytes = 36
)

func (s *Store) commit(c *Checkpoint) (err error) {
	// Events take less in blocks than pending.
	size := len(c.Pending.arena) + idBytes*len(c.Pending.events) + c.rows.bytes() + batchHeadBytes
	batch := s.db.NewBatchWithSize(size)
	defer closeInto(batch, &err)
	publish, err := s.fill(batch, c)
	if err != nil {
		return err
	}
	s.step(stepBuilt)
	if err := batch.Commit(pebble.Sync); err != nil {
		return err
	}
	publish()
	progress := c.Progress
	s.progress.Store(&progress)
	return nil
}

// fill puts all of a checkpoint into a batch. publish is to be called when it is durable.
func (s *Store) fill(batch *pebble.Batch, c *Checkpoint) (publish func(), err error) {
	if err := c.Pending.writeEvents(batch); err != nil {
		return nil, err
	}
	if err := c.Pending.writeTombstones(batch); err != nil {
		return nil, err
	}
	if publish, err = s.ids.add(batch, &c.Pending); err != nil {
		return nil, err
	}
	for _, d := range c.drops {
		if err := dropIn(batch, d.series, d.definition); err != nil {
			return nil, err
		}
	}
	if err := c.rows.setIn(batch); err != nil {
		return nil, err
	}
	return publish, batch.Set(metaProgress, appendProgress(nil, &c.Progress), nil)
}
