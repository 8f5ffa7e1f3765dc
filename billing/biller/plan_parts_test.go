package biller_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/billing"
)

func (w *world) tax(code, rate string, ofOrganization bool) billing.Tax {
	w.t.Helper()
	t := billing.Tax{
		OrganizationID: w.org.ID, Code: code, Name: code, Rate: price(rate).Decimal,
		AppliedToOrganization: ofOrganization, CreatedAt: w.org.CreatedAt,
	}
	w.must(w.db.CreateTax(w.ctx, &t))
	return t
}

func (w *world) addOn(code string) billing.AddOn {
	w.t.Helper()
	a := billing.AddOn{OrganizationID: w.org.ID, Code: code, Name: code, AmountCents: 1, Currency: "USD", CreatedAt: w.org.CreatedAt}
	w.must(w.db.CreateAddOn(w.ctx, &a))
	return a
}

// partsPlan is 30.00 in arrears, 0.05 a token but at least 10.00, seats of 5.00 each in arrears
// for the days they are there, support of 7.00 in advance, and at least 150.00 of all that.
func (w *world) partsPlan() billing.Plan {
	w.t.Helper()
	seat, support := w.addOn("seat"), w.addOn("support")
	perToken, perSeat, flat := price("0.05"), price("5"), price("7")
	p := billing.Plan{
		OrganizationID: w.org.ID, Code: "parts", Name: "parts", Interval: billing.Monthly, AmountCents: 3000, Currency: "USD",
		Commitment: &billing.MinimumCommitment{AmountCents: 15_000},
		Charges: []billing.Charge{
			{Metric: w.tokens, Code: "tokens", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &perToken}, MinAmountCents: 1000},
		},
		FixedCharges: []billing.FixedCharge{
			{AddOn: seat, Code: "seats", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &perSeat}, Units: price("10").Decimal, Prorated: true},
			{AddOn: support, Code: "support", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &flat}, Units: price("1").Decimal, PayInAdvance: true},
		},
		CreatedAt: w.org.CreatedAt,
	}
	w.must(w.db.CreatePlan(w.ctx, &p))
	return p
}

// setSeats changes the seats of the plan.
func (w *world) setSeats(units, when string, now bool) {
	w.t.Helper()
	_, err := w.db.UpdatePlan(w.ctx, w.org.ID, "parts", at(when), func(p *billing.Plan, _ bool) error {
		p.FixedCharges[0].Units, p.FixedCharges[0].UnitsNow = price(units).Decimal, now
		return nil
	})
	w.must(err)
}

// wantAddsUp checks the identities of an invoice's totals and that the evidence prices it again.
func (w *world) wantAddsUp(t *testing.T, inv billing.Invoice) {
	t.Helper()
	var fees, taxes int64
	for _, fee := range inv.Fees {
		fees += fee.AmountCents
	}
	for _, tax := range inv.Taxes {
		taxes += tax.AmountCents
	}
	if fees != inv.FeesAmountCents || inv.TotalAmountCents != fees+inv.TaxesAmountCents || len(inv.Taxes) == 1 && taxes != inv.TaxesAmountCents {
		t.Errorf("fees %d of %d, taxes %d of %d, total %d", fees, inv.FeesAmountCents, taxes, inv.TaxesAmountCents, inv.TotalAmountCents)
	}
	for _, s := range inv.Subscriptions {
		usages, minimums, err := w.db.PricedEvidence(w.ctx, w.org.ID, inv.ID, s.SubscriptionID, inv.Currency)
		w.must(err)
		again := map[string]int{}
		for _, u := range usages {
			if !u.IsEmpty() {
				again[fmt.Sprint(u.FixedCharge.ID, u.AmountCents)]++
			}
		}
		for i := range minimums {
			missing, err := minimums[i].Missing()
			w.must(err)
			if missing > 0 {
				again[fmt.Sprint(minimums[i].ChargeID, missing)]++
			}
		}
		for _, fee := range inv.Fees {
			switch {
			case fee.FixedCharge != nil:
				again[fmt.Sprint(fee.FixedCharge.ID, fee.AmountCents)]--
			case fee.Type == billing.CommitmentFee:
				again[fmt.Sprint(uuid.Nil, fee.AmountCents)]--
			case fee.Charge != nil && fee.UnitAmount.Shift(2).IntPart() == fee.AmountCents && fee.EventsCount == 0 && fee.AmountCents > 0:
				again[fmt.Sprint(fee.Charge.ID, fee.AmountCents)]--
			}
		}
		for what, n := range again {
			if n != 0 {
				t.Errorf("evidence and fees of invoice %s differ in %s: %d", inv.Number, what, n)
			}
		}
	}
}

func TestAllThatAPlanCanHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.db.SetTestClock(w.ctx, w.org.ID, at("2024-04-01T00:00:00Z")))
	w.tax("vat", "20", true)
	plan := w.partsPlan()
	w.subscribe("c", "s", plan, "2024-04-10T12:00:00Z")
	w.setSeats("12", "2024-04-21T09:00:00Z", true)
	w.setSeats("14", "2024-05-20T00:00:00Z", false) // from June on
	w.usage.add("s", "2024-04-20T00:00:00Z", 40)
	b := w.biller("2030-01-01T00:00:00Z")
	w.must(b.Advance(w.ctx, w.org.ID, at("2024-07-01T00:00:00Z")))

	invoices := w.invoices("c")
	if len(invoices) != 4 {
		t.Fatalf("%d invoices", len(invoices))
	}
	// At the start what is paid in advance, whole since it is not prorated. Taxes are 1.40.
	wantLines(t, invoices[0], "ACM-0001-001-001 2024-04-10 840 USD",
		"fixed_charge support 1 units 0 events 700")
	// 21 of 30 days. The minimum is 7.00, of which 40 × 0.05 are used. Seats: 10 × 11/30 = 3.666667
	// and 12 × 10/30 = 4 at 5.00. The commitment is 150.00 × 21/30 = 105.00, of which April has
	// had 7.00 + 21.00 + 2.00 + 5.00 + 38.33 = 73.33. Fees 105.00 + May's 7.00 less April's; taxes 21.00.
	wantLines(t, invoices[1], "ACM-0001-001-002 2024-05-01 12600 USD",
		"subscription parts 1 units 0 events 2100",
		"charge tokens 40 units 1 events 200",
		"charge tokens 1 units 0 events 500",
		"fixed_charge seat 12 units 0 events 3833",
		"fixed_charge support 1 units 0 events 700",
		"commitment parts 1 units 0 events 3167")
	// Nothing was used: the empty fee is there for the true-up. 150.00 − 30 − 10 − 60 − 7 = 43.00.
	wantLines(t, invoices[2], "ACM-0001-001-003 2024-06-01 18000 USD",
		"subscription parts 1 units 0 events 3000",
		"charge tokens 0 units 0 events 0",
		"charge tokens 1 units 0 events 1000",
		"fixed_charge seat 12 units 0 events 6000",
		"fixed_charge support 1 units 0 events 700",
		"commitment parts 1 units 0 events 4300")
	// 14 seats in June: 150.00 − 30 − 10 − 70 − 7 = 33.00.
	wantLines(t, invoices[3], "ACM-0001-001-004 2024-07-01 18000 USD",
		"subscription parts 1 units 0 events 3000",
		"charge tokens 0 units 0 events 0",
		"charge tokens 1 units 0 events 1000",
		"fixed_charge seat 14 units 0 events 7000",
		"fixed_charge support 1 units 0 events 700",
		"commitment parts 1 units 0 events 3300")
	for _, inv := range invoices {
		w.wantAddsUp(t, inv)
		if len(inv.Taxes) != 1 || inv.Taxes[0].AmountCents*5 != inv.FeesAmountCents {
			t.Errorf("taxes of invoice %s: %+v", inv.Number, inv.Taxes)
		}
	}
	if trueUp := invoices[1].Fees[2]; trueUp.TrueUpParentID != invoices[1].Fees[1].ID {
		t.Errorf("true-up %+v", trueUp)
	}

	// What lies in what has been billed is not billed again, whatever becomes of the plan.
	w.setSeats("99", "2024-05-25T00:00:00Z", true)
	w.must(b.Advance(w.ctx, w.org.ID, at("2024-07-01T00:00:00Z")))
	if got := w.invoices("c"); len(got) != 4 {
		t.Errorf("the same instant again made %d invoices", len(got))
	}
}

func TestTaxesOfCustomers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tax("vat", "20", true)
	w.tax("reduced", "7", false)
	w.subscribe("c", "s1", w.plan, "2024-04-01T00:00:00Z")
	w.subscribe("d", "s2", w.plan, "2024-04-01T00:00:00Z")
	_, err := w.db.UpsertCustomer(w.ctx, w.org.ID, "d", w.org.CreatedAt, func(c *billing.Customer) error {
		c.Taxes = []billing.Tax{{Code: "reduced"}}
		return nil
	})
	w.must(err)
	w.tick("2024-05-01T00:10:00Z", 2)
	f := func(customer, code string, cents int64) {
		t.Helper()
		inv := w.invoices(customer)[0]
		if len(inv.Taxes) != 1 || inv.Taxes[0].Code != code || inv.TaxesAmountCents != cents || inv.TotalAmountCents != 3000+cents {
			t.Errorf("customer %s: taxes %+v, %d in all", customer, inv.Taxes, inv.TotalAmountCents)
		}
		if len(inv.Fees[0].Taxes) != 1 || inv.Fees[0].TaxesCents != cents {
			t.Errorf("customer %s: fee %+v", customer, inv.Fees[0])
		}
	}
	f("c", "vat", 600)
	f("d", "reduced", 210)
}

