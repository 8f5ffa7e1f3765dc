package billing

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// ChargeModel is Lago's name of how units become money.
type ChargeModel string

// The charge models that work today.
const (
	Standard  ChargeModel = "standard"
	Graduated ChargeModel = "graduated"
	Package   ChargeModel = "package"
)

// Charge prices the usage of one billable metric on a plan.
type Charge struct {
	ID                 uuid.UUID
	PlanID             uuid.UUID
	Metric             BillableMetric
	Code               string
	InvoiceDisplayName string
	Model              ChargeModel
	Properties         ChargeProperties
	Filters            []ChargeFilter // in their order on the charge
	CreatedAt          time.Time
}

// ChargeFilter prices the part of a charge's usage whose properties have the given values.
type ChargeFilter struct {
	ID                 uuid.UUID
	InvoiceDisplayName string
	Values             map[string][]string // property -> allowed values
	Properties         ChargeProperties
}

// AllFilterValues stands in ChargeFilter.Values for every value that the metric declares for the key.
const AllFilterValues = "__ALL_FILTER_VALUES__"

// ChargeProperties are the prices of a charge or a filter: those of its model.
// The JSON is what PostgreSQL keeps and what Lago's API shows.
type ChargeProperties struct {
	Amount           *Amount          `json:"amount,omitempty"` // standard: per unit; package: per package
	GraduatedRanges  []GraduatedRange `json:"graduated_ranges,omitempty"`
	PackageSize      int64            `json:"package_size,omitempty"` // package: units of one package, at least 1
	FreeUnits        int64            `json:"free_units,omitempty"`   // package
	PricingGroupKeys []string         `json:"pricing_group_keys,omitempty"`
}

// GraduatedRange is one tier of a graduated charge.
type GraduatedRange struct {
	FromValue     int64  `json:"from_value"`
	ToValue       *int64 `json:"to_value"` // inclusive; nil: without end
	PerUnitAmount Amount `json:"per_unit_amount"`
	FlatAmount    Amount `json:"flat_amount"`
}

// Bounds of a charge's prices and steps.
const (
	PriceDigitsMax     = 38 // digits of a price before the point, and after it
	GraduatedRangesMax = 100
)

// DefaultProperties returns what a charge of the model costs when nothing is said: nothing.
func DefaultProperties(model ChargeModel) ChargeProperties {
	var zero Amount
	switch model {
	case Graduated:
		return ChargeProperties{GraduatedRanges: []GraduatedRange{{}}}
	case Package:
		return ChargeProperties{Amount: &zero, PackageSize: 1}
	}
	return ChargeProperties{Amount: &zero}
}

// Validate returns what is wrong with the properties as those of the model, in Lago's
// codes for the field "properties"; nil when nothing is.
func (p *ChargeProperties) Validate(model ChargeModel) []string {
	switch model {
	case Standard:
		return p.validateStandard()
	case Graduated:
		return p.validateGraduated()
	case Package:
		return p.validatePackage()
	}
	return []string{CodeInvalidChargeModel}
}

// Price is what units cost.
type Price struct {
	Amount     decimal.Decimal // in currency units, exact
	UnitAmount decimal.Decimal // Amount per unit (package: per paid unit), 0 when there is none
	Details    []byte          // JSON: Lago's amount_details of the model
}

// Price returns what units cost by the properties, which are valid for the model.
// Nothing costs less than nothing: negative units cost what no units cost.
func (p *ChargeProperties) Price(model ChargeModel, units decimal.Decimal) Price {
	if units.IsNegative() {
		units = decimal.Zero
	}
	switch model {
	case Standard:
		return p.priceStandard(units)
	case Graduated:
		return p.priceGraduated(units)
	case Package:
		return p.pricePackage(units)
	}
	panic("BUG: price of unknown charge model " + string(model))
}

// validPrice reports whether a price may stand on a charge: not negative, and short
// enough that computing with it is cheap.
func validPrice(a Amount) bool {
	exponent := int(a.Exponent())
	return !a.IsNegative() && exponent >= -PriceDigitsMax && a.NumDigits()+exponent <= PriceDigitsMax
}
