package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"weir/aggregator"
)

// series compares the rows of series, and the counters of those that both count alike.
func (c *comparison) series() error {
	return c.space(spaceSeries, func(key, a, b []byte) error {
		name, rest, err := readSeriesKey(key)
		if err != nil || len(rest) != 0 {
			return c.report(OfSeries, fmt.Sprintf("%v: %x", errCorruptKey, key), fmt.Sprintf("%x", a), fmt.Sprintf("%x", b))
		}
		s := seriesComparison{comparison: c, name: describeSeriesName(&name)}
		rowA, errA := decodeSeries(a)
		rowB, errB := decodeSeries(b)
		if errA != nil || errB != nil { // also when there is none
			return c.report(OfSeries, s.name, describe(a, describeSeriesRow), describe(b, describeSeriesRow))
		}
		s.a, s.b = &rowA, &rowB
		return s.compare(&name)
	})
}

func describeSeriesRow(value []byte) (string, error) {
	row, err := decodeSeries(value)
	if err != nil {
		return "", err
	}
	return describeSeries(&row), nil
}

// seriesComparison compares a series that both stores have.
type seriesComparison struct {
	*comparison
	name           string
	a, b           *Series
	cellsA, cellsB map[string]bool // known in each store
	toldOfDay      bool
}

func (s *seriesComparison) compare(name *SeriesName) error {
	if err := s.compareNumbers(name); err != nil {
		return err
	}
	if s.a.State != s.b.State || s.a.Definition != s.b.Definition {
		return s.report(OfState, s.name, describeSeries(s.a), describeSeries(s.b))
	}
	if s.a.State != Counted {
		return nil
	}
	var err error
	if s.cellsA, err = s.comparison.a.cells(s.ctx, s.a); err != nil {
		return err
	}
	if s.cellsB, err = s.comparison.b.cells(s.ctx, s.b); err != nil {
		return err
	}
	prefixA, prefixB := countersPrefix(s.a), countersPrefix(s.b)
	return s.merge(prefixA, prefixB, len(prefixA), s.compareCounter)
}

func countersPrefix(row *Series) []byte {
	return append(appendNumberKey(nil, spaceCounter, row.Number), row.Definition[:]...)
}

// compareNumbers checks that the numbers of the series lead back to it: ids find their events by them.
func (s *seriesComparison) compareNumbers(name *SeriesName) error {
	a, err := s.comparison.a.name(s.a.Number)
	if err != nil {
		return err
	}
	b, err := s.comparison.b.name(s.b.Number)
	if err != nil {
		return err
	}
	a.Number, b.Number = name.Number, name.Number
	if a == *name && b == *name {
		return nil
	}
	return s.report(OfSeries, s.name+": the name of its number", describeSeriesName(&a), describeSeriesName(&b))
}

// cells returns the known cells of a series.
func (s *side) cells(ctx context.Context, row *Series) (map[string]bool, error) {
	cells := make(map[string]bool)
	err := s.Cells(ctx, row.Number, row.Definition, func(cell []byte) error {
		cells[string(cell)] = true
		return nil
	})
	return cells, err
}

// counterTailBytes is the length of window and number, behind which the cell stands.
const counterTailBytes = 1 + 4

// compareCounter compares what stands behind series and definition in a counter's key.
func (s *seriesComparison) compareCounter(key, a, b []byte) error {
	if len(key) < counterTailBytes {
		return s.report(OfCounter, fmt.Sprintf("%s: %v: %x", s.name, errCorruptKey, key), hex.EncodeToString(a), hex.EncodeToString(b))
	}
	w, number, cell := Window(key[0]), int32(binary.BigEndian.Uint32(key[1:])), key[counterTailBytes:]
	name := func() string {
		return fmt.Sprintf("%s, definition %x, %s, cell %s",
			s.name, s.a.Definition, describeWindow(w, number), aggregator.DescribeCell(cell))
	}
	counterA, errA := decodeCounterOrNone(a)
	counterB, errB := decodeCounterOrNone(b)
	if errA != nil || errB != nil || !counterA.Equal(&counterB) {
		return s.report(OfCounter, name(), describe(a, describeCounter), describe(b, describeCounter))
	}
	if counterA.IsZero() {
		return nil
	}
	if err := s.checkDay(w, number, name); err != nil {
		return err
	}
	return s.checkCell(cell, name)
}

// checkDay looks whether a counter lies above the highest day of its series, where nobody looks for it.
func (s *seriesComparison) checkDay(w Window, number int32, name func() string) error {
	day := number
	if w == Hour {
		day = aggregator.DayOfHour(number)
	}
	if s.toldOfDay || day <= s.a.DayMax && day <= s.b.DayMax {
		return nil
	}
	s.toldOfDay = true
	return s.report(OfSeries, s.name+": the highest day, although there is "+name(),
		describeWindow(Day, s.a.DayMax), describeWindow(Day, s.b.DayMax))
}

// checkCell looks whether a counter's cell is known in both stores; each is told of once.
func (s *seriesComparison) checkCell(cell []byte, name func() string) error {
	inA, inB := s.cellsA[string(cell)], s.cellsB[string(cell)]
	if inA && inB {
		return nil
	}
	s.cellsA[string(cell)], s.cellsB[string(cell)] = true, true
	text := map[bool]string{true: "known"}
	return s.report(OfCounter, name()+": the cell itself", text[inA], text[inB])
}

// decodeCounterOrNone reads a counter; none is one that amounts to nothing.
func decodeCounterOrNone(value []byte) (aggregator.Counter, error) {
	if value == nil {
		return aggregator.Counter{}, nil
	}
	return aggregator.DecodeCounter(value)
}
