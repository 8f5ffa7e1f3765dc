package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

// lifetimeUsageObject is Lago's LifetimeUsageObject.
type lifetimeUsageObject struct {
	LagoID                             uuid.UUID `json:"lago_id"`
	LagoSubscriptionID                 uuid.UUID `json:"lago_subscription_id"`
	ExternalSubscriptionID             string    `json:"external_subscription_id"`
	ExternalHistoricalUsageAmountCents int64     `json:"external_historical_usage_amount_cents"`
	InvoicedUsageAmountCents           int64     `json:"invoiced_usage_amount_cents"`
	CurrentUsageAmountCents            int64     `json:"current_usage_amount_cents"`
	FromDatetime                       *string   `json:"from_datetime"`
	ToDatetime                         string    `json:"to_datetime"`
	UsageThresholds                    none      `json:"usage_thresholds"`
}

// unbilledPeriodsMax is how many periods of one subscription may wait for their invoice
// when its lifetime is asked for: ten years of months, two of weeks.
const unbilledPeriodsMax = 120

// showLifetimeUsage is GET /subscriptions/{external_id}/lifetime_usage: what was invoiced
// of everything that the external id ever used, and what is not invoiced yet.
func (a *api) showLifetimeUsage(ctx context.Context, r request) (any, error) {
	externalID, err := r.pathText("external_id", "lifetime_usage")
	if err != nil {
		return nil, err
	}
	sub, err := a.DB.Subscription(ctx, r.organization.ID, externalID)
	if billing.IsNotFound(err) {
		return nil, billing.NotFound("lifetime_usage")
	}
	if err != nil {
		return nil, err
	}
	definitions, err := a.definitions(ctx, r) // before the plan; see running
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
	invoiced, err := a.DB.InvoicedUsageCents(ctx, r.organization.ID, sub.CustomerID, externalID)
	if err != nil {
		return nil, err
	}
	current, err := a.unbilledCents(ctx, r, definitions, bound, now)
	if err != nil {
		return nil, err
	}
	from := stamp(sub.SubscriptionAt)
	return struct {
		LifetimeUsage lifetimeUsageObject `json:"lifetime_usage"`
	}{lifetimeUsageObject{
		LagoID:                   uuid.NewSHA1(sub.ID, []byte("lifetime_usage")),
		LagoSubscriptionID:       sub.ID,
		ExternalSubscriptionID:   externalID,
		InvoicedUsageAmountCents: invoiced,
		CurrentUsageAmountCents:  current,
		FromDatetime:             &from,
		ToDatetime:               stamp(now),
	}}, nil
}

// unbilledCents returns what the usage that is on no invoice yet amounts to, in minor
// units: that of the running period, and of those before it whose invoice is still to come.
func (a *api) unbilledCents(ctx context.Context, r request, definitions postgres.Definitions, s subscribed, now time.Time) (int64, error) {
	var total int64
	charges, err := (&usageFilter{}).charges(s.plan)
	if err != nil || s.subscription.StartedAt == nil {
		return 0, err
	}
	metered, err := meterCharges(charges, definitions.Metrics)
	if err != nil {
		return 0, err
	}
	for _, period := range unbilledPeriods(s, now) {
		usages, err := a.priceUsage(ctx, r, s, period, metered)
		if err != nil {
			return 0, err
		}
		cents, err := billing.TotalCents(usages)
		if err == nil {
			total, err = billing.AddCents(total, cents)
		}
		if err != nil {
			return 0, err
		}
	}
	return total, nil
}

// unbilledPeriods returns the subscription's usage periods from what is billed to now.
func unbilledPeriods(s subscribed, now time.Time) []billing.Period {
	var periods []billing.Period
	at := s.subscription.UsageBilledUntil
	for len(periods) < unbilledPeriodsMax {
		period := s.subscription.UsagePeriodAt(at, s.plan, s.location)
		if !period.From.Before(period.To) || len(periods) > 0 && !period.From.After(periods[len(periods)-1].From) {
			break // it has ended
		}
		periods = append(periods, period)
		if now.Before(period.To) {
			break
		}
		at = period.To
	}
	return periods
}
