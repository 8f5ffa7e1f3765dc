package api

import (
	"context"
	"fmt"
	"slices"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
)

// showCurrentUsage is GET /customers/{external_id}/current_usage: what the running
// period of a subscription amounts to, by the one function that also prices invoices.
func (a *api) showCurrentUsage(ctx context.Context, r request) (any, error) {
	customer, err := a.pathCustomer(ctx, r)
	if err != nil {
		return nil, err
	}
	p := r.params()
	p.notYet("filter_by_group", "group", "filter_by_presentation")
	externalID := p.text("external_subscription_id")
	if err := p.err(); err != nil {
		return nil, err
	}
	if p.Get("full_usage") == "true" {
		return nil, billing.NotAllowed("full_usage_not_allowed")
	}
	sub, err := a.activeSubscription(ctx, &customer, externalID)
	if err != nil {
		return nil, err
	}
	bound, err := a.subscribedTo(ctx, &r.organization, &sub)
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	period := sub.UsagePeriodAt(now, bound.location)
	usages, err := a.priceUsage(ctx, r, bound, period, chargesAsked(p, bound.plan))
	if err != nil {
		return nil, err
	}
	return customerUsageOf(bound, period, usages)
}

// activeSubscription returns the customer's active subscription with the external id.
func (a *api) activeSubscription(ctx context.Context, customer *billing.Customer, externalID string) (billing.Subscription, error) {
	versions, err := a.DB.SubscriptionsOf(ctx, customer.OrganizationID, externalID)
	if err != nil {
		return billing.Subscription{}, err
	}
	versions = slices.DeleteFunc(versions, func(s billing.Subscription) bool { return s.CustomerID != customer.ID })
	if len(versions) == 0 {
		return billing.Subscription{}, billing.NotFound("subscription")
	}
	i := slices.IndexFunc(versions, func(s billing.Subscription) bool { return s.Status == billing.Active })
	if i < 0 {
		return billing.Subscription{}, billing.NotAllowed("no_active_subscription")
	}
	return versions[i], nil
}

// chargesAsked returns the plan's charges that the request does not leave out.
func chargesAsked(p params, plan *billing.Plan) []*billing.Charge {
	wanted := func(value string, names ...string) bool {
		for _, name := range names {
			if asked := p.Get(name); asked != "" && asked != value {
				return false
			}
		}
		return true
	}
	var charges []*billing.Charge
	for i := range plan.Charges {
		ch := &plan.Charges[i]
		if wanted(ch.ID.String(), "charge_id", "filter_by_charge_id") &&
			wanted(ch.Code, "charge_code", "filter_by_charge_code") &&
			wanted(ch.Metric.Code, "billable_metric_code") {
			charges = append(charges, ch)
		}
	}
	return charges
}

// priceUsage asks for the usage of the charges' metrics in the period and prices it.
func (a *api) priceUsage(ctx context.Context, r request, s subscribed, period billing.Period, charges []*billing.Charge) ([]billing.ChargeUsage, error) {
	definitions, err := a.DB.Definitions(ctx, r.organization.ID)
	if err != nil {
		return nil, fmt.Errorf("cannot load definitions of metrics: %w", err)
	}
	var metrics []*aggregator.Metric // each once, in the order of the charges
	for _, ch := range charges {
		definition := definitions[ch.Metric.ID]
		if definition == nil {
			return nil, fmt.Errorf("metric %s of charge %s has no definition", ch.Metric.ID, ch.ID)
		}
		if !slices.Contains(metrics, definition) {
			metrics = append(metrics, definition)
		}
	}
	cells, err := a.cells(ctx, r, s.subscription.ExternalID, period, metrics)
	if err != nil {
		return nil, err
	}
	usages := make([]billing.ChargeUsage, 0, len(charges))
	for _, ch := range charges {
		definition := definitions[ch.Metric.ID]
		usage, err := billing.PriceCharge(ch, definition, cells[definition], s.plan.Currency)
		if err != nil {
			return nil, err
		}
		usages = append(usages, usage)
	}
	return usages, nil
}

// cells asks for the usage of metrics, at the position that the request names.
func (a *api) cells(ctx context.Context, r request, subscription string, period billing.Period, metrics []*aggregator.Metric) (map[*aggregator.Metric][]aggregator.CellUsage, error) {
	if len(metrics) == 0 || !period.From.Before(period.To) {
		return nil, nil
	}
	atLeast, err := positionsOf(r.Header)
	if err != nil {
		return nil, err
	}
	answer, err := wait(ctx, func(ctx context.Context) (query.UsageAnswer, error) {
		return a.Usage.Usage(ctx, query.UsageRequest{
			Organization: r.organization.ID,
			Subscription: subscription,
			From:         period.From,
			To:           period.To,
			Metrics:      metrics,
			AtLeast:      atLeast[a.partition(r, subscription)],
		})
	})
	if err != nil {
		return nil, err
	}
	if len(answer.Metrics) != len(metrics) {
		return nil, fmt.Errorf("usage of %d metrics was asked for, of %d answered", len(metrics), len(answer.Metrics))
	}
	cells := make(map[*aggregator.Metric][]aggregator.CellUsage, len(metrics))
	for i, metric := range metrics {
		cells[metric] = answer.Metrics[i].Cells
	}
	return cells, nil
}
