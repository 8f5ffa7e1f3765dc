package postgres_test

import (
	"fmt"
	"testing"

	"weir/billing"
	"weir/billing/postgres"
)

// addUsage invoices one charge of a new subscription over January.
func (x *tenant) addUsage(customer billing.Customer, subscription string, units string, cents int64) *billing.Invoice {
	x.t.Helper()
	x.addSubscription(customer, subscription, feb1)
	claim := x.claim(feb1, system, 10)[0]
	inv, _, advances := x.bill(claim)
	plan := x.wantPlan()
	metered, err := billing.MeterCharges([]*billing.Charge{&plan.Charges[0], &plan.Charges[1]}, nil)
	must(x.t, err)
	s := &inv.Subscriptions[0]
	s.Metered = metered
	inv.Fees = inv.Fees[:2] // the base fee, and one of the first charge's second filter
	fee := &inv.Fees[1]
	fee.AmountCents, fee.Units, fee.TotalUnits = cents, dec(units), dec(units)
	fee.PricingUnit = &billing.PricingUnitAmounts{Code: "credits", AmountCents: cents * 2, PreciseAmount: dec("0.5"), ConversionRate: dec("0.5")}
	fee.Presentation = []billing.PresentationUsage{{PresentedBy: map[string]*string{"team": ptr("a\x00b")}, Units: dec("0.5")}}
	snapshots := []billing.UsageSnapshot{
		{SubscriptionID: s.SubscriptionID, ChargeID: fee.Charge.ID, ChargeFilterID: &fee.Filter.ID, GroupedBy: fee.GroupedBy, Units: fee.Units, EventsCount: 7, FeeID: &fee.ID},
		{SubscriptionID: s.SubscriptionID, ChargeID: fee.Charge.ID, GroupedBy: map[string]*string{"model": nil}},
		{SubscriptionID: s.SubscriptionID, ChargeID: plan.Charges[1].ID},
	}
	must(x.t, x.db.WriteInvoice(x.t.Context(), claim, inv, snapshots, advances, feb1))
	return inv
}

func TestInvoicedUsage(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	bolt := x.addCustomer("bolt")
	first := x.addUsage(x.customer, "s", "12", 240)
	x.addUsage(bolt, "b", "1", 20)
	x.addUsage(x.customer, "r", "3", 60)

	usages, total, err := x.db.InvoicedUsage(ctx, x.org.ID, x.customer.ID, postgres.InvoicedUsageFilter{SubscriptionExternalID: "s"}, postgres.Page{})
	must(t, err)
	equal(t, "number of periods", total, 1)
	u := usages[0]
	if u.InvoiceID != first.ID || u.InvoiceNumber != first.Number || !u.IssuingDate.Equal(feb1) || u.Currency != "EUR" ||
		u.ExternalID != "s" || u.SubscriptionID != first.Subscriptions[0].SubscriptionID ||
		u.Period != (billing.Period{From: jan1, To: feb1}) || *u.Cut != (billing.Cut{LogID: "log", Partition: 15}) {
		t.Errorf("usage %+v", u)
	}
	equal(t, "evidence", string(billing.EncodeEvidence(u.Metered, u.Days)), string(billing.EncodeEvidence(first.Subscriptions[0].Metered, nil)))
	equal(t, "number of charges", len(u.Usages), 2)
	tiers := u.Usages[0]
	if tiers.Charge != u.Metered[0].Charge || tiers.AmountCents != 240 || tiers.EventsCount != 7 || !tiers.Units.Equal(dec("12")) {
		t.Errorf("usage of the first charge %+v", tiers)
	}
	equal(t, "number of buckets", len(tiers.Buckets), 2)
	b := tiers.Buckets[0]
	if b.Filter != &tiers.Charge.Filters[1] || *b.GroupedBy["model"] != "a\x00b" || b.AmountCents != 240 || b.EventsCount != 7 ||
		!b.PreciseAmount.Equal(dec("1250.333333333333333")) || *b.Presentation[0].PresentedBy["team"] != "a\x00b" ||
		b.PricingUnit.AmountCents != 480 || !b.PricingUnit.PreciseAmount.Equal(dec("0.5")) {
		t.Errorf("bucket %+v", b)
	}
	if b := tiers.Buckets[1]; b.Filter != nil || len(b.GroupedBy) != 1 || b.GroupedBy["model"] != nil || b.AmountCents != 0 || !b.TotalUnits.IsZero() || b.PricingUnit != nil {
		t.Errorf("bucket that came to nothing %+v", b)
	}
	if flat := u.Usages[1]; flat.Charge.Code != "flat" || len(flat.Buckets) != 1 || flat.AmountCents != 0 {
		t.Errorf("usage of the second charge %+v", flat)
	}

	// The charge is the one that was priced, whatever becomes of it.
	_, err = x.db.UpdatePlan(ctx, x.org.ID, "basic", mar1, func(p *billing.Plan, _ bool) error {
		p.Charges = p.Charges[:1]
		p.Charges[0].Code, p.Charges[0].Filters = "renamed", nil
		return nil
	})
	must(t, err)
	after, _, err := x.db.InvoicedUsage(ctx, x.org.ID, x.customer.ID, postgres.InvoicedUsageFilter{SubscriptionExternalID: "s"}, postgres.Page{})
	must(t, err)
	equal(t, "usage after a change of the plan", jsonOf(t, after[0].Usages), jsonOf(t, u.Usages))

	cents := func(customer billing.Customer, subscription string, want int64) {
		t.Helper()
		got, err := x.db.InvoicedUsageCents(ctx, x.org.ID, customer.ID, subscription)
		must(t, err)
		equal(t, "invoiced usage of "+subscription, got, want)
	}
	cents(x.customer, "s", 240)
	cents(x.customer, "r", 60)
	cents(bolt, "b", 20)
	cents(bolt, "s", 0) // another customer's
	cents(x.customer, "none", 0)
}

