package aggregator

import "weir/ingest"

// Quantity returns what an event with the metric's code adds to its counters;
// ok is false when the event does not take part. It is the one place that says
// what an event means: counters, rebuilds and reads from raw events all ask it.
//
// The quantity may point into the event.
func (m *Metric) Quantity(e *ingest.Event) (q Quantity, ok bool) {
	switch m.Aggregation {
	case CountAgg:
		return Quantity{}, true
	case SumAgg:
		return sumQuantity(e, m.FieldName)
	default:
		panic("BUG: no such aggregation")
	}
}

// Apply takes one event, of the series' subscription and code, into the
// counters. scratch is memory for the event's cell; it comes back, possibly grown.
//
// ok is false when the cell would be one too many, or too long: the counters are
// then incomplete and of no use. The counters of the event's day must have been loaded.
func (s *Series) Apply(e *ingest.Event, position ingest.Position, scratch []byte) (out []byte, ok bool) {
	q, takesPart := s.metric.Quantity(e)
	if !takesPart {
		return scratch, true
	}
	scratch = s.metric.AppendCell(scratch[:0], e)
	cell := s.cell(scratch)
	if cell == nil {
		return scratch, false
	}
	hour := HourOf(e.Timestamp)
	counter := s.hour(s.dirtyDay(cell, DayOfHour(hour)), hour)
	counter.dirty = true
	counter.Add(q, position)
	return scratch, true
}
