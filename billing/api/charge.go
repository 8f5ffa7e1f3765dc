package api

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"weir/billing"
)

// Limits of a charge.
const (
	chargeFiltersMax    = 500
	filterKeysMax       = 20   // properties one filter looks at
	filterValuesMax     = 1000 // values of one of them
	pricingGroupKeysMax = 20
)

// splitLimit says what billing.SplitBytesMax bounds.
var splitLimit = fmt.Sprintf("all that the charges of a plan filter and group by is at most %d bytes, "+
	"%s as long as what the metric declares", billing.SplitBytesMax, billing.AllFilterValues)

// chargeObject is Lago's ChargeObject.
type chargeObject struct {
	LagoID               uuid.UUID                 `json:"lago_id"`
	LagoBillableMetricID uuid.UUID                 `json:"lago_billable_metric_id"`
	Code                 string                    `json:"code"`
	InvoiceDisplayName   *string                   `json:"invoice_display_name"`
	BillableMetricCode   string                    `json:"billable_metric_code"`
	CreatedAt            string                    `json:"created_at"`
	ChargeModel          string                    `json:"charge_model"`
	Invoiceable          bool                      `json:"invoiceable"`
	RegroupPaidFees      *string                   `json:"regroup_paid_fees"`
	PayInAdvance         bool                      `json:"pay_in_advance"`
	Prorated             bool                      `json:"prorated"`
	MinAmountCents       int64                     `json:"min_amount_cents"`
	Properties           propertiesObject          `json:"properties"`
	AppliedPricingUnit   *appliedPricingUnitObject `json:"applied_pricing_unit"`
	AcceptsTargetWallet  bool                      `json:"accepts_target_wallet"`
	LagoParentID         *string                   `json:"lago_parent_id"`
	Filters              []chargeFilterObject      `json:"filters"`
	Taxes                []taxObject               `json:"taxes"`
}

// chargeFilterObject is Lago's ChargeFilterObject.
type chargeFilterObject struct {
	InvoiceDisplayName *string             `json:"invoice_display_name"`
	Properties         propertiesObject    `json:"properties"`
	Values             map[string][]string `json:"values"`
}

func chargeOf(ch *billing.Charge) chargeObject {
	return chargeObject{
		LagoID:               ch.ID,
		LagoBillableMetricID: ch.Metric.ID,
		Code:                 ch.Code,
		InvoiceDisplayName:   orNull(ch.InvoiceDisplayName),
		BillableMetricCode:   ch.Metric.Code,
		CreatedAt:            stamp(ch.CreatedAt),
		ChargeModel:          string(ch.Model),
		Invoiceable:          true,
		Prorated:             ch.Prorated,
		MinAmountCents:       ch.MinAmountCents,
		AppliedPricingUnit:   appliedPricingUnitOf(ch.PricingUnit),
		Taxes:                each(ch.Taxes, taxOf),
		Properties:           propertiesOf(ch.Model, &ch.Properties),
		Filters: each(ch.Filters, func(filter *billing.ChargeFilter) chargeFilterObject {
			return chargeFilterObject{
				InvoiceDisplayName: orNull(filter.InvoiceDisplayName),
				Properties:         propertiesOf(ch.Model, &filter.Properties),
				Values:             filter.Values,
			}
		}),
	}
}

// readCharges reads all charges of a plan, on the given metrics. One with the id of one of
// before changes that; the others are new.
func readCharges(f form, before []billing.Charge, metrics map[uuid.UUID]billing.BillableMetric) []billing.Charge {
	var charges []billing.Charge
	codes := make(map[string]bool)
	changed := make(map[uuid.UUID]bool)
	for _, o := range f.objects("charges", chargesMax) {
		was, ok := named(o, before, changed, chargeID)
		if !ok {
			o.fault("id", billing.CodeInvalid)
			continue
		}
		charge := readCharge(o, was, metrics)
		if charge.Code != "" && codes[charge.Code] {
			o.fault("code", billing.CodeAlreadyExist)
		}
		codes[charge.Code] = true
		charges = append(charges, charge)
	}
	for i := range charges {
		if charges[i].Code == "" {
			charges[i].Code = freeCode(charges[i].Metric.Code, codes)
		}
	}
	if billing.SplitBytes(charges) > billing.SplitBytesMax {
		f.overLimit("charges", billing.CodeOutOfRange, splitLimit)
	}
	return charges
}

// named returns the one of before, such as a plan's charges, that the request names by its id,
// nil for a new one. ok is false when there is none, or when it was named already.
func named[T any](f form, before []T, changed map[uuid.UUID]bool, idOf func(*T) uuid.UUID) (was *T, ok bool) {
	if _, given := f.given("id"); !given || before == nil {
		return nil, true // a new plan has none to name: Lago ignores what it does not know
	}
	id, ok := f.uuid("id")
	if !ok || changed[id] {
		return nil, false
	}
	for i := range before {
		if idOf(&before[i]) == id {
			changed[id] = true
			return &before[i], true
		}
	}
	return nil, false
}

func chargeID(ch *billing.Charge) uuid.UUID { return ch.ID }

// freeCode returns the metric's code, with a number where a charge has that already.
func freeCode(metric string, taken map[string]bool) string {
	code := metric
	for n := 2; taken[code]; n++ {
		suffix := "_" + strconv.Itoa(n)
		whole := metric[:min(len(metric), textBytesMax-len(suffix))]
		code = strings.ToValidUTF8(whole, "") + suffix // the cut may have split a character
	}
	taken[code] = true
	return code
}

