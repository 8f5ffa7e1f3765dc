package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
)

// Counters are counters and cells of one series and definition on their way into
// the store ahead of a checkpoint: a part of a rebuild that is too large for one batch.
//
// They count for nothing until a checkpoint's row of the series says Counted with
// their definition. Until then the row, and the counters that it names, stay what they were.
type Counters struct {
	series     uint64
	definition aggregator.Definition
	rows       rows
}

// NewCounters returns an empty part of a rebuild.
func NewCounters(series uint64, d aggregator.Definition) *Counters {
	return &Counters{series: series, definition: d}
}

// PutCell makes a cell known.
func (c *Counters) PutCell(cell string) { c.rows.putCell(c.series, c.definition, cell) }

// PutCounter writes the absolute value of a counter.
func (c *Counters) PutCounter(w Window, number int32, cell string, counter *aggregator.Counter) {
	c.rows.putCounter(c.series, c.definition, w, number, cell, counter)
}

// Bytes returns about what WriteCounters will write. A few megabytes at a time are best.
func (c *Counters) Bytes() int { return c.rows.bytes() }

// Reset empties c, which keeps its memory.
func (c *Counters) Reset() { c.rows.list, c.rows.arena = c.rows.list[:0], c.rows.arena[:0] }

// WriteCounters makes a part of a rebuild durable. It may run beside Write and beside
// WriteCounters of others: Pebble orders batches, and these share no key with a
// checkpoint as long as nobody drops or puts the same definition of the same series
// at the same time. It must not run beside Close.
func (s *Store) WriteCounters(c *Counters) (err error) {
	if s.readOnly {
		return ErrReadOnly
	}
	batch := s.db.NewBatchWithSize(c.rows.bytes() + batchHeadBytes)
	defer closeInto(batch, &err)
	if err = c.rows.each(func(key, value []byte) error { return batch.Set(key, value, nil) }); err == nil {
		err = batch.Commit(pebble.Sync)
	}
	if err != nil {
		return fmt.Errorf("cannot write counters of series %d: %w", c.series, err)
	}
	return nil
}

// DropCounters removes the counters and cells of one definition of a series: what an
// interrupted rebuild may have left, before another begins. It is durable when it returns.
// The same goes for what it runs beside as for WriteCounters.
func (s *Store) DropCounters(series uint64, d aggregator.Definition) (err error) {
	if s.readOnly {
		return ErrReadOnly
	}
	batch := s.db.NewBatch()
	defer closeInto(batch, &err)
	if err = dropIn(batch, series, d); err == nil {
		err = batch.Commit(pebble.Sync)
	}
	if err != nil {
		return fmt.Errorf("cannot drop counters of series %d: %w", series, err)
	}
	return nil
}

// dropIn deletes the counters and cells of one definition of a series.
func dropIn(batch *pebble.Batch, series uint64, d aggregator.Definition) error {
	for _, space := range []byte{spaceCell, spaceCounter} {
		key := append(appendNumberKey(nil, space, series), d[:]...)
		if err := batch.DeleteRange(key, after(key), nil); err != nil {
			return err
		}
	}
	return nil
}
