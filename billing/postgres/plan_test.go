package postgres_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// wantPlan is the tenant's plan as it must be read: with the metrics filled in.
func (x *tenant) wantPlan() billing.Plan {
	plan := x.plan
	plan.Charges = append([]billing.Charge(nil), plan.Charges...)
	for i := range plan.Charges {
		plan.Charges[i].Metric = x.metric
	}
	return plan
}

func TestPlan(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	want := x.wantPlan()
	mustPlan := func(got billing.Plan, err error) {
		t.Helper()
		must(t, err)
		if !reflect.DeepEqual(jsonOf(t, got), jsonOf(t, want)) {
			t.Errorf("plan is\n%s\nwant\n%s", jsonOf(t, got), jsonOf(t, want))
		}
	}
	mustPlan(x.db.Plan(ctx, x.org.ID, "basic"))
	mustPlan(x.db.PlanByID(ctx, x.org.ID, x.plan.ID))
	plans, err := x.db.PlansByID(ctx, x.org.ID, []uuid.UUID{x.plan.ID, nobody})
	must(t, err)
	equal(t, "number of plans", len(plans), 1)
	mustPlan(plans[x.plan.ID], nil)

	again := billing.Plan{OrganizationID: x.org.ID, Code: "basic", Interval: billing.Monthly, CreatedAt: jan1}
	mustInvalid(t, x.db.CreatePlan(ctx, &again), "code", billing.CodeAlreadyExist)
}

// A plan is priced by the filters in force; a fee keeps the one it was priced by.
func TestPlanWithoutDeletedFilters(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.URL(t)
	db, err := postgres.Open(ctx, url, postgres.Options{})
	must(t, err)
	t.Cleanup(db.Close)
	x := addTenant(t, db, "Hooli")
	x.addSubscription(x.customer, "s", feb1)
	claim := x.claim(feb1, system, 1)[0]
	inv, snapshots, advances := x.bill(claim)
	must(t, x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1))
	deleted := x.plan.Charges[0].Filters[1].ID
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `UPDATE charge_filters SET deleted_at = now() WHERE id = $1`, deleted)
	must(t, err)

	plan, err := x.db.PlanByID(ctx, x.org.ID, x.plan.ID)
	must(t, err)
	equal(t, "number of filters", len(plan.Charges[0].Filters), 1)
	read, err := x.db.Invoice(ctx, x.org.ID, inv.ID)
	must(t, err)
	for _, fee := range read.Fees {
		if fee.Filter != nil && fee.Filter.ID == deleted {
			return
		}
	}
	t.Error("no fee has the deleted filter")
}

func TestPlanOfAnother(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")

	_, err := x.db.PlanByID(ctx, other.org.ID, x.plan.ID)
	mustNotFound(t, err, "plan_not_found")
	plans, err := x.db.PlansByID(ctx, other.org.ID, []uuid.UUID{x.plan.ID})
	must(t, err)
	equal(t, "number of plans", len(plans), 0)

	// A charge on another organization's metric is refused, and the plan with it.
	stolen := billing.Plan{
		OrganizationID: other.org.ID, Code: "stolen", Interval: billing.Monthly, CreatedAt: jan1,
		Charges: []billing.Charge{{Metric: x.metric, Code: "c", Model: billing.Standard}},
	}
	mustNotFound(t, other.db.CreatePlan(ctx, &stolen), "billable_metric_not_found")
	_, err = other.db.Plan(ctx, other.org.ID, "stolen")
	mustNotFound(t, err, "plan_not_found")
}

func TestPlanPages(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	bare := billing.Plan{
		OrganizationID: x.org.ID, Code: "bare", Interval: billing.Monthly, Currency: "EUR",
		CreatedAt: jan1.Add(time.Hour),
	}
	must(t, x.db.CreatePlan(ctx, &bare))
	x.addPlan("third")

	plans, total, err := x.db.Plans(ctx, x.org.ID, postgres.Page{})
	must(t, err)
	equal(t, "total", total, 3)
	mustList(t, "plans", codes(plans, func(p billing.Plan) string { return p.Code }), "bare", "basic", "third")
	mustList(t, "charges of bare", codes(plans[0].Charges, func(c billing.Charge) string { return c.Code }))
	for _, p := range plans[1:] {
		mustList(t, "charges", codes(p.Charges, func(c billing.Charge) string { return c.Code + "/" + c.Metric.Code }), "tiers/requests", "flat/requests")
		equal(t, "number of filters", len(p.Charges[0].Filters), 2)
	}
}

