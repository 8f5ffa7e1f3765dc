package store

import (
	"errors"
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

// room returns the rows, with memory.
func (c *Checkpoint) room() *rows {
	if c.rows.list == nil {
		c.rows = *checkpointRows.get()
	}
	return &c.rows
}

// PutSeries writes what is known of a series.
func (c *Checkpoint) PutSeries(name *SeriesName, s *Series) {
	r := c.room()
	at := len(r.arena)
	r.arena = appendSeriesKey(r.arena, spaceSeries, name.Organization, name.Subscription, name.Code)
	value := len(r.arena)
	r.arena = appendSeries(r.arena, s)
	r.put(at, value)
}

// PutName makes a series known by its number.
func (c *Checkpoint) PutName(name *SeriesName) {
	r := c.room()
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
	c.room().putCell(series, d, cell)
}

// PutCounter writes the absolute value of a counter.
func (c *Checkpoint) PutCounter(series uint64, d aggregator.Definition, w Window, number int32, cell string, counter *aggregator.Counter) {
	c.room().putCounter(series, d, w, number, cell, counter)
}

// PutAside keeps something that was set aside.
func (c *Checkpoint) PutAside(a *Aside) {
	r := c.room()
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
	stepBuilt     step = iota // the batch or the tables hold all, the store nothing of it
	stepCommitted             // the commit point is reached
	stepMerged                // runs of ids that had to be are merged, or that is under way
)

// Write makes a checkpoint durable, by one synced batch or by tables that are taken in at once: all of it is in the
// store, or nothing. After an error the store must not be written any more. What was put into the checkpoint is gone then, but for
// Progress and Pending.
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

// checkpointLimits say how a checkpoint is written, by its size in bytes; tests make them smaller.
type checkpointLimits struct {
	// tables is from where on it goes around the log of Pebble: what is written to that is written once more soon, but
	// needs no files of its own.
	tables int
	// segment is from how many bytes of texts on the blocks of events go into a segment.
	segment int
}

var checkpointLimitsDefault = checkpointLimits{tables: 512 << 10, segment: 256 << 10}

func (s *Store) commit(c *Checkpoint) error {
	// Events take less in blocks than pending.
	size := len(c.Pending.arena) + idBytes*len(c.Pending.events) + c.rows.bytes() + batchHeadBytes
	write := s.commitBatch
	if size >= s.limits.tables && len(c.drops) == 0 {
		write = s.commitTables
	}
	publish, err := write(c, size)
	if err != nil {
		return err
	}
	publish()
	progress := c.Progress
	s.progress.Store(&progress)
	c.rows.recycle()
	return nil
}

// commitBatch writes a checkpoint as one batch of about so many bytes.
func (s *Store) commitBatch(c *Checkpoint, size int) (publish func(), err error) {
	batch := s.db.NewBatchWithSize(size)
	defer closeInto(batch, &err)
	for _, d := range c.drops {
		if err := dropIn(batch, d.series, d.definition); err != nil {
			return nil, err
		}
	}
	publish, err = s.fill(c, func(key, value []byte) error { return batch.Set(key, value, nil) })
	if err != nil {
		return nil, err
	}
	s.step(stepBuilt)
	return publish, batch.Commit(pebble.Sync)
}

// commitTables writes a checkpoint, which drops nothing, as tables.
func (s *Store) commitTables(c *Checkpoint, _ int) (publish func(), err error) {
	t := tables{store: s, name: "checkpoint", bytesMax: checkpointTableBytesMax}
	defer func() { err = errors.Join(err, t.abandon()) }()
	if publish, err = s.fill(c, t.set); err != nil {
		return nil, err
	}
	if err := t.finish(); err != nil {
		return nil, err
	}
	s.step(stepBuilt)
	return publish, t.ingest()
}

// checkpointTableBytesMax is where a table of a checkpoint ends and another begins.
const checkpointTableBytesMax = 64 << 20

// fill gives set all rows of a checkpoint, as tables want them. Blocks of events that go into a segment are durable
// then. publish is to be called when the rows are.
func (s *Store) fill(c *Checkpoint, set setter) (publish func(), err error) {
	rows := c.room()
	if err := s.fillEvents(c, set, rows); err != nil {
		return nil, err
	}
	c.Pending.putTombstones(rows)
	if publish, err = s.ids.add(set, rows, &c.Pending); err != nil {
		return nil, err
	}
	rows.putValue(metaProgress, func(dst []byte) []byte { return appendProgress(dst, &c.Progress) })
	return publish, rows.each(set)
}

// setter takes a key and its value, which stay the caller's.
type setter func(key, value []byte) error

func (s *Store) fillEvents(c *Checkpoint, set setter, rows *rows) error {
	if len(c.Pending.arena) < s.limits.segment {
		return c.Pending.writeEvents(set)
	}
	var value []byte
	before := s.segments.end
	err := c.Pending.writeEvents(func(key, block []byte) error {
		place, err := s.segments.append(block)
		if err != nil {
			return err
		}
		value = place.append(value[:0])
		return set(key, value)
	})
	if err != nil || s.segments.end == before {
		return err
	}
	rows.putValue(metaSegments, s.segments.end.append)
	return s.segments.sync()
}
