package biller_test

import (
	"testing"

	"weir/billing"
)

// committed is a plan with a minimum commitment, 0.05 a token, and what change makes of it.
func (w *world) committed(cents int64, change func(*billing.Plan)) billing.Plan {
	w.t.Helper()
	perToken := price("0.05")
	p := billing.Plan{
		OrganizationID: w.org.ID, Code: "committed", Name: "committed", Interval: billing.Monthly, AmountCents: 3000, Currency: "USD",
		Commitment: &billing.MinimumCommitment{AmountCents: cents},
		Charges:    []billing.Charge{{Metric: w.tokens, Code: "tokens", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &perToken}}},
		CreatedAt:  w.org.CreatedAt,
	}
	change(&p)
	w.must(w.db.CreatePlan(w.ctx, &p))
	return p
}

// In advance a commitment looks back: what it lacks is on the next invoice, or on the last.
func TestCommitmentInAdvance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.db.SetTestClock(w.ctx, w.org.ID, at("2024-04-01T00:00:00Z")))
	w.subscribe("c", "s", w.committed(10_000, func(p *billing.Plan) { p.PayInAdvance = true }), "2024-04-01T00:00:00Z")
	w.usage.add("s", "2024-04-20T00:00:00Z", 900)
	w.usage.add("s", "2024-05-20T00:00:00Z", 2000)
	w.must(w.biller("2030-01-01T00:00:00Z").Advance(w.ctx, w.org.ID, at("2024-06-01T00:00:00Z")))

	invoices := w.invoices("c")
	if len(invoices) != 3 {
		t.Fatalf("%d invoices", len(invoices))
	}
	wantLines(t, invoices[0], "ACM-0001-001-001 2024-04-01 3000 USD",
		"subscription committed 1 units 0 events 3000") // of April; there is nothing to look back at
	// April had its 30.00, and 900 × 0.05 = 45.00 now: 25.00 are missing of 100.00. May's 30.00 are its own.
	wantLines(t, invoices[1], "ACM-0001-001-002 2024-05-01 10000 USD",
		"subscription committed 1 units 0 events 3000", "charge tokens 900 units 1 events 4500", "commitment committed 1 units 0 events 2500")
	// 30.00 + 100.00 in May.
	wantLines(t, invoices[2], "ACM-0001-001-003 2024-06-01 13000 USD",
		"subscription committed 1 units 0 events 3000", "charge tokens 2000 units 1 events 10000")
}

// A year's commitment sums up the year, also where usage is billed each month.
func TestCommitmentOfAYear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.db.SetTestClock(w.ctx, w.org.ID, at("2024-01-01T00:00:00Z")))
	plan := w.committed(100_000, func(p *billing.Plan) {
		p.Interval, p.AmountCents, p.BillChargesMonthly = billing.Yearly, 12_000, true
	})
	w.subscribe("c", "s", plan, "2024-01-01T00:00:00Z")
	w.usage.add("s", "2024-01-10T00:00:00Z", 100)
	w.usage.add("s", "2024-12-31T00:00:00Z", 200)
	w.usage.add("s", "2025-01-10T00:00:00Z", 300)
	w.must(w.biller("2030-01-01T00:00:00Z").Advance(w.ctx, w.org.ID, at("2025-02-01T00:00:00Z")))

	invoices := w.invoices("c")
	if len(invoices) != 13 {
		t.Fatalf("%d invoices", len(invoices))
	}
	wantLines(t, invoices[0], "ACM-0001-001-001 2024-02-01 500 USD", "charge tokens 100 units 1 events 500")
	wantLines(t, invoices[1], "ACM-0001-001-002 2024-03-01 0 USD")
	// 1000.00 − 120.00 of the base fee − 10.00 of December − 5.00 of January.
	wantLines(t, invoices[11], "ACM-0001-001-012 2025-01-01 99500 USD",
		"subscription committed 1 units 0 events 12000", "charge tokens 200 units 1 events 1000", "commitment committed 1 units 0 events 86500")
	wantLines(t, invoices[12], "ACM-0001-001-013 2025-02-01 1500 USD", "charge tokens 300 units 1 events 1500")
}
