package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Minimum is what was owed at least for a period: of a charge, or of all that a subscription
// was billed. A fee of its own makes up for what is missing.
type Minimum struct {
	ChargeID         uuid.UUID // uuid.Nil: the plan's minimum commitment
	Period           Period
	AmountCents      int64 // of a full period
	Days, PeriodDays int   // local days: Days of a full period's PeriodDays are owed for
	BilledCents      int64 // by other fees
}

// Missing returns the cents that are missing, at least 0. The minimum is that many days' shares
// of its amount, rounded: 10.00, of which 15 of 30 days are owed for, is 5.00.
func (m *Minimum) Missing() (int64, error) {
	if m.PeriodDays <= 0 {
		return 0, fmt.Errorf("BUG: a minimum of %d cents is owed for %d of %d days", m.AmountCents, m.Days, m.PeriodDays)
	}
	owed, err := roundCents(share(decimal.NewFromInt(m.AmountCents), m.Days, m.PeriodDays))
	if err != nil {
		return 0, err
	}
	return max(0, owed-m.BilledCents), nil
}

// share returns the share of an amount that days are of a period's days: all of it when they
// are all of them.
func share(amount decimal.Decimal, days, periodDays int) decimal.Decimal {
	if days == periodDays {
		return amount
	}
	// Multiplied first: a day's share that was rounded would lose a cent in a long period.
	return divide(amount.Mul(decimal.NewFromInt(int64(days))), decimal.NewFromInt(int64(periodDays)))
}

// daysWithin returns how many local days of a full period a part of it touches. Where the
// customer's time zone was changed the part may begin some hours before the full period.
func (p Period) daysWithin(full Period, location *time.Location) int {
	return Period{From: later(p.From, full.From), To: earlier(p.To, &full.To)}.Days(location)
}

// missingOf returns what a charge's fees over the usage of the bill leave missing of its
// minimum, in cents or, as Lago has it, in hundredths of the pricing unit that the charge is
// priced in, and keeps the evidence of it. A charge without a minimum misses nothing.
func (a *Assembly) missingOf(inv *Invoice, b *PricedBill, usage *ChargeUsage) (int64, error) {
	charge := usage.Charge
	if charge.MinAmountCents == 0 {
		return 0, nil
	}
	m := Minimum{
		ChargeID:    charge.ID,
		Period:      b.Usage,
		AmountCents: charge.MinAmountCents,
		Days:        b.Usage.daysWithin(b.UsageFull, a.Location),
		PeriodDays:  b.UsageFull.Days(a.Location),
		BilledCents: usage.AmountCents,
	}
	if charge.PricingUnit != nil {
		m.BilledCents = usage.PricingUnitCents
	}
	missing, err := m.Missing()
	if err != nil {
		return 0, fmt.Errorf("cannot make up for the minimum of charge %s: %w", charge.ID, err)
	}
	evidence := &inv.Subscriptions[len(inv.Subscriptions)-1]
	evidence.Minimums = append(evidence.Minimums, m)
	return missing, nil
}

// trueUpFee returns the fee that makes up for a charge's minimum, of which so many cents are
// missing, or hundredths of its pricing unit. The error is an amount too large for int64 cents.
func (a *Assembly) trueUpFee(inv *Invoice, b *PricedBill, usage *ChargeUsage, missing int64, parent uuid.UUID) (Fee, error) {
	charge := usage.Charge
	fee := a.newFee(inv, b)
	fee.Type = ChargeFee
	fee.Charge, fee.TrueUpParentID = charge, parent
	fee.ItemCode, fee.ItemName = charge.Metric.Code, charge.Metric.Name
	fee.DisplayName = firstNonEmpty(charge.InvoiceDisplayName, charge.Metric.Name)
	fee.Period = b.Usage
	fee.setLumpSum(missing)
	a.taxer().choose(&fee, charge.Taxes, b.Plan.Taxes)
	if charge.PricingUnit == nil {
		return fee, nil
	}
	owed := decimal.New(missing, -pricingUnitDigits)
	var err error
	if fee.PricingUnit, err = charge.PricingUnit.amounts(owed, owed); err != nil {
		return fee, err
	}
	fee.UnitAmount = fee.PricingUnit.converted()
	fee.PreciseAmount = PreciseCents(fee.UnitAmount, inv.Currency)
	fee.AmountCents, err = roundCents(fee.PreciseAmount)
	return fee, err
}

// setLumpSum makes the fee one unit of an amount that no model has priced.
func (f *Fee) setLumpSum(cents int64) {
	f.AmountCents, f.PreciseAmount = cents, decimal.NewFromInt(cents)
	f.UnitAmount = FromCents(cents, f.Currency)
	f.Units = decimal.NewFromInt(1)
	f.TotalUnits = f.Units
	f.AmountDetails = mustJSON(struct{}{})
}
