package postgres_test

import (
	"testing"
	"time"

	"weir/billing"
	"weir/billing/postgres"
)

func TestBillableMetric(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()

	got, err := x.db.BillableMetric(ctx, x.org.ID, "requests")
	must(t, err)
	if jsonOf(t, got) != jsonOf(t, x.metric) {
		t.Errorf("metric by code is %+v, want %+v", got, x.metric)
	}
	got, err = x.db.BillableMetricByID(ctx, x.org.ID, x.metric.ID)
	must(t, err)
	if jsonOf(t, got) != jsonOf(t, x.metric) {
		t.Errorf("metric by id is %+v, want %+v", got, x.metric)
	}

	again := x.metric
	again.ID = nobody
	mustInvalid(t, x.db.CreateBillableMetric(ctx, &again), "code", billing.CodeAlreadyExist)

	plain := billing.BillableMetric{OrganizationID: x.org.ID, Code: "plain", AggregationType: billing.CountAgg, CreatedAt: jan1}
	must(t, x.db.CreateBillableMetric(ctx, &plain)) // without filters
	got, err = x.db.BillableMetric(ctx, x.org.ID, "plain")
	must(t, err)
	equal(t, "number of filters", len(got.Filters), 0)

	plain = billing.BillableMetric{OrganizationID: nobody, Code: "plain", CreatedAt: jan1}
	mustNotFound(t, x.db.CreateBillableMetric(ctx, &plain), "organization_not_found")
}

func TestBillableMetricOfAnother(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper") // has the same code

	got, err := x.db.BillableMetric(ctx, other.org.ID, "requests")
	must(t, err)
	equal(t, "metric", got.ID, other.metric.ID)
	_, err = x.db.BillableMetricByID(ctx, other.org.ID, x.metric.ID)
	mustNotFound(t, err, "billable_metric_not_found")
	_, err = x.db.BillableMetric(ctx, x.org.ID, "a\x00b") // what PostgreSQL can't hold
	mustNotFound(t, err, "billable_metric_not_found")
}

func TestBillableMetricPages(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	for i, code := range []string{"b", "c", "d"} {
		m := billing.BillableMetric{
			OrganizationID: x.org.ID, Code: code, AggregationType: billing.CountAgg,
			CreatedAt: jan1.Add(time.Duration(i+1) * time.Hour),
		}
		must(t, x.db.CreateBillableMetric(ctx, &m))
	}
	f := func(page postgres.Page, want ...string) {
		t.Helper()
		rows, total, err := x.db.BillableMetrics(ctx, x.org.ID, page)
		must(t, err)
		equal(t, "total", total, 4)
		mustList(t, "metrics", codes(rows, func(m billing.BillableMetric) string { return m.Code }), want...)
	}
	f(postgres.Page{}, "d", "c", "b", "requests") // the newest first
	f(postgres.Page{Number: 1, Size: 3}, "d", "c", "b")
	f(postgres.Page{Number: 2, Size: 3}, "requests")
	f(postgres.Page{Number: 3, Size: 3})
	f(postgres.Page{Number: 1 << 60, Size: 1 << 60})

	_, total, err := x.db.BillableMetrics(ctx, nobody, postgres.Page{})
	must(t, err)
	equal(t, "total of nobody", total, 0)
}

func TestBillableMetricColumns(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	m := billing.BillableMetric{
		OrganizationID: x.org.ID, Code: "p", Name: "P", AggregationType: billing.PercentileAgg, FieldName: "ms",
		Expression: "event.properties.a * 2", Recurring: true, WeightedInterval: "seconds",
		Percentile: dec("99.999999999999999999"), CreatedAt: jan1,
	}
	must(t, x.db.CreateBillableMetric(ctx, &m))
	got, err := x.db.BillableMetric(ctx, x.org.ID, "p")
	must(t, err)
	m.Filters = []billing.MetricFilter{}
	equal(t, "metric", jsonOf(t, got), jsonOf(t, m))
}

