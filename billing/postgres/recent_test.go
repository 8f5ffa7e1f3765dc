package postgres_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5"

	"weir/billing"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// watched is a subscription that one process remembers, and another connection's way to it.
type watched struct {
	*tenant
	url  string
	conn *pgx.Conn // of somebody else
}

// newWatched makes a subscription "sub" of acme that is remembered.
func newWatched(t *testing.T) *watched {
	t.Helper()
	url := pgtest.URL(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 4})
	must(t, err)
	t.Cleanup(db.Close)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	w := &watched{addTenant(t, db, "Hooli"), url, conn}
	w.addSubscription(w.customer, "sub", feb1)
	w.db.Look()
	w.remember()
	return w
}

// recent returns what is remembered of the subscription, and whether the database was not
// asked for it.
func (w *watched) recent() (postgres.RunningSubscription, bool) {
	w.t.Helper()
	w.db.Look() // so that it is believed, and nobody else looks meanwhile
	before := w.db.Acquires()
	running, err := w.db.RecentRunningSubscription(w.t.Context(), w.org.ID, "acme", "sub")
	must(w.t, err)
	return running, w.db.Acquires() == before
}

// remember asks until the answer comes from memory: the second time, unless the machine is
// so busy that RecentAgeMax passes between a look and its answer.
func (w *watched) remember() {
	w.t.Helper()
	for range 10 {
		began := time.Now()
		w.recent()
		if _, remembered := w.recent(); remembered {
			return
		}
		if time.Since(began) < postgres.RecentAgeMax {
			break
		}
	}
	w.t.Fatal("what was just asked for is not remembered")
}

// changed checks that the subscription was forgotten, and that it is not what it was.
func (w *watched) changed(what string, was postgres.RunningSubscription) {
	w.t.Helper()
	got, remembered := w.recent()
	if remembered {
		w.t.Errorf("%s: the subscription is still remembered", what)
	}
	fresh, err := w.db.RunningSubscription(w.t.Context(), w.org.ID, "acme", "sub")
	must(w.t, err)
	if !reflect.DeepEqual(got, fresh) || reflect.DeepEqual(got, was) {
		w.t.Errorf("%s: got %+v, the database has %+v, before it had %+v", what, got, fresh, was)
	}
	w.remember()
}

// Whatever this process writes, it sees at once.
func TestRecentAfterOwnWrites(t *testing.T) {
	t.Parallel()
	w, ctx := newWatched(t), t.Context()
	for what, write := range map[string]func() error{
		"timezone": func() error {
			_, err := w.db.UpsertCustomer(ctx, w.org.ID, "acme", jan10, func(c *billing.Customer) error {
				c.Timezone = "Asia/Kolkata"
				return nil
			})
			return err
		},
		"metric": func() error { w.addMetric("more"); return nil },
		"plan":   func() error { w.addPlan("more"); return nil },
		"changed plan": func() error {
			_, err := w.db.UpdatePlan(ctx, w.org.ID, "basic", jan10, func(p *billing.Plan, _ bool) error { p.AmountCents++; return nil })
			return err
		},
		"ending": func() error {
			sub, err := w.db.Subscription(ctx, w.org.ID, "sub")
			must(t, err)
			_, err = w.db.UpdateSubscription(ctx, w.org.ID, sub.ID, jan10, func(s *billing.Subscription) error {
				s.EndingAt = ptr(mar1)
				return nil
			})
			return err
		},
		"invoice": func() error {
			claims, err := w.db.ClaimDue(ctx, postgres.ClaimOptions{DueUntil: feb1, Now: feb1, LeaseUntil: mar1, Limit: 1})
			must(t, err)
			inv, snapshots, advances := w.bill(claims[0])
			return w.db.WriteInvoice(ctx, claims[0], inv, snapshots, advances, feb1)
		},
	} {
		was, _ := w.recent()
		must(t, write())
		w.changed(what, was)
	}
	was, _ := w.recent()
	must(t, w.db.SetTestClock(ctx, w.org.ID, feb1))
	w.changed("clock", was)
}

// exec changes rows as another process would.
func (w *watched) exec(statement string, args ...any) {
	w.t.Helper()
	_, err := w.conn.Exec(w.t.Context(), statement, args...)
	must(w.t, err)
}

// Whatever others write is seen after a look.
func TestRecentAfterOthersWrites(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	for _, statement := range []string{
		`UPDATE customers SET timezone = 'Asia/Kolkata'`,
		`UPDATE subscriptions SET ending_at = '2024-03-01'`,
		`UPDATE organizations SET catalog_version = catalog_version + 1`,
		`UPDATE organizations SET test_clock = '2024-03-01'`,
	} {
		was, _ := w.recent()
		w.exec(statement)
		w.changed(statement, was)
	}
	// A lease is no change.
	w.exec(`UPDATE customers SET leased_until = '2024-03-01', invoice_sequence = 7`)
	if _, remembered := w.recent(); !remembered {
		t.Error("a lease made the customer forgotten")
	}
}

// A transaction that is under way during a look is found by the next one, although others
// with higher numbers have ended before it.
func TestRecentAfterLongTransaction(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	was, _ := w.recent()
	w.exec(`BEGIN`)
	w.exec(`UPDATE subscriptions SET ending_at = '2024-03-01'`)
	for range 3 {
		w.addCustomer("other" + string(rune('a'+w.db.Acquires()%26)))
		if got, remembered := w.recent(); !remembered || !reflect.DeepEqual(got, was) {
			t.Fatalf("got %+v (remembered: %t) while the change was under way", got, remembered)
		}
	}
	w.exec(`COMMIT`)
	w.changed("commit", was)
}

