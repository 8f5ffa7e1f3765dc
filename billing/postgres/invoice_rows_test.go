package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

// wholeBill is the bill of March of a subscription of a plan that has everything, priced: of
// each kind of fee there is at least one.
func (x *tenant) wholeBill(claim postgres.Claim) billing.PricedBill {
	x.t.Helper()
	plan := x.mustPlan("whole")
	march := billing.Period{From: feb1, To: mar1}
	ahead := billing.Period{From: mar1, To: mar1.AddDate(0, 1, 0)}
	b := billing.PricedBill{
		Bill: billing.Bill{
			Subscription: &claim.Subscriptions[0], Plan: &plan, At: mar1, Reason: billing.ReasonPeriodic,
			Base: march, Usage: march, Fixed: march, FixedAhead: ahead, Commitment: march, CommitmentFees: march,
			UsageFull: march, FixedFull: march, FixedAheadFull: ahead,
			BaseDays: 29, BasePeriodDays: 29, CommitmentDays: 29, CommitmentPeriodDays: 29,
		},
		CommittedCents: 5,
	}
	for i := range plan.Charges {
		usage, err := billing.PriceCharge(&plan.Charges[i], nil, plan.Currency)
		must(x.t, err)
		b.Charges = append(b.Charges, usage)
	}
	b.Charges[0].Buckets[0].Units, b.Charges[0].Buckets[0].EventsCount = dec("3.5"), 4
	b.Charges[0].Buckets[0].PricingUnit = &billing.PricingUnitAmounts{
		UnitID: uuid.New(), Code: "credits", ShortName: "CR", AmountCents: 1050, PreciseAmount: dec("1050.000000000000001"),
		UnitAmount: dec("3"), ConversionRate: dec("0.000000000000001"),
	}
	return b
}

// assemble makes the invoice of a bill, in an organization that has a tax by default.
func (x *tenant) assemble(claim postgres.Claim, b billing.PricedBill) (*billing.Invoice, []billing.UsageSnapshot) {
	x.t.Helper()
	inv, snapshots, err := billing.Assemble(billing.Assembly{
		Organization: &claim.Organization, Customer: &claim.Customer, Location: time.UTC,
		Bills: []billing.PricedBill{b}, Now: mar1.Add(time.Minute), NewID: uuid.New,
	})
	must(x.t, err)
	return inv, snapshots
}

// mustEqual compares as JSON, and shows where it begins to differ.
func mustEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	g, w := jsonOf(t, got), jsonOf(t, want)
	if g == w {
		return
	}
	at := 0
	for at < min(len(g), len(w)) && g[at] == w[at] {
		at++
	}
	from := max(0, at-60)
	t.Errorf("%s is\n…%s…, want\n…%s…", what, g[from:min(len(g), at+60)], w[from:min(len(w), at+60)])
}

// catalogOf takes what fees name out of them, and returns it as a line for each. Their details
// come as PostgreSQL formats them.
func catalogOf(fees []billing.Fee) (bare []billing.Fee, lines []string) {
	for _, f := range slices.Clone(fees) {
		text := string(f.Type)
		if f.Charge != nil {
			text += " " + f.Charge.Code + " of " + f.Charge.Metric.Code
		}
		if f.Filter != nil {
			text += fmt.Sprint(" ", f.Filter.Values)
		}
		if f.FixedCharge != nil {
			text += " " + f.FixedCharge.Code + " " + string(f.FixedCharge.Model)
		}
		if f.AddOn != nil {
			text += " add-on " + f.AddOn.Code + " " + f.AddOn.Name
		}
		lines = append(lines, text)
		f.Charge, f.Filter, f.FixedCharge, f.AddOn = nil, nil, nil, nil
		var details any
		if err := json.Unmarshal(f.AmountDetails, &details); err != nil {
			panic(err)
		}
		f.AmountDetails, _ = json.Marshal(details)
		bare = append(bare, f)
	}
	return bare, lines
}

