package aggregator

import (
	"maps"
	"slices"
	"sort"
)

// Series holds in memory the counters of one subscription's events with one
// code, under one definition: all of them, or those of the days that were loaded.
//
// Counters are kept by the hour. A day's counter is the sum of its hours, made
// when the day is written; that is why a day is loaded whole.
//
// A Series is used by one goroutine at a time.
type Series struct {
	metric     *Metric
	definition Definition
	cells      map[string]*Cell
	last       *Cell // the cell of the last event
	fresh      []*Cell
	dirty      []cellDay // since the last Freeze
	frozen     []cellDay // given out by it, and not saved yet
	loaded     []int32   // days, sorted; unused when resident
	resident   bool
	hours      int // counters in memory
	quantity   Quantity
	scratch    []byte // a cell's key
}

// Cell is one cell of a series.
type Cell struct {
	Key  string // as Metric.AppendCell encodes it
	days []*Day // sorted
}

// Day holds the hours of one cell in one day.
type Day struct {
	Number   int32
	hours    []hourCounter // sorted
	dirty    bool
	weighted bool // where in the day its hours lie is a part of its total
}

type hourCounter struct {
	hour  int32 // since the epoch
	dirty bool
	Counter
}

// cellDay names a day of a cell.
type cellDay struct {
	cell *Cell
	day  *Day
}

// NewSeries returns the counters of a series. resident says that there are none
// but those in memory: no day has to be loaded, ever.
func NewSeries(metric *Metric, resident bool) *Series {
	return &Series{
		metric:     metric,
		definition: metric.Definition(),
		cells:      make(map[string]*Cell, 1),
		resident:   resident,
	}
}

// Metric returns what the series counts by.
func (s *Series) Metric() *Metric { return s.metric }

// Definition returns the definition of the series' counters.
func (s *Series) Definition() Definition { return s.definition }

// Cells returns how many cells the series has, in memory and not.
func (s *Series) Cells() int { return len(s.cells) }

// Counters returns how many counters, of hours, are in memory.
func (s *Series) Counters() int { return s.hours }

// MemoryBytes estimates what the series takes.
func (s *Series) MemoryBytes() int {
	const seriesBytes, cellBytes, hourBytes = 400, 160, 96
	return seriesBytes + cellBytes*len(s.cells) + hourBytes*s.hours
}

// Loaded reports whether the day's counters are in memory.
func (s *Series) Loaded(day int32) bool {
	if s.resident {
		return true
	}
	if n := len(s.loaded); n > 0 && s.loaded[n-1] == day {
		return true
	}
	_, ok := slices.BinarySearch(s.loaded, day)
	return ok
}

// MarkLoaded says that all counters of the day have been given to LoadHour, or that there are none.
func (s *Series) MarkLoaded(day int32) {
	if at, ok := slices.BinarySearch(s.loaded, day); !ok {
		s.loaded = slices.Insert(s.loaded, at, day)
	}
}

// LoadCell makes a stored cell known.
func (s *Series) LoadCell(key []byte) {
	if s.cells[string(key)] == nil {
		s.cells[string(key)] = &Cell{Key: string(key)}
	}
}

// LoadHour puts a stored counter into memory. Its cell must be known.
func (s *Series) LoadHour(cell []byte, hour int32, c Counter) bool {
	known := s.cells[string(cell)]
	if known == nil {
		return false
	}
	s.hour(s.day(known, DayOfHour(hour)), hour).Counter = c
	return true
}

// cell returns the cell with the key, made when it is new; nil beyond the limits.
func (s *Series) cell(key []byte) *Cell {
	if s.last != nil && s.last.Key == string(key) {
		return s.last
	}
	cell := s.cells[string(key)]
	if cell == nil {
		if len(s.cells) >= s.metric.cellsMax() || len(key) > CellBytesMax {
			return nil
		}
		cell = &Cell{Key: string(key)}
		s.cells[cell.Key] = cell
		s.fresh = append(s.fresh, cell)
	}
	s.last = cell
	return cell
}

func (s *Series) day(cell *Cell, number int32) *Day {
	if n := len(cell.days); n > 0 && cell.days[n-1].Number == number {
		return cell.days[n-1]
	}
	at := sort.Search(len(cell.days), func(i int) bool { return cell.days[i].Number >= number })
	if at == len(cell.days) || cell.days[at].Number != number {
		cell.days = slices.Insert(cell.days, at, &Day{Number: number, weighted: s.metric.Aggregation == WeightedSumAgg})
	}
	return cell.days[at]
}

