package oracle

import (
	"math/big"
	"slices"
	"time"
)

// Result is what a metric comes to.
type Result struct {
	// Buckets are in the order of their filter, NoFilter first, and then of their group:
	// null first, then by the bytes of the text. One without units and events is left out.
	Buckets []Bucket
	// LeftOut counts the current events of the metric's code in the period that have no value to aggregate.
	LeftOut map[Reason]int
}

// Reason says why an event has no value.
type Reason string

// The reasons.
const (
	MissingProperty  Reason = "missing_property"  // it is not there, null or nested
	NotANumber       Reason = "not_a_number"      // it is there; the aggregation needs a number
	ExpressionFailed Reason = "expression_failed" // the expression has no result for this event
)

// Bucket is the usage that is priced together: of one filter and one group.
type Bucket struct {
	Filter  int     // index in Split.Filters, or NoFilter
	Group   []Value // of the group keys of the filter, or the charge; nil without any
	Units   *big.Rat
	Rounded *big.Rat // Units by the metric's rounding; negative units stay negative
	// Events is how many took part: those in [from, to), and of a recurring sum and
	// unique count all before to.
	Events int
	// PreciseTotal is the sum of PreciseTotal over the events that Events counts, in cents.
	PreciseTotal *big.Rat
	// Closing is a weighted sum's running total at the end of the period; nil of the others.
	Closing *big.Rat
	// Presentation takes the bucket apart by its presentation keys, each share aggregated
	// by itself; in the order of the values, nil without keys.
	Presentation []Share
}

// Share is a part of a bucket, for display.
type Share struct {
	Values []Value  // of the presentation keys
	Units  *big.Rat // not rounded; the shares of a maximum, say, do not add up to the bucket
	Events int
}

// Find returns the bucket of a filter and group, one with nothing in it where there is none.
func (r Result) Find(filter int, group ...Value) Bucket {
	for _, b := range r.Buckets {
		if b.Filter == filter && compareValues(b.Group, group) == 0 {
			return b
		}
	}
	return Bucket{Filter: filter, Group: group, Units: new(big.Rat), Rounded: new(big.Rat), PreciseTotal: new(big.Rat)}
}

// part is an event that takes part, with its value.
type part struct {
	event  Event
	number *big.Rat // nil for a count and a unique count
	text   string   // of a unique count
}

// gathered are the parts of one bucket, or share.
type gathered struct {
	filter int
	values []Value
	before []part // ahead of the period: the opening of a recurring weighted sum
	within []part
}

// Usage returns what a subscription's events in [from, to) come to. from must not lie behind to.
func Usage(events []Event, m Metric, subscription string, from, to time.Time, split Split) Result {
	buckets, leftOut := m.gatherAll(events, subscription, from, to, split)
	result := Result{LeftOut: leftOut}
	for _, g := range buckets {
		_, presentation := split.keys(g.filter)
		b := m.bucket(g, from, to, presentation)
		if b.Events > 0 || b.Units.Sign() != 0 {
			result.Buckets = append(result.Buckets, b)
		}
	}
	return result
}

// gatherAll puts the events to their buckets, in order, and counts those that are left out.
func (m Metric) gatherAll(events []Event, subscription string, from, to time.Time, split Split) (buckets []gathered, leftOut map[Reason]int) {
	leftOut = map[Reason]int{}
	for _, e := range Current(events) {
		if e.Subscription != subscription || e.Code != m.Code || e.ReceivedAt.Before(m.ReceivedFrom) {
			continue
		}
		before, within := m.place(e.Time, from, to)
		if !before && !within {
			continue
		}
		p, reason := m.partOf(e)
		if reason != "" {
			if within {
				leftOut[reason]++
			}
			continue
		}
		filter := split.choose(m, e)
		group, _ := split.keys(filter)
		buckets = gather(buckets, filter, valuesOf(e, group), p, before)
	}
	sortGathered(buckets)
	return buckets, leftOut
}

// place says whether an instant lies in the period, or, for the opening of a
// recurring weighted sum, ahead of it.
func (m Metric) place(at, from, to time.Time) (before, within bool) {
	switch {
	case !at.Before(to):
		return false, false
	case !at.Before(from):
		return false, true
	case !m.Recurring:
		return false, false
	case m.Aggregation == WeightedSumAgg:
		return true, false
	default: // a recurring sum or unique count takes its history as if it were now
		return false, true
	}
}

// partOf returns the event with its value, or the reason why it has none.
func (m Metric) partOf(e Event) (part, Reason) {
	if m.Aggregation == CountAgg {
		return part{event: e}, ""
	}
	property := e.Properties[m.Field]
	if m.Expression != nil {
		result, ok := m.Expression.Eval(e)
		if !ok {
			return part{}, ExpressionFailed
		}
		property = result
	}
	value := valueOf(property)
	switch {
	case value.Null:
		return part{}, MissingProperty
	case m.Aggregation == UniqueCountAgg:
		return part{event: e, text: value.Text}, ""
	}
	n := number(property)
	if n == nil {
		return part{}, NotANumber
	}
	return part{event: e, number: n}, ""
}

// gather puts a part to those of its filter and values.
func gather(all []gathered, filter int, values []Value, p part, before bool) []gathered {
	at := slices.IndexFunc(all, func(g gathered) bool {
		return g.filter == filter && compareValues(g.values, values) == 0
	})
	if at < 0 {
		at = len(all)
		all = append(all, gathered{filter: filter, values: values})
	}
	if before {
		all[at].before = append(all[at].before, p)
	} else {
		all[at].within = append(all[at].within, p)
	}
	return all
}

func sortGathered(all []gathered) {
	slices.SortFunc(all, func(a, b gathered) int {
		if a.filter != b.filter {
			return a.filter - b.filter
		}
		return compareValues(a.values, b.values)
	})
}

func (m Metric) bucket(g gathered, from, to time.Time, presentation []string) Bucket {
	b := Bucket{
		Filter: g.filter, Group: g.values, Events: len(g.within),
		Units: m.units(g, from, to), PreciseTotal: new(big.Rat),
	}
	b.Rounded = m.Rounding.Apply(b.Units, m.Precision)
	for _, p := range g.within {
		if p.event.PreciseTotal != "" {
			b.PreciseTotal.Add(b.PreciseTotal, Decimal(p.event.PreciseTotal))
		}
	}
	if m.Aggregation == WeightedSumAgg {
		b.Closing = new(big.Rat).Add(total(g.before), total(g.within))
	}
	if len(presentation) > 0 {
		b.Presentation = m.shares(g, from, to, presentation)
	}
	return b
}

// shares takes a bucket apart by its presentation keys. As with buckets, a share
// without units and events is left out.
func (m Metric) shares(g gathered, from, to time.Time, keys []string) []Share {
	var parts []gathered
	for _, p := range g.before {
		parts = gather(parts, g.filter, valuesOf(p.event, keys), p, true)
	}
	for _, p := range g.within {
		parts = gather(parts, g.filter, valuesOf(p.event, keys), p, false)
	}
	sortGathered(parts)
	var shares []Share
	for _, part := range parts {
		s := Share{Values: part.values, Units: m.units(part, from, to), Events: len(part.within)}
		if s.Events > 0 || s.Units.Sign() != 0 {
			shares = append(shares, s)
		}
	}
	return shares
}
