package api

import (
	"context"

	"weir/billing"
)

// terminateSubscription is DELETE /subscriptions/{external_id}: it ends an active
// subscription now, or cancels a pending one with ?status=pending.
func (a *api) terminateSubscription(ctx context.Context, r request) (any, error) {
	p, bound, err := a.pathSubscription(ctx, r)
	if err != nil {
		return nil, err
	}
	skipInvoice := readTermination(p, bound)
	if err := p.err(); err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	ended, err := a.DB.UpdateSubscription(ctx, r.organization.ID, bound.subscription.ID, now,
		func(s *billing.Subscription) error {
			switch {
			case s.Status != bound.subscription.Status:
				return billing.NotFound("subscription") // it has begun or ended since it was found
			case s.Status == billing.Pending:
				return s.Cancel(now)
			}
			return s.Terminate(bound.plan, bound.location, now, skipInvoice)
		})
	if err != nil {
		return nil, err
	}
	if err := a.settle(ctx, r.organization.ID); err != nil {
		return nil, err
	}
	bound.subscription = &ended
	return subscriptionAnswer{bound.object(now)}, nil
}

// readTermination reads what shall become of the money. There are no credit notes
// yet: what was paid in advance can only be kept, and that must be said.
func readTermination(p params, s subscribed) (skipInvoice bool) {
	paidAhead := s.subscription.Status == billing.Active && s.plan.PayInAdvance && s.plan.AmountCents > 0
	switch p.text("on_termination_invoice") {
	case "", "generate":
	case "skip":
		skipInvoice = true
	default:
		p.fault("on_termination_invoice", billing.CodeInvalid)
	}
	switch p.text("on_termination_credit_note") {
	case "skip":
	case "", "credit", "refund", "offset":
		if paidAhead {
			p.fault("on_termination_credit_note", billing.CodeNotSupported)
		}
	default:
		p.fault("on_termination_credit_note", billing.CodeInvalid)
	}
	return skipInvoice
}
