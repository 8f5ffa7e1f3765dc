package aggregator

import "weir/ingest"

// Foreseen is what an event will do to a series' counters, made out before its turn by Foresee: its value, and the
// cell it will fall into. It is true whatever happens to the counters meanwhile. The zero value says nothing.
type Foreseen struct {
	of     *Series // nil = nothing is foreseen
	cell   *Cell   // nil = the series did not have it yet
	id     uint32  // of the cell's key
	reason Reason
	value  Number
}

// Foresee makes out what Apply would do with an event, received at receivedAt, and what it can do without
// the counters. Of the rare metrics, whose events bring more than a value, it makes out nothing.
func (s *Series) Foresee(e *ingest.Event, receivedAt int64, f *Foreseen) {
	c := s.counting
	*f = Foreseen{}
	if !c.foresees {
		return
	}
	reason := c.metric.Take(e, receivedAt, &c.quantity)
	if reason == BeforeMetric {
		return
	}
	c.scratch = c.metric.appendCellOf(c.scratch[:0], e, reason, &c.quantity)
	id := c.idOf(c.scratch)
	if id == 0 {
		return
	}
	*f = Foreseen{of: s, id: id, reason: reason, value: c.quantity.value, cell: s.shared(id)}
}

// TouchCell and TouchCounter bring what ApplyForeseen will look at into the processor's caches, a step of
// the way each; what they return is of no use.
func (f *Foreseen) TouchCell() uint64 {
	if f.hot() == nil {
		return 0
	}
	return 1
}

// TouchCounter is the step behind TouchCell.
func (f *Foreseen) TouchCounter() uint64 {
	hot := f.hot()
	if hot == nil {
		return 0
	}
	return uint64(hot.hour) + uint64(hot.Highest) // its two ends, which may be in two lines
}

// hot returns the counter that the event is likely to move, nil if that is not known.
func (f *Foreseen) hot() *hourCounter {
	if f.cell == nil {
		return nil
	}
	return f.cell.hot
}

// ApplyForeseen is Apply of an event for which f was made out, of whichever series.
func (s *Series) ApplyForeseen(f *Foreseen, e *ingest.Event, receivedAt int64, position ingest.Position) (reason Reason, ok bool) {
	if f.of != s {
		return s.Apply(e, receivedAt, position)
	}
	cell := f.cell
	if cell == nil {
		if cell = s.cell([]byte(s.counting.keys[f.id-1])); cell == nil {
			return f.reason, false
		}
	}
	q := &s.counting.quantity
	q.value, q.timestamp, q.id = f.value, e.Timestamp, e.TransactionID
	counter, start := s.counterIn(cell, e.Timestamp)
	s.counting.metric.count(counter, f.reason, q, start, position)
	return f.reason, true
}

// shared returns the cell with a shared key, nil if the series has none.
func (s *Series) shared(id uint32) *Cell {
	if s.index != nil {
		return s.index[s.counting.keys[id-1]]
	}
	for i := range s.cells {
		if s.cells[i].id == id {
			return s.cells[i].cell
		}
	}
	return nil
}
