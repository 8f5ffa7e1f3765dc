package billing

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
)

// ChargeModel is Lago's name of how units become money.
type ChargeModel string

// The charge models.
const (
	Standard            ChargeModel = "standard"
	Graduated           ChargeModel = "graduated"
	Package             ChargeModel = "package"
	Percentage          ChargeModel = "percentage"
	Volume              ChargeModel = "volume"
	GraduatedPercentage ChargeModel = "graduated_percentage"
	Dynamic             ChargeModel = "dynamic" // the events carry their prices
	Custom              ChargeModel = "custom"  // an expression
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
	// Prorated counts recurring units by the days they were there.
	Prorated bool
	// MinAmountCents is what the charge comes to at least in a full period: a fee of its own
	// makes up for the rest, in cents or in hundredths of PricingUnit. 0 = no minimum.
	MinAmountCents int64
	// PricingUnit is what the charge's prices are in; nil: the plan's currency.
	PricingUnit *AppliedPricingUnit
	Taxes       []Tax // empty: those of the plan hold
	CreatedAt   time.Time
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
// does not go with the aggregation, its units can't be prorated, or a filter looks for what the
// metric does not declare.
func (ch *Charge) Check() error {
	faults := ch.Incompatible()
	for i := range ch.Filters {
		for key, values := range ch.Filters[i].Values {
			if !ch.Metric.Declares(key, values) {
				return Invalid("values", CodeInvalid)
			}
		}
	}
	return faults.Err()
}

// Incompatible returns what of the charge does not go with its metric, by field of the API, in
// Lago's codes; nil when all does.
func (ch *Charge) Incompatible() Faults {
	var faults Faults
	if !ch.Model.GoesWith(ch.Metric.AggregationType) {
		faults.Add("charge_model", CodeIncompatibleModel)
	}
	if ch.Prorated && !ch.canProrate() {
		faults.Add("prorated", CodeIncompatibleMetric)
	}
	return faults
}

// canProrate reports whether the charge's units can be counted by days: what is carried over
// periods can, but for weighted sums, which count by seconds as it is (Lago).
func (ch *Charge) canProrate() bool {
	switch ch.Model {
	case Standard, Graduated, Volume:
		return ch.Metric.Recurring && ch.Metric.AggregationType != WeightedSumAgg
	}
	return false
}

// SplitBytesMax bounds what the charges of one plan filter and group by; see SplitBytes. All
// of it goes into every question for usage (query.RequestBytesMax) and into the evidence of
// every invoice.
const SplitBytesMax = 512 << 10

// SplitBytes returns how much the charges filter and group by, in bytes: the properties and
// the values that are looked for, of a wildcard all that the metric declares, and a few more
// for each; and what else is asked of each filter (aggregator.Fold).
func SplitBytes(charges []Charge) int {
	const perText = 4 // quotes and a comma
	size := 0
	add := func(texts []string) {
		for _, text := range texts {
			size += len(text) + perText
		}
	}
	fold := func(f *aggregator.Fold) {
		if f != nil {
			size += len(mustJSON(evidenceFoldOf(f)))
		}
	}
	for i := range charges {
		split := ChargeSplit(&charges[i])
		fold(split.Fold)
		add(split.GroupKeys)
		add(split.PresentationKeys)
		for _, f := range split.Filters {
			fold(f.Fold)
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

// ChargeProperties are the prices of a charge or a filter: those of its model, in the
// currency, or in the charge's pricing unit. The JSON is what PostgreSQL keeps and what Lago's
// API shows.
type ChargeProperties struct {
	Amount          *Amount          `json:"amount,omitempty"` // standard: per unit; package: per package
	GraduatedRanges []GraduatedRange `json:"graduated_ranges,omitempty"`
	PackageSize     int64            `json:"package_size,omitempty"` // package: units of one package, at least 1
	FreeUnits       int64            `json:"free_units,omitempty"`   // package

	// Percentage. Rate must be given; nil in the others: none.
	Rate                         *Amount `json:"rate,omitempty"`                             // percent of the units
	FixedAmount                  *Amount `json:"fixed_amount,omitempty"`                     // of each event
	FreeUnitsPerEvents           *int64  `json:"free_units_per_events,omitempty"`            // how many events are free, at least 1
	FreeUnitsPerTotalAggregation *Amount `json:"free_units_per_total_aggregation,omitempty"` // how many units are free
	PerTransactionMinAmount      *Amount `json:"per_transaction_min_amount,omitempty"`       // what an event costs at least
	PerTransactionMaxAmount      *Amount `json:"per_transaction_max_amount,omitempty"`       // and at most

	VolumeRanges              []VolumeRange              `json:"volume_ranges,omitempty"`
	GraduatedPercentageRanges []GraduatedPercentageRange `json:"graduated_percentage_ranges,omitempty"`

	// Expression is what a custom charge costs in currency units: one over units and events_count.
	Expression string `json:"expression,omitempty"`

	PricingGroupKeys []string `json:"pricing_group_keys,omitempty"`
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

// VolumeRange is one tier of a volume charge: the whole quantity is priced by the one that it lies in.
type VolumeRange GraduatedRange

// GraduatedPercentageRange is one tier of a graduated percentage charge.
type GraduatedPercentageRange struct {
	FromValue  int64  `json:"from_value"`
	ToValue    *int64 `json:"to_value"` // inclusive; nil: without end
	Rate       Amount `json:"rate"`     // percent
	FlatAmount Amount `json:"flat_amount"`
}

// Bounds of a charge's prices and steps.
const (
	PriceDigitsMax     = 38 // digits of a price before the point, and after it
	GraduatedRangesMax = 100
	// PresentationGroupKeysMax is Lago's bound of presentation_group_keys.
	PresentationGroupKeysMax = 2
)

// DefaultProperties returns what a charge of the model costs when nothing is said: nothing. Of
// a custom charge there is none: it must say its expression.
func DefaultProperties(model ChargeModel) ChargeProperties {
	var zero Amount
	switch model {
	case Graduated:
		return ChargeProperties{GraduatedRanges: []GraduatedRange{{}}}
	case Package:
		return ChargeProperties{Amount: &zero, PackageSize: 1}
	case Percentage:
		return ChargeProperties{Rate: &zero}
	case Volume:
		return ChargeProperties{VolumeRanges: []VolumeRange{{}}}
	case GraduatedPercentage:
		return ChargeProperties{GraduatedPercentageRanges: []GraduatedPercentageRange{{}}}
	case Dynamic, Custom:
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
	case Percentage:
		return p.validatePercentage()
	case Volume:
		return p.validateVolume()
	case GraduatedPercentage:
		return p.validateGraduatedPercentage()
	case Dynamic:
		return nil // the events carry the prices
	case Custom:
		return p.validateCustom()
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
	EventsCount  int64
	// Fold is what metering answered to what ChargeSplit asked for besides; nil: nothing was asked.
	Fold *aggregator.FoldUsage
}

// Units returns a quantity of units whose events carry no prices.
func Units(units decimal.Decimal) Quantity { return Quantity{Units: units} }

// priced returns the units that have a price: those of Fold by their days where they are prorated.
func (q *Quantity) priced() (decimal.Decimal, error) {
	if q.Fold == nil {
		return q.Units, nil
	}
	return proratedUnits(q.Fold.UnitDays, q.Fold.Days)
}

// Price returns what a quantity costs by the properties, which are valid for the model.
// Nothing costs less than nothing: negative units cost what no units cost. The error is a Fold
// that does not fit the model, or a custom charge's expression that has no value.
func (p *ChargeProperties) Price(model ChargeModel, q Quantity) (Price, error) {
	switch model {
	case Dynamic:
		return priceDynamic(q), nil
	case Percentage:
		return p.pricePercentage(q), nil
	}
	q.Units = decimal.Max(q.Units, decimal.Zero)
	switch model {
	case Standard, Volume:
		priced, err := q.priced()
		if err != nil {
			return Price{}, err
		}
		if model == Standard {
			return p.priceStandard(q.Units, priced), nil
		}
		return p.priceVolume(q.Units, priced), nil
	case Graduated:
		return p.priceGraduated(q)
	case Package:
		return p.pricePackage(q.Units), nil
	case GraduatedPercentage:
		return p.priceGraduatedPercentage(q.Units), nil
	case Custom:
		return p.priceCustom(q)
	}
	panic("BUG: price of unknown charge model " + string(model))
}

// GoesWith reports whether charges of the model can be on metrics of the aggregation. The
// dynamic one adds up what events carry, and so do only sums; percentages are of what events
// amount to, which one of them, or their middle, is not; the others price whatever units there are.
func (model ChargeModel) GoesWith(aggregation AggregationType) bool {
	switch model {
	case Dynamic:
		return aggregation == SumAgg
	case Percentage, GraduatedPercentage:
		return aggregation != LatestAgg && aggregation != MinAgg && aggregation != AvgAgg && aggregation != PercentileAgg
	}
	return true
}

// fold returns what metering is asked of the bucket of p, one of the charge's properties, besides
// units and events; nil: nothing.
func (ch *Charge) fold(p *ChargeProperties) *aggregator.Fold {
	switch {
	case ch.Model == Percentage:
		return p.percentageFold()
	case ch.Prorated:
		fold := &aggregator.Fold{Prorated: true}
		if ch.Model == Graduated {
			for _, r := range p.GraduatedRanges {
				if r.ToValue != nil { // of the last it is, and perhaps of others while they are not validated
					fold.Tiers = append(fold.Tiers, decimal.NewFromInt(*r.ToValue))
				}
			}
		}
		return fold
	}
	return nil
}

// validPrice reports whether a price may stand on a charge: not negative, and short
// enough that computing with it is cheap.
func validPrice(a Amount) bool {
	exponent := int(a.Exponent())
	return !a.IsNegative() && exponent >= -PriceDigitsMax && a.NumDigits()+exponent <= PriceDigitsMax
}