// Prorated units are priced by the local days of the full period, which metering is told of.
func TestProratedCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seats := billing.BillableMetric{
		OrganizationID: w.org.ID, Code: "seats", Name: "Seats", AggregationType: billing.SumAgg, FieldName: "n", Recurring: true, CreatedAt: w.org.CreatedAt,
	}
	w.must(w.db.CreateBillableMetric(w.ctx, &seats))
	four := price("4")
	plan := billing.Plan{
		OrganizationID: w.org.ID, Code: "seats", Name: "seats", Interval: billing.Monthly, Currency: "USD", CreatedAt: w.org.CreatedAt,
		Charges: []billing.Charge{{Metric: seats, Code: "seats", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &four}, Prorated: true}},
	}
	w.must(w.db.CreatePlan(w.ctx, &plan))
	w.subscribe("c", "s", plan, "2024-03-31T00:00:00Z")
	w.usage.add("s", "2024-03-31T10:00:00Z", 10)
	w.usage.add("s", "2024-04-16T08:00:00Z", 1)
	w.tick("2024-04-01T00:10:00Z", 1)
	w.tick("2024-05-01T00:10:00Z", 1)

	invoices := w.invoices("c")
	// One of 31 days: 10 × 1/31 = 0.32258 (raised to 5 digits: 0.32259) × 4.00 = 1.29.
	wantLines(t, invoices[0], "ACM-0001-001-001 2024-04-01 129 USD",
		"subscription seats 1 units 0 events 0", "charge seats 10 units 1 events 129")
	// 10 + 1 × 15/30 = 10.5 × 4.00; what is shown are all 11.
	wantLines(t, invoices[1], "ACM-0001-001-002 2024-05-01 4200 USD",
		"subscription seats 1 units 0 events 0", "charge seats 11 units 2 events 4200") // recurring: the events of all time
	var days []int
	for _, req := range w.usage.asked {
		days = append(days, len(req.Days))
		if first := req.Days[0]; first.Day() != 1 || req.Days[len(req.Days)-1].Day() != 1 {
			t.Errorf("days from %s", first)
		}
	}
	if fmt.Sprint(days) != "[32 31]" { // of March, whole, and of April, and their ends
		t.Errorf("days asked for: %v", days)
	}
}

// A biller that bills what another has billed in between writes nothing, whichever kind of
// thing has moved on.
func TestOnlyWhatStandsIsBilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plan := w.partsPlan()
	s := w.subscribe("c", "s", plan, "2024-04-10T12:00:00Z")
	w.tick("2024-04-10T12:00:00Z", 1)
	for _, kind := range []string{"base", "usage", "fixed", "fixed_ahead"} {
		column := kind + "_billed_until"
		w.usage.answer = func(query.UsageRequest, *query.UsageAnswer) error {
			w.exec("UPDATE subscriptions SET " + column + " = " + column + " + interval '1 microsecond'")
			return nil
		}
		w.tick("2024-05-01T00:10:00Z", 0)
		w.exec("UPDATE subscriptions SET " + column + " = " + column + " - interval '1 microsecond'")
		w.exec("UPDATE customers SET leased_until = NULL") // it had been postponed
	}
	if got := w.subscription(s); len(w.invoices("c")) != 1 || !got.NextDueAt.Equal(at("2024-05-01T00:00:00Z")) {
		t.Fatalf("%d invoices, subscription %+v", len(w.invoices("c")), got)
	}
	w.usage.answer = nil
	w.tick("2024-05-01T00:10:00Z", 1)
}

// A charge in credits is billed in the currency, and its minimum is in that.
func TestPricingUnitOnAnInvoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	credits := billing.PricingUnit{OrganizationID: w.org.ID, Code: "credits", Name: "Credits", ShortName: "CR", CreatedAt: w.org.CreatedAt}
	w.must(w.db.CreatePricingUnit(w.ctx, &credits))
	perToken := price("0.05")
	plan := billing.Plan{
		OrganizationID: w.org.ID, Code: "credits", Name: "credits", Interval: billing.Monthly, Currency: "USD", CreatedAt: w.org.CreatedAt,
		Charges: []billing.Charge{{
			Metric: w.tokens, Code: "tokens", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &perToken}, MinAmountCents: 3000,
			PricingUnit: &billing.AppliedPricingUnit{Unit: billing.PricingUnit{Code: "credits"}, ConversionRate: price("2").Decimal},
		}},
	}
	w.must(w.db.CreatePlan(w.ctx, &plan))
	w.subscribe("c", "s", plan, "2024-04-01T00:00:00Z")
	w.usage.add("s", "2024-04-20T00:00:00Z", 100)
	w.tick("2024-05-01T00:10:00Z", 1)
	inv := w.invoices("c")[0]
	// 100 × 0.05 = 5.00 credits of 2.00 USD; 30.00 − 5.00 credits make up for the minimum.
	wantLines(t, inv, "ACM-0001-001-001 2024-05-01 6000 USD",
		"subscription credits 1 units 0 events 0", "charge tokens 100 units 1 events 1000", "charge tokens 1 units 0 events 5000")
	for i, cents := range map[int]int64{1: 500, 2: 2500} {
		got := inv.Fees[i].PricingUnit
		if got == nil || got.Code != "credits" || got.AmountCents != cents || !got.ConversionRate.Equal(price("2").Decimal) {
			t.Errorf("pricing unit of fee %d: %+v", i, got)
		}
	}
}
