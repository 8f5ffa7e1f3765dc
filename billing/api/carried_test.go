package api_test

import "testing"

// What a recurring metric took before its subscription began is in the usage of its first
// period: the event says so, and it is in no list of events that count nowhere.
func TestEventThatIsCarriedIntoThePeriod(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	seats := s.metric(t, object{"name": "Seats", "code": "seats", "aggregation_type": "sum_agg", "field_name": "n", "recurring": true})
	s.subscribe(t,
		object{"billable_metric_id": seats, "charge_model": "standard", "properties": object{"amount": "2"}},
		object{"billable_metric_id": s.tokens(t), "charge_model": "standard"},
	)
	j.sendAll(t, s.mine, "sub",
		"old seats 2023-01-01T00:00:00Z n=5", "bad seats 2023-01-01T00:00:00Z", "gone tokens 2023-01-01T00:00:00Z n=1",
	)
	usage := s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)
	expect(t, usage, "5.0", "customer_usage", "charges_usage", 0, "units")
	for id, want := range map[string]string{
		"old":  "seats rest map[] 2024-03-01T00:00:00Z; ",
		"bad":  "missing_property",
		"gone": "no_subscription",
	} {
		if got := s.where(t, id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
	all := s.must(t, "GET", "/uncounted_events?external_subscription_id=sub", nil)
	expect(t, all, "map[missing_property:1 no_subscription:1]", "counts")
	expect(t, all, "2", "meta", "total_count")
}

// The same holds for a time whose period had passed when the subscription was created, also
// after the first period that carries it was invoiced. Of other metrics such events are
// listed as what they are.
func TestEventFromBeforeBilling(t *testing.T) {
	t.Parallel()
	s, j := newJournalSandbox(t)
	s.clock(t, "2024-03-05T00:00:00Z")
	seats := s.metric(t, object{"name": "Seats", "code": "seats", "aggregation_type": "sum_agg", "field_name": "n", "recurring": true})
	s.subscribeFrom(t, "2024-01-10T00:00:00Z",
		object{"billable_metric_id": seats, "charge_model": "standard", "properties": object{"amount": "2"}},
		object{"billable_metric_id": s.tokens(t), "charge_model": "standard"},
	)
	j.sendAll(t, s.mine, "sub",
		"old seats 2024-02-01T00:00:00Z n=5", "gone tokens 2024-02-01T00:00:00Z n=1", "here tokens 2024-03-01T00:00:00Z n=1",
	)
	for _, now := range []string{"2024-03-06T00:00:00Z", "2024-05-01T00:00:00Z"} {
		s.clock(t, now)
		if got := s.where(t, "old"); got != "seats rest map[] 2024-03-01T00:00:00Z; " {
			t.Errorf("%s: a recurring metric's event: %s", now, got)
		}
		if got := s.where(t, "gone"); got != "before_billing" {
			t.Errorf("%s: another's: %s", now, got)
		}
		all := s.must(t, "GET", "/uncounted_events?external_subscription_id=sub", nil)
		expect(t, all, "map[before_billing:1]", "counts")
		expect(t, all, "gone", "uncounted_events", 0, "transaction_id")
	}
	expect(t, s.must(t, "GET", "/uncounted_events?external_subscription_id=sub&reason=before_billing", nil), "1", "meta", "total_count")
	// March's invoice has it: 5 seats of 2.00.
	past := s.must(t, "GET", "/customers/acme/past_usage?external_subscription_id=sub", nil)
	expect(t, past, "1000", "usage_periods", 1, "charges_usage", 0, "amount_cents")
}

// A charge that a plan got later counts nothing of a period that was invoiced without.
func TestEventOfAPeriodInvoicedWithoutCharges(t *testing.T) {
	t.Parallel()
	s, j := newJournalSandbox(t)
	s.clock(t, "2024-03-01T00:00:00Z")
	s.subscribe(t)
	s.clock(t, "2024-04-02T00:00:00Z")
	s.must(t, "PUT", "/plans/basic", object{"plan": object{"charges": []any{
		object{"billable_metric_id": s.tokens(t), "charge_model": "standard", "properties": object{"amount": "1"}},
	}}})
	j.sendAll(t, s.mine, "sub", "march tokens 2024-03-10T00:00:00Z n=1", "april tokens 2024-04-01T00:00:00Z n=1")
	for id, want := range map[string]string{"march": "no_charge", "april": "tokens rest map[] 2024-04-01T00:00:00Z; "} {
		if got := s.where(t, id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
	expect(t, s.must(t, "GET", "/customers/acme/usage_differences", nil), "[]", "usage_differences")
}
