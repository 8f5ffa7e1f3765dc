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

// addWholePlan makes a plan that has everything a plan can have, and what it refers to: the
// taxes vat and city, the add-ons seat and support, the pricing unit credits.
func (x *tenant) addWholePlan(code string) billing.Plan {
	x.t.Helper()
	x.addTax("vat", "20")
	x.addTax("city", "1.5")
	x.addPricingUnit("credits")
	seat := x.addAddOn("seat", "vat")
	x.addAddOn("support")
	p := billing.Plan{
		OrganizationID: x.org.ID, Code: code, Name: "Whole", Interval: billing.Yearly, AmountCents: 120_000, Currency: "EUR",
		TrialDays: dec("13.5"), BillChargesMonthly: true, BillFixedChargesMonthly: true,
		Taxes:    taxesOf("vat", "city", "vat"),
		Metadata: map[string]*string{"tier": ptr("gold"), "empty": ptr(""), "none": nil},
		Commitment: &billing.MinimumCommitment{
			AmountCents: 1_000_000, InvoiceDisplayName: "Commitment", Taxes: taxesOf("vat"),
		},
		Charges: []billing.Charge{{
			Metric: billing.BillableMetric{ID: x.metric.ID}, Code: "calls", Model: billing.Standard,
			Properties: billing.ChargeProperties{Amount: ptr(price("2"))}, MinAmountCents: 777,
			Filters: []billing.ChargeFilter{{Values: map[string][]string{"region": {"eu"}}, Properties: billing.ChargeProperties{Amount: ptr(price("3"))}}},
			PricingUnit: &billing.AppliedPricingUnit{
				Unit: billing.PricingUnit{Code: "credits"}, ConversionRate: dec("0.000000000000001"),
			},
			Taxes: taxesOf("vat"),
		}, {
			Metric: billing.BillableMetric{ID: x.metric.ID}, Code: "plain", Model: billing.Standard,
			Properties: billing.ChargeProperties{Amount: ptr(price("2"))},
		}},
		FixedCharges: []billing.FixedCharge{
			{
				AddOn: billing.AddOn{ID: seat.ID}, Code: "seats", InvoiceDisplayName: "Seats", Model: billing.Volume,
				Properties: billing.ChargeProperties{VolumeRanges: []billing.VolumeRange{{PerUnitAmount: price("9.99"), FlatAmount: price("1")}}},
				Units:      dec("10.0000000001"), Prorated: true, Taxes: taxesOf("city", "vat"),
			},
			{
				AddOn: billing.AddOn{ID: seat.ID, Code: "support"}, Code: "more", Model: billing.Standard, // the id counts
				Properties: billing.ChargeProperties{Amount: ptr(price("1"))}, Units: dec("1"),
			},
			{
				AddOn: billing.AddOn{Code: "support"}, Code: "support", Model: billing.Standard,
				Properties: billing.ChargeProperties{Amount: ptr(price("100"))}, Units: dec("0"), PayInAdvance: true,
			},
		},
		CreatedAt: jan1,
	}
	must(x.t, x.db.CreatePlan(x.t.Context(), &p))
	return p
}

func (x *tenant) mustPlan(code string) billing.Plan {
	x.t.Helper()
	plan, err := x.db.Plan(x.t.Context(), x.org.ID, code)
	must(x.t, err)
	return plan
}

