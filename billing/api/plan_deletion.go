package api

import (
	"context"

	"weir/billing"
)

// deletePlan is DELETE /plans/{code}: it ends the plan's subscriptions now, each with its final
// invoice, as their own route does, and cancels the pending ones. One whose base fee was paid
// in advance needs the same word about that money, and then all do. Ended are
// postgres.PlanDeletionBatch at a time. When the request does not come to its end, those that
// were ended stay so, the plan is pending_deletion, and the same request goes on.
func (a *api) deletePlan(ctx context.Context, r request) (any, error) {
	p := r.params()
	asked := readTermination(p)
	if err := p.err(); err != nil {
		return nil, err
	}
	code, err := r.pathText("code", "plan")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	end := func(plan *billing.Plan, c *billing.Customer, s *billing.Subscription) error {
		location, err := billing.Location(c, &r.organization)
		switch {
		case err != nil:
			return err
		case s.Status == billing.Pending:
			return s.Cancel(now)
		case paidAhead(s, plan, now) && !asked.skipCreditNote:
			return billing.Invalid("on_termination_credit_note", billing.CodeNotSupported)
		}
		return s.Terminate(plan, location, now, asked.skipInvoice)
	}
	plan, done, err := a.DB.DeletePlan(ctx, r.organization.ID, code, now, end)
	for err == nil && !done {
		plan, done, err = a.DB.DeletePlan(ctx, r.organization.ID, code, now, end)
	}
	if err != nil {
		return nil, err
	}
	if err := a.settle(ctx, r.organization.ID); err != nil {
		return nil, err
	}
	return planAnswer{planOf(&plan)}, nil
}
