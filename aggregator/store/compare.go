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
// It reads all that there is, in order, and keeps the cells of one series in memory. Events and ids are
// compared one by one, whatever blocks they stand in. Blocks under a number that no series has are not
// looked for: nobody would find them.
func Compare(ctx context.Context, a, b *Snapshot, f func(Difference) error) error {
	if err := checkComparable(a, b); err != nil {
		return err
	}
	c := comparison{ctx: ctx, a: side{Snapshot: a}, b: side{Snapshot: b}, f: f}
	for _, compare := range []func() error{c.progress, c.series, c.events, c.tombstones, c.seenIDs, c.asides, c.conflicts} {
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

// space merges what the snapshots have in a space of keys, and gives out whole keys.
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

func asidePosition(key []byte) ingest.Position { return positionOfKey(key[:1+8]) }
