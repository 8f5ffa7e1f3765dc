package aggregator

import (
	"cmp"
	"errors"
	"slices"

	"github.com/shopspring/decimal"
)

// BucketUsage is the usage that is priced together: that of one filter (or of
// none) and one group.
type BucketUsage struct {
	Filter int // index in the split's filters, or NoFilter
	// Group holds the values of the filter's GroupKeys (those of the split for
	// NoFilter), in their order; empty when there are none.
	Group []Value
	// Units are not rounded; a negative sum stays negative here.
	Units decimal.Decimal
	// TotalUnits are what Lago calls total_aggregated_units: of a weighted sum the
	// running sum at the period's end, of all others Units.
	TotalUnits   decimal.Decimal
	EventsCount  int64           // events that took part
	PreciseTotal decimal.Decimal // Σ precise_total_amount_cents; 0 unless the metric adds it up
	// Presentation breaks Units down by the presentation keys, in the order of the
	// values; empty when there are none. Each part is aggregated by itself.
	Presentation []PresentationUsage
	Fold         *FoldUsage // what the split's fold asked for; nil where it asked for nothing
}

// PresentationUsage is a part of a bucket that is shown by itself.
type PresentationUsage struct {
	Values []Value // of the presentation keys, in their order
	Units  decimal.Decimal
}

// UsageCellsMax is how many cells, members of cells counted by themselves, the
// usage of one metric may have.
const UsageCellsMax = 5_000_000

// ErrTooManyCells: the metric has more than UsageCellsMax cells in the range asked for.
var ErrTooManyCells = errors.New("metric has too many cells in this range")

// tally is what cells that are taken together amount to.
type tally struct {
	total   Counter
	members map[string]*Counter // where they are a part of the cell
}

func (t *tally) take(m *Metric, member string, c *Counter) {
	t.total.Merge(c, 0)
	if !m.hasMembers() {
		return
	}
	if t.members == nil {
		t.members = make(map[string]*Counter)
	}
	of := t.members[member]
	if of == nil {
		of = new(Counter)
		t.members[member] = of
	}
	of.Merge(c, 0)
}

// units returns what a tally amounts to over the period, not rounded. length is what a
// weighted sum is divided by.
func (m *Metric) units(t *tally, period Span, length int64) decimal.Decimal {
	switch m.Aggregation {
	case CountAgg:
		return countUnits(&t.total)
	case SumAgg:
		return sumUnits(&t.total)
	case MaxAgg:
		return maxUnits(&t.total)
	case MinAgg:
		return minUnits(&t.total)
	case AvgAgg:
		return avgUnits(&t.total)
	case LatestAgg:
		return latestUnits(&t.total)
	case UniqueCountAgg:
		return uniqueUnits(t.members)
	case WeightedSumAgg:
		return weightedUnits(&t.total, period, length)
	case PercentileAgg:
		return percentileUnits(t.members, m.Percentile)
	default:
		panic("BUG: no such aggregation")
	}
}

// bucket is a BucketUsage that is being made.
type bucket struct {
	usage        BucketUsage
	tally        tally
	presentation map[string]*presentation // by appendValues
}

type presentation struct {
	values []Value
	tally  tally
}

// presented returns the part with these values, which stands under key, made when it is missing.
func (b *bucket) presented(key []byte, values []Value) *presentation {
	if b.presentation == nil {
		b.presentation = make(map[string]*presentation)
	}
	p := b.presentation[string(key)]
	if p == nil {
		p = &presentation{values: values}
		b.presentation[string(key)] = p
	}
	return p
}

// finish computes the units of a bucket.
func (b *bucket) finish(m *Metric, period Span, length int64) BucketUsage {
	u := &b.usage
	u.Units = m.units(&b.tally, period, length)
	u.TotalUnits = u.Units
	if m.Aggregation == WeightedSumAgg {
		u.TotalUnits = sumUnits(&b.tally.total)
	}
	u.EventsCount = b.tally.total.EventsCount
	precise := b.tally.total.PreciseTotal()
	u.PreciseTotal = precise.Decimal()
	for _, p := range b.presentation {
		u.Presentation = append(u.Presentation, PresentationUsage{p.values, m.units(&p.tally, period, length)})
	}
	slices.SortFunc(u.Presentation, func(a, b PresentationUsage) int { return CompareValues(a.Values, b.Values) })
	return *u
}

func compareBuckets(a, b *BucketUsage) int {
	if c := cmp.Compare(a.Filter, b.Filter); c != 0 {
		return c
	}
	return CompareValues(a.Group, b.Group)
}
