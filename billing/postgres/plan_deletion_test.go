package postgres_test

import (
	"errors"
	"testing"
	"time"

	"weir/billing"
	"weir/billing/postgres"
)

// endNow ends a subscription of a plan that is deleted.
func endNow(p *billing.Plan, _ *billing.Customer, s *billing.Subscription) error {
	if s.Status == billing.Pending {
		return s.Cancel(jan10)
	}
	return s.Terminate(p, time.UTC, jan10, false)
}

// statuses counts the plan's subscriptions by their status.
func (x *tenant) statuses(plan string) map[billing.SubscriptionStatus]int {
	x.t.Helper()
	counts := map[billing.SubscriptionStatus]int{}
	for _, status := range []billing.SubscriptionStatus{billing.Pending, billing.Active, billing.Terminated, billing.Canceled} {
		_, total, err := x.db.Subscriptions(x.t.Context(), x.org.ID,
			postgres.SubscriptionFilter{PlanCode: plan, Statuses: []billing.SubscriptionStatus{status}}, postgres.Page{Size: 1})
		must(x.t, err)
		counts[status] = total
	}
	return counts
}

func (x *tenant) addPending(externalID string) billing.Subscription {
	x.t.Helper()
	s := x.subscription(x.customer, externalID, mar1)
	s.Status, s.StartedAt, s.SubscriptionAt = billing.Pending, nil, mar1
	must(x.t, x.db.CreateSubscription(x.t.Context(), &s))
	return s
}

func TestDeletePlan(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	s := x.addSubscription(x.customer, "a", feb1)
	x.addPending("b")
	other := x.addPlan("other")
	kept := x.subscription(x.customer, "c", feb1)
	kept.PlanID = other.ID
	must(t, x.db.CreateSubscription(ctx, &kept))
	before, err := x.db.Definitions(ctx, x.org.ID)
	must(t, err)

	refuse := errors.New("refused")
	_, _, err = x.db.DeletePlan(ctx, x.org.ID, "basic", jan10, func(p *billing.Plan, c *billing.Customer, s *billing.Subscription) error {
		must(t, endNow(p, c, s))
		return refuse
	})
	if !errors.Is(err, refuse) || x.statuses("basic")[billing.Active] != 1 || x.statuses("basic")[billing.Pending] != 1 {
		t.Fatalf("error is %v, subscriptions are %v", err, x.statuses("basic"))
	}
	plan, done, err := x.db.DeletePlan(ctx, x.org.ID, "basic", jan10, func(p *billing.Plan, c *billing.Customer, s *billing.Subscription) error {
		equal(t, "customer", c.ExternalID, "acme")
		equal(t, "plan", p.ID, x.plan.ID)
		return endNow(p, c, s)
	})
	must(t, err)
	if !done || plan.PendingDeletion || plan.ID != x.plan.ID {
		t.Errorf("done %t, plan %+v", done, plan)
	}
	after, err := x.db.Definitions(ctx, x.org.ID)
	must(t, err)
	equal(t, "version", after.Version, before.Version+1) // nothing of what was refused
	equal(t, "ended", jsonOf(t, x.statuses("basic")), `{"active":0,"canceled":1,"pending":0,"terminated":1}`)
	equal(t, "others", jsonOf(t, x.statuses("other")), `{"active":1,"canceled":0,"pending":0,"terminated":0}`)

	// What it owes is billed all the same, by its prices.
	ended, err := x.db.SubscriptionByID(ctx, x.org.ID, s.ID)
	must(t, err)
	if ended.TerminatedAt == nil || !ended.TerminatedAt.Equal(jan10.Truncate(time.Millisecond)) || ended.NextDueAt == nil || !ended.UpdatedAt.Equal(jan10) {
		t.Errorf("ended %+v", ended)
	}
	read, err := x.db.PlanByID(ctx, x.org.ID, x.plan.ID)
	must(t, err)
	equal(t, "number of charges", len(read.Charges), 2)

	_, err = x.db.Plan(ctx, x.org.ID, "basic")
	mustNotFound(t, err, "plan_not_found")
	_, _, err = x.db.DeletePlan(ctx, x.org.ID, "basic", jan10, endNow)
	mustNotFound(t, err, "plan_not_found")
	late := x.subscription(x.customer, "d", feb1)
	mustNotFound(t, x.db.CreateSubscription(ctx, &late), "plan_not_found")
	if again := x.addPlan("basic"); again.ID == x.plan.ID {
		t.Error("the code is not free")
	}
	stranger := addTenant(t, x.db, "Pied Piper")
	_, _, err = stranger.db.DeletePlan(ctx, stranger.org.ID, "other", jan10, endNow)
	mustNotFound(t, err, "plan_not_found")
}

