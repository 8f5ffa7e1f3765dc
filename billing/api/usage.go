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
	FromDatetime     string                           `json:"from_datetime"`
	ToDatetime       string                           `json:"to_datetime"`
	IssuingDate      string                           `json:"issuing_date"`
	LagoInvoiceID    *uuid.UUID                       `json:"lago_invoice_id"`
	Currency         string                           `json:"currency"`
	AmountCents      int64                            `json:"amount_cents"`
	TaxesAmountCents int64                            `json:"taxes_amount_cents"`
	TotalAmountCents int64                            `json:"total_amount_cents"`
	ChargesUsage     []chargeUsageObject[usageObject] `json:"charges_usage"`
}

// chargeUsageObject is Lago's CustomerChargeUsageObject, and with projected figures its
// CustomerProjectedChargeUsageObject.
type chargeUsageObject[F any] struct {
	Figures        F                      `json:",embed"`
	AmountCurrency string                 `json:"amount_currency"`
	Charge         usageChargeObject      `json:"charge"`
	BillableMetric usageMetricObject      `json:"billable_metric"`
	Filters        []filterUsageObject[F] `json:"filters"`
	GroupedUsage   []groupUsageObject[F]  `json:"grouped_usage"`
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
type filterUsageObject[F any] struct {
	Figures            F                   `json:",embed"`
	InvoiceDisplayName *string             `json:"invoice_display_name"`
	Values             map[string][]string `json:"values"`
}

// groupUsageObject is one of Lago's CustomerChargeGroupedUsageObject.
type groupUsageObject[F any] struct {
	Figures   F                      `json:",embed"`
	GroupedBy map[string]*string     `json:"grouped_by"`
	Filters   []filterUsageObject[F] `json:"filters"`
}

// usageObject is what the usage of anything amounts to.
type usageObject struct {
	Units                  string                  `json:"units"`
	TotalAggregatedUnits   string                  `json:"total_aggregated_units"`
	EventsCount            int64                   `json:"events_count"`
	AmountCents            int64                   `json:"amount_cents"`
	PricingUnitDetails     *usagePricingUnitObject `json:"pricing_unit_details"`
	PresentationBreakdowns []presentationObject    `json:"presentation_breakdowns"`
}

// presentationObject is one of Lago's PresentationBreakdownsObject.
type presentationObject struct {
	PresentationBy map[string]*string `json:"presentation_by"`
	Units          string             `json:"units"`
}

// usageOf sums buckets of a charge.
func usageOf(ch *billing.Charge, buckets []billing.BucketUsage) usageObject {
	o := usageObject{PricingUnitDetails: usagePricingUnitOf(ch, buckets)}
	var units, total decimal.Decimal
	for i := range buckets {
		if i == 0 { // mostly the only one
			units, total = buckets[i].Units, buckets[i].TotalUnits
		} else {
			units, total = units.Add(buckets[i].Units), total.Add(buckets[i].TotalUnits)
		}
		o.EventsCount += buckets[i].EventsCount
		o.AmountCents += buckets[i].AmountCents
	}
	o.Units, o.TotalAggregatedUnits = billing.FormatDecimal(units), billing.FormatDecimal(total)
	o.PresentationBreakdowns = presentationOf(buckets, func(b *billing.BucketUsage) []billing.PresentationUsage { return b.Presentation })
	return o
}

// presentationOf sums the parts that buckets are broken down to, in the order they were met.
func presentationOf(buckets []billing.BucketUsage, parts func(*billing.BucketUsage) []billing.PresentationUsage) []presentationObject {
	var (
		objects []presentationObject
		sums    []decimal.Decimal
		met     map[string]int // made when it is needed: mostly there are no parts
	)
	for i := range buckets {
		for _, part := range parts(&buckets[i]) {
			name := groupName(part.PresentedBy)
			at, ok := met[name]
			if !ok {
				if at = len(objects); at == 0 {
					met = make(map[string]int)
				}
				met[name] = at
				objects, sums = append(objects, presentationObject{PresentationBy: part.PresentedBy}), append(sums, decimal.Zero)
			}
			sums[at] = sums[at].Add(part.Units)
		}
	}
	for i := range objects {
		objects[i].Units = billing.FormatDecimal(sums[i])
	}
	return objects
}

// chargeUsageOf describes the usage of a charge; figuresOf says what some of its buckets come to.
func chargeUsageOf[F any](u *billing.ChargeUsage, currency billing.Currency, figuresOf func(*billing.Charge, []billing.BucketUsage) F) chargeUsageObject[F] {
	metric := &u.Charge.Metric
	figures := func(buckets []billing.BucketUsage) F { return figuresOf(u.Charge, buckets) }
	o := chargeUsageObject[F]{
		Figures:        figures(u.Buckets),
		AmountCurrency: string(currency),
		Charge:         usageChargeObject{u.Charge.ID, string(u.Charge.Model), orNull(u.Charge.InvoiceDisplayName)},
		BillableMetric: usageMetricOf(metric),
		GroupedUsage:   groupUsageOf(u, figures),
	}
	// Every filter is shown, also one that took nothing. What no filter took is the
	// rest, and not shown by itself.
	for i := range u.Charge.Filters {
		o.Filters = append(o.Filters, filterUsageOf(&u.Charge.Filters[i], u.Buckets, figures))
	}
	return o
}

func usageMetricOf(m *billing.BillableMetric) usageMetricObject {
	return usageMetricObject{m.ID, m.Name, m.Code, string(m.AggregationType)}
}

// filterUsageOf sums the buckets of a filter.
func filterUsageOf[F any](filter *billing.ChargeFilter, buckets []billing.BucketUsage, figures func([]billing.BucketUsage) F) filterUsageObject[F] {
	return filterUsageObject[F]{figures(bucketsOfFilter(filter, buckets)), orNull(filter.InvoiceDisplayName), filter.Values}
}

// bucketsOfFilter returns those of a filter. They may be a part of those given, and are not to be changed.
func bucketsOfFilter(filter *billing.ChargeFilter, buckets []billing.BucketUsage) []billing.BucketUsage {
	var own []billing.BucketUsage
	first := 0 // of own
	for i := range buckets {
		if of := buckets[i].Filter; of == nil || of.ID != filter.ID {
			continue
		}
		if len(own) == 0 {
			first = i
		}
		if i == first+len(own) { // mostly: without groups a filter's follow each other
			own = buckets[first : i+1 : i+1]
		} else {
			own = append(own, buckets[i])
		}
	}
	return own
}

// groupUsageOf returns the usage of each group that was seen, nothing where the
// charge does not group.
func groupUsageOf[F any](u *billing.ChargeUsage, figures func([]billing.BucketUsage) F) []groupUsageObject[F] {
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
	var objects []groupUsageObject[F]
	for _, name := range names {
		o := groupUsageObject[F]{Figures: figures(groups[name]), GroupedBy: groups[name][0].GroupedBy}
		for i := range groups[name] {
			if filter := groups[name][i].Filter; filter != nil {
				o.Filters = append(o.Filters, filterUsageOf(filter, groups[name][i:i+1], figures))
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

// customerUsageOf describes the usage of a period, without taxes.
func customerUsageOf(s subscribed, period billing.Period, usages []billing.ChargeUsage) (customerUsageObject, error) {
	total, err := billing.TotalCents(usages)
	if err != nil {
		return customerUsageObject{}, err
	}
	last := lastInstant(period.To, s.subscription.EndingAt)
	return customerUsageObject{
		FromDatetime:     stamp(period.From),
		ToDatetime:       stamp(last),
		IssuingDate:      date(billing.LocalDate(last, s.location)),
		Currency:         string(s.plan.Currency),
		AmountCents:      total,
		TotalAmountCents: total,
		ChargesUsage: each(usages, func(u *billing.ChargeUsage) chargeUsageObject[usageObject] {
			return chargeUsageOf(u, s.plan.Currency, usageOf)
		}),
	}, nil
}
