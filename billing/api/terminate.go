package api

import (
	"context"
	"time"

	"weir/billing"
)

// terminateSubscription is DELETE /subscriptions/{external_id}: it ends an active
// subscription now, or cancels a pending one with ?status=pending.
func (a *api) terminateSubscription(ctx context.Context, r request) (any, error) {
	p, bound, err := a.pathSubscription(ctx, r)
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	asked := readTermination(p)
	const creditNote = "on_termination_credit_note"
	if paidAhead(bound.subscription, bound.plan, now) && !asked.skipCreditNote && p.wrong.fields[creditNote] == nil {
		p.fault(creditNote, billing.CodeNotSupported)
	}
	if err := p.err(); err != nil {
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
			return s.Terminate(bound.plan, bound.location, now, asked.skipInvoice)
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

// termination is what shall become of the money of subscriptions that end.
type termination struct {
	skipInvoice    bool
	skipCreditNote bool // what was paid in advance is kept
}

// readTermination reads what shall become of the money.
func readTermination(p params) termination {
	return termination{
		skipInvoice:    p.choice("on_termination_invoice", "generate", "skip") == "skip",
		skipCreditNote: p.choice("on_termination_credit_note", "credit", "refund", "offset", "skip") == "skip",
	}
}

// paidAhead reports whether a subscription's base fee was paid in advance. There are no
// credit notes yet: at its end that can only be kept, and must be said.
func paidAhead(s *billing.Subscription, plan *billing.Plan, now time.Time) bool {
	return s.Status == billing.Active && plan.PayInAdvance && plan.AmountCents > 0 && !s.InTrial(plan, now)
}
