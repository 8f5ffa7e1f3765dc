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
	metered, err := asked.catalog.meter(asked.plan, &filter)
	if err != nil {
		return nil, err
	}
	usages, err := a.priceUsage(ctx, r, asked.subscribed, asked.period, metered)
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
	subscribed // as far as postgres.RunningSubscription goes
	period     billing.Period
	now        time.Time
	catalog    *catalog
}

// running finds the customer of the path, the active subscription that the parameters
// name, and its running period.
func (a *api) running(ctx context.Context, r request, p params) (runningUsage, error) {
	customerID, err := r.pathText("external_id", "customer")
	if err != nil {
		return runningUsage{}, err
	}
	externalID := p.text("external_subscription_id")
	if err := p.err(); err != nil {
		return runningUsage{}, err
	}
	found, err := a.runningSubscription(ctx, r, customerID, externalID)
	if err != nil {
		return runningUsage{}, err
	}
	catalog, err := a.catalogAt(ctx, r, found.CatalogVersion)
	if err != nil {
		return runningUsage{}, err
	}
	sub := found.Subscription(r.organization.ID)
	plan := catalog.Plans[sub.PlanID]
	if plan == nil {
		return runningUsage{}, fmt.Errorf("BUG: plan %s of subscription %s is not in the catalog", sub.PlanID, sub.ID)
	}
	customer := billing.Customer{ID: sub.CustomerID, Timezone: found.Timezone}
	location, err := billing.Location(&customer, &r.organization)
	if err != nil {
		return runningUsage{}, err
	}
	now := a.nowBy(found.TestClock)
	bound := subscribed{&sub, &customer, plan, location}
	return runningUsage{bound, sub.UsagePeriodAt(now, location), now, catalog}, nil
}

// runningSubscription returns the customer's active subscription: as it is in a sandbox,
// whose clock may have been set by another process just now, and where the request says
// Cache-Control: no-cache; else as it was within postgres.RecentAgeMax.
func (a *api) runningSubscription(ctx context.Context, r request, customerID, externalID string) (postgres.RunningSubscription, error) {
	if a.Sandbox || r.Header.Get("Cache-Control") == "no-cache" {
		return a.DB.RunningSubscription(ctx, r.organization.ID, customerID, externalID)
	}
	return a.DB.RecentRunningSubscription(ctx, r.organization.ID, customerID, externalID)
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

// priceUsage asks for the usage of charges in the period and prices it.
func (a *api) priceUsage(ctx context.Context, r request, s subscribed, period billing.Period, metered *meteredCharges) ([]billing.ChargeUsage, error) {
	answer, err := a.usage(ctx, r, s.subscription.ExternalID, period, metered.items)
	if err != nil {
		return nil, err
	}
	usages := make([]billing.ChargeUsage, 0, len(metered.charges))
	for i, ch := range metered.charges {
		usage, err := billing.PriceCharge(ch, answer.Items[i].Buckets, s.plan.Currency)
		if err != nil {
			return nil, err
		}
		usages = append(usages, usage)
	}
	return usages, nil
}

// definitions returns the organization's metrics as they are counted, and says in the
// answer's header of which catalog version they are.
func (a *api) definitions(ctx context.Context, r request) (postgres.Definitions, error) {
	version, err := a.DB.CatalogVersion(ctx, r.organization.ID)
	if err != nil {
		return postgres.Definitions{}, err
	}
	catalog, err := a.catalogAt(ctx, r, version)
	if err != nil {
		return postgres.Definitions{}, err
	}
	return catalog.Definitions, nil
}

// catalogAt returns the organization's catalog of a version that was read from the database,
// or a later one, and says in the answer's header which one it is.
func (a *api) catalogAt(ctx context.Context, r request, version int64) (*catalog, error) {
	catalog, err := a.catalogs.at(ctx, r.organization.ID, version)
	if err == nil {
		r.answer.Set(catalogVersionHeader, strconv.FormatInt(catalog.Version, 10))
	}
	return catalog, err
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
