package api_test

import (
	"fmt"
	"slices"
	"testing"
)

// planOf30 is a plan of 30.00 a month.
func planOf30(code string, inAdvance bool) object {
	return object{"plan": object{
		"name": "Thirty", "code": code, "interval": "monthly", "amount_cents": 3000, "amount_currency": "USD", "pay_in_advance": inAdvance,
	}}
}

// change is a request body that changes a subscription.
func change(members object) object { return object{"subscription": members} }

// totals returns date and total of the invoices, the oldest first.
func (s *server) totals(t *testing.T) []string {
	t.Helper()
	var totals []string
	for _, inv := range dig(t, s.must(t, "GET", "/invoices", nil), "invoices").([]any) {
		totals = append(totals, fmt.Sprint(dig(t, inv, "issuing_date"), " ", dig(t, inv, "total_amount_cents")))
	}
	slices.Reverse(totals)
	return totals
}

func (s *server) wantTotals(t *testing.T, want ...string) {
	t.Helper()
	if got := s.totals(t); !slices.Equal(got, want) {
		t.Errorf("invoices %q, want %q", got, want)
	}
}

// An end is set, taken away and set again; what falls due follows it.
func TestEndOfSubscriptionIsMoved(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.clock(t, "2024-04-01T00:00:00Z")
	s.must(t, "POST", "/plans", planOf30("basic", false))
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-04-01T00:00:00Z", "name": "First"}))
	put := func(members object) object {
		t.Helper()
		return s.must(t, "PUT", "/subscriptions/sub", change(members))
	}
	put(object{"ending_at": "2024-04-10T00:00:00Z"})
	s.clock(t, "2024-04-09T23:59:59Z")
	expect(t, put(object{"ending_at": nil}), "<nil>", "subscription", "ending_at")
	s.clock(t, "2024-04-15T00:00:00Z")
	answer := s.check(t, "subscription_updated", "PUT", "/subscriptions/sub", change(object{
		"name": "Second", "ending_at": "2024-04-20T12:00:00Z", "purchase_order_number": "  PO-7 ", "consolidate_invoice": false,
		"subscription_at": "2024-04-12T00:00:00Z", // it has begun: Lago says nothing either
	}))
	expect(t, answer, "2024-04-20T12:00:00Z", "subscription", "current_billing_period_ending_at")
	// What is not said stays, and PATCH is the same.
	expect(t, s.must(t, "PATCH", "/subscriptions/sub?status=active", change(object{"name": nil})), "<nil>", "subscription", "name")
	expect(t, put(object{"consolidate_invoice": nil, "unheard_of": 1}), "PO-7", "subscription", "purchase_order_number")
	s.wantTotals(t)

	s.clock(t, "2024-05-02T00:00:00Z")
	s.wantTotals(t, "2024-04-20 2000") // 20 of 30 days
	expect(t, s.must(t, "GET", "/invoices", nil), "PO-7", "invoices", 0, "purchase_order_number")
	ended := s.must(t, "GET", "/subscriptions/sub?status=terminated", nil)
	expect(t, ended, "2024-04-20T12:00:00Z", "subscription", "terminated_at")
	expect(t, ended, "false", "subscription", "consolidate_invoice")
	for _, path := range []string{"/subscriptions/sub", "/subscriptions/sub?status=terminated", "/subscriptions/none", "/subscriptions/sub?status=unheard"} {
		s.refused(t, "PUT", path, change(object{"name": "x"}), notFound("subscription_not_found"))
	}
}

