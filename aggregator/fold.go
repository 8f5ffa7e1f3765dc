package aggregator

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"
)

// Fold asks for what a bucket's events come to one after the other, in the order of their
// timestamps and ids, or by the local days they lie in: what the bucket's counters can't say.
// It is made from the raw events of the same snapshot as the counters. nil asks for nothing.
//
// An event's value is what it adds: 1 of a count, its number where there is one (also where the
// units are no sum), and of a unique count 1, -1 or 0, as it brings a member, takes it away, or changes nothing.
type Fold struct {
	// Allowance asks where the free part of a percentage charge ends. nil = nothing is free.
	Allowance *Allowance
	// Transaction asks what the events cost each by itself. nil = not asked for.
	Transaction *Transaction
	// Prorated asks for units by the days they count for (FoldUsage.UnitDays): only of
	// recurring sums and unique counts, and by itself.
	Prorated bool
	// Tiers are, of a prorated graduated charge, the upper bounds of all tiers but the last,
	// ascending, at most FoldTiersMax: UnitDays are then divided by them, too.
	Tiers []decimal.Decimal
}

// Allowance is what of a percentage charge is free: events and units, whichever ends first. One
// without any limit leaves nothing free.
type Allowance struct {
	Events int64           // free_units_per_events; 0 = no limit of events
	Units  decimal.Decimal // free_units_per_total_aggregation; 0 = no limit of units
}

// Transaction prices one event of a percentage charge: Rate percent of what of its value is paid
// for, and Fixed, at least Min and at most Max. Amounts are in currency units; none is negative.
type Transaction struct {
	Rate, Fixed decimal.Decimal
	Min         decimal.Decimal  // 0 = no limit: an event of a negative value gives something back
	Max         *decimal.Decimal // nil = no limit
}

// FoldUsage is what a Fold asked for; what it did not ask for is 0.
type FoldUsage struct {
	// FreeEvents and FreeUnits are what the allowance covers. With the running totals of the
	// first Allowance.Events events, of all if that is 0: FreeUnits is the last of them, or Allowance.Units where
	// that is less; FreeEvents is the smaller of Allowance.Events and how many of them are below Allowance.Units,
	// whichever of the two is not 0. So FreeEvents may be more than there are events.
	FreeEvents int64
	FreeUnits  decimal.Decimal
	// TransactionsAmount is the sum of what the events cost that are not free, in currency units. The
	// free parts of the events add up to FreeUnits.
	TransactionsAmount decimal.Decimal
	// UnitDays are units times the local days that they count for, summed: the bucket's prorated
	// units are UnitDays over Days, the days of the full period. TierUnitDays divides them by
	// tiers, one more than Fold.Tiers, nil without any. While a sum is below 0 it counts as it is in UnitDays, and
	// as 0 in TierUnitDays and Highest.
	UnitDays     decimal.Decimal
	Days         int64
	TierUnitDays []decimal.Decimal
	// Highest is the highest that the units came to, the opening ones included: which flat
	// amounts of a prorated graduated charge are due.
	Highest decimal.Decimal
}

// FoldTiersMax is how many bounds of tiers a fold may have.
const FoldTiersMax = 100

// ErrBadFold: a fold can't be made of the metric, or contradicts itself.
var ErrBadFold = errors.New("fold can't be made")

// asks reports whether the fold asks for anything.
func (f *Fold) asks() bool { return f.Allowance.limits() || f.Transaction != nil || f.Prorated }

// limits reports whether the allowance has any limit, and so leaves something free.
func (a *Allowance) limits() bool { return a != nil && (a.Events > 0 || !a.Units.IsZero()) }

// check returns an error (ErrBadFold) if the fold can't be made of the metric's events.
func (f *Fold) check(m *Metric) error {
	switch {
	case f == nil:
		return nil
	case f.Allowance != nil && (f.Allowance.Events < 0 || f.Allowance.Units.IsNegative()):
		return fmt.Errorf("%w: the allowance is negative", ErrBadFold)
	case f.Transaction != nil && !f.Transaction.valid():
		return fmt.Errorf("%w: a price is negative, or the least is above the most", ErrBadFold)
	case f.Prorated && (f.Allowance != nil || f.Transaction != nil):
		return fmt.Errorf("%w: prorated units have no allowance, and no price of each event", ErrBadFold)
	case f.Prorated && (!m.Recurring || m.Aggregation != SumAgg && m.Aggregation != UniqueCountAgg):
		return fmt.Errorf("%w: units of metric %q can't be prorated", ErrBadFold, m.Code)
	case !f.Prorated && len(f.Tiers) > 0:
		return fmt.Errorf("%w: there are tiers of units that are not prorated", ErrBadFold)
	case len(f.Tiers) > FoldTiersMax:
		return fmt.Errorf("%w: there are %d tiers (limit %d)", ErrBadFold, len(f.Tiers), FoldTiersMax)
	}
	for i, bound := range f.Tiers {
		if bound.IsNegative() || i > 0 && !f.Tiers[i-1].LessThan(bound) {
			return fmt.Errorf("%w: the bounds of its tiers do not ascend from 0", ErrBadFold)
		}
	}
	return nil
}

func (t *Transaction) valid() bool {
	return !t.Rate.IsNegative() && !t.Fixed.IsNegative() && !t.Min.IsNegative() && (t.Max == nil || t.Max.GreaterThanOrEqual(t.Min))
}
