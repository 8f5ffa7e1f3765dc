package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres/pgtest"
)

func TestOrganizationCatalog(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	other.addTax("gst", "1")
	whole := x.addWholePlan("whole")
	for i, code := range []string{"first", "second"} {
		tax := billing.Tax{
			OrganizationID: x.org.ID, Code: code, Name: "Tax " + code, Rate: dec("1"), AppliedToOrganization: true,
			CreatedAt: jan1.Add(time.Duration(i+1) * time.Hour),
		}
		must(t, x.db.CreateTax(ctx, &tax))
	}
	catalog, err := x.db.OrganizationCatalog(ctx, x.org.ID)
	must(t, err)
	equal(t, "version", catalog.Version, x.version())
	equal(t, "number of plans", len(catalog.Plans), 2)
	equal(t, "plan", jsonOf(t, catalog.Plans[whole.ID]), jsonOf(t, whole))
	equal(t, "the other plan", jsonOf(t, catalog.Plans[x.plan.ID]), jsonOf(t, x.wantPlan()))
	equal(t, "number of taxes", len(catalog.Taxes), 4)
	mustTaxes(t, "default taxes", catalog.DefaultTaxes, "first", "second")
	vat := whole.Taxes[0]
	equal(t, "tax by id", jsonOf(t, catalog.Taxes[vat.ID]), jsonOf(t, vat))
	definitions, err := x.db.Definitions(ctx, x.org.ID)
	must(t, err)
	equal(t, "number of metrics", len(catalog.Metrics), 1)
	equal(t, "definition", catalog.Metrics[x.metric.ID].Definition(), definitions.Metrics[x.metric.ID].Definition())
	// The metric and 4 taxes; basic with 2 charges and 2 filters; whole with 2 taxes, 2 charges with 1 filter and
	// 1 tax, 3 fixed charges with 3 units and 2 taxes, the commitment with 1 tax.
	equal(t, "rows", catalog.Rows, 1+4+(1+2+2)+(1+2+2+1+1+3+3+2+1+1))

	_, err = x.db.OrganizationCatalog(ctx, nobody)
	mustNotFound(t, err, "organization_not_found")
}

// Whatever changes what is in the catalog raises its version: who has the version that is
// in force has the catalog.
func TestOrganizationCatalogVersion(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	whole := x.addWholePlan("whole")
	read := func() (version int64, content string) {
		t.Helper()
		c, err := x.db.OrganizationCatalog(ctx, x.org.ID)
		must(t, err)
		return c.Version, jsonOf(t, []any{c.Plans[whole.ID], c.Taxes, c.DefaultTaxes, len(c.Plans)})
	}
	version, content := read()
	for i, change := range []func() error{
		func() error {
			_, err := x.db.UpdateTax(ctx, x.org.ID, "vat", jan10, func(t *billing.Tax) error { t.Rate = dec("19"); return nil })
			return err
		},
		func() error {
			_, err := x.db.UpdateAddOn(ctx, x.org.ID, "seat", jan10, func(a *billing.AddOn) error { a.Name = "Other"; return nil })
			return err
		},
		func() error {
			_, err := x.db.UpdatePricingUnit(ctx, x.org.ID, "credits", jan10, func(u *billing.PricingUnit) error { u.ShortName = "C"; return nil })
			return err
		},
		func() error { x.addTax("new", "1"); return nil },
		func() error { _, err := x.db.DeleteTax(ctx, x.org.ID, "city", jan10); return err },
		func() error { _, err := x.db.DeleteAddOn(ctx, x.org.ID, "seat", jan10); return err },
	} {
		must(t, change())
		after, changed := read()
		if after <= version || changed == content {
			t.Errorf("change %d: version %d after %d, content changed: %t", i, after, version, changed != content)
		}
		version, content = after, changed
	}
}

// BenchmarkOrganizationCatalog reads a catalog of 100 plans with 10 charges of 2 filters each.
func BenchmarkOrganizationCatalog(b *testing.B) {
	db, ctx := pgtest.New(b), b.Context()
	org := billing.Organization{Name: "Hooli", CreatedAt: jan1}
	must(b, db.CreateOrganization(ctx, &org))
	metrics := make([]uuid.UUID, 10)
	for i := range metrics {
		m := billing.BillableMetric{
			OrganizationID: org.ID, Code: fmt.Sprint("m", i), AggregationType: billing.CountAgg,
			Filters: []billing.MetricFilter{{Key: "region", Values: []string{"eu", "us"}}}, CreatedAt: jan1,
		}
		must(b, db.CreateBillableMetric(ctx, &m))
		metrics[i] = m.ID
	}
	for i := range 100 {
		p := billing.Plan{OrganizationID: org.ID, Code: fmt.Sprint("p", i), Interval: billing.Monthly, Currency: "EUR", CreatedAt: jan1}
		for j, metric := range metrics {
			properties := billing.ChargeProperties{Amount: ptr(price("0.01"))}
			p.Charges = append(p.Charges, billing.Charge{
				Metric: billing.BillableMetric{ID: metric}, Code: fmt.Sprint("c", j), Model: billing.Standard, Properties: properties,
				Filters: []billing.ChargeFilter{
					{Values: map[string][]string{"region": {"eu"}}, Properties: properties},
					{Values: map[string][]string{"region": {"us"}}, Properties: properties},
				},
			})
		}
		must(b, db.CreatePlan(ctx, &p))
	}
	b.ResetTimer()
	for b.Loop() {
		catalog, err := db.OrganizationCatalog(ctx, org.ID)
		must(b, err)
		if len(catalog.Plans) != 100 {
			b.Fatal("plans are missing")
		}
	}
}

// BenchmarkPlan reads one plan with 10 charges of 2 filters each.
func BenchmarkPlan(b *testing.B) {
	db, ctx := pgtest.New(b), b.Context()
	org := billing.Organization{Name: "Hooli", CreatedAt: jan1}
	must(b, db.CreateOrganization(ctx, &org))
	m := billing.BillableMetric{
		OrganizationID: org.ID, Code: "m", AggregationType: billing.CountAgg,
		Filters: []billing.MetricFilter{{Key: "region", Values: []string{"eu", "us"}}}, CreatedAt: jan1,
	}
	must(b, db.CreateBillableMetric(ctx, &m))
	p := billing.Plan{OrganizationID: org.ID, Code: "p", Interval: billing.Monthly, Currency: "EUR", CreatedAt: jan1}
	for j := range 10 {
		properties := billing.ChargeProperties{Amount: ptr(price("0.01"))}
		p.Charges = append(p.Charges, billing.Charge{
			Metric: billing.BillableMetric{ID: m.ID}, Code: fmt.Sprint("c", j), Model: billing.Standard, Properties: properties,
			Filters: []billing.ChargeFilter{
				{Values: map[string][]string{"region": {"eu"}}, Properties: properties},
				{Values: map[string][]string{"region": {"us"}}, Properties: properties},
			},
		})
	}
	must(b, db.CreatePlan(ctx, &p))
	b.ResetTimer()
	for b.Loop() {
		plan, err := db.PlanByID(ctx, org.ID, p.ID)
		must(b, err)
		if len(plan.Charges) != 10 {
			b.Fatal("charges are missing")
		}
	}
}