// What is pending begins when it is told to, and then as if it had been created there.
func TestStartOfSubscriptionIsMoved(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.clock(t, "2024-04-12T08:00:00Z")
	s.must(t, "POST", "/plans", planOf30("arrears", false))
	s.must(t, "POST", "/plans", planOf30("advance", true))
	for _, code := range []string{"arrears", "advance"} {
		for _, when := range []string{"past", "today", "later"} {
			s.must(t, "POST", "/subscriptions", subscriptionBody(code+"-"+when, object{
				"plan_code": code, "external_customer_id": code + "-" + when, "subscription_at": "2024-06-20T00:00:00Z",
			}))
		}
	}
	move := func(id, to, status string) {
		t.Helper()
		s.refused(t, "PUT", "/subscriptions/"+id, change(object{"subscription_at": to}), notFound("subscription_not_found"))
		moved := s.must(t, "PUT", "/subscriptions/"+id+"?status=pending", change(object{"subscription_at": to}))
		expect(t, moved, status, "subscription", "status")
		expect(t, moved, to, "subscription", "subscription_at")
	}
	for _, code := range []string{"arrears", "advance"} {
		move(code+"-past", "2024-04-10T00:00:00Z", "active")
		move(code+"-today", "2024-04-12T08:00:00Z", "active")
		move(code+"-later", "2024-04-20T00:00:00Z", "pending")
	}
	// In advance: at once from 12 to 30 April, 19 days. The past is not billed.
	s.wantTotals(t, "2024-04-12 1900")
	s.clock(t, "2024-04-30T00:00:00Z")
	s.wantTotals(t, "2024-04-12 1900", "2024-04-20 1100") // 20 to 30 April: 11 days

	s.clock(t, "2024-05-01T00:00:00Z")
	want := []string{
		"2024-05-01 2100",                                       // in arrears from the 10th: 21 days
		"2024-05-01 1900",                                       // from the 12th
		"2024-05-01 1100",                                       // from the 20th
		"2024-05-01 3000", "2024-05-01 3000", "2024-05-01 3000", // May in advance
	}
	got := s.totals(t)[2:]
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("invoices %q, want %q", got, want)
	}

	// Lago's clients say the status beside the wrapper.
	s.must(t, "POST", "/subscriptions", subscriptionBody("more", object{"plan_code": "arrears", "subscription_at": "2024-06-20T00:00:00Z"}))
	beside := change(object{"subscription_at": "2024-05-01T00:00:00Z"})
	beside["status"] = "pending"
	expect(t, s.must(t, "PUT", "/subscriptions/more", beside), "active", "subscription", "status")
}

func TestSubscriptionUpdateRefusals(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil) // lives on 15 March 2024, 10:30
	s.must(t, "POST", "/plans", planOf30("basic", false))
	s.must(t, "POST", "/plans", planOf30("advance", true))
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", nil))
	s.must(t, "POST", "/subscriptions", subscriptionBody("ahead", object{"plan_code": "advance"}))
	s.must(t, "POST", "/subscriptions", subscriptionBody("later", object{"subscription_at": "2024-05-01T00:00:00Z"}))
	f := func(path string, members object, fields ...string) {
		t.Helper()
		s.invalid(t, "PUT", "/subscriptions/"+path, change(members), fields...)
	}
	f("sub", object{
		"plan_overrides": object{"amount_cents": 1}, "usage_thresholds": []any{object{"amount_cents": 1}},
		"activation_rules": []any{object{"type": "payment"}}, "invoice_custom_section": object{"skip_invoice_custom_sections": true},
		"payment_method": object{"payment_method_type": "manual"}, "billing_entity_code": "other",
		"on_termination_credit_note": "skip", "on_termination_invoice": "skip", "progressive_billing_disabled": true,
	}, "plan_overrides: not_supported_yet", "usage_thresholds: not_supported_yet", "activation_rules: not_supported_yet",
		"invoice_custom_section: not_supported_yet", "payment_method: not_supported_yet", "billing_entity_code: not_supported_yet",
		"on_termination_credit_note: not_supported_yet", "on_termination_invoice: not_supported_yet",
		"progressive_billing_disabled: not_supported_yet")
	f("sub", object{"name": 7, "ending_at": "soon", "subscription_at": "later", "consolidate_invoice": "maybe", "purchase_order_number": 1},
		"name: value_is_invalid", "ending_at: invalid_date", "subscription_at: invalid_date", "consolidate_invoice: value_is_invalid",
		"purchase_order_number: value_is_invalid")
	f("sub", object{"name": "x", "ending_at": "2024-03-15T10:30:00Z"}, "ending_at: invalid_date") // now
	f("later?status=pending", object{"ending_at": "2024-05-01T00:00:00Z"}, "ending_at: invalid_date")
	f("ahead", object{"ending_at": "2024-03-20T00:00:00Z"}, "ending_at: not_supported_yet") // 21 to 31 March are paid
	expect(t, s.must(t, "PUT", "/subscriptions/ahead", change(object{"ending_at": "2024-04-01T00:00:00Z"})),
		"2024-04-01T00:00:00Z", "subscription", "ending_at")
	a := s.send(t, s.mine, "PUT", "/api/v1/subscriptions/sub", object{"name": "x"})
	if a.status != 400 {
		t.Errorf("without the wrapper: %d %s", a.status, a.raw)
	}
	if a := s.send(t, s.other, "PUT", "/api/v1/subscriptions/sub", change(object{"name": "x"})); a.status != 404 {
		t.Errorf("another organization's: %d %s", a.status, a.raw)
	}
	expect(t, s.must(t, "GET", "/subscriptions/sub", nil), "<nil>", "subscription", "name") // nothing of all that was done

	// Not before an earlier one with the external id has ended.
	s.must(t, "DELETE", "/subscriptions/sub", nil)
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-05-01T00:00:00Z"}))
	f("sub?status=pending", object{"subscription_at": "2024-03-15T10:29:59Z"}, "subscription_at: value_is_out_of_range")
	expect(t, s.must(t, "PUT", "/subscriptions/sub?status=pending", change(object{"subscription_at": "2024-03-15T10:30:00Z"})),
		"active", "subscription", "status")
}

