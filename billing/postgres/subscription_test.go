package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

func TestSubscription(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	s := x.subscription(x.customer, "sub", feb1)
	s.StartedAt, s.EndingAt = ptr(jan10.Add(789*time.Nanosecond)), ptr(mar1)
	s.PurchaseOrderNumber, s.SeparateInvoice, s.MovedAt = "PO-1", true, ptr(feb1)
	must(t, x.db.CreateSubscription(ctx, &s))
	equal(t, "start", *s.StartedAt, jan10) // to the microsecond, as it will be compared

	read, err := x.db.Subscription(ctx, x.org.ID, "sub", billing.Active)
	must(t, err)
	equal(t, "subscription", jsonOf(t, read), jsonOf(t, s))
	read, err = x.db.SubscriptionByID(ctx, x.org.ID, s.ID)
	must(t, err)
	equal(t, "subscription by id", jsonOf(t, read), jsonOf(t, s))
	_, err = x.db.Subscription(ctx, x.org.ID, "sub", billing.Pending, billing.Terminated)
	mustNotFound(t, err, "subscription_not_found")

	again := x.subscription(x.addCustomer("bolt"), "sub", feb1)
	mustInvalid(t, x.db.CreateSubscription(ctx, &again), "external_id", billing.CodeAlreadyExist)
}

func TestSubscriptionVersions(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	first := x.addSubscription(x.customer, "sub", feb1)
	ended, err := x.db.UpdateSubscription(ctx, x.org.ID, first.ID, jan10, func(s *billing.Subscription) error {
		s.Status, s.TerminatedAt, s.NextDueAt = billing.Terminated, ptr(jan10), ptr(jan10)
		return nil
	})
	must(t, err)
	equal(t, "update", ended.UpdatedAt, jan10)
	second := x.subscription(x.customer, "sub", mar1) // the external id is free again
	second.CreatedAt = jan10
	must(t, x.db.CreateSubscription(ctx, &second))

	f := func(want uuid.UUID, statuses ...billing.SubscriptionStatus) {
		t.Helper()
		got, err := x.db.Subscription(ctx, x.org.ID, "sub", statuses...)
		must(t, err)
		equal(t, "subscription", got.ID, want)
	}
	f(second.ID)
	f(second.ID, billing.Active)
	f(first.ID, billing.Terminated)
	versions, err := x.db.SubscriptionsOf(ctx, x.org.ID, "sub")
	must(t, err)
	equal(t, "number of versions", len(versions), 2)
	equal(t, "oldest", versions[0].ID, first.ID)
	equal(t, "termination", *versions[0].TerminatedAt, jan10)
}

func TestSubscriptionOfAnother(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	mine := x.addSubscription(x.customer, "sub", feb1)
	theirs := other.addSubscription(other.customer, "sub", feb1) // the same external id

	got, err := x.db.Subscription(ctx, other.org.ID, "sub")
	must(t, err)
	equal(t, "subscription", got.ID, theirs.ID)
	_, err = x.db.SubscriptionByID(ctx, other.org.ID, mine.ID)
	mustNotFound(t, err, "subscription_not_found")
	unchanged := func(*billing.Subscription) error { t.Error("change of another's was called"); return nil }
	_, err = x.db.UpdateSubscription(ctx, other.org.ID, mine.ID, feb1, unchanged)
	mustNotFound(t, err, "subscription_not_found")
	found, err := x.db.SubscriptionsByID(ctx, x.org.ID, []uuid.UUID{mine.ID, theirs.ID})
	must(t, err)
	equal(t, "number found", len(found), 1)

	stolen := other.subscription(x.customer, "s2", feb1)
	mustNotFound(t, x.db.CreateSubscription(ctx, &stolen), "customer_not_found")
	stolen = other.subscription(other.customer, "s2", feb1)
	stolen.PlanID = x.plan.ID
	mustNotFound(t, x.db.CreateSubscription(ctx, &stolen), "plan_not_found")
}

func TestSubscriptionPages(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	bolt, other := x.addCustomer("bolt"), x.addPlan("other")
	for i, externalID := range []string{"a", "b", "c"} {
		s := x.subscription(x.customer, externalID, mar1)
		s.SubscriptionAt = jan1.AddDate(0, 0, i)
		switch externalID {
		case "b":
			s.CustomerID = bolt.ID
		case "c":
			s.PlanID, s.Status = other.ID, billing.Pending
		}
		must(t, x.db.CreateSubscription(ctx, &s))
	}
	f := func(filter postgres.SubscriptionFilter, want ...string) {
		t.Helper()
		rows, total, err := x.db.Subscriptions(ctx, x.org.ID, filter, postgres.Page{})
		must(t, err)
		equal(t, "total", total, len(want))
		mustList(t, "subscriptions", codes(rows, func(s billing.Subscription) string { return s.ExternalID }), want...)
	}
	f(postgres.SubscriptionFilter{}, "c", "b", "a")
	f(postgres.SubscriptionFilter{CustomerExternalID: "bolt"}, "b")
	f(postgres.SubscriptionFilter{PlanCode: "other"}, "c")
	f(postgres.SubscriptionFilter{PlanCode: "other", Currency: "EUR"}, "c")
	f(postgres.SubscriptionFilter{Currency: "USD"})
	f(postgres.SubscriptionFilter{Statuses: []billing.SubscriptionStatus{billing.Active}}, "b", "a")
	f(postgres.SubscriptionFilter{Statuses: []billing.SubscriptionStatus{billing.Active, billing.Pending}}, "c", "b", "a")
	f(postgres.SubscriptionFilter{CustomerExternalID: "bolt", PlanCode: "other"})
	f(postgres.SubscriptionFilter{CustomerExternalID: "\x00"})
}

// Changes of one subscription wait for each other: none is lost.
func TestUpdateSubscriptionRace(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	s := x.addSubscription(x.customer, "sub", feb1)
	const changes = 20
	var group sync.WaitGroup
	for range changes {
		group.Go(func() {
			_, err := x.db.UpdateSubscription(ctx, x.org.ID, s.ID, feb1, func(s *billing.Subscription) error {
				s.Name += "x"
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got, err := x.db.SubscriptionByID(ctx, x.org.ID, s.ID)
	must(t, err)
	equal(t, "number of changes kept", len(got.Name), changes)
	_, err = x.db.UpdateSubscription(ctx, x.org.ID, s.ID, feb1, func(s *billing.Subscription) error {
		s.Name = "lost"
		return fmt.Errorf("refused")
	})
	if err == nil {
		t.Fatal("a failing change was saved")
	}
	got, err = x.db.SubscriptionByID(ctx, x.org.ID, s.ID)
	must(t, err)
	equal(t, "number of changes kept", len(got.Name), changes)
}
