package billing

import (
	"slices"
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
	Dynamic   ChargeModel = "dynamic" // the events carry their prices
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

// Check returns an error of the caller's if the charge can't be on its metric: its model
// does not go with the aggregation, or a filter looks for what the metric does not declare.
func (ch *Charge) Check() error {
	if !ch.Model.GoesWith(ch.Metric.AggregationType) {
		return Invalid("charge_model", CodeIncompatibleModel)
	}
	for i := range ch.Filters {
		for key, values := range ch.Filters[i].Values {
			if !ch.Metric.Declares(key, values) {
				return Invalid("values", CodeInvalid)
			}
		}
	}
	return nil
}

// SplitBytesMax bounds what the charges of one plan filter and group by; see SplitBytes. All
// of it goes into every question for usage (query.RequestBytesMax) and into the evidence of
// every invoice.
const SplitBytesMax = 512 << 10

// SplitBytes returns how much the charges filter and group by, in bytes: the properties and
// the values that are looked for, of a wildcard all that the metric declares, and a few more
// for each.
func SplitBytes(charges []Charge) int {
	const perText = 4 // quotes and a comma
	size := 0
	add := func(texts []string) {
		for _, text := range texts {
			size += len(text) + perText
		}
	}
	for i := range charges {
		split := ChargeSplit(&charges[i])
		add(split.GroupKeys)
		add(split.PresentationKeys)
		for _, f := range split.Filters {
			add(f.GroupKeys)
			add(f.PresentationKeys)
			for _, c := range f.Conditions {
				size += len(c.Key) + perText
				add(c.Values)
			}
		}
	}
	return size
}

// Within returns the filter's values without those that the metric does not declare (any
// more), and whether that leaves out any. They are nil when it leaves a property without
// a value: no event can have that, and such a filter must go. (Lago keeps it without the
// property, and so lets it take what it never was meant for.)
func (f *ChargeFilter) Within(metric *BillableMetric) (values map[string][]string, changed bool) {
	values = make(map[string][]string, len(f.Values))
	for key, wanted := range f.Values {
		kept := slices.DeleteFunc(slices.Clone(wanted), func(value string) bool {
			return !metric.Declares(key, []string{value})
		})
		if len(kept) == 0 {
			return nil, true
		}
		changed = changed || len(kept) < len(wanted)
		values[key] = kept
	}
	return values, changed
}

// ChargeProperties are the prices of a charge or a filter: those of its model.
// The JSON is what PostgreSQL keeps and what Lago's API shows.
type ChargeProperties struct {
	Amount           *Amount          `json:"amount,omitempty"` // standard: per unit; package: per package
	GraduatedRanges  []GraduatedRange `json:"graduated_ranges,omitempty"`
	PackageSize      int64            `json:"package_size,omitempty"` // package: units of one package, at least 1
	FreeUnits        int64            `json:"free_units,omitempty"`   // package
	PricingGroupKeys []string         `json:"pricing_group_keys,omitempty"`
	// PresentationGroupKeys break the usage down for display, at most PresentationGroupKeysMax.
	PresentationGroupKeys []string `json:"presentation_group_keys,omitempty"`
	// PresentedOnInvoice are those of them that an invoice's document shows, too.
	PresentedOnInvoice []string `json:"presented_on_invoice,omitempty"`
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
	// PresentationGroupKeysMax is Lago's bound of presentation_group_keys.
	PresentationGroupKeysMax = 2
)

// DefaultProperties returns what a charge of the model costs when nothing is said: nothing.
func DefaultProperties(model ChargeModel) ChargeProperties {
	var zero Amount
	switch model {
	case Graduated:
		return ChargeProperties{GraduatedRanges: []GraduatedRange{{}}}
	case Package:
		return ChargeProperties{Amount: &zero, PackageSize: 1}
	case Dynamic:
		return ChargeProperties{}
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
	case Dynamic:
		return nil // the events carry the prices
	}
	return []string{CodeInvalidChargeModel}
}

// Price is what units cost.
type Price struct {
	Amount     decimal.Decimal // in currency units, exact
	UnitAmount decimal.Decimal // Amount per unit (package: per paid unit), 0 when there is none
	Details    []byte          // JSON: Lago's amount_details of the model
}

// Quantity is what is priced.
type Quantity struct {
	Units decimal.Decimal
	// PreciseTotal is Σ precise_total_amount_cents of the events, in hundredths of a
	// currency unit. Only the dynamic model looks at it.
	PreciseTotal decimal.Decimal
}

// Units returns a quantity of units whose events carry no prices.
func Units(units decimal.Decimal) Quantity { return Quantity{Units: units} }

// Price returns what a quantity costs by the properties, which are valid for the model.
// Nothing costs less than nothing: negative units cost what no units cost.
func (p *ChargeProperties) Price(model ChargeModel, q Quantity) Price {
	units := decimal.Max(q.Units, decimal.Zero)
	switch model {
	case Standard:
		return p.priceStandard(units)
	case Graduated:
		return p.priceGraduated(units)
	case Package:
		return p.pricePackage(units)
	case Dynamic:
		return priceDynamic(q)
	}
	panic("BUG: price of unknown charge model " + string(model))
}

// GoesWith reports whether charges of the model can be on metrics of the aggregation: all
// models that price units take those of every aggregation; the dynamic one adds up what
// events carry, and so do only sums.
func (model ChargeModel) GoesWith(aggregation AggregationType) bool {
	return model != Dynamic || aggregation == SumAgg
}

// validPrice reports whether a price may stand on a charge: not negative, and short
// enough that computing with it is cheap.
func validPrice(a Amount) bool {
	exponent := int(a.Exponent())
	return !a.IsNegative() && exponent >= -PriceDigitsMax && a.NumDigits()+exponent <= PriceDigitsMax
}
