package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/ingest"
)

// runCursor reads the entries of one run in order, a block at a time.
type runCursor struct {
	iter    *pebble.Iterator
	run     uint64
	entries []idEntry // of the block
	at      int
}

// newRunCursor returns a cursor at the first entry of a run that is not below an id.
func newRunCursor(reader pebble.Reader, run uint64, from *ingest.ID) (*runCursor, error) {
	upper := append(appendRunHead(nil, spaceSeen, run), runBlock+1)
	iter, err := reader.NewIter(&pebble.IterOptions{LowerBound: appendIDBlockKey(nil, run, from, 0, 0), UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("cannot read run %d of ids: %w", run, err)
	}
	c := &runCursor{iter: iter, run: run, entries: make([]idEntry, 0, idBlockEntries)}
	if err := c.load(iter.First()); err != nil {
		_ = iter.Close() // the first error is the one to tell
		return nil, err
	}
	for c.entry() != nil && bytes.Compare(c.entry().id[:], from[:]) < 0 {
		c.at++ // no further than the block: its last entry is not below
	}
	return c, nil
}

// entry returns the entry that the cursor is at, nil at the end. It is valid until next.
func (c *runCursor) entry() *idEntry {
	if c.at < len(c.entries) {
		return &c.entries[c.at]
	}
	return nil
}

func (c *runCursor) next() error {
	if c.at++; c.at < len(c.entries) {
		return nil
	}
	return c.load(c.iter.Next())
}

// load reads the block that the iterator is at.
func (c *runCursor) load(valid bool) error {
	c.entries, c.at = c.entries[:0], 0
	if !valid {
		if err := c.iter.Error(); err != nil {
			return fmt.Errorf("cannot read run %d of ids: %w", c.run, err)
		}
		return nil
	}
	block, err := blockAt(c.iter)
	if err != nil {
		return err
	}
	c.entries = block.appendEntries(c.entries)
	return nil
}

// blockAt reads the block that an iterator is at.
func blockAt(iter *pebble.Iterator) (idBlock, error) {
	value, err := iter.ValueAndErr()
	if err != nil {
		return idBlock{}, fmt.Errorf("cannot read ids: %w", err)
	}
	block, err := readIDBlock(value)
	if err != nil {
		return idBlock{}, corrupt(iter.Key(), err)
	}
	return block, nil
}

// idCursor reads the entries of several runs as if they were one.
type idCursor struct {
	valid bool
	id    ingest.ID
	seen  Seen

	runs  []*runCursor
	heads []uint64 // of the ids that runs are at
	least int      // which of them is at the first
	pace  pacer
}

// idCursor returns a cursor at the first of all entries of the snapshot.
func (s *Snapshot) idCursor(ctx context.Context) (*idCursor, error) {
	runs, err := runsIn(s.reader)
	if err != nil {
		return nil, err
	}
	return newIDCursor(ctx, s.store, s.reader, runs)
}

// newIDCursor returns a cursor at the first entry of some runs.
func newIDCursor(ctx context.Context, store *Store, reader pebble.Reader, runs []idRun) (*idCursor, error) {
	c := &idCursor{pace: pacer{ctx: ctx, store: store}}
	for i := range runs {
		run, err := newRunCursor(reader, runs[i].number, new(ingest.ID))
		if err != nil {
			_ = c.Close() // the first error is the one to tell
			return nil, err
		}
		c.runs, c.heads = append(c.runs, run), append(c.heads, 0)
		if run.entry() == nil {
			_ = c.Close()
			return nil, fmt.Errorf("run %d: %w", runs[i].number, errCorruptRun)
		}
		c.setHead(i)
	}
	c.choose()
	c.show()
	return c, nil
}

// setHead notes where a run is, which is not at its end.
func (c *idCursor) setHead(i int) { c.heads[i] = binary.BigEndian.Uint64(c.runs[i].entry().id[:]) }

// drop takes a run that is at its end away.
func (c *idCursor) drop(i int) error {
	run := c.runs[i]
	last := len(c.runs) - 1
	c.runs[i], c.heads[i] = c.runs[last], c.heads[last]
	c.runs, c.heads = c.runs[:last], c.heads[:last]
	return run.iter.Close()
}

// choose finds the run that is at the first entry.
func (c *idCursor) choose() {
	c.valid = len(c.runs) > 0
	if !c.valid {
		return
	}
	least := 0
	for i := 1; i < len(c.heads); i++ {
		if c.heads[i] < c.heads[least] ||
			c.heads[i] == c.heads[least] && c.runs[i].entry().compare(c.runs[least].entry()) < 0 {
			least = i
		}
	}
	c.least = least
}

// entry returns the entry that the cursor is at, which is valid until it goes on.
func (c *idCursor) entry() *idEntry { return c.runs[c.least].entry() }

func (c *idCursor) show() {
	if c.valid {
		c.id, c.seen = c.entry().id, c.entry().seen
	}
}

// next goes to the next entry; valid says whether there is one.
func (c *idCursor) next() error {
	err := c.advance()
	c.show()
	return err
}

// advance is next without id and seen, for who takes entry.
func (c *idCursor) advance() error {
	if err := c.pace.check(); err != nil {
		return err
	}
	run := c.runs[c.least]
	if err := run.next(); err != nil {
		return err
	}
	if run.entry() != nil {
		c.setHead(c.least)
	} else if err := c.drop(c.least); err != nil {
		return err
	}
	c.choose()
	return nil
}

// each calls f for all entries that are left and closes the cursor.
func (c *idCursor) each(f func(id ingest.ID, seen Seen)) (err error) {
	defer closeInto(c, &err)
	for c.valid {
		f(c.id, c.seen)
		if err := c.next(); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the cursor.
func (c *idCursor) Close() (err error) {
	for _, run := range c.runs {
		closeInto(run.iter, &err)
	}
	c.runs, c.valid = nil, false
	return err
}
