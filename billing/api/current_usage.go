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
			return nil, billing.NotAllowed(codeFullUsage)
		}
		asked.period.From = *asked.subscription.StartedAt
	}
	metered, err := asked.catalog.meter(asked.plan, &filter)
	if err != nil {
		return nil, err
	}
	if filter.full {
		if metered, err = metered.ofAllTime(); err != nil {
			return nil, err
		}
	}
	usages, err := a.priceUsage(ctx, r, asked.subscribed, asked.period, metered)
	if err != nil {
		return nil, err
	}
	usage, err := asked.usageOf(filter.narrow(usages), p)
	if err != nil {
		return nil, err
	}
	return customerUsageAnswer{usage}, nil
}

// codeFullUsage refuses to show all that was ever used as one period.
const codeFullUsage = "full_usage_not_allowed"

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
	customer := billing.Customer{ID: sub.CustomerID, Timezone: found.Timezone, Taxes: catalog.taxes(found.CustomerTaxes)}
	location, err := billing.Location(&customer, &r.organization)
	if err != nil {
		return runningUsage{}, err
	}
	now := a.nowBy(found.TestClock)
	bound := subscribed{&sub, &customer, plan, location}
	return runningUsage{bound, sub.UsagePeriodAt(now, plan, location), now, catalog}, nil
}

// usageOf describes usage of the running period, with the taxes that an invoice of it would have
// unless the parameters say apply_taxes=false.
func (u *runningUsage) usageOf(usages []billing.ChargeUsage, p params) (customerUsageObject, error) {
	o, err := customerUsageOf(u.subscribed, u.period, usages)
	if err != nil || p.Get("apply_taxes") == "false" {
		return o, err
	}
	if o.TaxesAmountCents, err = billing.TaxUsage(usages, u.plan, u.customer, u.catalog.DefaultTaxes); err != nil {
		return o, err
	}
	o.TotalAmountCents, err = billing.AddCents(o.AmountCents, o.TaxesAmountCents)
	return o, err
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

// priceUsage asks for the usage of charges in the period, which is one of the subscription's or
// a part of it, and prices it.
func (a *api) priceUsage(ctx context.Context, r request, s subscribed, period billing.Period, metered *meteredCharges) ([]billing.ChargeUsage, error) {
	q := askedUsage{subscription: s.subscription.ExternalID, period: period, items: metered.items}
	if metered.needsDays {
		q.days = s.subscription.UsageDays(period, s.plan, s.location)
	}
	answer, err := a.usage(ctx, r, q)
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

// askedUsage is a question for metering.
type askedUsage struct {
	subscription string
	period       billing.Period
	days         []time.Time // see query.UsageRequest.Days; nil: no item needs them
	items        []query.UsageItem
}

// usage asks for the usage of items, at the position that the request names, and says in
// the answer's header which one it is of.
func (a *api) usage(ctx context.Context, r request, q askedUsage) (query.UsageAnswer, error) {
	answer, err := a.askUsage(ctx, r, q)
	if err == nil {
		r.covers(answer.Partition, answer.Next)
	}
	return answer, err
}

// askUsage asks for the usage of items, at the position that the request names. It may be
// called from several goroutines at once.
func (a *api) askUsage(ctx context.Context, r request, q askedUsage) (query.UsageAnswer, error) {
	if len(q.items) == 0 || !q.period.From.Before(q.period.To) {
		return query.UsageAnswer{Items: make([]query.ItemUsage, len(q.items))}, nil
	}
	atLeast, err := positionsOf(r.Header)
	if err != nil {
		return query.UsageAnswer{}, err
	}
	answer, err := wait(ctx, func(ctx context.Context) (query.UsageAnswer, error) {
		return a.Usage.Usage(ctx, query.UsageRequest{
			Organization: r.organization.ID,
			Subscription: q.subscription,
			From:         q.period.From,
			To:           q.period.To,
			Items:        q.items,
			Days:         q.days,
			AtLeast:      atLeast[a.partition(r, q.subscription)],
		})
	})
	if err != nil {
		return query.UsageAnswer{}, err
	}
	if len(answer.Items) != len(q.items) {
		return query.UsageAnswer{}, fmt.Errorf("usage of %d items was asked for, of %d answered", len(q.items), len(answer.Items))
	}
	return answer, nil
}