func TestInvoiceRoundTrip(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	plan := x.addWholePlan("whole")
	s := x.subscription(x.customer, "s", mar1)
	s.PlanID = plan.ID
	must(t, x.db.CreateSubscription(ctx, &s))
	claim := x.claim(mar1, system, 1)[0]
	inv, snapshots := x.assemble(claim, x.wholeBill(claim))
	must(t, x.db.WriteInvoice(ctx, claim, inv, snapshots, []billing.Advance{advanceTo(claim.Subscriptions[0], mar1, mar1.AddDate(0, 1, 0))}, mar1))

	got, err := x.db.Invoice(ctx, x.org.ID, inv.ID)
	must(t, err)
	want := *inv
	want.Subscriptions = slices.Clone(inv.Subscriptions) // evidence is read by itself
	want.Subscriptions[0].FixedCharges, want.Subscriptions[0].Minimums = nil, nil
	var wantCatalog, gotCatalog []string
	want.Fees, wantCatalog = catalogOf(want.Fees)
	got.Fees, gotCatalog = catalogOf(got.Fees)
	mustList(t, "what fees are of", gotCatalog, wantCatalog...)
	mustEqual(t, "invoice", got, want)
	mustList(t, "what fees are of", gotCatalog,
		"subscription",
		"charge calls of requests map[region:[eu]]", "charge calls of requests", "charge calls of requests", // 7.77 missing
		"fixed_charge seats volume add-on seat Add-on seat",
		"fixed_charge more standard add-on seat Add-on seat",
		"commitment",
	)
	equal(t, "parent of the true-up", got.Fees[3].TrueUpParentID, got.Fees[2].ID)
	equal(t, "taxes of the base fee", len(got.Fees[0].Taxes), 2)

	listed, _, err := x.db.Invoices(ctx, x.org.ID, postgres.InvoiceFilter{}, postgres.Page{})
	must(t, err)
	equal(t, "taxes of a listed invoice", jsonOf(t, listed[0].Taxes), jsonOf(t, inv.Taxes))
	usages, minimums, err := x.db.PricedEvidence(ctx, x.org.ID, inv.ID, s.ID, "EUR")
	must(t, err)
	equal(t, "number of fixed charges", len(usages), 3) // also the one that came to nothing
	equal(t, "price of the seats again", usages[0].AmountCents, inv.Fees[4].AmountCents)
	equal(t, "minimums", jsonOf(t, minimums), jsonOf(t, inv.Subscriptions[0].Minimums))
}

func TestFeesSince(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	// Of each invoice: a base fee of 30.00, charges of 12.50 and 0.01, all for January.
	inv := x.addInvoice(x.customer, "a", func(i *billing.Invoice) {
		commitment := i.Fees[0]
		commitment.ID, commitment.Type, commitment.AmountCents = uuid.New(), billing.CommitmentFee, 77_700
		i.Fees = append(i.Fees, commitment)
		i.Fees[2].Period.From = feb1
	})
	x.addInvoice(x.customer, "b", func(*billing.Invoice) {})
	f := func(subscription uuid.UUID, from, to time.Time, want int64) {
		t.Helper()
		got, err := x.db.FeesSince(ctx, x.org.ID, subscription, billing.Period{From: from, To: to})
		must(t, err)
		equal(t, "what was billed", got, want)
	}
	a := inv.Subscriptions[0].SubscriptionID
	f(a, jan1, mar1, 4251)
	f(a, jan1, feb1, 4250) // half-open
	f(a, feb1, mar1, 1)
	f(a, jan1.Add(time.Microsecond), feb1, 0)
	f(nobody, jan1, mar1, 0)
	other := addTenant(t, x.db, "Pied Piper")
	none, err := x.db.FeesSince(ctx, other.org.ID, a, billing.Period{From: jan1, To: mar1})
	must(t, err)
	equal(t, "what another organization sees", none, 0)
	must(t, x.db.SetInvoiceStatus(ctx, inv.ID, "voided"))
	f(a, jan1, mar1, 0)
}

// oneOff makes a one-off invoice of an add-on, of 10.00 and 20 % of taxes.
func (x *tenant) oneOff(customer billing.Customer, addOn billing.AddOn, tax billing.Tax) *billing.Invoice {
	x.t.Helper()
	inv, err := billing.AssembleOneOff(billing.OneOff{
		Organization: &x.org, Customer: &customer, Location: time.UTC, OrganizationTaxes: []billing.Tax{tax}, Currency: "EUR",
		Items: []billing.OneOffItem{{AddOn: &addOn, UnitAmountCents: ptr(int64(1000))}}, Now: feb1, NewID: uuid.New,
	})
	must(x.t, err)
	return inv
}