// A database that was restored brings numbers of transactions that are yet to come. They
// neither make everything look changed, nor hide changes.
func TestRecentAfterRestore(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.exec(`SET session_replication_role = replica`) // no triggers, as when rows are restored
	w.exec(`UPDATE subscriptions SET changed_in = '4000000000000'`)
	w.exec(`SET session_replication_role = origin`)
	was, remembered := w.recent()
	if !remembered {
		t.Error("a number that is yet to come is a change")
	}
	w.exec(`UPDATE subscriptions SET ending_at = '2024-03-01'`)
	w.changed("change", was)
}

// More changes than a look takes one by one make it forget everything.
func TestRecentAfterManyChanges(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	was, _ := w.recent()
	w.exec(`INSERT INTO customers (id, organization_id, external_id, sequential_id, created_at, updated_at)
		SELECT gen_random_uuid(), $1, 'many' || n, 100 + n, now(), now() FROM generate_series(1, 10001) n`, w.org.ID)
	w.exec(`UPDATE customers SET timezone = 'Asia/Kolkata' WHERE external_id = 'acme'`)
	w.changed("many", was)
}

// A look that fails says nothing: what it would have seen is seen by the next one.
func TestRecentAfterFailedLook(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	was, _ := w.recent()
	w.exec(`UPDATE subscriptions SET ending_at = '2024-03-01'`)
	w.exec(`ALTER TABLE customers RENAME COLUMN changed_in TO hidden`)
	w.db.Look()
	w.exec(`ALTER TABLE customers RENAME COLUMN hidden TO changed_in`)
	w.changed("change before a failed look", was)
}

// Ids that are asked for may lie in memory that is used again. What is remembered does not.
func TestRecentKeepsNoCallersMemory(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	customer, subscription := []byte("acme"), []byte("sub")
	w.exec(`UPDATE customers SET timezone = ''`)
	w.exec(`UPDATE subscriptions SET name = ''`)
	w.db.Look() // all is read again
	_, err := w.db.RecentRunningSubscription(t.Context(), w.org.ID, text(customer), text(subscription))
	must(t, err)
	copy(customer, "bolt")
	copy(subscription, "bus")
	if _, remembered := w.recent(); !remembered {
		t.Error("the subscription is remembered under another's name")
	}
	_, err = w.db.RecentRunningSubscription(t.Context(), w.org.ID, "bolt", "bus")
	mustNotFound(t, err, "customer_not_found")
}

// text returns the bytes as a string, in place.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func TestRunningSubscriptionErrors(t *testing.T) {
	t.Parallel()
	w, ctx := newWatched(t), t.Context()
	bolt := w.addCustomer("bolt")
	sub, err := w.db.Subscription(ctx, w.org.ID, "sub")
	must(t, err)
	f := func(customer, subscription, code string) {
		t.Helper()
		for _, find := range []func(context.Context, [16]byte, string, string) (postgres.RunningSubscription, error){
			func(ctx context.Context, org [16]byte, c, s string) (postgres.RunningSubscription, error) {
				return w.db.RunningSubscription(ctx, org, c, s)
			},
			func(ctx context.Context, org [16]byte, c, s string) (postgres.RunningSubscription, error) {
				return w.db.RecentRunningSubscription(ctx, org, c, s)
			},
		} {
			_, err := find(ctx, w.org.ID, customer, subscription)
			var refused *billing.Error
			if !errors.As(err, &refused) || refused.Code != code {
				t.Errorf("%s of %s: got %v, want %s", subscription, customer, err, code)
			}
		}
	}
	f("nobody", "sub", "customer_not_found")
	f("acme", "nothing", "subscription_not_found")
	f(bolt.ExternalID, "sub", "subscription_not_found") // acme's
	_, err = w.db.UpdateSubscription(ctx, w.org.ID, sub.ID, jan10, func(s *billing.Subscription) error {
		s.Status, s.TerminatedAt = billing.Terminated, ptr(jan10)
		return nil
	})
	must(t, err)
	f("acme", "sub", "no_active_subscription")
}

// Who asks about one subscription has those that follow it remembered, as many as there are, and nothing else.
func TestNeighboursAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	other := addTenant(t, w.db, "Aviato")
	other.addSubscription(other.customer, "sub-2", feb1)
	for _, externalID := range []string{"before", "sub-2", "sub-3"} {
		w.addSubscription(w.customer, externalID, feb1)
	}
	remembered := func(externalID string) bool {
		t.Helper()
		w.db.Look() // so that it is believed, and nobody reads or looks meanwhile
		before := w.db.Acquires()
		got, err := w.db.RecentRunningSubscription(t.Context(), w.org.ID, "acme", externalID)
		must(t, err)
		asked := w.db.Acquires() != before
		fresh, err := w.db.RunningSubscription(t.Context(), w.org.ID, "acme", externalID)
		must(t, err)
		if !reflect.DeepEqual(got, fresh) {
			t.Errorf("%s: got %+v, the database has %+v", externalID, got, fresh)
		}
		return !asked
	}
	w.exec(`UPDATE subscriptions SET ending_at = '2024-03-01' WHERE external_id = 'sub'`)
	for _, s := range []struct {
		externalID string
		remembered bool
	}{
		{"sub", false}, // it has changed
		{"sub-3", true},
		{"sub-2", true},
		{"before", false},
	} {
		if got := remembered(s.externalID); got != s.remembered {
			t.Errorf("%s is remembered: %t, want %t", s.externalID, got, s.remembered)
		}
	}
	w.exec(`UPDATE subscriptions SET ending_at = '2024-04-01' WHERE external_id = 'sub-3'`)
	if remembered("sub-3") {
		t.Error("a neighbour that has changed is still remembered")
	}
}