// What is written is complete afterwards, and what is read is that.
func TestWholePlan(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	want := x.addWholePlan("whole")
	read := x.mustPlan("whole")
	equal(t, "plan", jsonOf(t, read), jsonOf(t, want))
	byID, err := x.db.PlanByID(ctx, x.org.ID, want.ID)
	must(t, err)
	equal(t, "plan by id", jsonOf(t, byID), jsonOf(t, want))
	several, err := x.db.PlansByID(ctx, x.org.ID, []uuid.UUID{want.ID, x.plan.ID})
	must(t, err)
	equal(t, "plan of several", jsonOf(t, several[want.ID]), jsonOf(t, want))
	equal(t, "the other plan", jsonOf(t, several[x.plan.ID]), jsonOf(t, x.wantPlan()))
	page, _, err := x.db.Plans(ctx, x.org.ID, postgres.Page{})
	must(t, err)
	for _, p := range page {
		if p.ID == want.ID {
			equal(t, "plan of a page", jsonOf(t, p), jsonOf(t, want))
		}
	}

	if !read.TrialDays.Equal(dec("13.5")) || !read.BillChargesMonthly || !read.BillFixedChargesMonthly || read.Interval != billing.Yearly {
		t.Errorf("plan %+v", read)
	}
	mustTaxes(t, "taxes of the plan", read.Taxes, "vat", "city")
	if len(read.Metadata) != 3 || *read.Metadata["tier"] != "gold" || *read.Metadata["empty"] != "" || read.Metadata["none"] != nil {
		t.Errorf("metadata %v", read.Metadata)
	}
	commitment := read.Commitment
	if commitment.AmountCents != 1_000_000 || commitment.InvoiceDisplayName != "Commitment" || !commitment.CreatedAt.Equal(jan1) {
		t.Errorf("commitment %+v", commitment)
	}
	mustTaxes(t, "taxes of the commitment", commitment.Taxes, "vat")
	charge, plain := read.Charges[0], read.Charges[1]
	if charge.MinAmountCents != 777 || charge.Prorated || charge.PricingUnit.Unit.Name != "Unit credits" || !charge.PricingUnit.ConversionRate.Equal(dec("0.000000000000001")) {
		t.Errorf("charge %+v", charge)
	}
	mustTaxes(t, "taxes of the charge", charge.Taxes, "vat")
	if plain.PricingUnit != nil || plain.Taxes != nil || plain.MinAmountCents != 0 {
		t.Errorf("plain charge %+v", plain)
	}
	mustList(t, "fixed charges", codes(read.FixedCharges, func(f billing.FixedCharge) string { return f.Code + "/" + f.AddOn.Code }),
		"seats/seat", "more/seat", "support/support")
	seats, support := read.FixedCharges[0], read.FixedCharges[2]
	if seats.InvoiceDisplayName != "Seats" || seats.Model != billing.Volume || !seats.Units.Equal(dec("10.0000000001")) || !seats.Prorated ||
		seats.PayInAdvance || seats.PlanID != want.ID || !seats.CreatedAt.Equal(jan1) || seats.AddOn.AmountCents != 1_000_000_000_000 {
		t.Errorf("fixed charge %+v", seats)
	}
	mustTaxes(t, "taxes of the fixed charge", seats.Taxes, "city", "vat")
	mustTaxes(t, "taxes of its add-on", seats.AddOn.Taxes, "vat")
	if !support.PayInAdvance || support.Prorated || support.Taxes != nil {
		t.Errorf("fixed charge %+v", support)
	}
	equal(t, "history", jsonOf(t, seats.History), jsonOf(t, []billing.FixedUnits{{Units: dec("10.0000000001"), SetAt: jan1, Immediately: true}}))
}

func TestPlanMetadata(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	if got := x.mustPlan("basic").Metadata; got != nil {
		t.Errorf("metadata of a plan without is %v", got)
	}
	for _, want := range []map[string]*string{{}, {"a": ptr("1")}, nil} {
		_, err := x.db.UpdatePlan(ctx, x.org.ID, "basic", jan10, func(p *billing.Plan, _ bool) error {
			p.Metadata = want
			return nil
		})
		must(t, err)
		equal(t, "metadata", jsonOf(t, x.mustPlan("basic").Metadata), jsonOf(t, want))
	}
}

