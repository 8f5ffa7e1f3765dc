package oracle

import (
	"math/big"
	"slices"
	"strings"
	"time"
)

// unitsDigits is how many digits after the point a quotient keeps: a mean, a weighted
// sum, a division in an expression.
const unitsDigits = 20

// units aggregates parts, not rounded by the metric's rounding.
func (m Metric) units(g gathered, from, to time.Time) *big.Rat {
	before, within := inOrder(g.before), inOrder(g.within)
	switch m.Aggregation {
	case CountAgg:
		return big.NewRat(int64(len(within)), 1)
	case SumAgg:
		return total(within)
	case UniqueCountAgg:
		return uniqueCount(within)
	case WeightedSumAgg:
		return weightedSum(total(before), within, from, to, m.length(from, to))
	}
	if len(within) == 0 {
		return new(big.Rat)
	}
	switch m.Aggregation {
	case LatestAgg:
		return within[len(within)-1].number
	case AvgAgg:
		mean := new(big.Rat).Quo(total(within), big.NewRat(int64(len(within)), 1))
		return roundHalfAway(mean, unitsDigits)
	case MaxAgg:
		return ascending(within)[len(within)-1]
	case MinAgg:
		return ascending(within)[0]
	case PercentileAgg:
		return percentile(ascending(within), m.Percentile)
	default:
		panic("BUG: no such aggregation: " + string(m.Aggregation))
	}
}

// inOrder returns the parts by their events' (timestamp, bytes of transaction_id).
func inOrder(parts []part) []part {
	return slices.SortedFunc(slices.Values(parts), func(a, b part) int {
		if c := a.event.Time.Compare(b.event.Time); c != 0 {
			return c
		}
		return strings.Compare(a.event.TransactionID, b.event.TransactionID)
	})
}

// ascending returns the parts' numbers from the smallest to the greatest.
func ascending(parts []part) []*big.Rat {
	var numbers []*big.Rat
	for _, p := range parts {
		numbers = append(numbers, p.number)
	}
	slices.SortFunc(numbers, (*big.Rat).Cmp)
	return numbers
}

func total(parts []part) *big.Rat {
	sum := new(big.Rat)
	for _, p := range parts {
		sum.Add(sum, p.number)
	}
	return sum
}

// uniqueCount counts the values that are present in the end. An event removes its
// value, present or not, or adds it, there already or not.
func uniqueCount(ordered []part) *big.Rat {
	present := map[string]bool{}
	for _, p := range ordered {
		present[p.text] = valueOf(p.event.Properties[OperationType]) != Text(Remove)
	}
	count := int64(0)
	for _, is := range present {
		if is {
			count++
		}
	}
	return big.NewRat(count, 1)
}

// length is what a weighted sum is divided by.
func (m Metric) length(from, to time.Time) *big.Rat {
	if m.Days > 0 {
		return nanoseconds(time.Time{}, time.Time{}.Add(time.Duration(m.Days)*24*time.Hour))
	}
	return nanoseconds(from, to)
}

// weightedSum is the mean of the running total over a length of time, rounded
// up to 20 digits after the point. A period without time gives 0.
func weightedSum(opening *big.Rat, ordered []part, from, to time.Time, length *big.Rat) *big.Rat {
	if !from.Before(to) {
		return new(big.Rat)
	}
	running := new(big.Rat).Set(opening)
	area := new(big.Rat) // units × nanoseconds
	at := from
	for _, p := range ordered {
		area.Add(area, timesDuration(running, at, p.event.Time))
		running.Add(running, p.number)
		at = p.event.Time
	}
	area.Add(area, timesDuration(running, at, to))
	return ceil(area.Quo(area, length), unitsDigits)
}

func timesDuration(x *big.Rat, from, to time.Time) *big.Rat {
	return new(big.Rat).Mul(x, nanoseconds(from, to))
}

// nanoseconds returns the length of [from, to), which may be longer than a time.Duration holds.
func nanoseconds(from, to time.Time) *big.Rat {
	length := big.NewRat(to.Unix()-from.Unix(), 1)
	length.Mul(length, big.NewRat(int64(time.Second), 1))
	return length.Add(length, big.NewRat(int64(to.Nanosecond()-from.Nanosecond()), 1))
}

// percentile returns the number of rank ⌈p/100 × n⌉, counted from 1.
func percentile(numbers []*big.Rat, p *big.Rat) *big.Rat {
	share := new(big.Rat).Quo(p, big.NewRat(100, 1))
	for i, number := range numbers { // the first whose place is not before the share
		if place := big.NewRat(int64(i+1), int64(len(numbers))); place.Cmp(share) >= 0 {
			return number
		}
	}
	panic("BUG: a percentile above 100: " + p.RatString())
}
