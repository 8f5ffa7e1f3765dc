package aggregator

import "weir/ingest"

// AnyFilter in a Part stands for every filter and group.
const AnyFilter = -2

// Part names a part of the usage of a metric, to find the events behind it.
type Part struct {
	Metric *Metric
	// Reason is TakesPart for events that are in the usage, else why they are not.
	Reason Reason
	Split  Split
	Filter int     // index in the split's filters, NoFilter, or AnyFilter
	Group  []Value // of the filter's group keys, in their order; nil with AnyFilter
}

// Contains reports whether an event with the metric's code, received at receivedAt,
// belongs to the part, by the same rules that made the usage.
func (p *Part) Contains(e *ingest.Event, receivedAt int64) bool {
	var q Quantity
	if p.Metric.Take(e, receivedAt, &q) != p.Reason {
		return false
	}
	if p.Reason != TakesPart || p.Filter == AnyFilter {
		return true
	}
	filter, group := p.Split.Place(func(key string) Value { return valueOf(e, key) })
	return filter == p.Filter && CompareValues(group, p.Group) == 0
}