func TestUpdateWholePlan(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	was := x.addWholePlan("whole")
	before := x.version()
	got, err := x.db.UpdatePlan(ctx, x.org.ID, "whole", jan10, func(p *billing.Plan, _ bool) error {
		equal(t, "plan to change", jsonOf(t, *p), jsonOf(t, was))
		p.Interval, p.TrialDays, p.BillChargesMonthly, p.BillFixedChargesMonthly = billing.Weekly, dec("0"), false, false
		p.Taxes = taxesOf("city", "vat")
		p.Commitment = &billing.MinimumCommitment{AmountCents: 5} // takes the place of the one that is there
		p.Charges[0].PricingUnit.ConversionRate, p.Charges[0].MinAmountCents, p.Charges[0].Prorated = dec("7"), 8, false
		p.Charges[0].Taxes = taxesOf("city")
		p.Charges[1].PricingUnit = &billing.AppliedPricingUnit{Unit: billing.PricingUnit{Code: "credits"}, ConversionRate: dec("2")}
		seats, support := p.FixedCharges[0], p.FixedCharges[2]
		seats.Code, support.Code = support.Code, seats.Code // they exchange their codes
		seats.Model, seats.Properties = billing.Standard, billing.ChargeProperties{Amount: ptr(price("4"))}
		seats.PayInAdvance, seats.Prorated, seats.InvoiceDisplayName, seats.Taxes = true, false, "", nil
		fresh := billing.FixedCharge{AddOn: billing.AddOn{Code: "seat"}, Code: "more", Model: billing.Standard, Units: dec("3")}
		p.FixedCharges = []billing.FixedCharge{support, fresh, seats} // fresh takes the code of the one that goes
		return nil
	})
	must(t, err)
	equal(t, "version", x.version(), before+1)
	read := x.mustPlan("whole")
	equal(t, "plan", jsonOf(t, got), jsonOf(t, read))
	if read.Interval != billing.Weekly || !read.TrialDays.IsZero() || read.BillChargesMonthly || read.BillFixedChargesMonthly {
		t.Errorf("plan %+v", read)
	}
	mustTaxes(t, "taxes of the plan", read.Taxes, "city", "vat")
	c := read.Commitment
	if c.ID != was.Commitment.ID || c.AmountCents != 5 || c.Taxes != nil || !c.CreatedAt.Equal(jan1) || !c.UpdatedAt.Equal(jan10) {
		t.Errorf("commitment %+v", c)
	}
	charge := read.Charges[0]
	if !charge.PricingUnit.ConversionRate.Equal(dec("7")) || charge.MinAmountCents != 8 {
		t.Errorf("charge %+v", charge)
	}
	mustTaxes(t, "taxes of the charge", charge.Taxes, "city")
	equal(t, "unit of the other charge", read.Charges[1].PricingUnit.Unit.ID, charge.PricingUnit.Unit.ID)
	mustList(t, "fixed charges", codes(read.FixedCharges, func(f billing.FixedCharge) string { return f.Code + "/" + f.AddOn.Code }),
		"seats/support", "more/seat", "support/seat")
	seats := read.FixedCharges[2]
	if seats.ID != was.FixedCharges[0].ID || seats.Model != billing.Standard || !seats.PayInAdvance || seats.Prorated || seats.InvoiceDisplayName != "" ||
		seats.Properties.VolumeRanges != nil || seats.Taxes != nil || !seats.CreatedAt.Equal(jan1) {
		t.Errorf("fixed charge %+v", seats)
	}
	equal(t, "history of what kept its units", len(seats.History), 1)
	fresh := read.FixedCharges[1]
	if fresh.ID == was.FixedCharges[1].ID || len(fresh.History) != 1 || !fresh.History[0].SetAt.Equal(jan10) || !fresh.History[0].Immediately {
		t.Errorf("new fixed charge %+v", fresh)
	}

	// All of it can go, and come again.
	_, err = x.db.UpdatePlan(ctx, x.org.ID, "whole", feb1, func(p *billing.Plan, _ bool) error {
		p.Commitment, p.FixedCharges, p.Taxes, p.Charges[0].PricingUnit, p.Charges[0].Taxes = nil, nil, nil, nil, nil
		return nil
	})
	must(t, err)
	read = x.mustPlan("whole")
	if read.Commitment != nil || read.FixedCharges != nil || read.Taxes != nil || read.Charges[0].PricingUnit != nil || read.Charges[0].Taxes != nil {
		t.Errorf("plan %+v", read)
	}
	_, err = x.db.UpdatePlan(ctx, x.org.ID, "whole", mar1, func(p *billing.Plan, _ bool) error {
		p.Commitment = &billing.MinimumCommitment{AmountCents: 6, Taxes: taxesOf("vat")}
		return nil
	})
	must(t, err)
	c = x.mustPlan("whole").Commitment
	if c.ID == was.Commitment.ID || c.AmountCents != 6 || !c.CreatedAt.Equal(mar1) {
		t.Errorf("commitment %+v", c)
	}
	mustTaxes(t, "taxes of the commitment", c.Taxes, "vat")
}

