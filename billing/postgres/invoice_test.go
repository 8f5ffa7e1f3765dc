package postgres_test

import (
	"testing"
	"time"

	"weir/billing"
	"weir/billing/postgres"
)

// addInvoice bills a new subscription of the customer and returns the invoice, which
// change has worked on.
func (x *tenant) addInvoice(customer billing.Customer, subscription string, change func(*billing.Invoice)) *billing.Invoice {
	x.t.Helper()
	x.addSubscription(customer, subscription, feb1)
	claims := x.claim(feb1, system, 10)
	if len(claims) != 1 {
		x.t.Fatalf("%d customers are due, want one", len(claims))
	}
	inv, snapshots, advances := x.bill(claims[0])
	change(inv)
	must(x.t, x.db.WriteInvoice(x.t.Context(), claims[0], inv, snapshots, advances, feb1))
	return inv
}

func TestInvoicePages(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	bolt := x.addCustomer("bolt")
	x.addInvoice(x.customer, "a", func(i *billing.Invoice) {})                              // ACME 1
	x.addInvoice(bolt, "b", func(i *billing.Invoice) { i.CreatedAt = feb1.Add(time.Hour) }) // same day, made later
	x.addInvoice(x.customer, "c", func(i *billing.Invoice) {
		i.IssuingDate, i.Currency, i.TotalAmountCents, i.PaymentStatus = mar1, "JPY", 9, billing.PaymentSucceeded
	})
	other.addInvoice(other.customer, "a", func(i *billing.Invoice) {})

	f := func(filter postgres.InvoiceFilter, want ...string) {
		t.Helper()
		rows, total, err := x.db.Invoices(ctx, x.org.ID, filter, postgres.Page{})
		must(t, err)
		equal(t, "total", total, len(want))
		prefix := len(x.org.DocumentNumberPrefix) + 1
		mustList(t, "invoices", codes(rows, func(i billing.Invoice) string { return i.Number[prefix:] }), want...)
	}
	f(postgres.InvoiceFilter{}, "001-002", "002-001", "001-001")
	f(postgres.InvoiceFilter{CustomerExternalID: "acme"}, "001-002", "001-001")
	f(postgres.InvoiceFilter{CustomerExternalID: "nobody"})
	f(postgres.InvoiceFilter{Statuses: []billing.InvoiceStatus{billing.InvoiceFinalized}}, "001-002", "002-001", "001-001")
	f(postgres.InvoiceFilter{Statuses: []billing.InvoiceStatus{"draft"}})
	f(postgres.InvoiceFilter{PaymentStatuses: []billing.PaymentStatus{billing.PaymentSucceeded}}, "001-002")
	f(postgres.InvoiceFilter{IssuingDateFrom: ptr(feb1.AddDate(0, 0, 1))}, "001-002")
	f(postgres.InvoiceFilter{IssuingDateFrom: &feb1, IssuingDateTo: &feb1}, "002-001", "001-001")
	f(postgres.InvoiceFilter{Type: billing.InvoiceTypeSubscription, Currency: "JPY"}, "001-002")
	f(postgres.InvoiceFilter{Type: "one_off"})
	f(postgres.InvoiceFilter{AmountFrom: ptr(int64(4251))}, "002-001", "001-001")
	f(postgres.InvoiceFilter{AmountFrom: ptr(int64(9)), AmountTo: ptr(int64(4250))}, "001-002")
}

func TestInvoiceOfAnother(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	inv := x.addInvoice(x.customer, "a", func(*billing.Invoice) {})
	_, err := x.db.Invoice(ctx, other.org.ID, inv.ID)
	mustNotFound(t, err, "invoice_not_found")
	_, err = x.db.Fee(ctx, other.org.ID, inv.Fees[0].ID)
	mustNotFound(t, err, "fee_not_found")
	_, total, err := x.db.Fees(ctx, other.org.ID, postgres.FeeFilter{}, postgres.Page{})
	must(t, err)
	equal(t, "number of another's fees", total, 0)
}

func TestFeePages(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	bolt := x.addCustomer("bolt")
	x.addInvoice(x.customer, "a", func(*billing.Invoice) {})
	x.addInvoice(bolt, "b", func(i *billing.Invoice) {
		for n := range i.Fees {
			i.Fees[n].CreatedAt, i.Fees[n].Currency, i.Fees[n].PaymentStatus = mar1, "JPY", billing.PaymentFailed
		}
	})
	const base, charge = "subscription 3000", "charge 1250"
	f := func(filter postgres.FeeFilter, want ...string) {
		t.Helper()
		rows, total, err := x.db.Fees(ctx, x.org.ID, filter, postgres.Page{})
		must(t, err)
		equal(t, "total", total, len(want))
		show := func(f billing.Fee) string {
			return string(f.Type) + " " + dec("1").Mul(f.PreciseAmount).Truncate(0).String()
		}
		mustList(t, "fees", codes(rows, show), want...)
	}
	f(postgres.FeeFilter{}, base, charge, "charge 0", base, charge, "charge 0") // in the order of their invoices
	f(postgres.FeeFilter{CustomerExternalID: "bolt"}, base, charge, "charge 0")
	f(postgres.FeeFilter{SubscriptionExternalID: "a", Type: billing.ChargeFee}, charge, "charge 0")
	f(postgres.FeeFilter{SubscriptionExternalID: "a", MetricCode: "requests"}, charge, "charge 0")
	f(postgres.FeeFilter{MetricCode: "basic"}) // a plan's code
	f(postgres.FeeFilter{Currency: "JPY", Type: billing.SubscriptionFee}, base)
	f(postgres.FeeFilter{PaymentStatus: billing.PaymentFailed, Type: billing.SubscriptionFee}, base)
	f(postgres.FeeFilter{CreatedFrom: &mar1, CreatedTo: &mar1, Type: billing.SubscriptionFee}, base)
	f(postgres.FeeFilter{CreatedTo: ptr(mar1.Add(-time.Microsecond)), Type: billing.SubscriptionFee}, base)

	rows, total, err := x.db.Fees(ctx, x.org.ID, postgres.FeeFilter{}, postgres.Page{Number: 2, Size: 4})
	must(t, err)
	equal(t, "total", total, 6)
	equal(t, "number on the second page", len(rows), 2)
	equal(t, "charge of a fee", rows[0].Charge.Code, "tiers")
	equal(t, "filter of a fee", rows[0].Filter.InvoiceDisplayName, "rest")
	equal(t, "metric of a fee", rows[0].Charge.Metric.Code, "requests")
}