// A plan with very many subscriptions is deleted by calling again: first go those that began
// first. Meanwhile it can be seen, and takes no new ones.
func TestDeletePlanInBatches(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	old := x.subscription(x.customer, "old", feb1)
	old.InitialStartedAt = ptr(jan1.AddDate(0, -1, 0))
	must(t, x.db.CreateSubscription(ctx, &old))
	s := x.subscription(x.customer, "a", feb1)
	s.InitialStartedAt = ptr(jan1)
	must(t, x.db.CreateSubscription(ctx, &s))
	x.addPending("later")
	must(t, x.db.Multiply(ctx, s, postgres.PlanDeletionBatch-1))

	plan, done, err := x.db.DeletePlan(ctx, x.org.ID, "basic", jan10, endNow)
	must(t, err)
	if done || !plan.PendingDeletion {
		t.Errorf("done %t, pending deletion %t", done, plan.PendingDeletion)
	}
	equal(t, "ended", jsonOf(t, x.statuses("basic")), `{"active":1,"canceled":0,"pending":1,"terminated":1000}`)
	gone, err := x.db.SubscriptionByID(ctx, x.org.ID, old.ID)
	must(t, err)
	equal(t, "the oldest", gone.Status, billing.Terminated)
	read, err := x.db.Plan(ctx, x.org.ID, "basic")
	must(t, err)
	equal(t, "pending deletion", read.PendingDeletion, true)
	late := x.subscription(x.customer, "late", feb1)
	mustNotFound(t, x.db.CreateSubscription(ctx, &late), "plan_not_found")

	plan, done, err = x.db.DeletePlan(ctx, x.org.ID, "basic", jan10, endNow)
	must(t, err)
	if !done || plan.PendingDeletion {
		t.Errorf("done %t, pending deletion %t", done, plan.PendingDeletion)
	}
	equal(t, "ended", jsonOf(t, x.statuses("basic")), `{"active":0,"canceled":1,"pending":0,"terminated":1001}`)
}

// Whoever subscribes to a plan while it is deleted waits for that, and finds it gone: no
// subscription stays behind.
func TestSubscribeWhilePlanIsDeleted(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addSubscription(x.customer, "a", feb1)
	late := x.subscription(x.customer, "b", feb1)
	created := make(chan error, 1)
	_, _, err := x.db.DeletePlan(ctx, x.org.ID, "basic", jan10, func(p *billing.Plan, c *billing.Customer, s *billing.Subscription) error {
		go func() { created <- x.db.CreateSubscription(ctx, &late) }()
		return endNow(p, c, s)
	})
	must(t, err)
	mustNotFound(t, <-created, "plan_not_found")
}

// An end that was set while a biller was at the subscription is not lost: what it made of the
// subscription without that end is not written.
func TestWriteInvoiceAfterNewEnd(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	s := x.addSubscription(x.customer, "s", feb1)
	claim := x.claim(feb1, system, 1)[0]
	inv, snapshots, advances := x.bill(claim)
	_, err := x.db.UpdateSubscription(ctx, x.org.ID, s.ID, feb1, func(s *billing.Subscription) error {
		s.EndingAt = ptr(feb1.AddDate(0, 0, 10)) // it falls due as before
		return nil
	})
	must(t, err)
	if err := x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1); !errors.Is(err, postgres.ErrAlreadyBilled) {
		t.Fatalf("error is %v, want %v", err, postgres.ErrAlreadyBilled)
	}
	must(t, x.db.ReleaseClaim(ctx, claim))
	again := x.claim(feb1, system, 1)[0]
	inv, snapshots, advances = x.bill(again)
	must(t, x.db.WriteInvoice(ctx, again, inv, snapshots, advances, feb1))
}
