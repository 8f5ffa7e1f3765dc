package api

import (
	"context"
	"time"

	"weir/billing"
)

// subscriptionChange is what a request changes of a subscription.
type subscriptionChange struct {
	name, purchaseOrderNumber *string
	consolidate               *bool
	subscriptionAt            time.Time // zero: it stays
	endingAt                  *time.Time
	setsEnd                   bool // endingAt is said, be it none
}

// updateSubscription is PUT /subscriptions/{external_id}: of the active one, or with
// ?status=pending of the pending one. What is not said stays.
func (a *api) updateSubscription(ctx context.Context, r request) (any, error) {
	status, f, err := readUpdatedSubscription(r)
	if err != nil {
		return nil, err
	}
	change := readSubscriptionChange(f)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	bound, err := a.subscriptionIn(ctx, r, status)
	if err != nil {
		return nil, err
	}
	versions, err := a.DB.SubscriptionsOf(ctx, r.organization.ID, bound.subscription.ExternalID)
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	changed, err := a.DB.UpdateSubscription(ctx, r.organization.ID, bound.subscription.ID, now,
		func(s *billing.Subscription) error {
			if s.Status != bound.subscription.Status || !living(*s) {
				return billing.NotFound("subscription") // it has begun or ended since it was found
			}
			return change.apply(s, versions, bound, now)
		})
	if err != nil {
		return nil, err
	}
	if err := a.settle(ctx, r.organization.ID); err != nil {
		return nil, err
	}
	return a.subscriptionAnswer(ctx, &r.organization, &changed, now)
}

// readUpdatedSubscription reads in which status the subscription is looked for, by Lago's
// clients said in the query or beside the wrapper, and what is said of it.
func readUpdatedSubscription(r request) (billing.SubscriptionStatus, form, error) {
	p := r.params()
	status := p.text("status")
	if err := p.err(); err != nil {
		return "", form{}, err
	}
	body, err := r.body()
	if err != nil {
		return "", form{}, err
	}
	f, err := parseForm(body, "subscription")
	if err != nil {
		return "", form{}, err
	}
	if status == "" {
		root, err := parseRoot(body)
		if err != nil {
			return "", form{}, err
		}
		root.faults = f.faults
		root.into(&status, "status", textBytesMax)
	}
	return billing.SubscriptionStatus(status), f, nil
}

// subscriptionAnswer is the answer that shows a subscription as it is after it was changed
// and what fell due at once was run.
func (a *api) subscriptionAnswer(ctx context.Context, organization *billing.Organization, changed *billing.Subscription, now time.Time) (any, error) {
	settled, err := a.DB.SubscriptionByID(ctx, organization.ID, changed.ID)
	if err != nil {
		return nil, err
	}
	bound, err := a.subscribedTo(ctx, organization, &settled)
	if err != nil {
		return nil, err
	}
	return subscriptionAnswer{bound.object(now)}, nil
}

func readSubscriptionChange(f form) subscriptionChange {
	var c subscriptionChange
	if name, ok := f.text("name", textBytesMax); ok {
		c.name = &name
	}
	c.purchaseOrderNumber = readPurchaseOrderNumber(f)
	if consolidate, ok := f.boolean("consolidate_invoice"); ok {
		c.consolidate = &consolidate
	}
	c.subscriptionAt, _ = f.instant("subscription_at")
	if endingAt, ok := f.instant("ending_at"); ok {
		c.endingAt = &endingAt
	}
	c.setsEnd = f.has("ending_at")
	f.notYet("on_termination_credit_note", "on_termination_invoice", "progressive_billing_disabled")
	refuseOfSubscription(f)
	return c
}

// apply makes the change of a subscription that lives, of which versions are all that ever had
// its external id.
func (c *subscriptionChange) apply(s *billing.Subscription, versions []billing.Subscription, bound subscribed, now time.Time) error {
	if c.name != nil {
		s.Name = *c.name
	}
	if c.purchaseOrderNumber != nil {
		s.PurchaseOrderNumber = *c.purchaseOrderNumber
	}
	if c.consolidate != nil {
		s.SeparateInvoice = !*c.consolidate
	}
	endingAt := s.EndingAt
	if c.setsEnd {
		endingAt = c.endingAt
	}
	if !c.setsEnd && (c.subscriptionAt.IsZero() || s.Status != billing.Pending) {
		return nil
	}
	if err := s.Reschedule(c.subscriptionAt, endingAt, bound.plan, bound.location, now); err != nil {
		return err
	}
	if overlaps(s, versions) {
		return billing.Invalid("subscription_at", billing.CodeOutOfRange)
	}
	return nil
}
