package aggregator

import (
	"math"

	"github.com/shopspring/decimal"
)

// transactionFold adds up what events cost each by itself. All that are within the bounds cost a rate
// of what is paid for and the same fixed amount: only their number and their total need be known.
type transactionFold struct {
	rate              decimal.Decimal // of one unit
	fixed, least      decimal.Decimal
	most              *decimal.Decimal
	within            Sum // what is paid for of those within the bounds
	count             int64
	cheapest, dearest int64 // how many cost the least and the most

	// quick says that what a number of billionths costs is below the least if it is below from, and above
	// the most if it is above to.
	quick    bool
	from, to int64
}

func newTransactionFold(t *Transaction) *transactionFold {
	if t == nil {
		return nil
	}
	f := &transactionFold{rate: t.Rate.Shift(-2), fixed: t.Fixed, least: t.Min, most: t.Max, from: math.MinInt64, to: math.MaxInt64}
	if !f.rate.IsPositive() {
		return f
	}
	f.quick = true
	billionth := decimal.New(1, -sumScale)
	if f.hasLeast() { // below (least - fixed) / rate
		bound, rest := f.least.Sub(f.fixed).QuoRem(f.rate, sumScale) // cut towards zero
		if rest.IsPositive() {
			bound = bound.Add(billionth)
		}
		f.from = f.billionths(bound)
	}
	if f.most != nil { // above (most - fixed) / rate
		bound, rest := f.most.Sub(f.fixed).QuoRem(f.rate, sumScale)
		if rest.IsNegative() {
			bound = bound.Sub(billionth)
		}
		f.to = f.billionths(bound)
	}
	return f
}

// billionths returns a bound as a number of them; one that does not fit makes what is quick slow.
func (f *transactionFold) billionths(bound decimal.Decimal) int64 {
	n := numberOfDecimal(bound)
	f.quick = f.quick && n.wide == nil
	return n.scaled
}

func (f *transactionFold) hasLeast() bool { return !f.least.IsZero() }

// take takes what of an event is paid for.
func (f *transactionFold) take(paid Number) {
	if f == nil {
		return
	}
	below, above := paid.scaled < f.from, paid.scaled > f.to
	if paid.wide != nil || !f.quick {
		cost := f.rate.Mul(paid.Decimal()).Add(f.fixed)
		below = f.hasLeast() && cost.LessThan(f.least)
		above = f.most != nil && cost.GreaterThan(*f.most)
	}
	switch {
	case below:
		f.cheapest++
	case above:
		f.dearest++
	default:
		f.count++
		f.within.Add(paid)
	}
}

func (f *transactionFold) finish(usage *FoldUsage) {
	if f == nil {
		return
	}
	times := func(amount decimal.Decimal, n int64) decimal.Decimal { return amount.Mul(decimal.NewFromInt(n)) }
	amount := f.within.Decimal().Mul(f.rate).Add(times(f.fixed, f.count)).Add(times(f.least, f.cheapest))
	if f.most != nil {
		amount = amount.Add(times(*f.most, f.dearest))
	}
	usage.TransactionsAmount = amount
}
