package api_test

import (
	"context"
	"strings"
	"testing"

	"weir/aggregator"
	"weir/aggregator/query"
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
