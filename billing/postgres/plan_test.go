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
