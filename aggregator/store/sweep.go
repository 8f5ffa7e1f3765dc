package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
)

// SeriesRow is a series as a sweep sees it.
type SeriesRow struct {
	Name SeriesName
	Row  Series
}

// errPageFull ends a scan that has what it wanted.
var errPageFull = errors.New("page is full")

// SeriesPage returns up to limit series, ordered by organization, subscription and code,
// and where the next page begins: nil after the last. from is nil for the first page, or what another page
// returned, also of another snapshot of the same store: series never go.
func (s *Snapshot) SeriesPage(ctx context.Context, from []byte, limit int) (page []SeriesRow, next []byte, err error) {
	if from == nil {
		from = []byte{spaceSeries}
	}
	err = s.scan(ctx, from, []byte{spaceSeries + 1}, func(key, value []byte) error {
		if len(page) >= limit {
			next = bytes.Clone(key)
			return errPageFull
		}
		row, err := decodeSeriesRow(key, value)
		if err != nil {
			return err
		}
		page = append(page, row)
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return nil, nil, err
	}
	return page, next, nil
}

// decodeSeriesRow reads a series' row, key and value.
func decodeSeriesRow(key, value []byte) (SeriesRow, error) {
	series, err := decodeSeries(value)
	if err != nil {
		return SeriesRow{}, corrupt(key, err)
	}
	name, rest, err := readSeriesKey(key)
	if err != nil || len(rest) != 0 {
		return SeriesRow{}, corrupt(key, errCorruptKey)
	}
	name.Number = series.Number
	return SeriesRow{name, series}, nil
}

// Definitions returns the definitions of which a series has counters or cells in the
// store, in order. One that the series' row does not name is of a rebuild: one
// that is going on, or one that was cut and left them (DropCounters).
func (s *Snapshot) Definitions(series uint64) (definitions []aggregator.Definition, err error) {
	for _, space := range []byte{spaceCell, spaceCounter} {
		if definitions, err = s.definitionsIn(definitions, appendNumberKey(nil, space, series)); err != nil {
			return nil, fmt.Errorf("cannot read definitions of series %d: %w", series, err)
		}
	}
	return sortedDefinitions(definitions), nil
}

// definitionsIn appends the definitions that stand behind prefix, without reading what is below each.
func (s *Snapshot) definitionsIn(dst []aggregator.Definition, prefix []byte) (out []aggregator.Definition, err error) {
	iter, err := s.reader.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, err
	}
	defer closeInto(iter, &err)
	var d aggregator.Definition
	for valid := iter.First(); valid; {
		key := iter.Key()
		if len(key) < len(prefix)+len(d) {
			return nil, corrupt(key, errCorruptKey)
		}
		d = aggregator.Definition(key[len(prefix):])
		dst = append(dst, d)
		valid = iter.SeekGE(after(append(prefix[:len(prefix):len(prefix)], d[:]...)))
	}
	return dst, iter.Error()
}

func sortedDefinitions(definitions []aggregator.Definition) []aggregator.Definition {
	slices.SortFunc(definitions, func(a, b aggregator.Definition) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(definitions)
}