func TestUpdateBillableMetric(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	before := x.version()
	var seen []billing.Charge
	got, err := x.db.UpdateBillableMetric(ctx, x.org.ID, "requests", jan10, func(m *billing.BillableMetric, charges []billing.Charge) error {
		seen = charges
		m.Name, m.AggregationType, m.FieldName, m.Recurring = "Other", billing.UniqueCountAgg, "user", true
		m.Expression, m.RoundingFunction = "event.code", ""
		return nil
	})
	must(t, err)
	read, err := x.db.BillableMetricByID(ctx, x.org.ID, x.metric.ID)
	must(t, err)
	equal(t, "metric", jsonOf(t, got), jsonOf(t, read))
	if read.Name != "Other" || read.AggregationType != billing.UniqueCountAgg || !read.Recurring || read.Expression != "event.code" ||
		!read.UpdatedAt.Equal(jan10) || !read.CreatedAt.Equal(jan1) {
		t.Errorf("metric %+v", read)
	}
	mustList(t, "charges", codes(seen, func(c billing.Charge) string { return c.Code }), "tiers", "flat")
	equal(t, "number of filters", len(seen[0].Filters), 2)
	equal(t, "catalog version", x.version(), before+1)

	// A refused change leaves nothing, also not a new version.
	refused := billing.Invalid("code", billing.CodeAttached)
	_, err = x.db.UpdateBillableMetric(ctx, x.org.ID, "requests", jan10, func(m *billing.BillableMetric, _ []billing.Charge) error {
		m.Name = "Lost"
		return refused
	})
	mustInvalid(t, err, "code", billing.CodeAttached)
	read, err = x.db.BillableMetric(ctx, x.org.ID, "requests")
	must(t, err)
	equal(t, "name", read.Name, "Other")
	equal(t, "catalog version", x.version(), before+1)

	x.addMetric("taken")
	_, err = x.db.UpdateBillableMetric(ctx, x.org.ID, "requests", jan10, func(m *billing.BillableMetric, _ []billing.Charge) error {
		m.Code = "taken"
		return nil
	})
	mustInvalid(t, err, "code", billing.CodeAlreadyExist)
	for _, code := range []string{"none", "a\x00b"} {
		_, err = x.db.UpdateBillableMetric(ctx, x.org.ID, code, jan10, func(*billing.BillableMetric, []billing.Charge) error { panic("not found") })
		mustNotFound(t, err, "billable_metric_not_found")
	}
}

// version returns the organization's catalog version.
func (x *tenant) version() int64 {
	x.t.Helper()
	definitions, err := x.db.Definitions(x.t.Context(), x.org.ID)
	must(x.t, err)
	return definitions.Version
}

// A value that the metric no longer declares leaves the charges' filters. What is left of
// one is a new filter in its place: fees refer to the old one.
func TestUpdateBillableMetricNarrowsFilters(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	// The plan's first charge has filters of region eu and of all regions. Another has two values.
	plan := billing.Plan{
		OrganizationID: x.org.ID, Code: "filters", Interval: billing.Monthly, Currency: "EUR", CreatedAt: jan1,
		Charges: []billing.Charge{{
			Metric: x.metric, Code: "c", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: ptr(price("1"))},
			Filters: []billing.ChargeFilter{
				{Values: map[string][]string{"region": {"us", "eu"}}, InvoiceDisplayName: "both", Properties: billing.ChargeProperties{Amount: ptr(price("2"))}},
				{Values: map[string][]string{"region": {"us"}}},
			},
		}},
	}
	must(t, x.db.CreatePlan(ctx, &plan))
	_, err := x.db.UpdateBillableMetric(ctx, x.org.ID, "requests", jan10, func(m *billing.BillableMetric, _ []billing.Charge) error {
		m.Filters = []billing.MetricFilter{{Key: "region", Values: []string{"us"}}}
		return nil
	})
	must(t, err)

	first, err := x.db.Plan(ctx, x.org.ID, "basic")
	must(t, err)
	rest := first.Charges[0].Filters
	if len(rest) != 1 || rest[0].ID != x.plan.Charges[0].Filters[1].ID { // eu went, the wildcard stays
		t.Errorf("filters %+v", rest)
	}
	second, err := x.db.Plan(ctx, x.org.ID, "filters")
	must(t, err)
	filters := second.Charges[0].Filters
	if len(filters) != 2 || filters[1].ID != plan.Charges[0].Filters[1].ID {
		t.Fatalf("filters %+v", filters)
	}
	narrowed := filters[0]
	mustList(t, "values", narrowed.Values["region"], "us")
	if narrowed.ID == plan.Charges[0].Filters[0].ID || narrowed.InvoiceDisplayName != "both" || narrowed.Properties.Amount.String() != "2" {
		t.Errorf("narrowed filter %+v", narrowed)
	}
}

