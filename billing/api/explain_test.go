package api_test

import (
	"fmt"
	"testing"
)

// where describes what an event counts for: "charge filter group from".
func (s *server) where(t *testing.T, id string) string {
	t.Helper()
	weir := dig(t, s.must(t, "GET", "/events/"+id, nil), "event", "weir")
	if uncounted := dig(t, weir, "uncounted"); uncounted != nil {
		return fmt.Sprint(dig(t, uncounted, "reason"))
	}
	text := ""
	for _, counted := range dig(t, weir, "counted").([]any) {
		values := any("rest")
		if filter := dig(t, counted, "filter"); filter != nil {
			values = dig(t, filter, "values")
		}
		text += fmt.Sprint(dig(t, counted, "charge", "code"), " ", values, " ", dig(t, counted, "grouped_by"), " ",
			dig(t, counted, "from_datetime"), "; ")
	}
	return text
}

// An event counts in one filter of each charge on its metric: most keys win, then the fewer
// wildcards, then the first.
func TestWhereAnEventCounts(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	calls := s.calls(t)
	filter := func(values object, groups ...any) object {
		return object{"values": values, "properties": object{"amount": "1", "pricing_group_keys": groups}}
	}
	s.subscribe(t,
		object{"billable_metric_id": calls, "charge_model": "standard", "code": "one", "properties": object{"amount": "1", "pricing_group_keys": []any{"cloud"}}, "filters": []any{
			filter(object{"region": []any{"__ALL_FILTER_VALUES__"}}),
			filter(object{"region": []any{"eu"}}, "team"),
			filter(object{"region": []any{"us"}, "tier": []any{"gold"}}),
		}},
		object{"billable_metric_id": calls, "charge_model": "standard", "code": "two", "properties": object{"amount": "1"}},
	)
	j.sendAll(t, s.mine, "sub",
		"eu calls 2024-03-02T00:00:00Z region=eu team=a",
		"us calls 2024-03-02T00:00:00Z region=us",
		"gold calls 2024-03-02T00:00:00Z region=us tier=gold",
		"rest calls 2024-03-02T00:00:00Z region=cn cloud=aws",
		"april calls 2024-04-02T00:00:00Z",
		"before calls 2024-02-29T23:59:59Z",
	)
	const two = "two rest map[] 2024-03-01T00:00:00Z; "
	for id, want := range map[string]string{
		"eu":     "one map[region:[eu]] map[team:a] 2024-03-01T00:00:00Z; " + two,
		"us":     "one map[region:[__ALL_FILTER_VALUES__]] map[] 2024-03-01T00:00:00Z; " + two,
		"gold":   "one map[region:[us] tier:[gold]] map[] 2024-03-01T00:00:00Z; " + two,
		"rest":   "one rest map[cloud:aws] 2024-03-01T00:00:00Z; " + two,
		"april":  "one rest map[cloud:<nil>] 2024-04-01T00:00:00Z; two rest map[] 2024-04-01T00:00:00Z; ",
		"before": "no_subscription",
	} {
		if got := s.where(t, id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

// Nothing is billed for periods that had passed when the subscription was created.
func TestEventBeforeBilling(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	s.subscribeFrom(t, "2024-01-10T00:00:00Z", object{"billable_metric_id": s.tokens(t), "charge_model": "standard"})
	j.sendAll(t, s.mine, "sub", "a tokens 2024-02-10T00:00:00Z n=1", "b tokens 2024-03-01T00:00:00Z n=1")
	if got := s.where(t, "a"); got != "before_billing" {
		t.Errorf("in February: %s", got)
	}
	if got := s.where(t, "b"); got != "tokens rest map[] 2024-03-01T00:00:00Z; " {
		t.Errorf("in March: %s", got)
	}
}

// A later event with the same id and other content is set aside, and shown.
func TestEventInConflict(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	j.sendAll(t, s.mine, "sub", "a tokens 2024-03-02T00:00:00Z n=1", "a tokens 2024-03-02T00:00:00Z n=2")
	weir := dig(t, s.must(t, "GET", "/events/a", nil), "event", "weir")
	expect(t, weir, "1", "conflicts", 0, "offset")
	expect(t, weir, "0", "offset")
	if n := len(dig(t, weir, "versions").([]any)); n != 1 {
		t.Errorf("%d versions, want 1", n)
	}
	expect(t, s.must(t, "GET", "/events/a", nil), "map[n:1]", "event", "properties")
}

// A recurring metric counts what was used before the period, and is not projected.
func TestUsageOfARecurringMetric(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	seats := s.metric(t, object{"name": "Seats", "code": "seats", "aggregation_type": "sum_agg", "field_name": "n", "recurring": true})
	s.subscribe(t, object{"billable_metric_id": seats, "charge_model": "standard", "properties": object{"amount": "2"}})
	j.sendAll(t, s.mine, "sub", "old seats 2023-01-01T00:00:00Z n=5", "new seats 2024-03-02T00:00:00Z n=-2", "bad seats 2023-01-01T00:00:00Z")
	charge := dig(t, s.must(t, "GET", "/customers/acme/projected_usage?external_subscription_id=sub", nil), "customer_projected_usage", "charges_usage", 0)
	expect(t, charge, "3.0", "units")
	expect(t, charge, "3.0", "projected_units")
	expect(t, charge, "600", "projected_amount_cents")
	expect(t, s.must(t, "GET", "/events/new", nil), "true", "event", "weir", "counted", 0, "billable_metric", "recurring")
	// What was wrong before the subscription began is not wrong with it.
	expect(t, s.must(t, "GET", "/uncounted_events?external_subscription_id=sub&from=2024-03-01T00:00:00Z", nil), "map[]", "counts")
	expect(t, s.must(t, "GET", "/events?external_subscription_id=sub&charge_code=seats", nil), "2", "meta", "total_count")
}
