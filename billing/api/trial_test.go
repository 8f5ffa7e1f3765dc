package api_test

import "testing"

// trialPlan is a plan of 30.00 with a trial.
func trialPlan(code, interval string, inAdvance bool, days float64) object {
	return object{"plan": object{
		"name": "Trial", "code": code, "interval": interval, "amount_cents": 3000, "amount_currency": "USD",
		"pay_in_advance": inAdvance, "trial_period": days,
	}}
}

// A trial ends once, for all subscriptions that ever have the external id.
func TestTrialFlow(t *testing.T) {
	t.Parallel()
	s, _ := newJournalSandbox(t)
	s.clock(t, "2024-04-05T12:00:00Z")
	s.must(t, "POST", "/plans", trialPlan("basic", "monthly", true, 10))
	s.must(t, "POST", "/plans", trialPlan("arrears", "monthly", false, 10))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	starts := object{"subscription_at": "2024-04-05T12:00:00Z"}
	sub := s.must(t, "POST", "/subscriptions", subscriptionBody("sub", starts))
	expect(t, sub, "<nil>", "subscription", "trial_ended_at")
	s.must(t, "POST", "/subscriptions", subscriptionBody("late", object{"subscription_at": "2024-04-05T12:00:00Z", "plan_code": "arrears"}))
	expect(t, s.must(t, "GET", "/invoices", nil), "0", "meta", "total_count") // not at the start

	s.clock(t, "2024-04-15T11:59:59Z")
	expect(t, s.must(t, "GET", "/subscriptions/sub", nil), "<nil>", "subscription", "trial_ended_at")
	s.clock(t, "2024-04-15T12:00:00Z")
	for _, id := range []string{"sub", "late"} {
		expect(t, s.must(t, "GET", "/subscriptions/"+id, nil), "2024-04-15T12:00:00Z", "subscription", "trial_ended_at")
	}
	invoices := s.must(t, "GET", "/invoices", nil)
	expect(t, invoices, "1", "meta", "total_count") // in arrears nothing falls due
	// 15 to 30 April are 16 days of 1.00.
	expect(t, invoices, "1600", "invoices", 0, "fees_amount_cents")

	// Whoever begins anew has no trial any more: 20 to 30 April are 11 days.
	s.clock(t, "2024-04-20T00:00:00Z")
	s.must(t, "DELETE", "/subscriptions/sub?on_termination_credit_note=skip", nil)
	again := s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-04-20T00:00:00Z"}))
	expect(t, again, "2024-04-15T12:00:00Z", "subscription", "trial_ended_at")
	starting := s.must(t, "GET", "/invoices?amount_from=1100&amount_to=1100", nil)
	expect(t, starting, "1", "meta", "total_count")
}

// What is in its trial has paid nothing ahead: it ends as it likes.
func TestEndWithinTrialFlow(t *testing.T) {
	t.Parallel()
	s, _ := newJournalSandbox(t)
	s.clock(t, "2024-04-05T12:00:00Z")
	s.must(t, "POST", "/plans", trialPlan("basic", "yearly", true, 10.5))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	for id, end := range map[string]string{"in": "2024-04-15T00:00:00Z", "after": "2024-05-01T00:00:00Z"} {
		body := subscriptionBody(id, object{"subscription_at": "2024-04-05T12:00:00Z", "ending_at": end})
		want := 200
		if id == "after" {
			want = 422 // some days would be paid ahead
		}
		if a := s.send(t, s.mine, "POST", "/api/v1/subscriptions", body); a.status != want {
			t.Errorf("ending %s: %d %s", end, a.status, a.raw)
		}
	}
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-04-05T12:00:00Z"}))
	sub := s.must(t, "GET", "/subscriptions/sub", nil)
	expect(t, sub, "2024-04-05T12:00:00Z", "subscription", "current_billing_period_started_at")
	expect(t, sub, "2024-12-31T23:59:59Z", "subscription", "current_billing_period_ending_at")
	s.clock(t, "2024-04-15T23:59:00Z")
	ended := s.must(t, "DELETE", "/subscriptions/sub", nil)
	expect(t, ended, "terminated", "subscription", "status")
	expect(t, ended, "<nil>", "subscription", "trial_ended_at")
}