func TestUpdatePlan(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	tokens := x.addMetric("tokens")
	before := x.version()
	tiers, flat := x.plan.Charges[0], x.plan.Charges[1]
	got, err := x.db.UpdatePlan(ctx, x.org.ID, "basic", jan10, func(p *billing.Plan, live bool) error {
		equal(t, "live", live, false)
		p.Name, p.AmountCents, p.Code, p.Currency, p.PayInAdvance = "New", 5, "new", "USD", false
		kept := p.Charges[0]
		kept.Code, kept.Model, kept.InvoiceDisplayName = "flat", billing.Standard, "Shown" // takes the code of the one that goes
		kept.Properties = billing.ChargeProperties{Amount: ptr(price("7"))}
		second := kept.Filters[1]
		second.InvoiceDisplayName, second.Properties = "renamed", billing.ChargeProperties{Amount: ptr(price("8"))}
		kept.Filters = []billing.ChargeFilter{
			second,
			{Values: map[string][]string{"region": {"us"}}, Properties: billing.ChargeProperties{Amount: ptr(price("9"))}},
		}
		p.Charges = []billing.Charge{
			{Metric: billing.BillableMetric{ID: tokens.ID}, Code: "fresh", Model: billing.Dynamic},
			kept,
		}
		return nil
	})
	must(t, err)
	equal(t, "catalog version", x.version(), before+1)
	read, err := x.db.Plan(ctx, x.org.ID, "new")
	must(t, err)
	equal(t, "plan", jsonOf(t, got), jsonOf(t, read))
	if read.Name != "New" || read.AmountCents != 5 || read.Currency != "USD" || read.PayInAdvance || !read.UpdatedAt.Equal(jan10) {
		t.Errorf("plan %+v", read)
	}
	mustList(t, "charges", codes(read.Charges, func(c billing.Charge) string { return c.Code + "/" + string(c.Model) }), "fresh/dynamic", "flat/standard")
	kept := read.Charges[1]
	if kept.ID != tiers.ID || kept.InvoiceDisplayName != "Shown" || kept.Properties.Amount.String() != "7" || kept.Properties.GraduatedRanges != nil {
		t.Errorf("kept charge %+v", kept)
	}
	mustList(t, "filters", codes(kept.Filters, func(f billing.ChargeFilter) string {
		return f.InvoiceDisplayName + f.Values["region"][0] + f.Properties.Amount.String()
	}), "renamed"+billing.AllFilterValues+"8", "us9")
	equal(t, "kept filter", kept.Filters[0].ID, tiers.Filters[1].ID)
	if kept.Filters[1].ID == tiers.Filters[0].ID || read.Charges[0].ID == flat.ID {
		t.Error("something new took an old id")
	}
	definitions, err := x.db.Definitions(ctx, x.org.ID)
	must(t, err)
	mustList(t, "cell keys", definitions.Metrics[x.metric.ID].CellKeys, "region")
	equal(t, "precise totals", definitions.Metrics[tokens.ID].PreciseTotals, true)
}

// Two charges exchange their codes.
func TestUpdatePlanExchangesCodes(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	_, err := x.db.UpdatePlan(ctx, x.org.ID, "basic", jan10, func(p *billing.Plan, _ bool) error {
		p.Charges[0].Code, p.Charges[1].Code = p.Charges[1].Code, p.Charges[0].Code
		return nil
	})
	must(t, err)
	read, err := x.db.Plan(ctx, x.org.ID, "basic")
	must(t, err)
	mustList(t, "charges", codes(read.Charges, func(c billing.Charge) string { return c.Code }), "flat", "tiers")
	equal(t, "first charge", read.Charges[0].ID, x.plan.Charges[0].ID)
}

