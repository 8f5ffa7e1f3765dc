package api_test

import "testing"

// A customer's own tax comes before the organization's, and a plan's before the customer's.
func TestTaxesOfUsageByTheirHierarchy(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.taxed(t)
	s.must(t, "POST", "/taxes", object{"tax": object{"name": "Ten", "code": "ten", "rate": 10}})
	s.must(t, "POST", "/taxes", object{"tax": object{"name": "One", "code": "one", "rate": 1}})
	s.usage.answer = cells{"calls": {{units: "1000", events: 1000}}}.answer
	s.subscribe(t, object{"billable_metric_id": s.calls(t), "charge_model": "standard", "properties": object{"amount": "0.01"}})
	taxes := func(want string) {
		t.Helper()
		usage := s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)
		expect(t, usage, want, "customer_usage", "taxes_amount_cents") // of 10.00
	}
	taxes("190")
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "tax_codes": []any{"low"}}})
	taxes("70")
	s.must(t, "PUT", "/plans/basic", object{"plan": object{"tax_codes": []any{"ten", "one"}}})
	taxes("110")
	s.must(t, "DELETE", "/taxes/one", nil)
	taxes("100")
	s.must(t, "PUT", "/plans/basic", object{"plan": object{"tax_codes": []any{}}})
	s.must(t, "DELETE", "/taxes/low", nil)
	taxes("190")
	s.must(t, "PUT", "/taxes/vat", object{"tax": object{"rate": 0.5}})
	taxes("5")
}

// Prorated units and weighted sums are by the days of the customer's whole period: March 2024 in Berlin begins
// on 29 February at 23:00 UTC and ends, by then an hour ahead, on 31 March at 22:00 UTC.
func TestUsageOfProratedUnitsNamesTheDays(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	seats := s.metric(t, object{"name": "Seats", "code": "seats", "aggregation_type": "sum_agg", "field_name": "n", "recurring": true})
	storage := s.metric(t, object{
		"name": "Storage", "code": "storage", "aggregation_type": "weighted_sum_agg", "field_name": "n", "weighted_interval": "seconds",
	})
	s.must(t, "POST", "/plans", planBody("basic",
		object{"billable_metric_id": seats, "charge_model": "standard", "prorated": true, "properties": object{"amount": "4"}},
		object{"billable_metric_id": s.tokens(t), "charge_model": "standard"},
		object{"billable_metric_id": storage, "charge_model": "standard"},
	))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "timezone": "Europe/Berlin"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-03-10T12:00:00Z"}))
	const asked = "/customers/acme/current_usage?external_subscription_id=sub"
	for _, narrow := range []string{"", "&charge_code=seats", "&charge_code=storage"} {
		s.must(t, "GET", asked+narrow, nil)
		days := s.usage.lastAsked(t).Days
		if len(days) != 32 {
			t.Fatalf("%d days were named, want the 31 of March and its end", len(days))
		}
		first, last := days[0].UTC().Format("01-02 15:04"), days[31].UTC().Format("01-02 15:04")
		if first != "02-29 23:00" || last != "03-31 22:00" {
			t.Errorf("days are from %s to %s", first, last)
		}
	}
	s.must(t, "GET", asked+"&charge_code=tokens", nil)
	if days := s.usage.lastAsked(t).Days; days != nil {
		t.Errorf("days were named for what is not prorated: %v", days)
	}
	// Of all time a weighted sum is over the time that there was.
	s.must(t, "GET", asked+"&full_usage=true&charge_code=storage", nil)
	if days := s.usage.lastAsked(t).Days; days != nil {
		t.Errorf("days of one period were named for all time: %v", days)
	}
	s.refused(t, "GET", asked+"&full_usage=true&charge_code=seats", nil,
		`{"status":405,"error":"Method Not Allowed","code":"full_usage_not_allowed"}`)
	s.must(t, "GET", asked+"&full_usage=true&charge_code=tokens", nil)
}
