package billing

import (
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// PricingUnit is what charges may be priced in instead of a currency, such as credits.
type PricingUnit struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	Code           string
	Name           string
	ShortName      string // at most 3 characters
	Description    string
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// AppliedPricingUnit is the unit that a charge is priced in, and what one is worth.
type AppliedPricingUnit struct {
	Unit           PricingUnit
	ConversionRate decimal.Decimal // currency units for one pricing unit, above 0
}

// pricingUnitDigits is how many digits after the point an amount in a pricing unit has.
const pricingUnitDigits = 2

// PricingUnitAmounts are a fee's amounts in its charge's pricing unit, as they were priced.
// "Cents" are hundredths of the unit, whatever the currency.
type PricingUnitAmounts struct {
	UnitID         uuid.UUID       `json:"lago_pricing_unit_id"`
	Code           string          `json:"pricing_unit_code"`
	ShortName      string          `json:"short_name"`
	AmountCents    int64           `json:"amount_cents"`
	PreciseAmount  decimal.Decimal `json:"precise_amount_cents"`
	UnitAmount     decimal.Decimal `json:"precise_unit_amount"` // in units, for each unit of usage
	ConversionRate decimal.Decimal `json:"conversion_rate"`
}

// amounts returns what is owed in the unit, and for each unit of usage, as a fee has them. The
// error is an amount too large for int64 hundredths.
func (a *AppliedPricingUnit) amounts(amount, unitAmount decimal.Decimal) (*PricingUnitAmounts, error) {
	precise := amount.Shift(pricingUnitDigits)
	cents, err := roundCents(precise)
	return &PricingUnitAmounts{
		UnitID: a.Unit.ID, Code: a.Unit.Code, ShortName: a.Unit.ShortName,
		AmountCents: cents, PreciseAmount: precise, UnitAmount: unitAmount, ConversionRate: a.ConversionRate,
	}, err
}

// converted returns the rounded amount in currency units, unrounded.
func (p *PricingUnitAmounts) converted() decimal.Decimal {
	return decimal.New(p.AmountCents, -pricingUnitDigits).Mul(p.ConversionRate)
}

// Cents returns AmountCents, 0 of none.
func (p *PricingUnitAmounts) Cents() int64 {
	if p == nil {
		return 0
	}
	return p.AmountCents
}

// UnitAmountCents returns UnitAmount in hundredths of the pricing unit, rounded half away from
// zero. One that does not fit is the highest that does: what is exact is UnitAmount.
func (p *PricingUnitAmounts) UnitAmountCents() int64 {
	cents, err := roundCents(p.UnitAmount.Shift(pricingUnitDigits))
	if err != nil {
		return math.MaxInt64
	}
	return cents
}
