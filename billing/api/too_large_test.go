package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing/api"
	"weir/ingest/ratelimit"
)

// Usage that no invoice could hold is the fault of what was sent: the answer says which
// charge it is, so that the event can be found and cancelled.
func TestUsageTooLargeToPrice(t *testing.T) {
	t.Parallel()
	s, j := newJournalSandbox(t)
	s.clock(t, "2024-03-01T00:00:00Z")
	s.subscribe(t, object{"billable_metric_id": s.tokens(t), "charge_model": "standard", "properties": object{"amount": "1"}})
	j.sendAll(t, s.mine, "sub", "a tokens 2024-03-02T00:00:00Z n="+strings.Repeat("9", 37))
	for _, path := range []string{
		"/customers/acme/current_usage?external_subscription_id=sub",
		"/customers/acme/projected_usage?external_subscription_id=sub",
		"/subscriptions/sub/lifetime_usage",
	} {
		s.invalid(t, "GET", path, nil, "amount_cents: value_is_out_of_range")
	}
	s.invalid(t, "POST", "/test_clock", object{"test_clock": object{"now": "2024-04-01T00:00:00Z"}}, "amount_cents: value_is_out_of_range")
	s.must(t, "DELETE", "/events/a", nil)
	s.clock(t, "2024-04-01T00:00:00Z")
}

// So is a property with too many values to divide by.
func TestUsageOfTooManyCells(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.subscribe(t, object{"billable_metric_id": s.tokens(t), "charge_model": "standard", "properties": object{"amount": "1"}})
	s.usage.answer = func(context.Context, query.UsageRequest) (query.UsageAnswer, error) {
		return query.UsageAnswer{}, aggregator.ErrTooManyCells
	}
	s.invalid(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil, "usage: value_is_out_of_range")
}

// Where others ask for too much, the same question can be asked later.
func TestUsageOverloaded(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.subscribe(t, object{"billable_metric_id": s.tokens(t), "charge_model": "standard", "properties": object{"amount": "1"}})
	s.usage.answer = func(context.Context, query.UsageRequest) (query.UsageAnswer, error) {
		return query.UsageAnswer{}, query.ErrOverloaded
	}
	a := s.send(t, s.mine, "GET", "/api/v1/customers/acme/current_usage?external_subscription_id=sub", nil)
	if a.status != 503 || a.body["code"] != "overloaded" || a.header.Get("Retry-After") != "1" {
		t.Errorf("got %d %s, Retry-After %q", a.status, a.raw, a.header.Get("Retry-After"))
	}
}

// An organization that asks too often is told so, and when to ask again; others are not.
func TestRequestsLimit(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(opts *api.Options) { opts.Requests = ratelimit.New(2) })
	for n, want := range []string{"200 2 1", "200 2 0", "429 2 0"} {
		a := s.send(t, s.mine, "GET", "/api/v1/plans", nil)
		got := fmt.Sprint(a.status, " ", a.header.Get("X-Ratelimit-Limit"), " ", a.header.Get("X-Ratelimit-Remaining"))
		if got != want || a.header.Get("X-Ratelimit-Reset") != "1" {
			t.Errorf("request %d: got %s, reset %s; want %s, reset 1", n, got, a.header.Get("X-Ratelimit-Reset"), want)
		}
		if a.status == 429 && (a.header.Get("Retry-After") != "1" || a.body["code"] != "too_many_requests") {
			t.Errorf("got %s, Retry-After %q", a.raw, a.header.Get("Retry-After"))
		}
	}
	if a := s.send(t, s.other, "GET", "/api/v1/plans", nil); a.status != 200 {
		t.Errorf("the other organization got %d %s", a.status, a.raw)
	}
	if a := s.send(t, tenant{}, "GET", "/api/v1/plans", nil); a.status != 401 || a.header.Get("X-Ratelimit-Limit") != "" {
		t.Errorf("nobody got %d %s", a.status, a.raw)
	}
}
