package aggregator

import (
	"errors"
	"fmt"
	"slices"
)

// Split says how a charge divides the usage of its metric: by its filters, and by
// groups within each.
type Split struct {
	Filters []Filter
	// GroupKeys are the charge's own (pricing_group_keys), for what no filter takes.
	GroupKeys []string
	// PresentationKeys break the usage of what no filter takes down for display
	// (presentation_group_keys); they do not divide what is priced.
	PresentationKeys []string
}

// ErrBadSplit: a split looks at a property that the metric's cells are not split by.
var ErrBadSplit = errors.New("usage is not split by this property")

// Check returns an error (ErrBadSplit) if the metric's cells can't be split so.
func (s *Split) Check(m *Metric) error {
	check := func(keys []string) error {
		for _, key := range keys {
			if !slices.Contains(m.CellKeys, key) {
				return fmt.Errorf("%w: %q of metric %q", ErrBadSplit, key, m.Code)
			}
		}
		return nil
	}
	err := errors.Join(check(s.GroupKeys), check(s.PresentationKeys))
	for i := range s.Filters {
		f := &s.Filters[i]
		err = errors.Join(err, check(f.GroupKeys), check(f.PresentationKeys))
		for j := range f.Conditions {
			err = errors.Join(err, check([]string{f.Conditions[j].Key}))
		}
	}
	return err
}

// Keys returns the properties that the split looks at, sorted, each once.
func (s *Split) Keys() []string {
	keys := slices.Concat(s.GroupKeys, s.PresentationKeys)
	for i := range s.Filters {
		f := &s.Filters[i]
		keys = append(append(keys, f.GroupKeys...), f.PresentationKeys...)
		for j := range f.Conditions {
			keys = append(keys, f.Conditions[j].Key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Place returns the one filter (an index, or NoFilter) and the group that usage with
// these values of properties belongs to. It decides so for every reader: of a period's
// cells, of a single event, and for explanations.
func (s *Split) Place(value func(key string) Value) (filter int, group []Value) {
	filter = Choose(value, s.Filters)
	return filter, valuesOf(value, s.groupKeys(filter))
}

func (s *Split) groupKeys(filter int) []string {
	if filter == NoFilter {
		return s.GroupKeys
	}
	return s.Filters[filter].GroupKeys
}

func (s *Split) presentationKeys(filter int) []string {
	if filter == NoFilter {
		return s.PresentationKeys
	}
	return s.Filters[filter].PresentationKeys
}

func valuesOf(value func(key string) Value, keys []string) []Value {
	if len(keys) == 0 {
		return nil
	}
	values := make([]Value, len(keys))
	for i, key := range keys {
		values[i] = value(key)
	}
	return values
}
