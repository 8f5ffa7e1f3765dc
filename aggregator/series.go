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
// There are as many of them as there are subscriptions, and of cells several times that: what
// all series of a metric have in common stands in its Counting.
//
// A Series is used by one goroutine at a time, and so are all that share a Counting.
type Series struct {
	counting *Counting
	cells    []cellRef        // in the order in which they came
	index    map[string]*Cell // by key; nil while cells are few
	known    int              // how many of cells are no news for Freeze
	hours    int32            // counters in memory
	resident bool             // up to here it is what each event needs: one line of the processor's cache
	loaded   []int32          // days, sorted; unused when resident
	dirty    []cellDay        // since the last Freeze
	frozen   []cellDay        // given out by it, and not saved yet
}

// cellRef finds a cell without looking at it.
type cellRef struct {
	id   uint32 // of its key in Counting; 0 = the key is not shared
	cell *Cell
}

// Cell is one cell of a series.
type Cell struct {
	Key  string // as Metric.AppendCell encodes it
	days []Day  // sorted
	// hot is the counter that the last event moved, nil when it may have moved itself.
	// If it is dirty, so is its day.
	hot *hourCounter
}

// Day holds the hours of one cell in one day.
type Day struct {
	Number   int32
	dirty    bool
	weighted bool          // where in the day its hours lie is a part of its total
	hours    []hourCounter // sorted
}

type hourCounter struct {
	hour  int32 // since the epoch
	dirty bool
	Counter
}

// cellDay names a day of a cell, which stays in memory as long as it is named.
type cellDay struct {
	cell *Cell
	day  int32
}

// NewSeries returns the counters of a series. resident says that there are none
// but those in memory: no day has to be loaded, ever.
func NewSeries(metric *Metric, resident bool) *Series {
	return NewCounting(metric).NewSeries(resident)
}

// Metric returns what the series counts by.
func (s *Series) Metric() *Metric { return s.counting.metric }

// Definition returns the definition of the series' counters.
func (s *Series) Definition() Definition { return s.counting.definition }

// Cells returns how many cells the series has, in memory and not.
func (s *Series) Cells() int { return len(s.cells) }

// Counters returns how many counters, of hours, are in memory.
func (s *Series) Counters() int { return int(s.hours) }

