package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

// bill returns what bills January of a claim's subscriptions: an invoice with a base
// fee and two charge fees for the first one, its evidence, and the advances.
func (x *tenant) bill(claim postgres.Claim) (*billing.Invoice, []billing.UsageSnapshot, []billing.Advance) {
	sub := claim.Subscriptions[0]
	january := billing.Period{From: jan1, To: feb1}
	plan := x.wantPlan()
	charge := &plan.Charges[0]
	inv := &billing.Invoice{
		ID: uuid.Must(uuid.NewV7()), OrganizationID: x.org.ID, CustomerID: claim.Customer.ID,
		Type: billing.InvoiceTypeSubscription, Status: billing.InvoiceFinalized,
		PaymentStatus: billing.PaymentPending, Currency: "EUR", PurchaseOrderNumber: "PO-1", IssuingDate: feb1,
		PaymentDueDate: feb1.AddDate(0, 0, 30), NetPaymentTermDays: 30, FeesAmountCents: 4251,
		SubTotalExcludingTaxesAmountCents: 4251, SubTotalIncludingTaxesAmountCents: 4251, TotalAmountCents: 4251,
		CreatedAt: feb1.Add(time.Minute), UpdatedAt: feb1.Add(time.Minute),
	}
	fee := func(kind billing.FeeType, cents int64, precise string) billing.Fee {
		return billing.Fee{
			ID: uuid.Must(uuid.NewV7()), OrganizationID: x.org.ID, InvoiceID: inv.ID, CustomerID: claim.Customer.ID,
			SubscriptionID: sub.ID, Type: kind, GroupedBy: map[string]*string{}, Currency: "EUR",
			AmountCents: cents, PreciseAmount: dec(precise), UnitAmount: dec("30"), Units: dec("1"), TotalUnits: dec("1"),
			AmountDetails: []byte(`{"plan_amount_cents": 3000}`), ItemCode: plan.Code, ItemName: plan.Name,
			DisplayName: "The plan", PaymentStatus: billing.PaymentPending, Period: january, CreatedAt: inv.CreatedAt,
		}
	}
	base := fee(billing.SubscriptionFee, 3000, "3000")
	tiers := fee(billing.ChargeFee, 1250, "1250.333333333333333")
	tiers.Charge, tiers.Filter, tiers.ItemCode = charge, &charge.Filters[1], x.metric.Code
	tiers.Units, tiers.EventsCount = dec("12345678901234567890123456789012345678"), 7
	// Values of events: a NUL is text in JSON, and a group may lack the property.
	tiers.GroupedBy = map[string]*string{"model": ptr("a\x00b"), "cloud": nil}
	small := fee(billing.ChargeFee, 1, "0.500000000000000")
	small.Charge, small.ItemCode, small.UnitAmount = charge, x.metric.Code, dec("0.000000000000001")
	inv.Fees = []billing.Fee{base, tiers, small}

	var advances []billing.Advance
	for _, s := range claim.Subscriptions {
		inv.Subscriptions = append(inv.Subscriptions, billing.InvoiceSubscription{
			SubscriptionID: s.ID, Usage: january, Base: billing.Period{From: feb1, To: mar1}, Reason: "subscription_periodic",
			Cut: &billing.Cut{LogID: "log", Partition: 3, Next: 77},
		})
		advances = append(advances, advanceTo(s, feb1, mar1))
	}
	inv.Subscriptions[0].Cut, inv.Subscriptions[0].Base = &billing.Cut{LogID: "log", Partition: 15, Next: 0}, billing.Period{}
	snapshots := []billing.UsageSnapshot{
		{
			InvoiceID: inv.ID, SubscriptionID: sub.ID, ChargeID: charge.ID, ChargeFilterID: &charge.Filters[1].ID,
			GroupedBy: tiers.GroupedBy, Units: tiers.Units, EventsCount: 7, Definition: []byte(`{"a":1}`), FeeID: &tiers.ID,
		},
		{InvoiceID: inv.ID, SubscriptionID: sub.ID, ChargeID: charge.ID, GroupedBy: map[string]*string{}, Definition: []byte(`{}`)},
	}
	return inv, snapshots, advances
}

// advanceTo moves a subscription's billing to an instant, and its next due date.
func advanceTo(s billing.Subscription, to, nextDueAt time.Time) billing.Advance {
	return billing.Advance{
		SubscriptionID: s.ID, From: s.BilledUntil(), FromStatus: s.Status, FromNextDueAt: *s.NextDueAt, FromEndingAt: s.EndingAt,
		To: billing.BilledUntil{Base: to, Usage: to, Fixed: to, FixedAhead: to}, ToStatus: s.Status,
		StartedAt: s.StartedAt, TerminatedAt: s.TerminatedAt, NextDueAt: &nextDueAt,
	}
}

