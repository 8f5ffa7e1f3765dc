package api_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing/api"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// tellingUsage answers with units that depend on everything that was asked, so that answers
// to different questions differ.
func tellingUsage(_ context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	answer := query.UsageAnswer{Next: 1, Items: make([]query.ItemUsage, len(req.Items))}
	for i := range req.Items {
		item := &req.Items[i]
		for filter := aggregator.NoFilter; filter < len(item.Split.Filters); filter++ {
			h := fnv.New32a()
			fmt.Fprint(h, req.Subscription, req.From, req.To, *item.Metric, item.Split, filter)
			answer.Items[i].Buckets = append(answer.Items[i].Buckets, aggregator.BucketUsage{
				Filter: filter, Units: decimal.New(int64(h.Sum32()), -3), EventsCount: int64(h.Sum32()),
			})
		}
	}
	return answer, nil
}

// newProcesses starts two APIs that share a database and a clock, and nothing else.
func newProcesses(t *testing.T) (processes [2]*server, clock *atomic.Pointer[time.Time]) {
	t.Helper()
	url := pgtest.URL(t)
	clock = new(atomic.Pointer[time.Time])
	clock.Store(&testNow)
	for i := range processes {
		db, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		s := &server{db: db, usage: &usage{answer: tellingUsage}, log: &record{}}
		if i == 0 {
			s.mine, s.other = newTenant(t, db, "Mine"), newTenant(t, db, "Other")
		} else {
			s.mine, s.other = processes[0].mine, processes[0].other
		}
		httpServer := httptest.NewServer(api.New(api.Options{
			DB: db, Usage: s.usage, Partitions: testPartitions, Version: "test",
			Clock:  func() time.Time { return *clock.Load() },
			Logger: slog.New(slog.NewTextHandler(s.log, nil)),
		}))
		t.Cleanup(httpServer.Close)
		s.url, processes[i] = httpServer.URL, s
	}
	return processes, clock
}

// usageOf returns a whole answer about current usage, as text.
func (s *server) usageOf(t *testing.T, who tenant, customer, subscription int, header ...string) string {
	t.Helper()
	path := fmt.Sprintf("/api/v1/customers/c%d/current_usage?external_subscription_id=s%d", customer, subscription)
	a := s.send(t, who, "GET", path, nil, header...)
	if a.status >= 500 {
		t.Fatalf("GET %s: %d %s\n%s", path, a.status, a.raw, s.log.take())
	}
	return fmt.Sprint(a.status, a.header.Get("Weir-Catalog-Version"), string(a.raw))
}

// Sizes of the random world.
const (
	worldCustomers     = 3
	worldSubscriptions = 4
	worldPlans         = 2
	worldWrites        = 100
	worldTurns         = 8 // writes of one process until the other's turn, about
)