// What a plan refers to must be there, of the same organization; else nothing is written.
func TestWholePlanRefused(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	other.addTax("gst", "1")
	other.addPricingUnit("points")
	foreign := other.addAddOn("foreign")
	want := x.addWholePlan("whole")
	version := x.version()
	f := func(change func(p *billing.Plan)) error {
		t.Helper()
		p := want
		p.ID, p.Code, p.Charges, p.FixedCharges, p.Commitment = uuid.Nil, "created", nil, nil, nil
		change(&p)
		created := x.db.CreatePlan(ctx, &p)
		_, err := x.db.Plan(ctx, x.org.ID, "created")
		mustNotFound(t, err, "plan_not_found")
		_, err = x.db.UpdatePlan(ctx, x.org.ID, "whole", jan10, func(p *billing.Plan, _ bool) error {
			p.Name = "Lost"
			change(p)
			return nil
		})
		equal(t, "plan", jsonOf(t, x.mustPlan("whole")), jsonOf(t, want))
		equal(t, "version", x.version(), version)
		if created == nil || err == nil || created.Error() != err.Error() {
			t.Fatalf("creating says %v, changing %v", created, err)
		}
		return err
	}
	standard := func(code string, addOn billing.AddOn) billing.FixedCharge {
		return billing.FixedCharge{Code: code, AddOn: addOn, Model: billing.Standard}
	}
	for _, code := range []string{"none", "gst"} {
		mustNotFound(t, f(func(p *billing.Plan) { p.Taxes = taxesOf("vat", code) }), "tax_not_found")
		mustNotFound(t, f(func(p *billing.Plan) { p.Commitment = &billing.MinimumCommitment{Taxes: taxesOf(code)} }), "tax_not_found")
		mustNotFound(t, f(func(p *billing.Plan) {
			p.FixedCharges = append(p.FixedCharges, standard("new", billing.AddOn{Code: "seat"}))
			p.FixedCharges[len(p.FixedCharges)-1].Taxes = taxesOf(code)
		}), "tax_not_found")
	}
	for _, code := range []string{"none", "points"} {
		mustNotFound(t, f(func(p *billing.Plan) {
			p.Charges = []billing.Charge{{
				Metric: x.metric, Code: "c", Model: billing.Standard,
				PricingUnit: &billing.AppliedPricingUnit{Unit: billing.PricingUnit{Code: code}, ConversionRate: dec("1")},
			}}
		}), "pricing_unit_not_found")
	}
	for _, addOn := range []billing.AddOn{{}, {Code: "none"}, {Code: "foreign"}, {ID: foreign.ID}, {ID: nobody, Code: "seat"}} {
		mustNotFound(t, f(func(p *billing.Plan) { p.FixedCharges = append(p.FixedCharges, standard("new", addOn)) }), "add_on_not_found")
	}
	mustInvalid(t, f(func(p *billing.Plan) {
		p.FixedCharges = []billing.FixedCharge{standard("same", billing.AddOn{Code: "seat"}), standard("same", billing.AddOn{Code: "support"})}
	}), "code", billing.CodeAlreadyExist)
	mustInvalid(t, f(func(p *billing.Plan) {
		p.FixedCharges = append(p.FixedCharges, standard("", billing.AddOn{Code: "seat"}))
	}), "code", billing.CodeMandatory)
}