// What was claimed by the system's clock is not billed by it once a test clock is set.
func TestWriteInvoiceAfterTestClock(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addSubscription(x.customer, "s", feb1)
	claim := x.claim(feb1, system, 1)[0]
	inv, snapshots, advances := x.bill(claim)
	must(t, x.db.SetTestClock(ctx, x.org.ID, jan1))
	if err := x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1); !errors.Is(err, postgres.ErrLeaseLost) {
		t.Fatalf("error is %v, want %v", err, postgres.ErrLeaseLost)
	}
	_, total, err := x.db.Invoices(ctx, x.org.ID, postgres.InvoiceFilter{}, postgres.Page{})
	must(t, err)
	equal(t, "number of invoices", total, 0)
}

func TestWriteInvoice(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addSubscription(x.customer, "s1", feb1)
	x.addSubscription(x.customer, "s2", feb1)
	claim := x.claim(feb1, system, 1)[0]
	inv, snapshots, advances := x.bill(claim)
	must(t, x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1))

	equal(t, "number", inv.Number, x.org.DocumentNumberPrefix+"-001-001")
	equal(t, "sequential id", inv.SequentialID, 1)
	got, err := x.db.Invoice(ctx, x.org.ID, inv.ID)
	must(t, err)
	equal(t, "invoice", jsonOf(t, got), jsonOf(t, *inv))
	for i := range inv.Fees { // exactly: no digit is lost on the way
		fee, err := x.db.Fee(ctx, x.org.ID, inv.Fees[i].ID)
		must(t, err)
		equal(t, "fee", jsonOf(t, fee), jsonOf(t, inv.Fees[i]))
		equal(t, "units", fee.Units.String(), inv.Fees[i].Units.String())
		equal(t, "precise amount", fee.PreciseAmount.Equal(inv.Fees[i].PreciseAmount), true)
	}
	for _, want := range claim.Subscriptions {
		s, err := x.db.SubscriptionByID(ctx, x.org.ID, want.ID)
		must(t, err)
		equal(t, "base billed until", s.BaseBilledUntil, feb1)
		equal(t, "usage billed until", s.UsageBilledUntil, feb1)
		equal(t, "fixed billed until", s.FixedBilledUntil, feb1)
		equal(t, "fixed ahead billed until", s.FixedAheadBilledUntil, feb1)
		equal(t, "next due date", *s.NextDueAt, mar1)
		equal(t, "start", *s.StartedAt, jan1)
	}
	mustList(t, "claims right after", claimed(x.claim(mar1, system, 1)), "acme:[s1 s2]") // the lease has ended
}

func TestWriteInvoiceTwice(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addSubscription(x.customer, "s1", feb1)
	claim := x.claim(feb1, system, 1)[0]
	inv, snapshots, advances := x.bill(claim)
	must(t, x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1))

	again, snapshots, advances := x.bill(claim)
	err := x.db.WriteInvoice(ctx, claim, again, snapshots, advances, feb1)
	if !errors.Is(err, postgres.ErrAlreadyBilled) {
		t.Fatalf("error is %v, want ErrAlreadyBilled", err)
	}
	equal(t, "number of the refused invoice", again.Number, "")
	_, total, err := x.db.Invoices(ctx, x.org.ID, postgres.InvoiceFilter{}, postgres.Page{})
	must(t, err)
	equal(t, "number of invoices", total, 1)
}

// Whatever fails, nothing is written and no number is lost.
func TestWriteInvoiceFails(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	sub := x.addSubscription(x.customer, "s1", feb1)
	claim := x.claim(feb1, system, 1)[0]

	f := func(what string, spoil func(*billing.Invoice, []billing.UsageSnapshot, []billing.Advance)) {
		t.Helper()
		inv, snapshots, advances := x.bill(claim)
		spoil(inv, snapshots, advances)
		if err := x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1); err == nil {
			t.Errorf("%s was written", what)
		}
		equal(t, "number after "+what, inv.Number, "")
	}
	f("another's charge", func(i *billing.Invoice, _ []billing.UsageSnapshot, _ []billing.Advance) {
		i.Fees[2].Charge = &other.plan.Charges[0]
	})
	tax := other.addTax("vat", "20")
	f("another's tax on a fee", func(i *billing.Invoice, _ []billing.UsageSnapshot, _ []billing.Advance) {
		i.Fees[0].Taxes = []billing.AppliedTax{{ID: uuid.New(), TaxID: tax.ID}}
	})
	f("another's tax on the invoice", func(i *billing.Invoice, _ []billing.UsageSnapshot, _ []billing.Advance) {
		i.Taxes = []billing.AppliedTax{{ID: uuid.New(), TaxID: tax.ID}}
	})
	addOn := other.addAddOn("setup")
	f("another's add-on", func(i *billing.Invoice, _ []billing.UsageSnapshot, _ []billing.Advance) {
		i.Fees[0].AddOn = &addOn
	})
	f("a true-up of a fee that is not there", func(i *billing.Invoice, _ []billing.UsageSnapshot, _ []billing.Advance) {
		i.Fees[1].TrueUpParentID = nobody
	})
	f("another's subscription", func(i *billing.Invoice, _ []billing.UsageSnapshot, _ []billing.Advance) {
		i.Subscriptions[0].SubscriptionID = other.addSubscription(other.customer, "o", mar1).ID
	})
	f("broken evidence", func(_ *billing.Invoice, s []billing.UsageSnapshot, _ []billing.Advance) {
		s[1].Definition = []byte("{")
	})
	f("evidence of a fee that is not there", func(_ *billing.Invoice, s []billing.UsageSnapshot, _ []billing.Advance) {
		s[0].FeeID = &nobody
	})
	f("another's advance", func(_ *billing.Invoice, _ []billing.UsageSnapshot, a []billing.Advance) {
		a[0].SubscriptionID = other.addSubscription(other.customer, "p", mar1).ID
	})
	for name, stale := range map[string]func(*billing.Advance){
		"base":     func(a *billing.Advance) { a.From.Base = jan10 },
		"usage":    func(a *billing.Advance) { a.From.Usage = jan10 },
		"fixed":    func(a *billing.Advance) { a.From.Fixed = jan10 },
		"ahead":    func(a *billing.Advance) { a.From.FixedAhead = jan10 },
		"status":   func(a *billing.Advance) { a.FromStatus = billing.Pending },
		"due date": func(a *billing.Advance) { a.FromNextDueAt = mar1 },
	} {
		f("stale "+name, func(_ *billing.Invoice, _ []billing.UsageSnapshot, a []billing.Advance) { stale(&a[0]) })
	}
	got, err := x.db.SubscriptionByID(ctx, x.org.ID, sub.ID)
	must(t, err)
	equal(t, "subscription", jsonOf(t, got), jsonOf(t, sub))

	inv, snapshots, advances := x.bill(claim) // the lease is still ours
	must(t, x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1))
	equal(t, "sequential id", inv.SequentialID, 1)
}