func TestCreateOneOffInvoice(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	tax, addOn := x.addTax("vat", "20"), x.addAddOn("setup")
	x.addInvoice(x.customer, "a", func(*billing.Invoice) {})
	inv := x.oneOff(x.customer, addOn, tax)
	must(t, x.db.CreateOneOffInvoice(ctx, inv, feb1))
	equal(t, "number", inv.Number, x.org.DocumentNumberPrefix+"-001-002")

	got, err := x.db.Invoice(ctx, x.org.ID, inv.ID)
	must(t, err)
	want := *inv
	want.Subscriptions = []billing.InvoiceSubscription{}
	var wantCatalog, gotCatalog []string
	want.Fees, wantCatalog = catalogOf(want.Fees)
	got.Fees, gotCatalog = catalogOf(got.Fees)
	mustEqual(t, "invoice", got, want)
	mustList(t, "what fees are of", gotCatalog, wantCatalog...)
	equal(t, "total", got.TotalAmountCents, 1200)
	kinds, err := x.db.OutboxOf(ctx, inv.ID)
	must(t, err)
	mustList(t, "outbox", kinds, "invoice.one_off_created")

	// It is listed with the others, although it is of no subscription.
	f := func(filter postgres.FeeFilter, want ...string) {
		t.Helper()
		rows, total, err := x.db.Fees(ctx, x.org.ID, filter, postgres.Page{})
		must(t, err)
		equal(t, "total", total, len(want))
		mustList(t, "fees", codes(rows, func(f billing.Fee) string { return string(f.Type) }), want...)
	}
	f(postgres.FeeFilter{CustomerExternalID: "acme"}, "add_on", "subscription", "charge", "charge")
	f(postgres.FeeFilter{Type: billing.AddOnFee}, "add_on")
	f(postgres.FeeFilter{SubscriptionExternalID: "a"}, "subscription", "charge", "charge")
	x.addInvoice(x.customer, "c", func(i *billing.Invoice) { equal(t, "number so far", i.SequentialID, 0) })
	listed, _, err := x.db.Invoices(ctx, x.org.ID, postgres.InvoiceFilter{Type: billing.InvoiceTypeOneOff}, postgres.Page{})
	must(t, err)
	equal(t, "number of one-off invoices", len(listed), 1)
}

func TestCreateOneOffInvoiceFails(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	tax, addOn := x.addTax("vat", "20"), x.addAddOn("setup")
	stranger := x.customer
	stranger.ID = nobody
	mustNotFound(t, x.db.CreateOneOffInvoice(ctx, x.oneOff(stranger, addOn, tax), feb1), "customer_not_found")
	other := addTenant(t, x.db, "Pied Piper")
	inv := x.oneOff(x.customer, other.addAddOn("setup"), tax)
	if err := x.db.CreateOneOffInvoice(ctx, inv, feb1); err == nil {
		t.Error("an add-on of another organization was invoiced")
	}
	equal(t, "number of what was not written", inv.Number, "")
	inv = x.oneOff(x.customer, addOn, tax)
	must(t, x.db.CreateOneOffInvoice(ctx, inv, feb1))
	equal(t, "number", inv.Number, x.org.DocumentNumberPrefix+"-001-001") // what failed took none
}

// One-off invoices and the biller's take the numbers of one customer at the same time.
func TestInvoicesAreNumberedTogether(t *testing.T) {
	t.Parallel()
	x := newTenant(t)
	tax, addOn := x.addTax("vat", "20"), x.addAddOn("setup")
	x.addSubscription(x.customer, "s", feb1)
	claim := x.claim(feb1, system, 1)[0]
	inv, snapshots, advances := x.bill(claim)
	const each = 8
	invoices := []*billing.Invoice{inv}
	writes := []func(context.Context) error{func(ctx context.Context) error {
		return x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1)
	}}
	for range each {
		i := x.oneOff(x.customer, addOn, tax)
		invoices = append(invoices, i)
		writes = append(writes, func(ctx context.Context) error { return x.db.CreateOneOffInvoice(ctx, i, feb1) })
	}
	var all sync.WaitGroup
	for _, write := range writes {
		all.Go(func() {
			if err := write(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	numbers := codes(invoices, func(i *billing.Invoice) string { return i.Number[len(x.org.DocumentNumberPrefix)+1:] })
	slices.Sort(numbers)
	var want []string
	for n := range each + 1 {
		want = append(want, fmt.Sprintf("001-%03d", n+1))
	}
	mustList(t, "numbers", numbers, want...)
}
