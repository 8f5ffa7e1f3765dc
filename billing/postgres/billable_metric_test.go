package postgres_test

import (
	"reflect"
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
	if !reflect.DeepEqual(got, x.metric) {
		t.Errorf("metric by code is %+v, want %+v", got, x.metric)
	}
	got, err = x.db.BillableMetricByID(ctx, x.org.ID, x.metric.ID)
	must(t, err)
	if !reflect.DeepEqual(got, x.metric) {
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
