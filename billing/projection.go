package billing

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// ProjectedUnitsDigits is how many digits after the point projected units keep.
const ProjectedUnitsDigits = 2

// Projection is what a part of a usage comes to at the end of its period if it goes on
// as it went.
type Projection struct {
	Units        decimal.Decimal // rounded half away from zero to ProjectedUnitsDigits
	AmountCents  int64
	Presentation []PresentationUsage // each part extended and rounded as Units are
}

// Elapsed says how much of a period is over, in local days, both counting today: 1 <= Days
// <= Of.
type Elapsed struct {
	Days, Of int
}

// Project extends a bucket's usage to the end of its period, by Lago's rule: units grow in
// proportion to the days, whatever the aggregation, and are priced anew, since few models
// are linear. Where units alone do not make the price the amount grows in proportion itself.
// What is carried over periods (recurring metrics) is not projected, and so nothing that is
// prorated. The error is an amount too large for int64 minor units.
func (b *BucketUsage) Project(ch *Charge, elapsed Elapsed, currency Currency) (Projection, error) {
	if ch.Metric.Recurring || elapsed.Days >= elapsed.Of || elapsed.Days < 1 {
		return Projection{b.Units, b.AmountCents, b.Presentation}, nil
	}
	p := Projection{Units: elapsed.extend(b.Units, ProjectedUnitsDigits)}
	for _, part := range b.Presentation {
		p.Presentation = append(p.Presentation, PresentationUsage{part.PresentedBy, elapsed.extend(part.Units, ProjectedUnitsDigits)})
	}
	var err error
	if ch.Model.pricesUnits() {
		p.AmountCents, err = b.reprice(ch, p.Units, currency)
	} else {
		p.AmountCents, err = roundCents(elapsed.extend(b.PreciseAmount, PrecisionDigits))
	}
	if err != nil {
		return Projection{}, fmt.Errorf("cannot project charge %s: %w", ch.ID, err)
	}
	return p, nil
}

// pricesUnits reports whether Lago projects the model by its units: a dynamic charge has no price
// for them, of percentage and custom ones they are not all, and graduated_percentage it leaves out.
func (model ChargeModel) pricesUnits() bool {
	switch model {
	case Standard, Graduated, Package, Volume:
		return true
	}
	return false
}

// reprice returns what other units would cost in the bucket.
func (b *BucketUsage) reprice(ch *Charge, units decimal.Decimal, currency Currency) (cents int64, err error) {
	price, err := ch.price(b.Properties(ch), Units(units))
	if err != nil {
		return 0, err
	}
	var other BucketUsage
	err = other.cost(price, ch.PricingUnit, currency)
	return other.AmountCents, err
}

// extend returns what an amount of the days that are over comes to in all of them.
func (e Elapsed) extend(amount decimal.Decimal, digits int32) decimal.Decimal {
	return amount.Mul(decimal.NewFromInt(int64(e.Of))).DivRound(decimal.NewFromInt(int64(e.Days)), digits)
}