// MemoryBytes estimates what the series takes.
func (s *Series) MemoryBytes() int {
	const seriesBytes, cellBytes, hourBytes = 150, 150, 64
	return seriesBytes + cellBytes*len(s.cells) + hourBytes*int(s.hours)
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

// LoadCell makes a stored cell known. It must not be called when a cell has come that
// Freeze has not given out.
func (s *Series) LoadCell(key []byte) {
	if cell, id := s.find(key); cell == nil {
		s.add(key, id)
		s.known = len(s.cells)
	}
}

// LoadHour puts a stored counter into memory. Its cell must be known.
func (s *Series) LoadHour(cell []byte, hour int32, c Counter) bool {
	known, _ := s.find(cell)
	if known == nil {
		return false
	}
	s.hour(known, s.day(known, DayOfHour(hour)), hour).Counter = c
	return true
}

// Touch and TouchCells bring what Foresee will look at into the processor's caches, a step of the way each; what
// they return is of no use. Whoever is about to apply events to many series takes a step for all of them
// before the next: one after the other, each step of each would wait for memory.
func (s *Series) Touch() uint64 { return uint64(len(s.cells)) }

// TouchCells is the step behind Touch.
func (s *Series) TouchCells() uint64 {
	if len(s.cells) == 0 || s.index != nil {
		return 0
	}
	return uint64(s.cells[0].id) + uint64(s.cells[len(s.cells)-1].id)
}

// cellsScannedMax is up to how many cells looking through them costs less than a map of them.
const cellsScannedMax = 12

// find returns the cell with the key, nil if there is none, and the id of the key.
func (s *Series) find(key []byte) (*Cell, uint32) {
	id := s.counting.idOf(key)
	if s.index != nil {
		return s.index[string(key)], id
	}
	for i := range s.cells {
		if ref := &s.cells[i]; ref.id == id && (id != 0 || ref.cell.Key == string(key)) {
			return ref.cell, id
		}
	}
	return nil, id
}

// add makes a cell.
func (s *Series) add(key []byte, id uint32) *Cell {
	cell := &Cell{Key: s.counting.keyOf(id, key)}
	s.cells = append(s.cells, cellRef{id, cell})
	if s.index != nil {
		s.index[cell.Key] = cell
	} else if len(s.cells) > cellsScannedMax {
		s.index = make(map[string]*Cell, 2*cellsScannedMax)
		for _, ref := range s.cells {
			s.index[ref.cell.Key] = ref.cell
		}
	}
	return cell
}

// cell returns the cell with the key, made when it is new; nil beyond the limits.
func (s *Series) cell(key []byte) *Cell {
	cell, id := s.find(key)
	if cell == nil {
		if len(s.cells) >= s.counting.metric.cellsMax() || len(key) > CellBytesMax {
			return nil
		}
		cell = s.add(key, id)
	}
	return cell
}

// day returns a day of the cell, made when it is missing. The pointer is valid until the next call.
func (s *Series) day(cell *Cell, number int32) *Day {
	if n := len(cell.days); n > 0 && cell.days[n-1].Number == number {
		return &cell.days[n-1]
	}
	at := sort.Search(len(cell.days), func(i int) bool { return cell.days[i].Number >= number })
	if at == len(cell.days) || cell.days[at].Number != number {
		cell.days = slices.Insert(cell.days, at, Day{Number: number, weighted: s.counting.metric.Aggregation == WeightedSumAgg})
	}
	return &cell.days[at]
}

// find returns the cell's day, nil when it has none. The pointer is valid until a day is made.
func (c *Cell) find(number int32) *Day {
	if n := len(c.days); n > 0 && c.days[n-1].Number == number {
		return &c.days[n-1]
	}
	at := sort.Search(len(c.days), func(i int) bool { return c.days[i].Number >= number })
	if at == len(c.days) || c.days[at].Number != number {
		return nil
	}
	return &c.days[at]
}

func (s *Series) dirtyDay(cell *Cell, number int32) *Day {
	day := s.day(cell, number)
	s.markDirty(cell, day)
	return day
}

func (s *Series) markDirty(cell *Cell, day *Day) {
	if !day.dirty {
		day.dirty = true
		s.dirty = append(s.dirty, cellDay{cell, day.Number})
	}
}

// hour returns the cell's counter of an hour in its day, made when it is missing. The
// pointer is valid until the next call.
func (s *Series) hour(cell *Cell, d *Day, hour int32) *hourCounter {
	if n := len(d.hours); n > 0 && d.hours[n-1].hour == hour {
		return &d.hours[n-1]
	}
	at := sort.Search(len(d.hours), func(i int) bool { return d.hours[i].hour >= hour })
	if at == len(d.hours) || d.hours[at].hour != hour {
		d.hours = slices.Insert(d.hours, at, hourCounter{hour: hour})
		cell.hot = nil
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
	for _, ref := range s.cells[s.known:] {
		cell(ref.cell.Key)
	}
	s.known = len(s.cells)
	for _, at := range s.dirty {
		d := at.cell.find(at.day)
		day(at.cell.Key, d)
		d.dirty = false
		for i := range d.hours {
			d.hours[i].dirty = false
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
		kept[d.day] = true
	}
	s.hours = 0
	for _, ref := range s.cells {
		cell := ref.cell
		cell.hot = nil
		cell.days = slices.DeleteFunc(cell.days, func(d Day) bool { return !kept[d.Number] })
		if len(cell.days) == 0 {
			cell.days = nil
		}
		for i := range cell.days {
			s.hours += int32(len(cell.days[i].hours))
		}
	}
	s.resident = false
	s.loaded = slices.Sorted(maps.Keys(kept))
}

// Unsaved calls f for the days of cells that hold what is not known to be
// durable; a day may come twice. All of such a day's hours are in memory.
func (s *Series) Unsaved(f func(key string, d *Day)) {
	for _, list := range [][]cellDay{s.frozen, s.dirty} {
		for _, at := range list {
			f(at.cell.Key, at.cell.find(at.day))
		}
	}
}

// Absorb adds the counters of another series of the same definition, which
// must not have taken an event that s took, and which must not be used any more. All of
// the counters of s count as changed then. It reports false when there are too many cells.
func (s *Series) Absorb(other *Series) bool {
	for _, from := range other.cells {
		cell := s.cell([]byte(from.cell.Key))
		if cell == nil {
			return false
		}
		for d := range from.cell.days {
			day := &from.cell.days[d]
			into := s.dirtyDay(cell, day.Number)
			for i := range day.hours {
				counter := s.hour(cell, into, day.hours[i].hour)
				counter.dirty = true
				counter.Merge(&day.hours[i].Counter, 0)
			}
		}
	}
	return true
}
