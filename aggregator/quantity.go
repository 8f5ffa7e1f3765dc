package aggregator

import "weir/ingest"

// Quantity is what one event brings to a counter. It points into the event, and
// into itself: it is valid until the next Take into it, and must not be copied.
type Quantity struct {
	value     Number
	precise   Number // precise_total_amount_cents, where the metric adds it up
	member    []byte // the value's text form, where it is a part of the cell
	removed   bool   // the event removes its member
	timestamp int64
	id        []byte // transaction_id
	scratch   []byte // what an expression gave

	// Where in an event the properties stood that were looked for last: in the next one they nearly always
	// stand there again.
	fieldAt int
	cellAt  []int // by the index of the cell key
}

// Take says whether an event with the metric's code, received at the instant (nanoseconds
// since the Unix epoch), takes part, and what it brings. It is the one place that says
// what an event means: counters, rebuilds, reads from raw events, and explanations all ask it.
func (m *Metric) Take(e *ingest.Event, receivedAt int64, q *Quantity) Reason {
	if receivedAt < m.ReceivedFrom {
		return BeforeMetric
	}
	q.timestamp, q.id = e.Timestamp, e.TransactionID
	if m.Aggregation != CountAgg {
		if reason := m.takeValue(e, q); reason != TakesPart {
			return reason
		}
	}
	if m.PreciseTotals {
		q.precise = Number{}
		if e.PreciseTotal != nil {
			// What is not a number was refused when the event came in.
			q.precise, _ = numberOf(e.PreciseTotal)
		}
	}
	return TakesPart
}

// takeValue takes the event's value: the property, or what the expression gives.
func (m *Metric) takeValue(e *ingest.Event, q *Quantity) Reason {
	p, ok := propertyOf(e, m.FieldName, &q.fieldAt)
	if m.Expression != nil {
		text, kind, err := m.Expression.AppendEval(q.scratch[:0], e)
		if err != nil {
			return ExpressionFailed
		}
		q.scratch = text
		p, ok = ingest.Property{Kind: kind, Text: text}, true
	}
	if !ok || p.Kind == ingest.KindNull || p.Kind == ingest.KindNested {
		return MissingProperty
	}
	if m.Aggregation == UniqueCountAgg {
		takeMember(e, p, q)
		return TakesPart
	}
	text, ok := ingest.NumericText(p)
	if !ok {
		return NotANumber
	}
	if q.value, ok = numberOf(text); !ok {
		return NotANumber
	}
	if m.Aggregation == PercentileAgg {
		q.member = ingest.AppendPlain(q.member[:0], text)
	}
	return TakesPart
}

// propertyOf returns the event's property of the name, which is likely to stand where the last one of that name stood.
func propertyOf(e *ingest.Event, name string, at *int) (p ingest.Property, ok bool) {
	if n := *at; n < len(e.Properties) && string(e.Properties[n].Name) == name {
		return e.Properties[n], true
	}
	for i := range e.Properties {
		if string(e.Properties[i].Name) == name {
			*at = i
			return e.Properties[i], true
		}
	}
	return ingest.Property{}, false
}
