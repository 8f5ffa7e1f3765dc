package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The boundaries of an invoice: what it covers, and where it covers nothing of a kind none the less two instants.
func TestBillingPeriods(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.clock(t, "2024-04-10T12:00:00Z")
	s.taxed(t)
	plan := planBody("basic", object{"billable_metric_id": s.calls(t), "charge_model": "standard", "properties": object{"amount": "1"}})
	inner := plan["plan"].(object)
	inner["pay_in_advance"] = true
	inner["fixed_charges"] = []any{object{
		"add_on_code": "seat", "charge_model": "standard", "units": 1, "pay_in_advance": true, "properties": object{"amount": "5"},
	}}
	s.must(t, "POST", "/plans", plan)
	yearly := planBody("yearly", object{"billable_metric_id": dig(t, s.must(t, "GET", "/billable_metrics/calls", nil), "billable_metric", "lago_id"), "charge_model": "standard"})
	yearly["plan"].(object)["interval"], yearly["plan"].(object)["bill_charges_monthly"] = "yearly", true
	s.must(t, "POST", "/plans", yearly)
	for _, customer := range []string{"acme", "globex"} {
		s.must(t, "POST", "/customers", object{"customer": object{"external_id": customer}})
	}
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-04-10T12:00:00Z"}))
	s.must(t, "POST", "/subscriptions", subscriptionBody("yearly", object{
		"external_customer_id": "globex", "plan_code": "yearly", "subscription_at": "2024-04-10T12:00:00Z",
	}))
	s.clock(t, "2024-05-15T12:00:00Z")
	s.must(t, "DELETE", "/subscriptions/sub?on_termination_credit_note=skip", nil)
	periods := func(customer string) []string {
		t.Helper()
		invoices := s.must(t, "GET", "/invoices?external_customer_id="+customer, nil)["invoices"].([]any)
		var lines []string
		for _, inv := range slices.Backward(invoices) { // the oldest first
			one := s.must(t, "GET", fmt.Sprint("/invoices/", dig(t, inv, "lago_id")), nil)
			period := dig(t, one, "invoice", "billing_periods", 0)
			line := fmt.Sprint(dig(t, period, "invoicing_reason"))
			for _, kind := range []string{"subscription", "charges", "fixed_charges"} {
				line += fmt.Sprint(" ", dig(t, period, kind+"_from_datetime"), " ", dig(t, period, kind+"_to_datetime"))
			}
			lines = append(lines, line)
		}
		return lines
	}
	want := []string{
		"subscription_starting 2024-04-10T00:00:00Z 2024-04-30T23:59:59Z 2024-04-10T00:00:00Z 2024-04-10T00:00:00Z 2024-04-10T00:00:00Z 2024-04-30T23:59:59Z",
		"subscription_periodic 2024-05-01T00:00:00Z 2024-05-31T23:59:59Z 2024-04-10T12:00:00Z 2024-04-30T23:59:59Z 2024-04-10T12:00:00Z 2024-04-30T23:59:59Z",
		"subscription_terminating 2024-05-01T00:00:00Z 2024-05-15T12:00:00Z 2024-05-01T00:00:00Z 2024-05-15T12:00:00Z 2024-05-01T00:00:00Z 2024-05-15T12:00:00Z",
	}
	if got := periods("acme"); !slices.Equal(got, want) {
		t.Errorf("acme:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// The base fee of the year is not due yet.
	want = []string{
		"subscription_periodic 2024-04-10T00:00:00Z 2024-12-31T23:59:59Z 2024-04-10T12:00:00Z 2024-04-30T23:59:59Z 2024-04-10T12:00:00Z 2024-04-10T12:00:00Z",
	}
	if got := periods("globex"); !slices.Equal(got, want) {
		t.Errorf("globex:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
