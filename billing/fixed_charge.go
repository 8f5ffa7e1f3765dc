package billing

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// FixedCharge prices a quantity that does not come from events, such as seats, of an add-on on a plan.
type FixedCharge struct {
	ID                 uuid.UUID
	PlanID             uuid.UUID
	AddOn              AddOn
	Code               string
	InvoiceDisplayName string
	Model              ChargeModel // Standard, Graduated or Volume
	Properties         ChargeProperties
	// Units are those of the plan, as they were set last. What a subscription is billed for
	// stands in History.
	Units decimal.Decimal
	// UnitsNow says to whoever writes Units that they count from then on and not only from
	// the next period on. It is not kept: History is.
	UnitsNow     bool
	PayInAdvance bool // at the period's start instead of its end
	Prorated     bool // units count for the days they were there
	Taxes        []Tax
	// History are all units that were ever set, of the plan and of its subscriptions, the oldest first.
	History   []FixedUnits
	CreatedAt time.Time
}

// FixedUnits are units of a fixed charge that were set at an instant.
type FixedUnits struct {
	SubscriptionID uuid.UUID // uuid.Nil: those of the plan, for all subscriptions that have none of their own
	Units          decimal.Decimal
	// SetAt is when they were set. They count from then on if Immediately, else from the beginning
	// of the subscription's next period; for a subscription that starts later, from its start.
	SetAt       time.Time
	Immediately bool
}

// fixedUnitsDigits is how many digits after the point the prorated units of a segment keep.
const fixedUnitsDigits = 6

// UnitsSegment are units of a fixed charge that a subscription has for some time.
type UnitsSegment struct {
	Period
	Units decimal.Decimal
	Days  int // local days it counts for: the day of a change is that of the new units
}

// FixedChargeUsage is a fixed charge as it was priced over one period of a subscription.
type FixedChargeUsage struct {
	FixedCharge *FixedCharge
	Period      Period
	PeriodDays  int             // of the full period: what segments are prorated by
	Segments    []UnitsSegment  // that were priced, in order of time; of one in advance only the first
	Units       decimal.Decimal // the last segment's
	// PricedUnits are those that the model priced: Units, or the segments' shares together.
	PricedUnits   decimal.Decimal
	AmountCents   int64
	PreciseAmount decimal.Decimal // in cents, before rounding
	UnitAmount    decimal.Decimal // in currency units; see Price.UnitAmount
	AmountDetails []byte          // JSON; see Price.Details
}

// IsEmpty reports whether the fixed charge makes no fee: no units, no amount.
func (u *FixedChargeUsage) IsEmpty() bool { return u.Units.IsZero() && u.AmountCents == 0 }

// UnitsOver returns the units that a subscription has of the fixed charge over a period, which
// is one of its periods of fixed charges or a part of one from its beginning on: in order of
// time, without a gap, at least one segment. The segments come without their days.
//
// What was set last counts. Units of the subscription's own, once there are any, count instead
// of the plan's, whenever those were set.
func (f *FixedCharge) UnitsOver(s *Subscription, plan *Plan, p Period) []UnitsSegment {
	segments := []UnitsSegment{{Period: p, Units: f.unitsWith(plan)}}
	begun, own := s.createdOrStarted(), false
	for i := range f.History {
		u := &f.History[i]
		from, counts := u.countsFrom(p, begun)
		if !counts || u.cameWith(plan) || (u.SubscriptionID != s.ID && (own || u.SubscriptionID != uuid.Nil)) {
			continue
		}
		own = u.SubscriptionID == s.ID
		last := &segments[len(segments)-1]
		if !from.After(last.From) { // also if a clock went back between the two
			last.Units = u.Units
			continue
		}
		last.To = from
		segments = append(segments, UnitsSegment{Period: Period{from, p.To}, Units: u.Units})
	}
	return segments
}

// countsFrom returns from when on units count in a period of a subscription that has from its
// start on what was set until begun. They do not at all when they were set too late: not
// immediately in this very period, or after it.
func (u *FixedUnits) countsFrom(p Period, begun time.Time) (from time.Time, counts bool) {
	switch {
	case u.SetAt.Before(p.From) || !u.SetAt.After(begun):
		return p.From, true
	case u.Immediately && u.SetAt.Before(p.To):
		return u.SetAt, true
	}
	return time.Time{}, false
}

// wasThere reports whether the fixed charge was on the plan in a period, or at its beginning if it
// is paid in advance. A biller that is late may meet one that was not; what no units cost is
// not to be paid for that.
func (f *FixedCharge) wasThere(s *Subscription, plan *Plan, p Period) bool {
	begun := s.createdOrStarted()
	return slices.ContainsFunc(f.History, func(u FixedUnits) bool {
		from, counts := u.countsFrom(p, begun)
		return u.cameWith(plan) || counts && !(f.PayInAdvance && from.After(p.From))
	})
}

// createdOrStarted returns the later of when the subscription was created, or moved, and when
// it started or will: it has all units from its start on that were set by then.
func (s *Subscription) createdOrStarted() time.Time {
	if s.StartedAt == nil {
		return later(s.plannedAt(), s.SubscriptionAt)
	}
	return later(s.plannedAt(), *s.StartedAt)
}

// unitsWith returns the units that the fixed charge came with when the plan was created, 0 if it
// was added later. They have always been there: in a sandbox, whose clock may be set to the
// past once, the plan may be younger than what is billed by it. Where that clock stood still,
// the last of those that were set at that instant.
func (f *FixedCharge) unitsWith(plan *Plan) decimal.Decimal {
	for i := range slices.Backward(f.History) {
		if f.History[i].cameWith(plan) {
			return f.History[i].Units
		}
	}
	return decimal.Zero
}