// readCharge takes over what a request says of a charge: of was, or of a new one where
// that is nil.
func readCharge(f form, was *billing.Charge, metrics map[uuid.UUID]billing.BillableMetric) billing.Charge {
	ch := billing.Charge{ID: newID()}
	if was != nil {
		ch = *was
	}
	readChargeMetric(f, &ch, was, metrics)
	if code, ok := f.text("code", textBytesMax); ok && code != "" {
		ch.Code = code
	}
	f.into(&ch.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	refusePayInAdvance(f)
	if prorated, ok := f.boolean("prorated"); ok {
		ch.Prorated = prorated
	}
	if cents, ok := f.integer("min_amount_cents", 0, math.MaxInt64); ok {
		ch.MinAmountCents = cents
	}
	ch.Taxes = readTaxCodes(f, ch.Taxes)
	readAppliedPricingUnit(f, &ch)
	readChargeModel(f, &ch)
	if ch.Model == "" {
		return ch // its properties mean nothing
	}
	remodelled := was == nil || was.Model != ch.Model
	if remodelled || f.has("properties") {
		ch.Properties = readProperties(f, ch.Model)
	}
	switch _, given := f.given("filters"); {
	case was == nil || given:
		ch.Filters = readChargeFilters(f, &ch)
	case remodelled:
		checkFilterProperties(f, &ch)
	}
	return ch
}

// readChargeMetric reads the metric of a new charge. That of an old one stays: usage of
// another would be billed under its name.
func readChargeMetric(f form, ch, was *billing.Charge, metrics map[uuid.UUID]billing.BillableMetric) {
	if _, given := f.given("billable_metric_id"); was != nil && !given {
		return
	}
	id, ok := f.uuid("billable_metric_id")
	switch {
	case !ok:
		f.uuidFault("billable_metric_id")
	case was == nil:
		ch.Metric = metrics[id]
	case was.Metric.ID != id:
		f.fault("billable_metric_id", billing.CodeInvalid)
	}
}

// readChargeModel reads the model, and with it whether the charge goes with its metric.
func readChargeModel(f form, ch *billing.Charge) {
	name := string(ch.Model)
	f.demand(&name, "charge_model")
	ch.Model = ""
	switch model := billing.ChargeModel(name); model {
	case "":
	case billing.Standard, billing.Graduated, billing.Package, billing.Percentage, billing.Volume,
		billing.GraduatedPercentage, billing.Dynamic, billing.Custom:
		ch.Model = model
		if ch.Metric.ID != uuid.Nil {
			f.addFaults(ch.Incompatible())
		}
	default:
		f.fault("charge_model", billing.CodeInvalid)
	}
}

// refusePayInAdvance refuses what belongs to charges that are paid in advance: those are not
// supported yet, and on others it has no meaning.
func refusePayInAdvance(f form) {
	f.notYet("pay_in_advance", "accepts_target_wallet")
	if len(f.faults.fields[f.path+"pay_in_advance"]) > 0 {
		f.notYet("regroup_paid_fees")
		f.notYetUnless("invoiceable", "true", `"true"`)
		return
	}
	if _, given := f.given("regroup_paid_fees"); given {
		f.fault("regroup_paid_fees", billing.CodePayInAdvanceNotInvoiceable)
	}
	if invoiceable, given := f.boolean("invoiceable"); given && !invoiceable {
		f.fault("invoiceable", billing.CodeInvoiceableUnlessPayInAdvance)
	}
}

// readChargeFilters reads all filters of a charge, whose Filters are those it had. One that
// looks for the same as one of them is that, with other prices: it keeps its id.
func readChargeFilters(f form, ch *billing.Charge) []billing.ChargeFilter {
	var filters []billing.ChargeFilter
	before := slices.Clone(ch.Filters)
	for _, o := range f.objects("filters", chargeFiltersMax) {
		filter := billing.ChargeFilter{
			ID:         newID(),
			Values:     readFilterValues(o, &ch.Metric),
			Properties: readProperties(o, ch.Model),
		}
		at := slices.IndexFunc(before, func(was billing.ChargeFilter) bool { return sameValues(was.Values, filter.Values) })
		if at >= 0 {
			filter.ID, filter.Values = before[at].ID, before[at].Values
			before = slices.Delete(before, at, at+1)
		}
		o.into(&filter.InvoiceDisplayName, "invoice_display_name", textBytesMax)
		o.mustGive("properties")
		filters = append(filters, filter)
	}
	return filters
}

// sameValues reports whether two filters look for the same, in whatever order it is said.
func sameValues(a, b map[string][]string) bool {
	return maps.EqualFunc(a, b, func(a, b []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	})
}

// checkFilterProperties records that filters which were not said have prices of another
// model than the charge has now.
func checkFilterProperties(f form, ch *billing.Charge) {
	var codes []string
	for i := range ch.Filters {
		codes = append(codes, ch.Filters[i].Properties.Validate(ch.Model)...)
	}
	for _, code := range distinct(codes) {
		f.fault("filters", code)
	}
}

// readFilterValues reads what a filter looks for. Only what the metric declares
// can be looked for.
func readFilterValues(f form, metric *billing.BillableMetric) map[string][]string {
	o, ok := f.object("values")
	if _, given := f.given("values"); !given || (ok && len(o.members) == 0) {
		f.fault("values", billing.CodeMandatory)
		return nil
	}
	if len(o.members) > filterKeysMax {
		f.overLimit("values", billing.CodeInvalidCount, fmt.Sprintf("at most %d properties", filterKeysMax))
		return nil
	}
	values := make(map[string][]string, len(o.members))
	for key := range o.members {
		values[key] = distinct(o.texts(key, filterValuesMax))
		switch {
		case len(values[key]) == 0:
			o.fault(key, billing.CodeMandatory)
		case !metric.Declares(key, values[key]):
			o.fault(key, billing.CodeInvalid)
		}
	}
	return values
}
