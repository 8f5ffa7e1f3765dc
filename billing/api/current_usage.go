package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/postgres"
)

// showCurrentUsage is GET /customers/{external_id}/current_usage: what the running
// period of a subscription amounts to, by the one function that also prices invoices.
func (a *api) showCurrentUsage(ctx context.Context, r request) (any, error) {
	p := r.params()
	filter := p.usageFilter()
	asked, err := a.running(ctx, r, p)
	if err != nil {
		return nil, err
	}
	if filter.full {
		// Lago's rule: all that was ever used only of a charge, a metric or a group.
		if !filter.namesCharge() && len(filter.groups) == 0 {
			return nil, billing.NotAllowed("full_usage_not_allowed")
		}
		asked.period.From = *asked.subscription.StartedAt
	}
	charges, err := filter.charges(asked.plan)
	if err != nil {
		return nil, err
	}
	usages, err := a.priceUsage(ctx, r, asked.definitions, asked.subscribed, asked.period, charges)
	if err != nil {
		return nil, err
	}
	usage, err := customerUsageOf(asked.subscribed, asked.period, filter.narrow(usages))
	if err != nil {
		return nil, err
	}
	return customerUsageAnswer{usage}, nil
}

// runningUsage is what a question about the running period is about.
type runningUsage struct {
	subscribed
	period      billing.Period
	now         time.Time
	definitions postgres.Definitions
}

// running finds the customer of the path, the active subscription that the parameters
// name, and its running period.
func (a *api) running(ctx context.Context, r request, p params) (runningUsage, error) {
	customer, err := a.pathCustomer(ctx, r)
	if err != nil {
		return runningUsage{}, err
	}
	externalID := p.text("external_subscription_id")
	if err := p.err(); err != nil {
		return runningUsage{}, err
	}
	sub, err := a.activeSubscription(ctx, &customer, externalID)
	if err != nil {
		return runningUsage{}, err
	}
	// Before the plan: what the answer reflects is of the version it names, or newer.
	definitions, err := a.definitions(ctx, r)
	if err != nil {
		return runningUsage{}, err
	}
	bound, err := a.subscribedTo(ctx, &r.organization, &sub)
	if err != nil {
		return runningUsage{}, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return runningUsage{}, err
	}
	return runningUsage{bound, sub.UsagePeriodAt(now, bound.location), now, definitions}, nil
}

// activeSubscription returns the customer's active subscription with the external id.
func (a *api) activeSubscription(ctx context.Context, customer *billing.Customer, externalID string) (billing.Subscription, error) {
	versions, err := a.subscriptionsOf(ctx, customer, externalID)
	if err != nil {
		return billing.Subscription{}, err
	}
	i := slices.IndexFunc(versions, func(s billing.Subscription) bool { return s.Status == billing.Active })
	if i < 0 {
		return billing.Subscription{}, billing.NotAllowed("no_active_subscription")
	}
	return versions[i], nil
}

// subscriptionsOf returns the customer's subscriptions that ever had the external id, the
// oldest first, at least one.
func (a *api) subscriptionsOf(ctx context.Context, customer *billing.Customer, externalID string) ([]billing.Subscription, error) {
	versions, err := a.DB.SubscriptionsOf(ctx, customer.OrganizationID, externalID)
	if err != nil {
		return nil, err
	}
	versions = slices.DeleteFunc(versions, func(s billing.Subscription) bool { return s.CustomerID != customer.ID })
	if len(versions) == 0 {
		return nil, billing.NotFound("subscription")
	}
	return versions, nil
}

// priceUsage asks for the usage of the charges' metrics in the period and prices it.
func (a *api) priceUsage(ctx context.Context, r request, definitions postgres.Definitions, s subscribed, period billing.Period, charges []*billing.Charge) ([]billing.ChargeUsage, error) {
	metered, err := billing.MeterCharges(charges, definitions.Metrics)
	if err != nil {
		return nil, err
	}
	items := each(metered, itemOf)
	answer, err := a.usage(ctx, r, s.subscription.ExternalID, period, items)
	if err != nil {
		return nil, err
	}
	usages := make([]billing.ChargeUsage, 0, len(charges))
	for i, ch := range charges {
		usage, err := billing.PriceCharge(ch, answer.Items[i].Buckets, s.plan.Currency)
		if err != nil {
			return nil, err
		}
		usages = append(usages, usage)
	}
	return usages, nil
}

// itemOf returns what to ask metering for a charge.
func itemOf(m *billing.MeteredCharge) query.UsageItem {
	return query.UsageItem{Metric: m.Metric, Split: m.Split}
}

// definitions returns the organization's metrics as they are counted, and says in the
// answer's header of which catalog version they are.
func (a *api) definitions(ctx context.Context, r request) (postgres.Definitions, error) {
	definitions, err := a.DB.Definitions(ctx, r.organization.ID)
	if err != nil {
		return definitions, fmt.Errorf("cannot load definitions of metrics: %w", err)
	}
	r.answer.Set(catalogVersionHeader, strconv.FormatInt(definitions.Version, 10))
	return definitions, nil
}

// usage asks for the usage of items, at the position that the request names, and says in
// the answer's header which one it is of.
func (a *api) usage(ctx context.Context, r request, subscription string, period billing.Period, items []query.UsageItem) (query.UsageAnswer, error) {
	answer, err := a.askUsage(ctx, r, subscription, period, items)
	if err == nil {
		r.covers(answer.Partition, answer.Next)
	}
	return answer, err
}

// askUsage asks for the usage of items, at the position that the request names. It may be
// called from several goroutines at once.
func (a *api) askUsage(ctx context.Context, r request, subscription string, period billing.Period, items []query.UsageItem) (query.UsageAnswer, error) {
	if len(items) == 0 || !period.From.Before(period.To) {
		return query.UsageAnswer{Items: make([]query.ItemUsage, len(items))}, nil
	}
	atLeast, err := positionsOf(r.Header)
	if err != nil {
		return query.UsageAnswer{}, err
	}
	answer, err := wait(ctx, func(ctx context.Context) (query.UsageAnswer, error) {
		return a.Usage.Usage(ctx, query.UsageRequest{
			Organization: r.organization.ID,
			Subscription: subscription,
			From:         period.From,
			To:           period.To,
			Items:        items,
			AtLeast:      atLeast[a.partition(r, subscription)],
		})
	})
	if err != nil {
		return query.UsageAnswer{}, err
	}
	if len(answer.Items) != len(items) {
		return query.UsageAnswer{}, fmt.Errorf("usage of %d items was asked for, of %d answered", len(items), len(answer.Items))
	}
	return answer, nil
}
