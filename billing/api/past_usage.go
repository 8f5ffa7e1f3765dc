package api

import (
	"context"
	"math"

	"weir/billing"
	"weir/billing/postgres"
)

// listPastUsage is GET /customers/{external_id}/past_usage: the usage that finalized
// invoices have billed, period by period, the newest first. It is what was billed then,
// whatever has become of the plan since.
func (a *api) listPastUsage(ctx context.Context, r request) (any, error) {
	customer, err := a.pathCustomer(ctx, r)
	if err != nil {
		return nil, err
	}
	p := r.params()
	page := p.page()
	page.Size = min(page.Size, postgres.InvoicedPeriodsMax)
	filter := postgres.InvoicedUsageFilter{
		SubscriptionExternalID: p.text("external_subscription_id"),
		MetricCode:             p.text("billable_metric_code"),
		PeriodsCount:           pageNumber(p.Values, p.wrong, "periods_count", 0, math.MaxInt32),
	}
	if filter.SubscriptionExternalID == "" {
		p.fault("external_subscription_id", billing.CodeMandatory)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if _, err := a.subscriptionsOf(ctx, &customer, filter.SubscriptionExternalID); err != nil {
		return nil, err
	}
	if filter.MetricCode != "" {
		if _, err := a.DB.BillableMetric(ctx, r.organization.ID, filter.MetricCode); err != nil {
			return nil, err
		}
	}
	invoiced, total, err := a.DB.InvoicedUsage(ctx, r.organization.ID, customer.ID, filter, page)
	if err != nil {
		return nil, err
	}
	periods := make([]customerUsageObject, len(invoiced))
	for i := range invoiced {
		if periods[i], err = pastUsageOf(&invoiced[i]); err != nil {
			return nil, err
		}
	}
	return struct {
		UsagePeriods []customerUsageObject `json:"usage_periods"`
		Meta         meta                  `json:"meta"`
	}{periods, metaOf(page, total)}, nil
}

// pastUsageOf describes usage as it was billed, with the taxes on it.
func pastUsageOf(u *billing.InvoicedUsage) (customerUsageObject, error) {
	amount, err := billing.TotalCents(u.Usages)
	if err != nil {
		return customerUsageObject{}, err
	}
	taxes, err := u.TaxesCents()
	if err != nil {
		return customerUsageObject{}, err
	}
	total, err := billing.AddCents(amount, taxes)
	if err != nil {
		return customerUsageObject{}, err
	}
	return customerUsageObject{
		FromDatetime:     stamp(u.Period.From),
		ToDatetime:       stamp(lastInstant(u.Period.To, nil)),
		IssuingDate:      date(u.IssuingDate),
		LagoInvoiceID:    &u.InvoiceID,
		Currency:         string(u.Currency),
		AmountCents:      amount,
		TaxesAmountCents: taxes,
		TotalAmountCents: total,
		ChargesUsage: each(u.Usages, func(c *billing.ChargeUsage) chargeUsageObject[usageObject] {
			return chargeUsageOf(c, u.Currency, usageOf)
		}),
	}, nil
}

// invoicedAt returns the usage that a finalized invoice has billed of a subscription's
// period, nil if there is none: by an instant in the period, or by the invoice.
func (a *api) invoicedAt(ctx context.Context, s *billing.Subscription, filter postgres.InvoicedUsageFilter) (*billing.InvoicedUsage, error) {
	filter.SubscriptionID = &s.ID
	invoiced, _, err := a.DB.InvoicedUsage(ctx, s.OrganizationID, s.CustomerID, filter, postgres.Page{Size: 1})
	if err != nil || len(invoiced) == 0 {
		return nil, err
	}
	return &invoiced[0], nil
}