// write makes a random change through the API. It may be refused.
func (s *server) write(t *testing.T, rng *rand.Rand, who tenant, clock *atomic.Pointer[time.Time]) string {
	t.Helper()
	customer, subscription := rng.IntN(worldCustomers), rng.IntN(worldSubscriptions)
	plan := fmt.Sprintf("p%d", rng.IntN(worldPlans))
	price := fmt.Sprint(1 + rng.IntN(50))
	method, path, body := "POST", "", object{}
	switch kind := rng.IntN(15); kind {
	case 0, 1, 2, 3:
		path, body = "/subscriptions", object{"subscription": object{
			"external_customer_id": fmt.Sprintf("c%d", customer), "external_id": fmt.Sprintf("s%d", subscription), "plan_code": plan,
			"billing_time": []string{"calendar", "anniversary"}[rng.IntN(2)],
		}}
	case 4, 5:
		method, path = "DELETE", fmt.Sprintf("/subscriptions/s%d", subscription)
	case 6:
		path, body = "/customers", object{"customer": object{
			"external_id": fmt.Sprintf("c%d", customer), "timezone": []string{"Asia/Kolkata", "America/New_York", "UTC"}[rng.IntN(3)],
			"tax_codes": []any{"t0", "t1"}[:rng.IntN(3)],
		}}
	case 7:
		method, path, body = "PUT", "/plans/"+plan, object{"plan": object{"charges": []any{s.worldCharge(t, who, price)}}}
	case 8:
		path, body = "/plans", planBody(plan, s.worldCharge(t, who, price))
	case 9:
		method, path, body = "PUT", "/billable_metrics/calls", object{"billable_metric": object{
			"filters": []any{object{"key": "region", "values": []any{"eu", "us", price}}},
		}}
	case 10:
		if rng.IntN(4) > 0 {
			return "nothing"
		}
		method, path = "DELETE", "/billable_metrics/calls"
	case 11:
		later := clock.Load().Add(time.Duration(rng.IntN(20*24)) * time.Hour)
		clock.Store(&later)
		return "clock at " + later.String()
	case 12:
		path, body = "/taxes", object{"tax": object{
			"name": "Tax", "code": fmt.Sprintf("t%d", rng.IntN(3)), "rate": rng.IntN(30), "applied_to_organization": rng.IntN(3) == 0,
		}}
	case 13:
		method, path = "PUT", fmt.Sprintf("/taxes/t%d", rng.IntN(3))
		body = object{"tax": object{"rate": rng.IntN(30), "applied_to_organization": rng.IntN(2) == 0}}
	case 14:
		if rng.IntN(3) > 0 {
			method, path, body = "PUT", "/plans/"+plan, object{"plan": object{"tax_codes": []any{"t1", "t2"}[:rng.IntN(3)]}}
			break
		}
		method, path = "DELETE", fmt.Sprintf("/taxes/t%d", rng.IntN(3))
	}
	a := s.send(t, who, method, "/api/v1"+path, body)
	if a.status >= 500 {
		t.Fatalf("%s %s: %d %s\n%s", method, path, a.status, a.raw, s.log.take())
	}
	return fmt.Sprint(method, " ", path, " ", body, ": ", a.status)
}

// worldCharge is a charge with two filters on the metric calls, which is created if it is not there.
func (s *server) worldCharge(t *testing.T, who tenant, price string) object {
	t.Helper()
	a := s.send(t, who, "POST", "/api/v1/billable_metrics", object{"billable_metric": object{
		"name": "Calls", "code": "calls", "aggregation_type": "count_agg",
		"filters": []any{object{"key": "region", "values": []any{"eu", "us"}}},
	}})
	if a.status != 200 {
		a = s.send(t, who, "GET", "/api/v1/billable_metrics/calls", nil)
	}
	return object{
		"billable_metric_id": dig(t, a.body, "billable_metric", "lago_id"), "charge_model": "standard",
		"properties": object{"amount": "0." + price},
		"filters": []any{
			object{"values": object{"region": []any{"eu"}}, "properties": object{"amount": price}},
			object{"values": object{"region": []any{"__ALL_FILTER_VALUES__"}}, "properties": object{"amount": "7"}},
		},
	}
}

// What is answered from memory is what the database says: at once where it was written,
// and in another process within postgres.RecentAgeMax.
func TestRecentUsageIsCurrent(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	processes, clock := newProcesses(t)
	var history []string
	writer, otherWrote := 0, time.Time{}
	for range worldWrites {
		who := processes[0].mine
		if rng.IntN(5) == 0 {
			who = processes[0].other
		}
		if rng.IntN(worldTurns) == 0 { // the other's turn, when it has seen what was written so far
			writer = 1 - writer
			processes[writer].compareUsage(t, processes[0].mine, otherWrote, history)
			processes[writer].compareUsage(t, processes[0].other, otherWrote, history)
		}
		history = append(history, fmt.Sprint(writer, " ", processes[writer].write(t, rng, who, clock)))
		otherWrote = time.Now()
		processes[writer].compareUsage(t, who, time.Time{}, history)
	}
}

// compareUsage compares all usage as it is remembered with what the database says. It may
// differ only until the other process has last written RecentAgeMax ago.
func (s *server) compareUsage(t *testing.T, who tenant, otherWrote time.Time, history []string) {
	t.Helper()
	for customer := range worldCustomers {
		for subscription := range worldSubscriptions {
			for {
				asked := time.Now()
				recent := s.usageOf(t, who, customer, subscription)
				fresh := s.usageOf(t, who, customer, subscription, "Cache-Control: no-cache")
				if recent == fresh {
					break
				}
				if asked.Sub(otherWrote) >= postgres.RecentAgeMax {
					t.Fatalf("remembered\n %s\nthe database says\n %s\nafter %q", recent, fresh, history)
				}
			}
		}
	}
}
