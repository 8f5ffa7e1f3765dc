package aggregator

import "slices"

// NoFilter is what Choose answers for a cell that no filter takes: it belongs
// to the charge's default bucket.
const NoFilter = -1

// Filter is a charge filter as metering sees it: it takes the cells that meet
// every one of its conditions.
type Filter struct {
	// Conditions have distinct keys. A filter without conditions takes nothing.
	Conditions []FilterCondition
	// GroupKeys are the properties by whose values the filter's usage is grouped
	// (pricing_group_keys); they may differ from the charge's own.
	GroupKeys []string
	// PresentationKeys are those by which it is broken down for display.
	PresentationKeys []string
	Fold             *Fold // asked of each of the filter's buckets
}

// FilterCondition is met by a cell whose value of Key is one of Values. Null is
// never met: the property must be there.
type FilterCondition struct {
	Key    string
	Values []string // in the text form of Value
	// Wildcard marks a condition that was given as "every value that the metric
	// declares": Values then holds those. It weighs less than one that names values.
	Wildcard bool
}

// Choose returns the index of the one filter that takes a cell, NoFilter when
// none does. Of the filters whose every condition is met, the one with the most
// keys wins; then the one with fewer wildcards; then the first on the charge.
//
// value returns the cell's value of a property.
func Choose(value func(key string) Value, filters []Filter) int {
	best := NoFilter
	for i := range filters {
		if filters[i].takes(value) && (best == NoFilter || filters[i].narrower(&filters[best])) {
			best = i
		}
	}
	return best
}

func (f *Filter) takes(value func(key string) Value) bool {
	for i := range f.Conditions {
		c := &f.Conditions[i]
		v := value(c.Key)
		if v.Null || !slices.Contains(c.Values, v.Text) {
			return false
		}
	}
	return len(f.Conditions) > 0
}

// narrower reports whether f goes before other, which stands earlier on the charge.
func (f *Filter) narrower(other *Filter) bool {
	if len(f.Conditions) != len(other.Conditions) {
		return len(f.Conditions) > len(other.Conditions)
	}
	return f.wildcards() < other.wildcards()
}

func (f *Filter) wildcards() int {
	n := 0
	for i := range f.Conditions {
		if f.Conditions[i].Wildcard {
			n++
		}
	}
	return n
}