// find returns the cell's day, nil when it has none.
func (c *Cell) find(number int32) *Day {
	at := sort.Search(len(c.days), func(i int) bool { return c.days[i].Number >= number })
	if at == len(c.days) || c.days[at].Number != number {
		return nil
	}
	return c.days[at]
}

func (s *Series) dirtyDay(cell *Cell, number int32) *Day {
	day := s.day(cell, number)
	s.markDirty(cell, day)
	return day
}

func (s *Series) markDirty(cell *Cell, day *Day) {
	if !day.dirty {
		day.dirty = true
		s.dirty = append(s.dirty, cellDay{cell, day})
	}
}

// hour returns the day's counter of an hour, made when it is missing. The
// pointer is valid until the next call.
func (s *Series) hour(d *Day, hour int32) *hourCounter {
	if n := len(d.hours); n > 0 && d.hours[n-1].hour == hour {
		return &d.hours[n-1]
	}
	at := sort.Search(len(d.hours), func(i int) bool { return d.hours[i].hour >= hour })
	if at == len(d.hours) || d.hours[at].hour != hour {
		d.hours = slices.Insert(d.hours, at, hourCounter{hour: hour})
		s.hours++
	}
	return &d.hours[at]
}

// Hours calls f for the counters of the day, in order; dirty are those that
// changed since the last Freeze.
func (d *Day) Hours(f func(hour int32, dirty bool, c *Counter)) {
	for i := range d.hours {
		f(d.hours[i].hour, d.hours[i].dirty, &d.hours[i].Counter)
	}
}

// Overlaps reports whether a part of the day lies in a span of nanoseconds.
func (d *Day) Overlaps(s Span) bool {
	const dayNanos = HoursPerDay * hourNanos
	from := int64(d.Number) * dayNanos
	return from < s.To && s.From < from+dayNanos
}

// Total returns the counter of the whole day, which shares nothing with those of its hours.
func (d *Day) Total() Counter {
	var total Counter
	for i := range d.hours {
		h, shift := &d.hours[i], int64(0)
		if d.weighted {
			shift = int64(h.hour-d.Number*HoursPerDay) * hourNanos
		}
		total.Merge(&h.Counter, shift)
	}
	return total
}

// Freeze calls cell for the cells that came, and day for the days that changed, since
// the last Freeze. They count as unsaved until Saved is called.
func (s *Series) Freeze(cell func(key string), day func(key string, d *Day)) {
	if len(s.frozen) > 0 {
		panic("BUG: frozen again before it was saved")
	}
	for _, c := range s.fresh {
		cell(c.Key)
	}
	clear(s.fresh)
	s.fresh = s.fresh[:0]
	for _, d := range s.dirty {
		day(d.cell.Key, d.day)
		d.day.dirty = false
		for i := range d.day.hours {
			d.day.hours[i].dirty = false
		}
	}
	s.frozen, s.dirty = s.dirty, s.frozen
}

// Saved says that what the last Freeze gave out is durable.
func (s *Series) Saved() {
	clear(s.frozen)
	s.frozen = s.frozen[:0]
}

// Forget lets go of what Saved covers, whole days at a time: what is asked for
// again must be loaded again. It must not be called between Freeze and Saved.
func (s *Series) Forget() {
	kept := make(map[int32]bool)
	for _, d := range s.dirty {
		kept[d.day.Number] = true
	}
	s.hours = 0
	for _, cell := range s.cells {
		cell.days = slices.DeleteFunc(cell.days, func(d *Day) bool { return !kept[d.Number] })
		for _, d := range cell.days {
			s.hours += len(d.hours)
		}
	}
	s.resident = false
	s.loaded = slices.Sorted(maps.Keys(kept))
}

// Unsaved calls f for the days of cells that hold what is not known to be
// durable; a day may come twice. All of such a day's hours are in memory.
func (s *Series) Unsaved(f func(key string, d *Day)) {
	for _, list := range [][]cellDay{s.frozen, s.dirty} {
		for _, d := range list {
			f(d.cell.Key, d.day)
		}
	}
}

// Absorb adds the counters of another series of the same definition, which
// must not have taken an event that s took, and which must not be used any more. All of
// the counters of s count as changed then. It reports false when there are too many cells.
func (s *Series) Absorb(other *Series) bool {
	for key, from := range other.cells {
		cell := s.cell([]byte(key))
		if cell == nil {
			return false
		}
		for _, day := range from.days {
			into := s.dirtyDay(cell, day.Number)
			for i := range day.hours {
				counter := s.hour(into, day.hours[i].hour)
				counter.dirty = true
				counter.Merge(&day.hours[i].Counter, 0)
			}
		}
	}
	s.last = nil
	return true
}
