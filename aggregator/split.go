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
	// Fold is asked of what no filter takes.
	Fold *Fold
}

// ErrBadSplit: a split looks at a property that the metric's cells are not split by.
var ErrBadSplit = errors.New("usage is not split by this property")

// Check returns an error (ErrBadSplit, ErrBadFold) if the metric's cells can't be split so, or a fold can't be made.
func (s *Split) Check(m *Metric) error {
	check := func(keys []string) error {
		for _, key := range keys {
			if !slices.Contains(m.CellKeys, key) {
				return fmt.Errorf("%w: %q of metric %q", ErrBadSplit, key, m.Code)
			}
		}
		return nil
	}
	err := errors.Join(check(s.GroupKeys), check(s.PresentationKeys), s.Fold.check(m))
	for i := range s.Filters {
		f := &s.Filters[i]
		err = errors.Join(err, check(f.GroupKeys), check(f.PresentationKeys), f.Fold.check(m))
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

// placeKeys returns those that Place looks at, sorted, each once.
func (s *Split) placeKeys() []string {
	keys := slices.Clone(s.GroupKeys)
	for i := range s.Filters {
		f := &s.Filters[i]
		keys = append(keys, f.GroupKeys...)
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

// Folds reports whether the split asks for folds of some bucket.
func (s *Split) Folds() bool {
	return s.Fold != nil || slices.ContainsFunc(s.Filters, func(f Filter) bool { return f.Fold != nil })
}

// Prorates reports whether one of them is of prorated units.
func (s *Split) Prorates() bool {
	return slices.ContainsFunc(s.folds(), func(f *Fold) bool { return f.Prorated })
}

// folds returns the folds that there are.
func (s *Split) folds() []*Fold {
	var folds []*Fold
	for i := -1; i < len(s.Filters); i++ {
		if fold := s.fold(i); fold != nil {
			folds = append(folds, fold)
		}
	}
	return folds
}

// fold returns what is asked of the buckets of a filter, or of NoFilter; nil = nothing.
func (s *Split) fold(filter int) *Fold {
	if filter == NoFilter {
		return s.Fold
	}
	return s.Filters[filter].Fold
}
