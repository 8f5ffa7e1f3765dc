package aggregator

import (
	"github.com/shopspring/decimal"

	"weir/ingest"
)

// The property that says what an event does to its value, and the text that says it
// removes it. Everything else, and none, adds it.
const (
	operationTypeKey = "operation_type"
	operationRemove  = "remove"
)

// takeMember takes the event's value as a member that is added or removed.
func takeMember(e *ingest.Event, p ingest.Property, q *Quantity) {
	q.member, _ = appendValue(q.member[:0], p)
	operation, ok := e.Property(operationTypeKey)
	q.removed = ok && operation.Kind == ingest.KindString && string(operation.Text) == operationRemove
}

// uniqueUnits: unique_count_agg's units are the number of values that are there at
// the period's end: those whose last event, by timestamp and then transaction_id, adds
// them. To add what is there or remove what is not changes nothing, so the last
// event of a value says all. 0 of none. Recurring, events of all time before the period's
// end count. It goes with every charge model but dynamic.
func uniqueUnits(members map[string]*Counter) decimal.Decimal {
	there := int64(0)
	for _, c := range members {
		if c.isMember() {
			there++
		}
	}
	return decimal.NewFromInt(there)
}

// isMember reports whether the last event of a value, whose counter it is, adds it.
func (c *Counter) isMember() bool {
	return c.rare != nil && c.rare.point.kind == latestKind && !c.rare.point.removed
}