func TestUpdatePlanRefused(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addPlan("taken")
	before, want := x.version(), x.wantPlan()
	f := func(change func(p *billing.Plan)) error {
		t.Helper()
		_, err := x.db.UpdatePlan(ctx, x.org.ID, "basic", jan10, func(p *billing.Plan, _ bool) error {
			p.Name = "Lost"
			change(p)
			return nil
		})
		read, readErr := x.db.Plan(ctx, x.org.ID, "basic")
		must(t, readErr)
		equal(t, "plan", jsonOf(t, read), jsonOf(t, want))
		equal(t, "catalog version", x.version(), before)
		return err
	}
	mustInvalid(t, f(func(p *billing.Plan) { p.Code = "taken" }), "code", billing.CodeAlreadyExist)
	mustInvalid(t, f(func(p *billing.Plan) { p.Charges[1].Code = "tiers" }), "code", billing.CodeAlreadyExist)
	mustInvalid(t, f(func(p *billing.Plan) {
		p.Charges[1].Filters = []billing.ChargeFilter{{Values: map[string][]string{"region": {"mars"}}}}
	}), "values", billing.CodeInvalid)
	mustNotFound(t, f(func(p *billing.Plan) {
		p.Charges = append(p.Charges, billing.Charge{Metric: billing.BillableMetric{ID: nobody}})
	}), "billable_metric_not_found")
	_, err := x.db.UpdatePlan(ctx, x.org.ID, "none", jan10, func(*billing.Plan, bool) error { panic("not found") })
	mustNotFound(t, err, "plan_not_found")
}

// A plan has live subscriptions as long as one is pending, active, or has something to bill.
func TestUpdatePlanLive(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	live := func() (is bool) {
		t.Helper()
		_, err := x.db.UpdatePlan(ctx, x.org.ID, "basic", jan10, func(_ *billing.Plan, live bool) error {
			is = live
			return nil
		})
		must(t, err)
		return is
	}
	add := func(id string, status billing.SubscriptionStatus, due *time.Time) {
		t.Helper()
		s := x.subscription(x.customer, id, feb1)
		s.Status, s.NextDueAt = status, due
		must(t, x.db.CreateSubscription(ctx, &s))
	}
	equal(t, "live", live(), false)
	add("over", billing.Terminated, nil)
	add("never", billing.Canceled, nil)
	equal(t, "live with subscriptions that are over", live(), false)
	add("last bill", billing.Terminated, &feb1)
	equal(t, "live with a last bill to come", live(), true)
}

// Who reads a plan while it is changed sees all of the change or nothing: filters with
// prices of another model than their charge has could not be priced.
func TestPlanIsReadAsAWhole(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	shape := func(p *billing.Plan, n int) {
		c := &p.Charges[1]
		c.Model, c.Properties = billing.Standard, billing.ChargeProperties{Amount: ptr(price("1"))}
		if n%2 == 1 {
			c.Model, c.Properties = billing.Package, billing.ChargeProperties{Amount: ptr(price("1")), PackageSize: 10}
		}
		c.Filters = []billing.ChargeFilter{{Values: map[string][]string{"region": {"eu"}}, Properties: c.Properties}}
	}
	done := make(chan error, 1)
	go func() {
		for n := range 100 {
			_, err := x.db.UpdatePlan(ctx, x.org.ID, "basic", jan10, func(p *billing.Plan, _ bool) error {
				shape(p, n)
				return nil
			})
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		plan, err := x.db.PlanByID(ctx, x.org.ID, x.plan.ID)
		must(t, err)
		c := &plan.Charges[1]
		for _, f := range c.Filters {
			if f.Properties.PackageSize != c.Properties.PackageSize {
				t.Fatalf("%s charge has a filter of %+v", c.Model, f.Properties)
			}
		}
		select {
		case err := <-done:
			must(t, err)
			return
		default:
		}
	}
}