// A lease that another took over in the meantime writes nothing.
func TestWriteInvoiceLeaseLost(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addSubscription(x.customer, "s1", feb1)
	first := x.claim(feb1, system, 1)[0]
	second := x.claim(feb1, system.Add(lease), 1)[0]
	inv, snapshots, advances := x.bill(first)
	err := x.db.WriteInvoice(ctx, first, inv, snapshots, advances, feb1)
	if !errors.Is(err, postgres.ErrLeaseLost) {
		t.Fatalf("error is %v, want ErrLeaseLost", err)
	}
	inv, snapshots, advances = x.bill(second)
	must(t, x.db.WriteInvoice(ctx, second, inv, snapshots, advances, feb1))
}

// Without an invoice only the subscriptions move, here one to its start.
func TestWriteInvoiceNil(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	s := x.subscription(x.customer, "s1", jan10)
	s.Status, s.StartedAt = billing.Pending, nil
	must(t, x.db.CreateSubscription(ctx, &s))
	claim := x.claim(jan10, system, 1)[0]
	start := advanceTo(s, jan10, feb1)
	start.ToStatus, start.StartedAt = billing.Active, ptr(jan10)
	must(t, x.db.WriteInvoice(ctx, claim, nil, nil, []billing.Advance{start}, jan10))

	got, err := x.db.Subscription(ctx, x.org.ID, "s1", billing.Active)
	must(t, err)
	equal(t, "start", *got.StartedAt, jan10)
	_, total, err := x.db.Invoices(ctx, x.org.ID, postgres.InvoiceFilter{}, postgres.Page{})
	must(t, err)
	equal(t, "number of invoices", total, 0)
	mustList(t, "claims", claimed(x.claim(feb1, system, 1)), "acme:[s1]")
}

// Billers that hold the same due subscription at once write it once, and the
// customer's numbers have no gap: by the comparison alone when they hold one lease, and
// by the lease when each has taken it from the one before.
func TestWriteInvoiceRace(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	const subscriptions, billers = 6, 4
	for i := range subscriptions { // each falls due by itself
		x.addSubscription(x.customer, fmt.Sprintf("s%d", i), feb1.Add(time.Duration(i)*time.Second))
	}
	now := system
	for round := range subscriptions {
		claims := make([]postgres.Claim, billers)
		for b := range billers {
			if b == 0 || round%2 == 1 {
				now = now.Add(lease) // the one before has let it run out
				claims[b] = x.claim(mar1.Add(-1), now, 1)[0]
			} else {
				claims[b] = claims[0]
			}
		}
		results := make(chan error, billers)
		for _, claim := range claims {
			go func() {
				inv, snapshots, advances := x.bill(claim)
				results <- x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1)
			}()
		}
		wrote := 0
		for range billers {
			switch err := <-results; {
			case err == nil:
				wrote++
			case !errors.Is(err, postgres.ErrAlreadyBilled) && !errors.Is(err, postgres.ErrLeaseLost):
				t.Error(err)
			}
		}
		equal(t, "number written", wrote, 1)
	}
	invoices, total, err := x.db.Invoices(ctx, x.org.ID, postgres.InvoiceFilter{}, postgres.Page{})
	must(t, err)
	equal(t, "number of invoices", total, subscriptions)
	numbers := codes(invoices, func(i billing.Invoice) string {
		return strings.TrimPrefix(i.Number, x.org.DocumentNumberPrefix+"-")
	})
	slices.Sort(numbers)
	mustList(t, "numbers", numbers, "001-001", "001-002", "001-003", "001-004", "001-005", "001-006")
}
