package billing

import (
	"math"

	"github.com/shopspring/decimal"
)

// bounds are where a range of units begins and ends. to is inclusive; nil: without end.
type bounds struct {
	from int64
	to   *int64
}

func graduatedBounds(ranges []GraduatedRange) []bounds {
	all := make([]bounds, len(ranges))
	for i, r := range ranges {
		all[i] = bounds{r.FromValue, r.ToValue}
	}
	return all
}

// rangesConnect reports whether the ranges start at 0, end open, and each begins either one
// after the end of the one before it or exactly there, all in the same way.
func rangesConnect(ranges []bounds) bool {
	last := len(ranges) - 1
	if len(ranges) > GraduatedRangesMax || ranges[0].from != 0 || ranges[last].to != nil {
		return false
	}
	gap := rangeGap(ranges)
	if gap != 0 && gap != 1 {
		return false
	}
	for i, r := range ranges[:last] {
		if r.to == nil || *r.to < r.from || *r.to == math.MaxInt64 {
			return false
		}
		if next := ranges[i+1].from; next != *r.to+gap {
			return false
		}
		if gap == 0 && *r.to == r.from {
			return false // adjacent ranges share their bound: this one would hold nothing
		}
	}
	return true
}

// rangeGap returns by how much the second range begins after the end of the first:
// 1, or 0 for ranges that share their bounds; 1 when there is only one.
func rangeGap(ranges []bounds) int64 {
	if len(ranges) < 2 || ranges[0].to == nil {
		return 1
	}
	return ranges[1].from - *ranges[0].to
}

// reaches reports whether a quantity ends in the range or before it.
func (b bounds) reaches(units decimal.Decimal) bool {
	return b.to == nil || decimal.NewFromInt(*b.to).GreaterThanOrEqual(units)
}

// entered returns how many of the ranges units enter: the first always, each other one by more
// than the end of the one before it.
func entered(ranges []bounds, units decimal.Decimal) int {
	for i, b := range ranges {
		if b.reaches(units) {
			return i + 1
		}
	}
	return len(ranges)
}

// portions returns how much of units >= 0 lies in each of the ranges that they enter.
func portions(ranges []bounds, units decimal.Decimal) []decimal.Decimal {
	in := make([]decimal.Decimal, entered(ranges, units))
	below := decimal.Zero // the units that earlier ranges took
	for i := range in {
		upTo := units
		if i < len(in)-1 {
			upTo = decimal.NewFromInt(*ranges[i].to)
		}
		in[i], below = upTo.Sub(below), upTo
	}
	return in
}
