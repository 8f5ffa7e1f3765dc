package store

import (
	"bytes"
	"fmt"
)

// seenIDs compares the entries of all ids, whatever runs they stand in.
func (c *comparison) seenIDs() (err error) {
	a, err := c.a.idCursor(c.ctx)
	if err != nil {
		return err
	}
	defer closeInto(a, &err)
	b, err := c.b.idCursor(c.ctx)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	for a.valid || b.valid {
		order := compareCursors(a, b)
		switch {
		case order < 0:
			err = c.onlySeen(a, true)
		case order > 0:
			err = c.onlySeen(b, false)
		default:
			err = c.compareSeen(a, b)
		}
		if err == nil && order <= 0 {
			err = a.next()
		}
		if err == nil && order >= 0 {
			err = b.next()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compareCursors says which cursor is at the first entry; one of them is at one.
func compareCursors(a, b *idCursor) int {
	switch {
	case !b.valid:
		return -1
	case !a.valid:
		return 1
	}
	if order := bytes.Compare(a.id[:], b.id[:]); order != 0 {
		return order
	}
	return a.seen.Compare(&b.seen)
}

// compareSeen compares what two stores say of an entry. Series compare by name: their
// numbers are each store's own.
func (c *comparison) compareSeen(a, b *idCursor) error {
	if a.seen == b.seen && a.seen.Cancelled {
		return nil
	}
	nameA, err := c.a.name(a.seen.Series)
	if err != nil {
		return err
	}
	nameB, err := c.b.name(b.seen.Series)
	if err != nil {
		return err
	}
	if a.seen == b.seen && nameA == nameB && nameA.Number != 0 {
		return nil // as it nearly always is
	}
	textA, textB := describeSeen(&a.seen, &nameA), describeSeen(&b.seen, &nameB)
	if textA == textB {
		return nil
	}
	return c.report(OfSeen, nameSeen(a), textA, textB)
}

func (c *comparison) onlySeen(in *idCursor, inA bool) error {
	side := &c.b
	if inA {
		side = &c.a
	}
	name, err := side.name(in.seen.Series)
	if err != nil {
		return err
	}
	text := describeSeen(&in.seen, &name)
	if inA {
		return c.report(OfSeen, nameSeen(in), text, "")
	}
	return c.report(OfSeen, nameSeen(in), "", text)
}

func nameSeen(c *idCursor) string {
	return fmt.Sprintf("%x revision %x at position %s", c.id, c.seen.Revision, describePosition(c.seen.Position))
}

// describeSeen says all of an id's entry besides its name, with its series by name.
func describeSeen(seen *Seen, series *SeriesName) string {
	if seen.Cancelled {
		return "cancelled"
	}
	return fmt.Sprintf("time %s, filled in %v, content %08x, code %s",
		describeInstant(seen.Timestamp), seen.Filled, seen.Content, describeSeriesName(series))
}
