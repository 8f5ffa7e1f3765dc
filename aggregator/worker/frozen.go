package worker

import (
	"weir/aggregator"
	"weir/aggregator/store"
)

// frozen is a copy of what a checkpoint is to hold of series. The owner makes it, and copies no
// more than what it goes on changing; to make rows of it, which takes longer, is for the goroutine
// that writes the checkpoint.
type frozen struct {
	series   []frozenSeries
	cells    []string
	counters []frozenCounter
}

// frozenSeries is one of them.
type frozenSeries struct {
	name         *store.SeriesName // never changed
	row          store.Series
	nameNew      bool
	rowChanged   bool
	drops        []aggregator.Definition
	cells        int // index behind its last in frozen.cells
	counters     int // and in frozen.counters
	cellsFrom    int
	countersFrom int
	definition   aggregator.Definition // of the counters
}

// frozenCounter is a counter of a cell.
type frozenCounter struct {
	cell    string
	number  int32 // of the window
	window  store.Window
	counter aggregator.Counter
}

func (f *frozen) put(w store.Window, number int32, cell string, c aggregator.Counter) {
	f.counters = append(f.counters, frozenCounter{cell, number, w, c})
}

// putIn makes the rows of a checkpoint.
func (f *frozen) putIn(c *store.Checkpoint) {
	var pace store.Pace
	for i := range f.series {
		s := &f.series[i]
		for _, d := range s.drops {
			c.DropCounters(s.row.Number, d)
		}
		for _, cell := range f.cells[s.cellsFrom:s.cells] {
			c.PutCell(s.row.Number, s.definition, cell)
		}
		for j := s.countersFrom; j < s.counters; j++ {
			counter := &f.counters[j]
			c.PutCounter(s.row.Number, s.definition, counter.window, counter.number, counter.cell, &counter.counter)
			pace.Step()
		}
		if s.nameNew {
			c.PutName(s.name)
		}
		if s.rowChanged {
			c.PutSeries(s.name, &s.row)
		}
	}
}

// frozenKeptMax is up to how many counters the memory of a copy is kept for the next one.
const frozenKeptMax = 1 << 18

// emptied returns an empty copy in the memory of one that is not needed any more.
func (f *frozen) emptied() frozen {
	if cap(f.counters) > frozenKeptMax {
		return frozen{}
	}
	clear(f.series)
	clear(f.cells)
	clear(f.counters)
	return frozen{f.series[:0], f.cells[:0], f.counters[:0]}
}
