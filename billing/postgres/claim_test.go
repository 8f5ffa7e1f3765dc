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

// system is the system's clock in these tests: far from the organizations' due dates.
var system = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const lease = time.Minute

func (x *tenant) claim(dueUntil, now time.Time, limit int) []postgres.Claim {
	x.t.Helper()
	claims, err := x.db.ClaimDue(x.t.Context(), postgres.ClaimOptions{
		DueUntil: dueUntil, Now: now, LeaseUntil: now.Add(lease), Limit: limit,
	})
	must(x.t, err)
	return claims
}

func claimed(claims []postgres.Claim) []string {
	return codes(claims, func(c postgres.Claim) string {
		return c.Customer.ExternalID + ":" + fmt.Sprint(codes(c.Subscriptions, func(s billing.Subscription) string { return s.ExternalID }))
	})
}

func TestClaimDue(t *testing.T) {
	t.Parallel()
	x := newTenant(t)
	bolt, cord, dart := x.addCustomer("bolt"), x.addCustomer("cord"), x.addCustomer("dart")
	x.addSubscription(bolt, "b1", feb1)
	x.addSubscription(bolt, "b2", feb1)
	x.addSubscription(bolt, "b3", feb1.Add(time.Microsecond)) // due too, but by itself
	x.addSubscription(cord, "c1", jan10)
	x.addSubscription(dart, "d1", mar1)
	x.addSubscription(x.customer, "a1", feb1.Add(time.Hour))

	mustList(t, "claims before anything is due", claimed(x.claim(jan10.Add(-time.Microsecond), system, 10)))
	claims := x.claim(feb1.Add(time.Hour), system, 10)
	mustList(t, "claims", claimed(claims), "cord:[c1]", "bolt:[b1 b2]", "acme:[a1]") // the oldest first
	equal(t, "due date", claims[1].DueAt, feb1)
	equal(t, "lease", claims[1].LeaseUntil, system.Add(lease))
	equal(t, "organization", jsonOf(t, claims[1].Organization), jsonOf(t, x.org))
	equal(t, "customer", jsonOf(t, claims[1].Customer), jsonOf(t, bolt))

	mustList(t, "claims while all are leased", claimed(x.claim(mar1, system, 10)), "dart:[d1]")
	mustList(t, "claims when the leases are over", claimed(x.claim(mar1, system.Add(lease), 2)), "cord:[c1]", "bolt:[b1 b2]")
}

func TestReleaseClaim(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addSubscription(x.customer, "a1", feb1)
	first := x.claim(feb1, system, 10)[0]
	must(t, x.db.ReleaseClaim(ctx, first))
	second := x.claim(feb1, system, 10)[0]
	must(t, x.db.ReleaseClaim(ctx, first)) // of a lease that is lost: gives nothing back
	must(t, x.db.PostponeClaim(ctx, first, system))
	mustList(t, "claims", claimed(x.claim(feb1, system, 10)))

	must(t, x.db.PostponeClaim(ctx, second, system.Add(time.Hour)))
	mustList(t, "claims of a postponed customer", claimed(x.claim(feb1, system.Add(time.Hour-1), 10)))
	mustList(t, "claims after it", claimed(x.claim(feb1, system.Add(time.Hour), 10)), "acme:[a1]")
}

// Organizations with a test clock are only claimed by name.
func TestClaimDueSandbox(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	sandbox := addTenant(t, x.db, "Sandbox")
	must(t, x.db.SetTestClock(ctx, sandbox.org.ID, jan1))
	x.addSubscription(x.customer, "real", feb1)
	sandbox.addSubscription(sandbox.customer, "test", jan10)

	at, ok, err := x.db.OldestDue(ctx)
	must(t, err)
	equal(t, "oldest due date", fmt.Sprint(at, ok), fmt.Sprint(feb1, true))
	at, ok, err = x.db.EarliestDue(ctx, sandbox.org.ID)
	must(t, err)
	equal(t, "earliest due date", fmt.Sprint(at, ok), fmt.Sprint(jan10, true))
	_, ok, err = x.db.EarliestDue(ctx, nobody)
	must(t, err)
	equal(t, "due date of nobody", ok, false)

	options := postgres.ClaimOptions{Organization: &sandbox.org.ID, DueUntil: mar1, Now: system, LeaseUntil: system.Add(lease), Limit: 10}
	claims, err := x.db.ClaimDue(ctx, options)
	must(t, err)
	mustList(t, "claims in the sandbox", claimed(claims), "acme:[test]")
	equal(t, "test clock", *claims[0].Organization.TestClock, jan1)
	must(t, x.db.ReleaseClaim(ctx, claims[0]))
	mustList(t, "claims by the system's clock", claimed(x.claim(mar1, system, 10)), "acme:[real]")
}

// A customer that failed and waits is not kept waiting when its organization's test clock
// is set: by then the caller waits too.
func TestClaimPostponedInSandbox(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addSubscription(x.customer, "a1", feb1)
	must(t, x.db.PostponeClaim(ctx, x.claim(feb1, system, 10)[0], system.Add(time.Hour)))
	mustList(t, "claims by the system's clock", claimed(x.claim(feb1, system, 10)))

	options := postgres.ClaimOptions{Organization: &x.org.ID, DueUntil: feb1, Now: system, LeaseUntil: system.Add(lease), Limit: 10}
	claims, err := x.db.ClaimDue(ctx, options)
	must(t, err)
	mustList(t, "claims by name", claimed(claims), "acme:[a1]")
	claims, err = x.db.ClaimDue(ctx, options)
	must(t, err)
	mustList(t, "claims by name of what is leased", claimed(claims))
}

// Claimers at once never hold the same customer, and together get all of them.
func TestClaimDueRace(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	const customers, claimers = 40, 6
	for i := range customers {
		c := x.addCustomer(fmt.Sprintf("c%d", i))
		x.addSubscription(c, fmt.Sprintf("s%d", i), feb1.Add(time.Duration(i%5)*time.Second))
		x.addSubscription(c, fmt.Sprintf("t%d", i), feb1.Add(time.Duration(i%5)*time.Second))
	}
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		held  = map[uuid.UUID]int{}
	)
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(held) }
	for range claimers {
		group.Go(func() {
			for try := 0; count() < customers && try < 10*customers; try++ {
				claims, err := x.db.ClaimDue(ctx, postgres.ClaimOptions{DueUntil: mar1, Now: system, LeaseUntil: system.Add(lease), Limit: 5})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, c := range claims {
					held[c.Customer.ID]++
					if len(c.Subscriptions) != 2 {
						t.Errorf("a claim has %d subscriptions, want 2", len(c.Subscriptions))
					}
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	equal(t, "number of customers claimed", len(held), customers)
	for id, times := range held {
		if times != 1 {
			t.Errorf("customer %s was claimed %d times", id, times)
		}
	}
}
