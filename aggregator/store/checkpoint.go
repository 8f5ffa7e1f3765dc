package store

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
)

// Checkpoint is what changed since the last one: a copy, which the owner of the
// state makes between two records and another goroutine writes.
type Checkpoint struct {
	Progress Progress
	Pending  Pending

	drops []uint64 // series whose counters are dropped before the rows are put
	rows  []row
	arena []byte
}

type row struct{ at, keyBytes, valueBytes int }

// put ends a row whose key lies in the arena from at to value, and whose value follows.
func (c *Checkpoint) put(at, value int) {
	c.rows = append(c.rows, row{at, value - at, len(c.arena) - value})
}

// PutSeries writes what is known of a series.
func (c *Checkpoint) PutSeries(name *SeriesName, s *Series) {
	at := len(c.arena)
	c.arena = appendSeriesKey(c.arena, spaceSeries, name.Organization, name.Subscription, name.Code)
	value := len(c.arena)
	c.arena = appendSeries(c.arena, s)
	c.put(at, value)
}

// PutName makes a series known by its number.
func (c *Checkpoint) PutName(name *SeriesName) {
	at := len(c.arena)
	c.arena = appendNumberKey(c.arena, spaceName, name.Number)
	value := len(c.arena)
	c.arena = appendSeriesName(c.arena, name)
	c.put(at, value)
}

// DropCounters removes all counters and cells of a series that earlier checkpoints wrote.
func (c *Checkpoint) DropCounters(series uint64) { c.drops = append(c.drops, series) }

// PutCell makes a cell of a series known.
func (c *Checkpoint) PutCell(series uint64, d aggregator.Definition, cell string) {
	at := len(c.arena)
	c.arena = appendCellKey(c.arena, series, d, cell)
	c.put(at, len(c.arena))
}

// PutCounter writes the absolute value of a counter.
func (c *Checkpoint) PutCounter(series uint64, d aggregator.Definition, w Window, number int32, cell string, counter *aggregator.Counter) {
	at := len(c.arena)
	c.arena = appendCounterKey(c.arena, series, d, w, number, cell)
	value := len(c.arena)
	c.arena = aggregator.AppendCounter(c.arena, counter)
	c.put(at, value)
}

// PutAside keeps something that was set aside.
func (c *Checkpoint) PutAside(a *Aside) {
	at := len(c.arena)
	c.arena = appendAsideKey(c.arena, a.Position, a.Reason)
	value := len(c.arena)
	c.arena = appendAside(c.arena, a)
	c.put(at, value)
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

func (s *Store) commit(c *Checkpoint) (err error) {
	slices.SortFunc(c.rows, func(a, b row) int {
		return bytes.Compare(c.arena[a.at:a.at+a.keyBytes], c.arena[b.at:b.at+b.keyBytes])
	})
	batch := s.db.NewBatchWithSize(len(c.arena) + 16*len(c.rows) + 256)
	defer closeInto(batch, &err)
	for _, series := range c.drops {
		for _, space := range []byte{spaceCell, spaceCounter} {
			key := appendNumberKey(nil, space, series)
			if err := batch.DeleteRange(key, after(key), nil); err != nil {
				return err
			}
		}
	}
	for _, r := range c.rows {
		value := r.at + r.keyBytes
		if err := batch.Set(c.arena[r.at:value], c.arena[value:value+r.valueBytes], nil); err != nil {
			return err
		}
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
