package api_test

import "testing"

// TestCatalogObjects compares what plans are made of with its golden files.
func TestCatalogObjects(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	check := func(name, method, path string, body any) {
		t.Helper()
		a := s.send(t, s.mine, method, "/api/v1"+path, body)
		if a.status != 200 {
			t.Fatalf("%s %s: %d %s", method, path, a.status, a.raw)
		}
		golden(t, name, a.raw)
	}
	check("tax", "POST", "/taxes", object{"tax": object{
		"name": "VAT", "code": "vat", "rate": "19.5", "description": "Value added", "applied_to_organization": true,
	}})
	check("taxes", "GET", "/taxes", nil)
	check("add_on", "POST", "/add_ons", object{"add_on": object{
		"name": "Seats", "code": "seats", "amount_cents": 500, "amount_currency": "USD", "invoice_display_name": "Seat",
		"description": "By the piece", "tax_codes": []any{"vat"},
	}})
	check("add_ons", "GET", "/add_ons", nil)
	check("pricing_unit", "POST", "/pricing_units", object{"pricing_unit": object{"name": "Credits", "code": "credits", "short_name": "CR"}})
	check("pricing_units", "GET", "/pricing_units", nil)
	s.calls(t)
	check("plan_whole", "POST", "/plans", planWith("basic", object{
		"interval": "yearly", "bill_charges_monthly": true, "trial_period": 7.5, "tax_codes": []any{"vat"},
		"invoice_display_name": "Shown", "description": "Told", "metadata": object{"crm": "42", "owner": nil},
		"minimum_commitment": object{"amount_cents": 10_000, "invoice_display_name": "Least", "tax_codes": []any{"vat"}},
		"fixed_charges": []any{object{
			"add_on_code": "seats", "charge_model": "volume", "units": "2.5", "prorated": true, "tax_codes": []any{"vat"},
			"properties": object{"volume_ranges": tiersOf()},
		}},
	}))
	check("plan_charge", "POST", "/plans/basic/charges", chargeBody(object{
		"billable_metric_code": "calls", "charge_model": "standard", "min_amount_cents": 100, "tax_codes": []any{"vat"},
		"properties":           object{"amount": "0.10"},
		"applied_pricing_unit": object{"code": "credits", "conversion_rate": "0.5"},
		"filters": []any{object{
			"values": object{"region": []any{"eu"}}, "properties": object{"amount": "0.20"}, "invoice_display_name": "Europe",
		}},
	}))
	check("plan_charges", "GET", "/plans/basic/charges", nil)
	check("charge_filter", "POST", "/plans/basic/charges/calls/filters", filterBody(object{
		"values": object{"region": []any{"us"}, "tier": []any{"__ALL_FILTER_VALUES__"}}, "properties": object{"amount": "0.30"},
	}))
	check("charge_filters", "GET", "/plans/basic/charges/calls/filters", nil)
	check("plan_fixed_charge", "POST", "/plans/basic/fixed_charges", fixedBody(object{
		"add_on_code": "seats", "charge_model": "standard", "units": 3, "pay_in_advance": true, "properties": object{"amount": "5.00"},
	}))
	check("plan_fixed_charges", "GET", "/plans/basic/fixed_charges", nil)
	check("plan_metadata", "PATCH", "/plans/basic/metadata", object{"metadata": object{"crm": "43"}})
	check("customer_taxed", "POST", "/customers", object{"customer": object{"external_id": "acme", "tax_codes": []any{"vat"}}})
}
