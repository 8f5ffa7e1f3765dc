package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"weir/ingest"
)

// ErrApart: two stores can't be compared, because they are not of one partition at one
// position of one log.
var ErrApart = errors.New("stores are not at the same position")

// Compare calls f for every difference between two stores of one partition at one
// position of one log, until it returns an error. Both are made from equal records, and
// may differ in nothing. It returns ErrApart when they can't be compared.
//
// Counters compare by meaning (aggregator.Counter.Equal): one that amounts to nothing
// equals one that is not there, and what moved a counter does not count, since a
// rebuild does not see what was superseded before it. A series that only one store
// counts, or both by other definitions, is told of as one difference (OfState), and its counters
// are not compared. What a series' own row, cells and counters contradict each other in is told of too:
// such counters would not be found, or not be gone on with.
//
// It reads all that there is, in order, and keeps the cells of one series in memory.
func Compare(ctx context.Context, a, b *Snapshot, f func(Difference) error) error {
	if err := checkComparable(a, b); err != nil {
		return err
	}
	c := comparison{ctx: ctx, a: side{Snapshot: a}, b: side{Snapshot: b}, f: f}
	for _, compare := range []func() error{c.progress, c.series, c.events, c.seenIDs, c.asides, c.conflicts} {
		if err := compare(); err != nil {
			return err
		}
	}
	return nil
}

// checkComparable says why two snapshots can't be compared.
func checkComparable(a, b *Snapshot) error {
	if a.store.partition != b.store.partition {
		return fmt.Errorf("%w: partitions are %d and %d", ErrApart, a.store.partition, b.store.partition)
	}
	if a.progress.Progress != b.progress.Progress {
		return fmt.Errorf("%w: %+v and %+v", ErrApart, a.progress.Progress, b.progress.Progress)
	}
	return nil
}

// comparison compares two stores.
type comparison struct {
	ctx  context.Context
	a, b side
	f    func(Difference) error
}

// side is one of the two stores, with the names of the series that were met last.
type side struct {
	*Snapshot
	names map[uint64]SeriesName
}

// namesMax bounds the names that are kept; when there are more, it begins anew.
const namesMax = 1 << 14

// name returns the name of a series. One that has none is told of as a name that
// nothing has: number 0.
func (s *side) name(series uint64) (SeriesName, error) {
	if name, ok := s.names[series]; ok {
		return name, nil
	}
	value, err := getCopy(s.reader, appendNumberKey(nil, spaceName, series))
	if err != nil {
		return SeriesName{}, err
	}
	name, err := decodeSeriesName(series, value)
	if err != nil {
		name = SeriesName{}
	}
	if s.names == nil || len(s.names) >= namesMax {
		s.names = make(map[uint64]SeriesName)
	}
	s.names[series] = name
	return name, nil
}

func (c *comparison) report(subject Subject, name, a, b string) error {
	return c.f(Difference{Subject: subject, Name: name, A: a, B: b})
}

// progress compares what was counted on the way. That both went equally far is known.
func (c *comparison) progress() error {
	a, b := &c.a.Snapshot.progress, &c.b.Snapshot.progress
	if a.Totals == b.Totals && a.SeriesNext == b.SeriesNext {
		return nil
	}
	text := func(p *Progress) string { return fmt.Sprintf("%+v, next series %d", p.Totals, p.SeriesNext) }
	return c.report(OfProgress, fmt.Sprintf("at offset %d", a.Next), text(a), text(b))
}

func (c *comparison) events() error {
	return c.space(spaceEvent, func(key, a, b []byte) error {
		if a != nil && b != nil && bytes.Equal(a, b) {
			return nil
		}
		subject, name := describeEventKey(key)
		decode := describeEvent
		if subject == OfTombstone {
			decode = func(value []byte) (string, error) { return fmt.Sprintf("version %x", value), nil }
		}
		return c.report(subject, name, describe(a, decode), describe(b, decode))
	})
}

