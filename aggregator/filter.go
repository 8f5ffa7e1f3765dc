package aggregator

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"
)

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

// BucketUsage is the usage that is priced together: that of one filter (or of
// none) and one group.
type BucketUsage struct {
	Filter int // index in the filters given, or NoFilter
	// Group holds the values of the filter's GroupKeys (those of the charge for
	// NoFilter), in their order; empty when there are none.
	Group       []Value
	Units       decimal.Decimal // not rounded
	EventsCount int64
}

// Bucket distributes cells over a charge's filters and groups, each cell into
// exactly one bucket. cellKeys name the values of the cells; groupKeys are the
// charge's own, used where no filter takes a cell.
//
// The buckets are ordered by filter, NoFilter first, then by group. A filter or
// group without a cell has no bucket. A key that is not among cellKeys is a
// broken definition and panics: the counters were not split by it.
func Bucket(cells []CellUsage, cellKeys []string, filters []Filter, groupKeys []string) []BucketUsage {
	var buckets []BucketUsage
	for i := range cells {
		cell := &cells[i]
		filter := Choose(func(key string) Value { return cell.value(cellKeys, key) }, filters)
		keys := groupKeys
		if filter != NoFilter {
			keys = filters[filter].GroupKeys
		}
		buckets = addToBucket(buckets, BucketUsage{
			Filter:      filter,
			Group:       cell.values(cellKeys, keys),
			Units:       cell.Units,
			EventsCount: cell.EventsCount,
		})
	}
	return buckets
}

// addToBucket adds b to the bucket of its filter and group, which it makes
// when it is missing; buckets are sorted.
func addToBucket(buckets []BucketUsage, b BucketUsage) []BucketUsage {
	at, found := slices.BinarySearchFunc(buckets, b, compareBuckets)
	if !found {
		return slices.Insert(buckets, at, b)
	}
	buckets[at].Units = buckets[at].Units.Add(b.Units)
	buckets[at].EventsCount += b.EventsCount
	return buckets
}

func compareBuckets(a, b BucketUsage) int {
	if c := cmp.Compare(a.Filter, b.Filter); c != 0 {
		return c
	}
	return CompareValues(a.Group, b.Group)
}

func (c *CellUsage) value(cellKeys []string, key string) Value {
	i := slices.Index(cellKeys, key)
	if i < 0 {
		panic("BUG: cells are not split by " + key)
	}
	return c.Values[i]
}

func (c *CellUsage) values(cellKeys, keys []string) []Value {
	if len(keys) == 0 {
		return nil
	}
	values := make([]Value, len(keys))
	for i, key := range keys {
		values[i] = c.value(cellKeys, key)
	}
	return values
}
