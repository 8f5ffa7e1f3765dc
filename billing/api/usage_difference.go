package api

import (
	"context"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/postgres"
)

// usageDifferenceObject is ours: what of an invoiced charge, filter and group is another
// now than it was billed.
type usageDifferenceObject struct {
	LagoInvoiceID          uuid.UUID           `json:"lago_invoice_id"`
	InvoiceNumber          string              `json:"invoice_number"`
	LagoSubscriptionID     uuid.UUID           `json:"lago_subscription_id"`
	ExternalSubscriptionID string              `json:"external_subscription_id"`
	FromDatetime           string              `json:"from_datetime"`
	ToDatetime             string              `json:"to_datetime"`
	LagoChargeID           uuid.UUID           `json:"lago_charge_id"`
	ChargeCode             string              `json:"charge_code"`
	BillableMetricCode     string              `json:"billable_metric_code"`
	LagoChargeFilterID     *uuid.UUID          `json:"lago_charge_filter_id"`
	Filters                map[string][]string `json:"filters"`
	GroupedBy              map[string]*string  `json:"grouped_by"`
	// What was billed, what there is now at the prices of then, and now less billed.
	BilledUnits           string `json:"billed_units"`
	Units                 string `json:"units"`
	UnitsDifference       string `json:"units_difference"`
	BilledEventsCount     int64  `json:"billed_events_count"`
	EventsCount           int64  `json:"events_count"`
	EventsCountDifference int64  `json:"events_count_difference"`
	BilledAmountCents     int64  `json:"billed_amount_cents"`
	AmountCents           int64  `json:"amount_cents"`
	AmountCentsDifference int64  `json:"amount_cents_difference"`
	AmountCurrency        string `json:"amount_currency"`
}

type usageDifferencesAnswer struct {
	UsageDifferences []usageDifferenceObject `json:"usage_differences"`
	// Incomparable are invoices that kept no evidence of what metering was asked.
	Incomparable []uuid.UUID `json:"incomparable_invoice_ids"`
	// Meta counts invoiced periods, which is what a page has: also those without a difference.
	Meta meta `json:"meta"`
}

// differencesPerPageMax bounds a page of periods: each is asked for anew.
const differencesPerPageMax = 20

// listUsageDifferences is GET /customers/{external_id}/usage_differences: by how much the
// usage of invoiced periods, the newest first, is another now, since events came late, were
// amended or cancelled.
func (a *api) listUsageDifferences(ctx context.Context, r request) (any, error) {
	customer, err := a.pathCustomer(ctx, r)
	if err != nil {
		return nil, err
	}
	p := r.params()
	page := p.page()
	page.Size = min(page.Size, differencesPerPageMax)
	filter := postgres.InvoicedUsageFilter{
		SubscriptionExternalID: p.text("external_subscription_id"),
		MetricCode:             p.text("billable_metric_code"),
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if filter.SubscriptionExternalID != "" {
		if _, err := a.subscriptionsOf(ctx, &customer, filter.SubscriptionExternalID); err != nil {
			return nil, err
		}
	}
	invoiced, total, err := a.DB.InvoicedUsage(ctx, r.organization.ID, customer.ID, filter, page)
	if err != nil {
		return nil, err
	}
	answer := usageDifferencesAnswer{Meta: metaOf(page, total)}
	for i := range invoiced {
		u := &invoiced[i]
		if len(u.Metered) != len(u.Usages) {
			answer.Incomparable = append(answer.Incomparable, u.InvoiceID)
			continue
		}
		differences, err := a.usageDifferences(ctx, r, u)
		if err != nil {
			return nil, err
		}
		for j := range differences {
			answer.UsageDifferences = append(answer.UsageDifferences, usageDifferenceOf(u, &differences[j]))
		}
	}
	return answer, nil
}

// usageDifferences asks the very question of the invoice again, and compares.
func (a *api) usageDifferences(ctx context.Context, r request, u *billing.InvoicedUsage) ([]billing.UsageDifference, error) {
	answer, err := a.askUsage(ctx, r, askedUsage{subscription: u.ExternalID, period: u.Period, days: u.Days, items: each(u.Metered, itemOf)})
	if err != nil {
		return nil, err
	}
	if len(answer.Items) > 0 && r.URL.Query().Has(memberSubscription) { // else there are several partitions
		r.covers(answer.Partition, answer.Next)
	}
	return billing.Difference(u, each(answer.Items, bucketsOf))
}

func bucketsOf(u *query.ItemUsage) []aggregator.BucketUsage { return u.Buckets }

func usageDifferenceOf(u *billing.InvoicedUsage, d *billing.UsageDifference) usageDifferenceObject {
	change := d.Now.Less(d.Billed)
	o := usageDifferenceObject{
		LagoInvoiceID: u.InvoiceID, InvoiceNumber: u.InvoiceNumber,
		LagoSubscriptionID: u.SubscriptionID, ExternalSubscriptionID: u.ExternalID,
		FromDatetime: stamp(u.Period.From), ToDatetime: stamp(lastInstant(u.Period.To, nil)),
		LagoChargeID: d.Charge.ID, ChargeCode: d.Charge.Code, BillableMetricCode: d.Charge.Metric.Code,
		GroupedBy:   d.GroupedBy,
		BilledUnits: billing.FormatDecimal(d.Billed.Units), Units: billing.FormatDecimal(d.Now.Units),
		UnitsDifference:   billing.FormatDecimal(change.Units),
		BilledEventsCount: d.Billed.EventsCount, EventsCount: d.Now.EventsCount, EventsCountDifference: change.EventsCount,
		BilledAmountCents: d.Billed.AmountCents, AmountCents: d.Now.AmountCents, AmountCentsDifference: change.AmountCents,
		AmountCurrency: string(u.Currency),
	}
	if d.Filter != nil {
		o.LagoChargeFilterID, o.Filters = &d.Filter.ID, d.Filter.Values
	}
	return o
}