func (c *comparison) seenIDs() error {
	return c.space(spaceSeen, func(key, a, b []byte) error {
		if equal, err := c.equalSeen(key, a, b); equal || err != nil {
			return err
		}
		textA, err := c.a.describeSeen(key, a)
		if err != nil {
			return err
		}
		textB, err := c.b.describeSeen(key, b)
		if err != nil || textA == textB {
			return err
		}
		name := fmt.Sprintf("%x", key)
		if len(key) == seenKeyBytes {
			name = fmt.Sprintf("%x revision %x at position %s", key[1:17], key[17:21], describePosition(positionOfKey(key)))
		}
		return c.report(OfSeen, name, textA, textB)
	})
}

// equalSeen is the quick way to say that there is no difference, which is how it nearly always is.
func (c *comparison) equalSeen(key, a, b []byte) (bool, error) {
	if a == nil || b == nil || !bytes.Equal(a, b) {
		return false, nil
	}
	seen, err := decodeSeen(key, a)
	if err != nil || seen.Cancelled {
		return err == nil, nil
	}
	nameA, err := c.a.name(seen.Series)
	if err != nil {
		return false, err
	}
	nameB, err := c.b.name(seen.Series)
	return nameA == nameB && nameA.Number != 0, err
}

// describeSeen returns all that an id's entry says, with its series by name: its number is each store's own.
func (s *side) describeSeen(key, value []byte) (text string, err error) {
	if value == nil {
		return "", nil
	}
	seen, decodeErr := decodeSeen(key, value)
	if decodeErr != nil {
		return fmt.Sprintf("%v: %x", decodeErr, value), nil
	}
	if seen.Cancelled {
		return fmt.Sprintf("cancelled (%x)", value), nil
	}
	name, err := s.name(seen.Series)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("time %s, filled in %v, content %08x, code %s",
		describeInstant(seen.Timestamp), seen.Filled, seen.Content, describeSeriesName(&name)), nil
}

func (c *comparison) asides() error {
	return c.space(spaceAside, func(key, a, b []byte) error {
		if a != nil && b != nil && bytes.Equal(a, b) {
			return nil
		}
		name := fmt.Sprintf("%x", key)
		if len(key) == 1+8+1 {
			name = "at position " + describePosition(asidePosition(key))
		}
		return c.report(OfAside, name, describe(a, describeAside(key)), describe(b, describeAside(key)))
	})
}

// space merges what the snapshots show of a space of keys, and gives out whole keys.
func (c *comparison) space(space byte, f func(key, a, b []byte) error) error {
	return c.merge([]byte{space}, []byte{space}, 0, f)
}

// merge calls f for the keys that begin with prefixA in a or with prefixB in b, in order
// and without their first bytes, with both values; nil = there is none.
func (c *comparison) merge(prefixA, prefixB []byte, skip int, f func(key, a, b []byte) error) (err error) {
	a, err := c.a.cursor(c.ctx, prefixA, skip)
	if err != nil {
		return err
	}
	defer closeInto(a, &err)
	b, err := c.b.cursor(c.ctx, prefixB, skip)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	for a.valid || b.valid {
		order := bytes.Compare(a.key, b.key)
		switch {
		case !b.valid || a.valid && order < 0:
			err = errors.Join(f(a.key, a.value, nil), a.next())
		case !a.valid || order > 0:
			err = errors.Join(f(b.key, nil, b.value), b.next())
		default:
			err = errors.Join(f(a.key, a.value, b.value), a.next(), b.next())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visible reports whether a row is below the snapshot's end: the rows of tables may be above.
func (s *Snapshot) visible(key []byte) bool {
	switch key[0] {
	case spaceEvent, spaceSeen:
		return len(key) < 8 || positionOfKey(key) < s.end
	default:
		return true
	}
}

func asidePosition(key []byte) ingest.Position { return positionOfKey(key[:1+8]) }