func TestSubscriptionListing(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.must(t, "POST", "/plans", planOf30("basic", false))
	for id, starts := range map[string]string{"active": "2024-03-01", "pending": "2024-05-01", "terminated": "2024-03-01", "canceled": "2024-05-01"} {
		s.must(t, "POST", "/subscriptions", subscriptionBody(id, object{"subscription_at": starts + "T00:00:00Z"}))
	}
	s.must(t, "DELETE", "/subscriptions/terminated", nil)
	s.must(t, "DELETE", "/subscriptions/canceled?status=pending", nil)
	s.refused(t, "DELETE", "/subscriptions/canceled?status=pending", nil, notFound("subscription_not_found"))
	s.refused(t, "DELETE", "/subscriptions/canceled?status=canceled", nil, notFound("subscription_not_found"))
	for _, status := range []string{"active", "pending", "terminated", "canceled"} {
		listed := s.must(t, "GET", "/subscriptions?status[]="+status, nil)
		expect(t, listed, "1", "meta", "total_count")
		expect(t, listed, status, "subscriptions", 0, "external_id")
		expect(t, s.must(t, "GET", "/subscriptions/"+status+"?status="+status, nil), status, "subscription", "status")
	}
	f := func(query, want string) {
		t.Helper()
		expect(t, s.must(t, "GET", "/subscriptions?"+query, nil), want, "meta", "total_count")
	}
	f("", "1")
	f("status[]=pending&status[]=canceled&status[]=terminated&status[]=active", "4")
	f("status[]=incomplete", "0")
	f("currency=USD", "1")
	f("currency=EUR", "0")
	s.invalid(t, "GET", "/subscriptions?status[]=active&status[]=unheard", nil, "status: value_is_invalid")
	s.invalid(t, "GET", "/subscriptions?billing_entity_codes[]=x", nil, "billing_entity_codes: not_supported_yet")
}

// What falls due together is one invoice for each purchase order number, and one of its own for
// whoever wants that.
func TestInvoicesByPurchaseOrderNumber(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.clock(t, "2024-04-01T00:00:00Z")
	s.must(t, "POST", "/plans", planOf30("basic", false))
	for _, one := range []object{
		{"external_id": "a"},
		{"external_id": "b", "purchase_order_number": "PO-1"},
		{"external_id": "c", "consolidate_invoice": false, "purchase_order_number": "PO-1"},
		{"external_id": "d", "purchase_order_number": "", "consolidate_invoice": true},
		{"external_id": "e", "purchase_order_number": "PO-2"},
		{"external_id": "f", "consolidate_invoice": "false"},
		{"external_id": "g", "purchase_order_number": " PO-1 "},
	} {
		one["subscription_at"] = "2024-04-01T00:00:00Z"
		s.must(t, "POST", "/subscriptions", subscriptionBody("", one))
	}
	s.must(t, "PUT", "/subscriptions/e", change(object{"purchase_order_number": nil}))
	s.clock(t, "2024-05-01T00:00:00Z")
	var got []string
	for _, listed := range dig(t, s.must(t, "GET", "/invoices", nil), "invoices").([]any) {
		inv := dig(t, s.must(t, "GET", fmt.Sprint("/invoices/", dig(t, listed, "lago_id")), nil), "invoice")
		line := fmt.Sprint(dig(t, inv, "purchase_order_number"), " ", dig(t, inv, "total_amount_cents"))
		for _, sub := range dig(t, inv, "subscriptions").([]any) {
			line += fmt.Sprint(" ", dig(t, sub, "external_id"))
		}
		got = append(got, line)
	}
	slices.Sort(got)
	want := []string{"<nil> 3000 f", "<nil> 9000 a d e", "PO-1 3000 c", "PO-1 6000 b g"}
	if !slices.Equal(got, want) {
		t.Errorf("invoices %q, want %q", got, want)
	}
}
