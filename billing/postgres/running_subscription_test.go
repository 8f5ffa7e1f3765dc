package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

// What is known of a running subscription says of its periods what the subscription itself says,
// also after a change of the time zone; asked for, as a neighbour and remembered.
func TestRunningSubscriptionHasItsPeriods(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	must(t, err)
	plan := billing.Plan{Interval: billing.Yearly, BillChargesMonthly: true, PayInAdvance: true, TrialDays: dec("10")}
	s := x.subscription(x.customer, "sub", feb1)
	s.SubscriptionAt = time.Date(2023, 12, 31, 20, 0, 0, 0, time.UTC) // the 1 January in Tokyo
	must(t, s.Start(&plan, tokyo, s.SubscriptionAt))
	bill, _ := billing.NextBill(&s, &plan, tokyo)
	s.Apply(bill.Advance)
	must(t, x.db.CreateSubscription(ctx, &s))
	if s.TrialEndedAt == nil || s.InitialStartedAt == nil || s.NextDueAt == nil {
		t.Fatalf("not much of a subscription: %+v", s)
	}

	first := x.subscription(x.customer, "a", feb1)
	must(t, x.db.CreateSubscription(ctx, &first))
	x.db.Look()
	_, err = x.db.RecentRunningSubscription(ctx, x.org.ID, "acme", "a") // remembers its neighbour
	must(t, err)
	for _, find := range []func() (postgres.RunningSubscription, error){
		func() (postgres.RunningSubscription, error) {
			return x.db.RunningSubscription(ctx, x.org.ID, "acme", "sub")
		},
		func() (postgres.RunningSubscription, error) {
			x.db.Look()
			return x.db.RecentRunningSubscription(ctx, x.org.ID, "acme", "sub")
		},
	} {
		running, err := find()
		must(t, err)
		got, want := running.Subscription(x.org.ID), s
		want.Name, want.CreatedAt, want.UpdatedAt = "", time.Time{}, time.Time{}
		equal(t, "subscription", jsonOf(t, got), jsonOf(t, want))
		for _, location := range []*time.Location{tokyo, time.UTC} {
			equal(t, "period", got.UsagePeriodAt(feb1, &plan, location), s.UsagePeriodAt(feb1, &plan, location))
		}
	}
}

// setTaxes makes the customer's taxes those with the codes.
func (x *tenant) setTaxes(db *postgres.DB, customer string, codes ...string) {
	x.t.Helper()
	_, err := db.UpsertCustomer(x.t.Context(), x.org.ID, customer, jan10, func(c *billing.Customer) error {
		c.Taxes = nil
		for _, code := range codes {
			c.Taxes = append(c.Taxes, billing.Tax{Code: code})
		}
		return nil
	})
	must(x.t, err)
}

// What is remembered of a customer is forgotten with its taxes, whoever changes them.
func TestRecentAfterTaxes(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	vat, city := w.addTax("vat", "20"), w.addTax("city", "1")
	other, err := postgres.Open(t.Context(), w.url, postgres.Options{MaxConns: 2})
	must(t, err)
	t.Cleanup(other.Close)
	for _, f := range []struct {
		what  string
		db    *postgres.DB
		codes []string
		want  []uuid.UUID
	}{
		{"own write", w.db, []string{"vat", "city"}, []uuid.UUID{vat.ID, city.ID}},
		{"another's write", other, []string{"city", "vat"}, []uuid.UUID{city.ID, vat.ID}},
		{"another's removal", other, nil, []uuid.UUID{}},
		{"own write again", w.db, []string{"city"}, []uuid.UUID{city.ID}},
	} {
		w.remember()
		was, _ := w.recent()
		w.setTaxes(f.db, "acme", f.codes...)
		w.changed(f.what, was)
		got, _ := w.recent()
		equal(t, f.what, fmt.Sprint(got.CustomerTaxes), fmt.Sprint(f.want))
	}
	// A tax that is deleted changes the catalog, which has it no more.
	w.remember()
	was, _ := w.recent()
	_, err = other.DeleteTax(t.Context(), w.org.ID, "city", jan10)
	must(t, err)
	got, _ := w.recent()
	if got.CatalogVersion == was.CatalogVersion {
		t.Error("a deleted tax does not change the catalog")
	}
}

// A claim has the customers' taxes, each its own, in their order.
func TestClaimHasTaxes(t *testing.T) {
	t.Parallel()
	x := newTenant(t)
	other := addTenant(t, x.db, "Aviato")
	x.addTax("vat", "20")
	x.addTax("city", "1")
	other.addTax("vat", "7")
	bolt := x.addCustomer("bolt")
	x.setTaxes(x.db, "acme", "city", "vat")
	other.setTaxes(x.db, "acme", "vat")
	x.addSubscription(x.customer, "a", feb1)
	x.addSubscription(bolt, "b", feb1.Add(1000))
	other.addSubscription(other.customer, "c", feb1.Add(2000))
	var got []string
	for _, claim := range x.claim(mar1, system, 10) {
		text := claim.Customer.ExternalID
		for _, tax := range claim.Customer.Taxes {
			text += " " + tax.Code + " " + tax.Rate.String()
		}
		got = append(got, text)
	}
	mustList(t, "customers", got, "acme city 1 vat 20", "bolt", "acme vat 7")
}
