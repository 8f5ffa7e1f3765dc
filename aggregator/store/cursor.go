package store

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// cursor walks the rows of one store whose keys begin with a prefix.
type cursor struct {
	iter *pebble.Iterator
	pace pacer
	skip int // bytes of the keys that are not given out

	valid      bool
	key, value []byte // valid until next
}

func (s *side) cursor(ctx context.Context, prefix []byte, skip int) (*cursor, error) {
	iter, err := s.reader.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, fmt.Errorf("cannot scan from key %x: %w", prefix, err)
	}
	c := &cursor{iter: iter, pace: pacer{ctx: ctx, store: s.store}, skip: skip}
	iter.First()
	if err := c.settle(); err != nil {
		_ = iter.Close() // the first error is the one to tell
		return nil, err
	}
	return c, nil
}

func (c *cursor) next() error {
	c.iter.Next()
	return c.settle()
}

// settle reads the row that the iterator is at.
func (c *cursor) settle() error {
	c.valid, c.key, c.value = false, nil, nil
	if !c.iter.Valid() {
		if err := c.iter.Error(); err != nil {
			return fmt.Errorf("cannot scan: %w", err)
		}
		return nil
	}
	if err := c.pace.check(); err != nil {
		return err
	}
	value, err := c.iter.ValueAndErr()
	if err != nil {
		return fmt.Errorf("cannot read key %x: %w", c.iter.Key(), err)
	}
	c.valid, c.key, c.value = true, c.iter.Key()[c.skip:], value
	if value == nil {
		c.value = []byte{}
	}
	return nil
}

// Close releases the cursor.
func (c *cursor) Close() error { return c.iter.Close() }
