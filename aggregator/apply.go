package aggregator

import "weir/ingest"

// Apply takes one event, of the series' subscription and code, into the counters, and
// says whether it takes part. receivedAt is when weir took it in, nanoseconds since
// the Unix epoch.
//
// ok is false when the cell would be one too many, or too long: the counters are
// then incomplete and of no use. The counters of the event's day must have been loaded.
func (s *Series) Apply(e *ingest.Event, receivedAt int64, position ingest.Position) (reason Reason, ok bool) {
	c := s.counting
	reason = c.metric.Take(e, receivedAt, &c.quantity)
	if reason == BeforeMetric {
		return reason, true
	}
	counter, start, ok := s.counterOf(e, reason)
	if !ok {
		return reason, false
	}
	c.metric.count(counter, reason, &c.quantity, start, position)
	return reason, true
}

// count takes an event, or that it does not take part, into the counter of a window that begins at start.
func (m *Metric) count(c *hourCounter, reason Reason, q *Quantity, start int64, position ingest.Position) {
	if reason != TakesPart {
		c.EventsCount++
		c.Highest = max(c.Highest, position)
		return
	}
	m.add(&c.Counter, q, start, position)
}

// Remove takes an event, which Apply took, out of the counters again; position is that
// of what removes it. The metric must be one that Subtracts, and the counters of the
// event's day must have been loaded.
func (s *Series) Remove(e *ingest.Event, receivedAt int64, position ingest.Position) {
	c := s.counting
	reason := c.metric.Take(e, receivedAt, &c.quantity)
	if reason == BeforeMetric {
		return
	}
	counter, start, ok := s.counterOf(e, reason)
	if !ok {
		panic("BUG: the cell of an event that was counted is not known")
	}
	if reason != TakesPart {
		counter.EventsCount--
		counter.Highest = max(counter.Highest, position)
		return
	}
	c.metric.remove(&counter.Counter, &c.quantity, start, position)
}

// counterOf returns the counter that an event moves, marked as changed, and when its
// window begins. The pointer is valid until the next call.
func (s *Series) counterOf(e *ingest.Event, reason Reason) (counter *hourCounter, start int64, ok bool) {
	c := s.counting
	c.scratch = c.metric.appendCellOf(c.scratch[:0], e, reason, &c.quantity)
	cell := s.cell(c.scratch)
	if cell == nil {
		return nil, 0, false
	}
	counter, start = s.counterIn(cell, e.Timestamp)
	return counter, start, true
}

// counterIn returns the counter of a cell that an event at the timestamp moves, as counterOf does.
func (s *Series) counterIn(cell *Cell, timestamp int64) (counter *hourCounter, start int64) {
	hour := HourOf(timestamp)
	start = int64(hour) * hourNanos
	if hot := cell.hot; hot != nil && hot.hour == hour && hot.dirty {
		return hot, start
	}
	counter = s.hour(cell, s.dirtyDay(cell, DayOfHour(hour)), hour)
	counter.dirty = true
	cell.hot = counter
	return counter, start
}

// ResetHour empties all counters of an hour, whose events are applied again then. Its day must
// have been loaded. position is that of what made it necessary.
func (s *Series) ResetHour(hour int32, position ingest.Position) {
	day := DayOfHour(hour)
	for _, ref := range s.cells {
		cell := ref.cell
		d := cell.find(day)
		if d == nil {
			continue
		}
		for i := range d.hours {
			if c := &d.hours[i]; c.hour == hour {
				c.Counter = Counter{Highest: max(c.Highest, position)}
				c.dirty = true
				s.markDirty(cell, d)
			}
		}
	}
}