func (u *FixedUnits) cameWith(plan *Plan) bool {
	return u.SubscriptionID == uuid.Nil && u.SetAt.Equal(plan.CreatedAt)
}

// PriceFixedCharge prices a fixed charge of a plan over a period of a subscription, full being the whole
// period of the schedule in which it lies. In arrears those are the last units, or if Prorated
// all, each by its days over those of the full period. In advance they are the first units,
// by the period's days if Prorated. The error is an amount too large for int64 minor units.
func PriceFixedCharge(f *FixedCharge, s *Subscription, plan *Plan, p, full Period, location *time.Location) (FixedChargeUsage, error) {
	u := FixedChargeUsage{FixedCharge: f, Period: p, PeriodDays: full.Days(location), Segments: f.UnitsOver(s, plan, p)}
	if f.PayInAdvance {
		u.Segments = u.Segments[:1]
		u.Segments[0].To = p.To
	}
	countDays(u.Segments, full, location)
	if err := u.price(plan.Currency); err != nil {
		return u, fmt.Errorf("cannot price fixed charge %s: %w", f.ID, err)
	}
	return u, nil
}

// price prices the segments.
func (u *FixedChargeUsage) price(currency Currency) error {
	u.Units = u.Segments[len(u.Segments)-1].Units
	u.PricedUnits = u.Units
	if u.FixedCharge.Prorated {
		u.PricedUnits = proratedSegments(u.Segments, u.PeriodDays)
	}
	price := u.FixedCharge.priceUnits(u.Units, u.PricedUnits)
	u.PreciseAmount = PreciseCents(price.Amount, currency)
	u.UnitAmount, u.AmountDetails = price.UnitAmount, price.Details
	var err error
	u.AmountCents, err = roundCents(u.PreciseAmount)
	return err
}

// priceUnits returns what units cost of which priced have a price. The ranges are those that all
// of the units reach, as with Lago, and unit amounts are per unit that is shown.
func (f *FixedCharge) priceUnits(units, priced decimal.Decimal) Price {
	switch f.Model {
	case Standard:
		return f.Properties.priceStandard(units, priced)
	case Graduated:
		ranges := graduatedBounds(f.Properties.GraduatedRanges)
		return f.Properties.priceRanges(proratedPortions(ranges, units, priced), units)
	case Volume:
		return f.Properties.priceVolume(units, priced)
	}
	panic("BUG: price of a fixed charge of model " + string(f.Model))
}

// proratedPortions returns how much is priced in each of the ranges that units reach: of each
// portion the same share. Where no units are left, what is priced is by itself.
func proratedPortions(ranges []bounds, units, priced decimal.Decimal) []decimal.Decimal {
	if units.IsZero() || units.Equal(priced) {
		return portions(ranges, priced)
	}
	in := portions(ranges, units)
	for i := range in {
		in[i] = divide(in[i].Mul(priced), units)
	}
	return in
}

// proratedSegments returns the units of the segments together, each by its days.
func proratedSegments(segments []UnitsSegment, periodDays int) decimal.Decimal {
	units := decimal.Zero
	for _, s := range segments {
		units = units.Add(share(s.Units, s.Days, periodDays).Round(fixedUnitsDigits))
	}
	return units
}

// countDays sets for how many local days of the full period each segment counts. Where the
// customer's time zone was changed the first may begin some hours before the full period.
func countDays(segments []UnitsSegment, full Period, location *time.Location) {
	from := LocalDate(later(segments[0].From, full.From), location)
	for i := range segments {
		to := LocalDate(segments[i].To, location)
		if i == len(segments)-1 {
			to = LocalDate(earlier(segments[i].To, &full.To).Add(-1), location).Add(dayUTC)
		}
		to = later(to, from)
		segments[i].Days = int(to.Sub(from) / dayUTC)
		from = to
	}
}

// addFixedChargeFees adds a fee for every fixed charge that is not empty: in advance of the
// period that begins, in arrears of the one that ends.
func (a *Assembly) addFixedChargeFees(inv *Invoice, b *PricedBill) error {
	evidence := &inv.Subscriptions[len(inv.Subscriptions)-1]
	for i := range b.Plan.FixedCharges {
		f := &b.Plan.FixedCharges[i]
		period, full := b.Fixed, b.FixedFull
		if f.PayInAdvance {
			period, full = b.FixedAhead, b.FixedAheadFull
		}
		if period.IsZero() || !f.wasThere(b.Subscription, b.Plan, period) {
			continue
		}
		usage, err := PriceFixedCharge(f, b.Subscription, b.Plan, period, full, a.Location)
		if err != nil {
			return err
		}
		evidence.FixedCharges = append(evidence.FixedCharges, usage)
		if !usage.IsEmpty() {
			inv.Fees = append(inv.Fees, a.fixedChargeFee(inv, b, &usage))
		}
	}
	return nil
}

func (a *Assembly) fixedChargeFee(inv *Invoice, b *PricedBill, u *FixedChargeUsage) Fee {
	f := u.FixedCharge
	fee := a.newFee(inv, b)
	fee.Type = FixedChargeFee
	fee.FixedCharge, fee.AddOn = f, &f.AddOn
	fee.AmountCents, fee.PreciseAmount = u.AmountCents, u.PreciseAmount
	fee.UnitAmount, fee.AmountDetails = u.UnitAmount, u.AmountDetails
	fee.Units, fee.TotalUnits = u.Units, u.Units
	fee.ItemCode, fee.ItemName = f.AddOn.Code, f.AddOn.Name
	fee.DisplayName = cmp.Or(f.InvoiceDisplayName, f.AddOn.InvoiceDisplayName, f.AddOn.Name)
	fee.Period = u.Period
	a.taxer().choose(&fee, f.Taxes, b.Plan.Taxes)
	return fee
}
