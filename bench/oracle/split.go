package oracle

import "slices"

// AllValues, as the only value of a filter's key, stands for every value that the metric declares.
const AllValues = "__ALL_FILTER_VALUES__"

// NoFilter is the filter of the events that no filter takes.
const NoFilter = -1

// Split says how a charge takes usage apart.
type Split struct {
	Filters []Filter // in their order on the charge
	// GroupKeys and PresentationKeys are those of the events that no filter takes.
	GroupKeys        []string
	PresentationKeys []string
	Fold             *Fold // of those events, too; nil for none
}

// Filter takes the events that have, for each of its keys, one of the key's values.
type Filter struct {
	Values           map[string][]string // never empty
	GroupKeys        []string            // each group is aggregated and priced by itself
	PresentationKeys []string            // a bucket's parts are shown, not priced
	Fold             *Fold               // nil for none
}

// choose returns the index of the one filter that an event belongs to, or NoFilter. Of
// those that take it, the one with the most keys wins, then the one with fewer
// keys that are given as AllValues, then the first.
func (s Split) choose(m Metric, e Event) int {
	best := NoFilter
	for i, f := range s.Filters {
		if !f.takes(m, e) {
			continue
		}
		if best == NoFilter {
			best = i
			continue
		}
		b := s.Filters[best]
		if len(f.Values) > len(b.Values) || len(f.Values) == len(b.Values) && f.wildcards() < b.wildcards() {
			best = i
		}
	}
	return best
}

func (f Filter) takes(m Metric, e Event) bool {
	for key, values := range f.Values {
		if slices.Equal(values, []string{AllValues}) {
			values = m.Declared[key]
		}
		value := valueOf(e.Properties[key])
		if value.Null || !slices.Contains(values, value.Text) {
			return false
		}
	}
	return true
}

func (f Filter) wildcards() int {
	n := 0
	for _, values := range f.Values {
		if slices.Equal(values, []string{AllValues}) {
			n++
		}
	}
	return n
}

// keys returns the group and presentation keys of a filter, or of NoFilter.
func (s Split) keys(filter int) (group, presentation []string) {
	if filter == NoFilter {
		return s.GroupKeys, s.PresentationKeys
	}
	return s.Filters[filter].GroupKeys, s.Filters[filter].PresentationKeys
}

// fold returns that of a filter, or of NoFilter.
func (s Split) fold(filter int) *Fold {
	if filter == NoFilter {
		return s.Fold
	}
	return s.Filters[filter].Fold
}

// folds reports whether there is any.
func (s Split) folds() bool {
	return s.Fold != nil || slices.ContainsFunc(s.Filters, func(f Filter) bool { return f.Fold != nil })
}
