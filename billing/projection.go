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
// are linear. A dynamic charge, whose events bring their prices, has no price for units:
// its amount grows in proportion itself. What is carried over periods (recurring metrics)
// is not projected. The error is an amount too large for int64 minor units.
func (b *BucketUsage) Project(ch *Charge, elapsed Elapsed, currency Currency) (Projection, error) {
	if ch.Metric.Recurring || elapsed.Days >= elapsed.Of || elapsed.Days < 1 {
		return Projection{b.Units, b.AmountCents, b.Presentation}, nil
	}
	p := Projection{Units: elapsed.extend(b.Units, ProjectedUnitsDigits)}
	for _, part := range b.Presentation {
		p.Presentation = append(p.Presentation, PresentationUsage{part.PresentedBy, elapsed.extend(part.Units, ProjectedUnitsDigits)})
	}
	var err error
	if ch.Model == Dynamic {
		p.AmountCents, err = roundCents(elapsed.extend(b.PreciseAmount, PrecisionDigits))
	} else {
		p.AmountCents, err = Cents(b.Properties(ch).Price(ch.Model, Units(p.Units)).Amount, currency)
	}
	if err != nil {
		return Projection{}, fmt.Errorf("cannot project charge %s: %w", ch.ID, err)
	}
	return p, nil
}

// extend returns what an amount of the days that are over comes to in all of them.
func (e Elapsed) extend(amount decimal.Decimal, digits int32) decimal.Decimal {
	return amount.Mul(decimal.NewFromInt(int64(e.Of))).DivRound(decimal.NewFromInt(int64(e.Days)), digits)
}
