package api

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/billing"
)

// customerUsageObject is Lago's CustomerUsageObject.
type customerUsageObject struct {
	FromDatetime     string              `json:"from_datetime"`
	ToDatetime       string              `json:"to_datetime"`
	IssuingDate      string              `json:"issuing_date"`
	LagoInvoiceID    *uuid.UUID          `json:"lago_invoice_id"`
	Currency         string              `json:"currency"`
	AmountCents      int64               `json:"amount_cents"`
	TaxesAmountCents int64               `json:"taxes_amount_cents"`
	TotalAmountCents int64               `json:"total_amount_cents"`
	ChargesUsage     []chargeUsageObject `json:"charges_usage"`
}

// chargeUsageObject is Lago's CustomerChargeUsageObject.
type chargeUsageObject struct {
	usageObject    `json:",inline"`
	AmountCurrency string              `json:"amount_currency"`
	Charge         usageChargeObject   `json:"charge"`
	BillableMetric usageMetricObject   `json:"billable_metric"`
	Filters        []filterUsageObject `json:"filters"`
	GroupedUsage   []groupUsageObject  `json:"grouped_usage"`
}

type usageChargeObject struct {
	LagoID             uuid.UUID `json:"lago_id"`
	ChargeModel        string    `json:"charge_model"`
	InvoiceDisplayName *string   `json:"invoice_display_name"`
}

type usageMetricObject struct {
	LagoID          uuid.UUID `json:"lago_id"`
	Name            string    `json:"name"`
	Code            string    `json:"code"`
	AggregationType string    `json:"aggregation_type"`
}

// filterUsageObject is one of Lago's CustomerChargeFiltersUsageObject.
type filterUsageObject struct {
	usageObject        `json:",inline"`
	InvoiceDisplayName *string             `json:"invoice_display_name"`
	Values             map[string][]string `json:"values"`
}

// groupUsageObject is one of Lago's CustomerChargeGroupedUsageObject.
type groupUsageObject struct {
	usageObject `json:",inline"`
	GroupedBy   map[string]*string  `json:"grouped_by"`
	Filters     []filterUsageObject `json:"filters"`
}

// usageObject is what the usage of anything amounts to.
type usageObject struct {
	Units                  string    `json:"units"`
	TotalAggregatedUnits   string    `json:"total_aggregated_units"`
	EventsCount            int64     `json:"events_count"`
	AmountCents            int64     `json:"amount_cents"`
	PricingUnitDetails     *struct{} `json:"pricing_unit_details"`
	PresentationBreakdowns none      `json:"presentation_breakdowns"`
}

// usageOf sums buckets.
func usageOf(buckets []billing.BucketUsage) usageObject {
	var o usageObject
	units, total := decimal.Zero, decimal.Zero
	for i := range buckets {
		units = units.Add(buckets[i].Units)
		total = total.Add(buckets[i].TotalUnits)
		o.EventsCount += buckets[i].EventsCount
		o.AmountCents += buckets[i].AmountCents
	}
	o.Units, o.TotalAggregatedUnits = billing.FormatDecimal(units), billing.FormatDecimal(total)
	return o
}

func chargeUsageOf(u *billing.ChargeUsage, currency billing.Currency) chargeUsageObject {
	metric := &u.Charge.Metric
	o := chargeUsageObject{
		usageObject:    usageOf(u.Buckets),
		AmountCurrency: string(currency),
		Charge:         usageChargeObject{u.Charge.ID, string(u.Charge.Model), orNull(u.Charge.InvoiceDisplayName)},
		BillableMetric: usageMetricObject{metric.ID, metric.Name, metric.Code, string(metric.AggregationType)},
		GroupedUsage:   groupUsageOf(u),
	}
	if len(u.Charge.Filters) == 0 {
		return o
	}
	// Every filter is shown, also one that took nothing. What no filter took is the
	// rest, and not shown by itself.
	for i := range u.Charge.Filters {
		o.Filters = append(o.Filters, filterUsageOf(&u.Charge.Filters[i], u.Buckets))
	}
	return o
}

// filterUsageOf sums the buckets of a filter.
func filterUsageOf(filter *billing.ChargeFilter, buckets []billing.BucketUsage) filterUsageObject {
	var own []billing.BucketUsage
	for i := range buckets {
		if buckets[i].Filter == filter {
			own = append(own, buckets[i])
		}
	}
	return filterUsageObject{usageOf(own), orNull(filter.InvoiceDisplayName), filter.Values}
}

// groupUsageOf returns the usage of each group that was seen, nothing where the
// charge does not group.
func groupUsageOf(u *billing.ChargeUsage) []groupUsageObject {
	if !slices.ContainsFunc(u.Buckets, func(b billing.BucketUsage) bool { return len(b.GroupedBy) > 0 }) {
		return nil
	}
	var names []string // in the order they were met
	groups := make(map[string][]billing.BucketUsage)
	for i := range u.Buckets {
		if u.Buckets[i].IsEmpty() {
			continue
		}
		name := groupName(u.Buckets[i].GroupedBy)
		if _, met := groups[name]; !met {
			names = append(names, name)
		}
		groups[name] = append(groups[name], u.Buckets[i])
	}
	var objects []groupUsageObject
	for _, name := range names {
		o := groupUsageObject{usageObject: usageOf(groups[name]), GroupedBy: groups[name][0].GroupedBy}
		for i := range groups[name] {
			if filter := groups[name][i].Filter; filter != nil {
				o.Filters = append(o.Filters, filterUsageOf(filter, groups[name][i:i+1]))
			}
		}
		objects = append(objects, o)
	}
	return objects
}

// groupName returns a text that is equal for equal groups.
func groupName(group map[string]*string) string {
	text, err := json.Marshal(group, json.Deterministic(true))
	if err != nil {
		panic("BUG: group cannot be JSON: " + err.Error())
	}
	return string(text)
}

type customerUsageAnswer struct {
	CustomerUsage customerUsageObject `json:"customer_usage"`
}

func customerUsageOf(s subscribed, period billing.Period, usages []billing.ChargeUsage) (customerUsageAnswer, error) {
	total, err := billing.TotalCents(usages)
	if err != nil {
		return customerUsageAnswer{}, err
	}
	last := lastInstant(period.To, s.subscription.EndingAt)
	o := customerUsageObject{
		FromDatetime: stamp(period.From),
		ToDatetime:   stamp(last),
		IssuingDate:  date(billing.LocalDate(last, s.location)),
		Currency:     string(s.plan.Currency),
		ChargesUsage: each(usages, func(u *billing.ChargeUsage) chargeUsageObject { return chargeUsageOf(u, s.plan.Currency) }),
	}
	o.AmountCents, o.TotalAmountCents = total, total
	return customerUsageAnswer{o}, nil
}
