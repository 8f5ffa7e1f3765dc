package api

import (
	"fmt"
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

// chargeObject is Lago's ChargeObject.
type chargeObject struct {
	LagoID               uuid.UUID            `json:"lago_id"`
	LagoBillableMetricID uuid.UUID            `json:"lago_billable_metric_id"`
	Code                 string               `json:"code"`
	InvoiceDisplayName   *string              `json:"invoice_display_name"`
	BillableMetricCode   string               `json:"billable_metric_code"`
	CreatedAt            string               `json:"created_at"`
	ChargeModel          string               `json:"charge_model"`
	Invoiceable          bool                 `json:"invoiceable"`
	RegroupPaidFees      *string              `json:"regroup_paid_fees"`
	PayInAdvance         bool                 `json:"pay_in_advance"`
	Prorated             bool                 `json:"prorated"`
	MinAmountCents       int64                `json:"min_amount_cents"`
	Properties           propertiesObject     `json:"properties"`
	AppliedPricingUnit   *struct{}            `json:"applied_pricing_unit"`
	AcceptsTargetWallet  bool                 `json:"accepts_target_wallet"`
	LagoParentID         *string              `json:"lago_parent_id"`
	Filters              []chargeFilterObject `json:"filters"`
	Taxes                none                 `json:"taxes"`
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

// readCharges reads a plan's charges on the given metrics.
func readCharges(f form, metrics map[uuid.UUID]billing.BillableMetric) []billing.Charge {
	var charges []billing.Charge
	codes := make(map[string]bool)
	for _, o := range f.objects("charges", chargesMax) {
		charge := readCharge(o, metrics)
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
	return charges
}

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

func readCharge(f form, metrics map[uuid.UUID]billing.BillableMetric) billing.Charge {
	ch := billing.Charge{ID: newID(), Model: readChargeModel(f)}
	if id, ok := f.uuid("billable_metric_id"); ok {
		ch.Metric = metrics[id]
	} else {
		f.uuidFault("billable_metric_id")
	}
	f.into(&ch.Code, "code", textBytesMax)
	f.into(&ch.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	f.notYet("pay_in_advance", "regroup_paid_fees", "prorated", "min_amount_cents", "tax_codes",
		"applied_pricing_unit", "accepts_target_wallet")
	f.notYetUnless("invoiceable", "true", `"true"`)
	if ch.Model == "" {
		return ch // its properties mean nothing
	}
	ch.Properties = readProperties(f, ch.Model)
	ch.Filters = readChargeFilters(f, &ch)
	return ch
}

func readChargeModel(f form) billing.ChargeModel {
	switch name := f.required("charge_model"); name {
	case "", string(billing.Standard), string(billing.Graduated), string(billing.Package):
		return billing.ChargeModel(name)
	case "percentage", "volume", "graduated_percentage", "dynamic", "custom":
		f.fault("charge_model", billing.CodeNotSupported)
	default:
		f.fault("charge_model", billing.CodeInvalid)
	}
	return ""
}

func readChargeFilters(f form, ch *billing.Charge) []billing.ChargeFilter {
	var filters []billing.ChargeFilter
	for _, o := range f.objects("filters", chargeFiltersMax) {
		filter := billing.ChargeFilter{
			ID:         newID(),
			Values:     readFilterValues(o, &ch.Metric),
			Properties: readProperties(o, ch.Model),
		}
		o.into(&filter.InvoiceDisplayName, "invoice_display_name", textBytesMax)
		if _, given := o.given("properties"); !given {
			o.fault("properties", billing.CodeMandatory)
		}
		filters = append(filters, filter)
	}
	return filters
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
		case !declares(metric, key, values[key]):
			o.fault(key, billing.CodeInvalid)
		}
	}
	return values
}

// declares reports whether the metric declares the key and the values for filters.
func declares(metric *billing.BillableMetric, key string, values []string) bool {
	for _, declared := range metric.Filters {
		if declared.Key != key {
			continue
		}
		return !slices.ContainsFunc(values, func(value string) bool {
			return value != billing.AllFilterValues && !slices.Contains(declared.Values, value)
		})
	}
	return false
}