func TestInvoicedUsagePages(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	for i := range 3 { // the same period of three subscriptions: the newest invoice first
		x.addUsage(x.customer, fmt.Sprint("s", i), "1", 10)
	}
	other := addTenant(t, x.db, "Pied Piper")
	f := func(filter postgres.InvoicedUsageFilter, page postgres.Page, wantTotal int, want ...string) {
		t.Helper()
		usages, total, err := x.db.InvoicedUsage(ctx, x.org.ID, x.customer.ID, filter, page)
		must(t, err)
		equal(t, "total", total, wantTotal)
		equal(t, "number of periods", len(usages), len(want))
		for i := range want {
			equal(t, "period", usages[i].ExternalID, want[i])
		}
	}
	all, _, err := x.db.InvoicedUsage(ctx, x.org.ID, x.customer.ID, postgres.InvoicedUsageFilter{}, postgres.Page{})
	must(t, err)
	order := codes(all, func(u billing.InvoicedUsage) string { return u.ExternalID })
	equal(t, "number of periods", len(order), 3)
	f(postgres.InvoicedUsageFilter{}, postgres.Page{Number: 1, Size: 2}, 3, order[:2]...)
	f(postgres.InvoicedUsageFilter{}, postgres.Page{Number: 2, Size: 2}, 3, order[2])
	f(postgres.InvoicedUsageFilter{PeriodsCount: 2}, postgres.Page{}, 2, order[:2]...)
	f(postgres.InvoicedUsageFilter{PeriodsCount: 1}, postgres.Page{Number: 2, Size: 1}, 1)
	f(postgres.InvoicedUsageFilter{PeriodsCount: 9}, postgres.Page{Number: 9, Size: 1}, 3)
	f(postgres.InvoicedUsageFilter{SubscriptionExternalID: "s1"}, postgres.Page{}, 1, "s1")
	f(postgres.InvoicedUsageFilter{SubscriptionExternalID: "a\x00b"}, postgres.Page{}, 0)

	usages, _, err := x.db.InvoicedUsage(ctx, x.org.ID, x.customer.ID, postgres.InvoicedUsageFilter{MetricCode: "none"}, postgres.Page{})
	must(t, err)
	if len(usages) != 3 || len(usages[0].Usages) != 0 || len(usages[0].Metered) != 0 {
		t.Errorf("usage of another metric: %+v", usages)
	}
	usages, _, err = x.db.InvoicedUsage(ctx, x.org.ID, x.customer.ID, postgres.InvoicedUsageFilter{MetricCode: "requests"}, postgres.Page{})
	must(t, err)
	if len(usages) != 3 || len(usages[0].Usages) != 2 || len(usages[0].Metered) != 2 {
		t.Errorf("usage of the metric: %+v", usages)
	}
	usages, total, err := x.db.InvoicedUsage(ctx, other.org.ID, x.customer.ID, postgres.InvoicedUsageFilter{}, postgres.Page{})
	if err != nil || total != 0 || len(usages) != 0 {
		t.Errorf("another organization sees %d periods, %v", total, err)
	}
}
