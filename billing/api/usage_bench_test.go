package api_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/api"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// benchmarkSubscriptions is how many subscriptions, each of a customer of its own, the
// benchmarks' organization has.
const benchmarkSubscriptions = 10_000

// benchmarkAPI returns an API over a database with that many subscriptions, all on one plan
// with two charges, one of them with four filters, and a Querier that answers at once; and
// the organization's key. taxes are those that are applied to the organization.
func benchmarkAPI(b *testing.B, taxes ...billing.Tax) (handler http.Handler, key string) {
	b.Helper()
	ctx, url := b.Context(), pgtest.URL(b)
	db, err := postgres.Open(ctx, url, postgres.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	key = "benchmark"
	org := billing.Organization{Name: "Bench", CreatedAt: testNow}
	if err := db.CreateOrganizationWithKey(ctx, &org, key); err != nil {
		b.Fatal(err)
	}
	for i := range taxes {
		taxes[i].OrganizationID, taxes[i].AppliedToOrganization, taxes[i].CreatedAt = org.ID, true, testNow
		if err := db.CreateTax(ctx, &taxes[i]); err != nil {
			b.Fatal(err)
		}
	}
	plan := benchmarkPlan(b, db, &org)
	fillSubscriptions(b, url, &org, &plan)
	return api.New(api.Options{
		DB: db, Usage: &instantUsage{}, Partitions: 16, Version: "bench", Clock: func() time.Time { return testNow },
	}), key
}

// benchmarkPlan creates two metrics and a plan that prices them.
func benchmarkPlan(b *testing.B, db *postgres.DB, org *billing.Organization) billing.Plan {
	b.Helper()
	amount := func(text string) *billing.Amount {
		a := billing.Amount{Decimal: decimal.RequireFromString(text)}
		return &a
	}
	plan := billing.Plan{
		OrganizationID: org.ID, Code: "bench", Name: "Bench", Interval: billing.Monthly, Currency: "USD", CreatedAt: testNow,
	}
	for i, aggregation := range []billing.AggregationType{billing.CountAgg, billing.SumAgg} {
		metric := billing.BillableMetric{
			OrganizationID: org.ID, Code: fmt.Sprintf("metric_%d", i), Name: "Metric", AggregationType: aggregation,
			FieldName: "tokens", CreatedAt: testNow,
		}
		charge := billing.Charge{Code: metric.Code, Model: billing.Standard}
		charge.Properties.Amount = amount("0.005")
		if i == 1 {
			metric.Filters = []billing.MetricFilter{{Key: "model", Values: []string{"a", "b", "c", "d"}}}
			for _, value := range metric.Filters[0].Values {
				filter := billing.ChargeFilter{Values: map[string][]string{"model": {value}}}
				filter.Properties.Amount = amount("0.01")
				charge.Filters = append(charge.Filters, filter)
			}
		}
		if err := db.CreateBillableMetric(b.Context(), &metric); err != nil {
			b.Fatal(err)
		}
		charge.Metric = metric
		plan.Charges = append(plan.Charges, charge)
	}
	if err := db.CreatePlan(b.Context(), &plan); err != nil {
		b.Fatal(err)
	}
	return plan
}

// fillSubscriptions makes customers and subscriptions in two statements.
func fillSubscriptions(b *testing.B, url string, org *billing.Organization, plan *billing.Plan) {
	b.Helper()
	const customers = `INSERT INTO customers (id, organization_id, external_id, sequential_id, currency, created_at, updated_at)
		SELECT gen_random_uuid(), $1, 'c' || n, n, 'USD', $2, $2 FROM generate_series(1, $3) n`
	const subscriptions = `INSERT INTO subscriptions (id, organization_id, customer_id, plan_id, external_id, status,
			billing_time, subscription_at, started_at, base_billed_until, usage_billed_until, fixed_billed_until,
			fixed_ahead_billed_until, created_at, updated_at)
		SELECT gen_random_uuid(), $1, c.id, $2, 's' || c.sequential_id, 'active', 'calendar', $3, $3, $3, $3, $3, $3, $3, $3
		FROM customers c`
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range []func() error{
		func() error {
			_, err := conn.Exec(b.Context(), customers, org.ID, testNow, benchmarkSubscriptions)
			return err
		},
		func() error {
			_, err := conn.Exec(b.Context(), subscriptions, org.ID, plan.ID, testNow.AddDate(0, -2, 0))
			return err
		},
		func() error { _, err := conn.Exec(b.Context(), `VACUUM ANALYZE`); return err },
	} {
		if err := statement(); err != nil {
			b.Fatal(err)
		}
	}
}

// instantUsage answers each question with the same bucket for each filter.
type instantUsage struct{ usage }

func (*instantUsage) Usage(_ context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	answer := query.UsageAnswer{Next: 1, Items: make([]query.ItemUsage, len(req.Items))}
	for i := range req.Items {
		for filter := aggregator.NoFilter; filter < len(req.Items[i].Split.Filters); filter++ {
			answer.Items[i].Buckets = append(answer.Items[i].Buckets, aggregator.BucketUsage{
				Filter: filter, Units: decimal.New(123, 0), EventsCount: 123,
			})
		}
	}
	return answer, nil
}

// usageQuestion asks for the current usage of a random subscription.
func usageQuestion(b *testing.B, base, key string) *http.Request {
	n := 1 + rand.IntN(benchmarkSubscriptions)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet,
		fmt.Sprintf("%s/api/v1/customers/c%d/current_usage?external_subscription_id=s%d", base, n, n), nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	return req
}

// One reader after the other, without a network.
func BenchmarkCurrentUsageHandler(b *testing.B) {
	handler, key := benchmarkAPI(b)
	askCurrentUsage(b, handler, key)
}

// The same with two taxes on all of it.
func BenchmarkCurrentUsageTaxed(b *testing.B) {
	handler, key := benchmarkAPI(b,
		billing.Tax{Code: "vat", Name: "VAT", Rate: decimal.New(19, 0)}, billing.Tax{Code: "city", Name: "City", Rate: decimal.New(125, -2)})
	askCurrentUsage(b, handler, key)
}

func askCurrentUsage(b *testing.B, handler http.Handler, key string) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, usageQuestion(b, "", key))
		if w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}

// Eight readers over real connections.
func BenchmarkCurrentUsageHTTP(b *testing.B) {
	handler, key := benchmarkAPI(b)
	server := httptest.NewServer(handler)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.SetParallelism(4)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			res, err := client.Do(usageQuestion(b, server.URL, key))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Errorf("status %d", res.StatusCode)
				return
			}
		}
	})
}
