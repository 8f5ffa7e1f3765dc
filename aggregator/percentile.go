package aggregator

import (
	"slices"

	"github.com/shopspring/decimal"
)

var hundred = decimal.NewFromInt(100)

// percentileUnits: percentile_agg's units are a percentile of the values by nearest
// rank: of n values in ascending order the one at place ⌈p/100 × n⌉, counted from 1.
// It is always one of the values; 0 of none. It goes with the models that price units
// as such: standard, graduated, package and volume.
func percentileUnits(members map[string]*Counter, percentile decimal.Decimal) decimal.Decimal {
	type value struct {
		number Number
		count  int64
	}
	values := make([]value, 0, len(members))
	total := int64(0)
	for text, c := range members {
		if c.EventsCount <= 0 {
			continue
		}
		number, ok := numberOf([]byte(text))
		if !ok {
			panic("BUG: a member of percentile_agg is not a number")
		}
		values = append(values, value{number, c.EventsCount})
		total += c.EventsCount
	}
	slices.SortFunc(values, func(a, b value) int { return a.number.Compare(b.number) })
	rank := percentile.Mul(decimal.NewFromInt(total)).Shift(-2).Ceil().IntPart() // exact: nothing is divided
	for _, v := range values {
		if rank -= v.count; rank <= 0 {
			return v.number.Decimal()
		}
	}
	return decimal.Zero
}
