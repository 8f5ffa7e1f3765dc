package api_test

import "testing"

// A plan takes its subscriptions with it: each ends now, with its final invoice.
func TestPlanDeletion(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.clock(t, "2024-04-01T00:00:00Z")
	s.must(t, "POST", "/plans", planOf30("basic", false))
	s.must(t, "POST", "/plans", planOf30("other", false))
	s.must(t, "POST", "/subscriptions", subscriptionBody("a", object{"subscription_at": "2024-04-01T00:00:00Z"}))
	s.must(t, "POST", "/subscriptions", subscriptionBody("x", object{"subscription_at": "2024-04-01T00:00:00Z", "plan_code": "other"}))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "berlin", "timezone": "Europe/Berlin"}})
	s.clock(t, "2024-04-10T00:00:00Z")
	s.must(t, "POST", "/subscriptions", subscriptionBody("b", object{"subscription_at": "2024-04-10T00:00:00Z", "external_customer_id": "berlin"}))
	s.must(t, "POST", "/subscriptions", subscriptionBody("later", object{"subscription_at": "2024-05-10T00:00:00Z"}))
	s.clock(t, "2024-04-15T23:00:00Z")

	deleted := s.check(t, "plan_deleted", "DELETE", "/plans/basic", nil)
	expect(t, deleted, "false", "plan", "pending_deletion")
	// a: 1 to 15 April. b: in Berlin it is the 16th already, 10 to 16 April are 7 days.
	s.wantTotals(t, "2024-04-15 1500", "2024-04-16 700")
	for _, id := range []string{"a", "b"} {
		ended := s.must(t, "GET", "/subscriptions/"+id+"?status=terminated", nil)
		expect(t, ended, "2024-04-15T23:00:00Z", "subscription", "terminated_at")
		expect(t, ended, "basic", "subscription", "plan_code")
	}
	expect(t, s.must(t, "GET", "/subscriptions/later?status=canceled", nil), "2024-04-15T23:00:00Z", "subscription", "canceled_at")
	expect(t, s.must(t, "GET", "/subscriptions/x", nil), "active", "subscription", "status")

	// It is gone, and its code free.
	s.refused(t, "GET", "/plans/basic", nil, notFound("plan_not_found"))
	s.refused(t, "DELETE", "/plans/basic", nil, notFound("plan_not_found"))
	s.refused(t, "PUT", "/plans/basic", object{"plan": object{"name": "x"}}, notFound("plan_not_found"))
	s.refused(t, "POST", "/subscriptions", subscriptionBody("c", nil), notFound("plan_not_found"))
	expect(t, s.must(t, "GET", "/plans", nil), "1", "meta", "total_count")
	s.must(t, "POST", "/plans", planOf30("basic", false))
	s.must(t, "POST", "/subscriptions", subscriptionBody("a", object{"subscription_at": "2024-04-16T00:00:00Z"}))
	if a := s.send(t, s.other, "DELETE", "/api/v1/plans/basic", nil); a.status != 404 {
		t.Errorf("another organization's: %d %s", a.status, a.raw)
	}
}

// A base fee that was paid in advance can only be kept, and that must be said.
func TestPlanDeletionOfWhatIsPaidAhead(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.clock(t, "2024-04-10T00:00:00Z")
	s.must(t, "POST", "/plans", planOf30("basic", true))
	s.must(t, "POST", "/subscriptions", subscriptionBody("later", object{"subscription_at": "2024-05-10T00:00:00Z"}))
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-04-10T00:00:00Z"}))
	s.wantTotals(t, "2024-04-10 2100") // 10 to 30 April
	for _, asked := range []string{"", "?on_termination_credit_note=credit"} {
		s.invalid(t, "DELETE", "/plans/basic"+asked, nil, "on_termination_credit_note: not_supported_yet")
	}
	s.invalid(t, "DELETE", "/plans/basic?on_termination_credit_note=x&on_termination_invoice=y", nil,
		"on_termination_credit_note: value_is_invalid", "on_termination_invoice: value_is_invalid")
	expect(t, s.must(t, "GET", "/subscriptions?status[]=active&status[]=pending", nil), "2", "meta", "total_count") // nothing was ended
	expect(t, s.must(t, "GET", "/plans/basic", nil), "false", "plan", "pending_deletion")

	s.clock(t, "2024-04-12T00:00:00Z")
	s.must(t, "DELETE", "/plans/basic?on_termination_credit_note=skip", nil)
	expect(t, s.must(t, "GET", "/subscriptions?status[]=active&status[]=pending", nil), "0", "meta", "total_count")
	s.wantTotals(t, "2024-04-10 2100", "2024-04-12 0") // the last one is of usage alone, of which there was none
	s.refused(t, "GET", "/plans/basic", nil, notFound("plan_not_found"))

	// In its trial nothing was paid.
	s.must(t, "POST", "/plans", trialPlan("trial", "monthly", true, 10))
	s.must(t, "POST", "/subscriptions", subscriptionBody("tries", object{"subscription_at": "2024-04-12T00:00:00Z", "plan_code": "trial"}))
	s.must(t, "DELETE", "/plans/trial", nil)
	s.refused(t, "GET", "/subscriptions/tries", nil, notFound("subscription_not_found"))
}
