package biller_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"weir/billing"
)

// A plan that is deleted while billers are at its subscriptions: nobody waits for ever, and
// each subscription is billed for all of its time once.
func TestPlanDeletedWhileItIsBilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const customers, now = 20, "2024-05-01T12:00:00Z"
	for i := range customers {
		for _, half := range []string{"a", "b"} {
			w.subscribe(fmt.Sprint("c", i), fmt.Sprint(half, i), w.plan, "2024-04-01T00:00:00Z")
		}
	}
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if _, err := w.biller(now).Tick(w.ctx, at(now)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Go(func() {
		end := func(p *billing.Plan, _ *billing.Customer, s *billing.Subscription) error {
			return s.Terminate(p, time.UTC, at(now), false)
		}
		if _, done, err := w.db.DeletePlan(w.ctx, w.org.ID, w.plan.Code, at(now), end); err != nil || !done {
			t.Errorf("done %t: %v", done, err)
		}
	})
	group.Wait()
	// Whose subscriptions were ended under a biller's hands wait a while.
	for _, later := range []string{"2024-05-01T13:00:00Z", "2024-05-02T13:00:00Z"} {
		if _, err := w.biller(later).Tick(w.ctx, at(later)); err != nil {
			t.Fatal(err)
		}
	}
	w.tick("2024-05-03T13:00:00Z", 0)
	for i := range customers {
		// April whole and one of May's 31 days: 30.00 × 1 / 31 = 0.9677
		billed := map[int64]int{}
		for _, inv := range w.invoices(fmt.Sprint("c", i)) {
			for _, fee := range inv.Fees {
				billed[fee.AmountCents]++
			}
		}
		if len(billed) != 2 || billed[3000] != 2 || billed[97] != 2 {
			t.Errorf("customer %d was billed %v", i, billed)
		}
	}
}