func TestDeleteBillableMetric(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addSubscription(x.customer, "s", feb1)
	claim := x.claim(feb1, system, 1)[0]
	inv, snapshots, advances := x.bill(claim)
	must(t, x.db.WriteInvoice(ctx, claim, inv, snapshots, advances, feb1))
	before := x.version()

	deletedAt := time.Date(2024, 2, 10, 1, 2, 3, 4, time.UTC)
	got, err := x.db.DeleteBillableMetric(ctx, x.org.ID, "requests", mar1, deletedAt)
	must(t, err)
	equal(t, "metric", got.ID, x.metric.ID)
	equal(t, "catalog version", x.version(), before+1)
	_, err = x.db.BillableMetric(ctx, x.org.ID, "requests")
	mustNotFound(t, err, "billable_metric_not_found")
	_, err = x.db.DeleteBillableMetric(ctx, x.org.ID, "requests", mar1, deletedAt)
	mustNotFound(t, err, "billable_metric_not_found")
	plan, err := x.db.PlanByID(ctx, x.org.ID, x.plan.ID)
	must(t, err)
	equal(t, "number of charges", len(plan.Charges), 0)
	catalog, err := x.db.Catalog(ctx)
	must(t, err)
	if catalog.Metric(x.org.ID, []byte("requests")) != nil {
		t.Error("the metric is still in the catalog")
	}
	// What was invoiced stays, with the charge it was priced by.
	read, err := x.db.Invoice(ctx, x.org.ID, inv.ID)
	must(t, err)
	equal(t, "fees", jsonOf(t, read.Fees[1].Charge.Metric.Code), `"requests"`)
	// Nobody makes a charge on it any more.
	late := billing.Plan{
		OrganizationID: x.org.ID, Code: "late", Interval: billing.Monthly, Currency: "EUR", CreatedAt: jan1,
		Charges: []billing.Charge{{Metric: x.metric, Code: "c", Model: billing.Standard}},
	}
	mustNotFound(t, x.db.CreatePlan(ctx, &late), "billable_metric_not_found")

	// Its code is free, for events that are received from then on.
	again := x.addMetric("requests")
	equal(t, "received from", again.ReceivedFrom, deletedAt.UnixNano())
	equal(t, "received from as read", mustMetric(x, "requests").ReceivedFrom, deletedAt.UnixNano())
	_, err = x.db.DeleteBillableMetric(ctx, x.org.ID, "requests", mar1, deletedAt.Add(time.Hour))
	must(t, err)
	other := x.addMetric("other")
	equal(t, "received from of another code", other.ReceivedFrom, int64(0))
	renamed, err := x.db.UpdateBillableMetric(ctx, x.org.ID, "other", mar1, func(m *billing.BillableMetric, _ []billing.Charge) error {
		m.Code = "requests"
		return nil
	})
	must(t, err)
	equal(t, "received from after renaming", renamed.ReceivedFrom, deletedAt.Add(time.Hour).UnixNano())
	if stranger := addTenant(t, x.db, "Pied Piper"); stranger.metric.ReceivedFrom != 0 {
		t.Error("another organization's metric begins late")
	}
}

func mustMetric(x *tenant, code string) billing.BillableMetric {
	x.t.Helper()
	m, err := x.db.BillableMetric(x.t.Context(), x.org.ID, code)
	must(x.t, err)
	return m
}