// Every change of units is kept, with when it was made and from when on it counts.
func TestFixedChargeHistory(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addWholePlan("whole")
	set := func(at time.Time, units string, now bool) {
		t.Helper()
		got, err := x.db.UpdatePlan(ctx, x.org.ID, "whole", at, func(p *billing.Plan, _ bool) error {
			f := &p.FixedCharges[0]
			equal(t, "UnitsNow as read", f.UnitsNow, false)
			f.Units, f.UnitsNow = dec(units), now
			f.History = nil // is kept all the same
			return nil
		})
		must(t, err)
		equal(t, "plan", jsonOf(t, got), jsonOf(t, x.mustPlan("whole")))
	}
	set(jan10, "12", false)
	set(jan10, "12.0", false) // the same
	set(feb1, "8", true)
	set(feb1, "8", true)                 // the same
	set(feb1.Add(time.Hour), "9", false) // from the next period on
	set(mar1, "9", true)                 // no, now
	set(mar1, "9", false)                // it counts already
	want := []billing.FixedUnits{
		{Units: dec("10.0000000001"), SetAt: jan1, Immediately: true},
		{Units: dec("12"), SetAt: jan10},
		{Units: dec("8"), SetAt: feb1, Immediately: true},
		{Units: dec("9"), SetAt: feb1.Add(time.Hour)},
		{Units: dec("9"), SetAt: mar1, Immediately: true},
	}
	seats := x.mustPlan("whole").FixedCharges[0]
	equal(t, "history", jsonOf(t, seats.History), jsonOf(t, want))
	equal(t, "units", seats.Units.String(), "9")
}

// A sandbox's clock may be set back once, so that what was set last does not stand last.
func TestFixedChargeHistoryBeforePlan(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addWholePlan("whole") // on January 1st, with 10.0000000001
	past := jan1.AddDate(0, -2, 0)
	set := func(at time.Time, units string, now bool) {
		t.Helper()
		_, err := x.db.UpdatePlan(ctx, x.org.ID, "whole", at, func(p *billing.Plan, _ bool) error {
			p.FixedCharges[0].Units, p.FixedCharges[0].UnitsNow = dec(units), now
			return nil
		})
		must(t, err)
	}
	set(past, "12", false)
	set(past.Add(time.Hour), "12", false) // the same
	set(past.Add(2*time.Hour), "12", true)
	set(past.Add(3*time.Hour), "10.0000000001", false) // as it came
	want := []billing.FixedUnits{
		{Units: dec("12"), SetAt: past},
		{Units: dec("12"), SetAt: past.Add(2 * time.Hour), Immediately: true},
		{Units: dec("10.0000000001"), SetAt: past.Add(3 * time.Hour)},
		{Units: dec("10.0000000001"), SetAt: jan1, Immediately: true},
	}
	equal(t, "history", jsonOf(t, x.mustPlan("whole").FixedCharges[0].History), jsonOf(t, want))
}

// Changes of one plan at the same time come one after another: each adds to the units that
// the one before left, and to the history.
func TestUpdateWholePlanRace(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addWholePlan("whole")
	const changes = 8
	var group sync.WaitGroup
	for i := range changes {
		group.Go(func() {
			_, err := x.db.UpdatePlan(ctx, x.org.ID, "whole", jan10, func(p *billing.Plan, _ bool) error {
				p.Metadata[fmt.Sprint("change ", i)] = nil
				f := &p.FixedCharges[1]
				f.Units, f.UnitsNow = f.Units.Add(dec("1")), true
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	read := x.mustPlan("whole")
	equal(t, "number of keys", len(read.Metadata), 3+changes)
	history := read.FixedCharges[1].History
	equal(t, "length of the history", len(history), 1+changes)
	for i, set := range history {
		equal(t, "units", set.Units.String(), fmt.Sprint(1+i)) // 1, 2, … 9
	}
}
