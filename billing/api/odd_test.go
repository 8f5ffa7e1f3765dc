package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// odd are JSON texts that stand where something else is expected.
var odd = []string{
	`null`, `true`, `0`, `-1`, `0.5`, `1e400`, `99999999999999999999999999`, `""`, `" "`, `"x"`, `"-1"`, `"NaN"`, `"1e5"`,
	`"9999-12-31T23:59:59Z"`, `"2024-02-30"`, `"\u0000"`, `"\ud83d\ude00"`, `"'; DROP TABLE plans; --"`,
	`[]`, `[null]`, `[[]]`, `[{}]`, `["x","x"]`, `{}`, `{"x":null}`, `{"":{}}`, `"` + strings.Repeat("a", 300) + `"`,
}

// Whatever stands at whatever place of a request, it is taken or refused; nothing
// of it is a fault of ours.
func TestOddValuesAreNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls, tokens := s.calls(t), s.tokens(t)
	s.subscribe(t)
	charges := chargesOf(calls, tokens)
	charges[0].(object)["filters"] = []any{object{
		"values": object{"region": []any{"eu"}}, "properties": object{"amount": "2", "pricing_group_keys": []any{"tier"}},
		"invoice_display_name": "Europe",
	}}
	for path, body := range map[string]object{
		"/billable_metrics": {"billable_metric": object{
			"name": "M", "code": "m", "description": "d", "aggregation_type": "sum_agg", "field_name": "n", "rounding_function": "round",
			"rounding_precision": 2, "recurring": false, "expression": "", "weighted_interval": nil,
			"filters": []any{object{"key": "k", "values": []any{"a", "b"}}},
		}},
		"/plans": planBody("odd", charges...),
		"/customers": {"customer": object{
			"external_id": "odd", "name": "N", "email": "a@b.test", "country": "DE", "currency": "USD", "timezone": "UTC", "net_payment_term": 3,
			"shipping_address": object{"city": "B"}, "billing_configuration": object{"invoice_grace_period": 0},
			"metadata": []any{object{"id": nil, "key": "k", "value": "v", "display_in_invoice": true}},
		}},
		"/subscriptions": subscriptionBody("odd", object{"name": "N", "ending_at": "2025-01-01T00:00:00Z", "plan_overrides": nil}),
	} {
		s.sendOdd(t, "POST", path, body)
	}
	for _, path := range []string{"/plans", "/invoices", "/fees", "/subscriptions", "/customers", "/billable_metrics"} {
		for _, query := range []string{
			"?page=-1", "?page=99999999999999999999", "?per_page=x", "?page=1000000&per_page=1000", "?status=%00", "?status[]=x", "?currency=%FF",
			"?external_customer_id=" + strings.Repeat("a", 300), "?amount_from=1e9", "?issuing_date_from=2024-02-30", "?fee_type=x&currency=x",
			"?a=b;c=d", "?%zz",
		} {
			a := s.send(t, s.mine, "GET", "/api/v1"+path+query, nil)
			if a.status != 200 && a.status != 422 {
				t.Errorf("GET %s%s: %d %s\n%s", path, query, a.status, a.raw, s.log.take())
			}
		}
	}
}

// sendOdd sends the body with each odd value at each of its places.
func (s *server) sendOdd(t *testing.T, method, path string, body object) {
	t.Helper()
	var requests int
	for _, change := range changes(t, body) {
		a := s.send(t, s.mine, method, "/api/v1"+path, change)
		if a.status >= 500 || (a.status != 200 && a.status != 400 && a.status != 404 && a.status != 422) {
			t.Errorf("%s %s %s: %d %s\n%s", method, path, change, a.status, a.raw, s.log.take())
		}
		requests++
	}
	if requests < 100 {
		t.Errorf("%s %s: only %d requests were made", method, path, requests)
	}
}

// The same of what plans are made of.
func TestOddCatalogValuesAreNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	s.tax(t, "vat", "20")
	seats := s.addOn(t, "seats")
	charge := object{
		"billable_metric_id": calls, "billable_metric_code": nil, "code": "calls", "charge_model": "standard", "properties": object{"amount": "1"},
		"prorated": false, "min_amount_cents": 5, "tax_codes": []any{"vat"}, "applied_pricing_unit": nil, "cascade_updates": true,
	}
	fixed := object{
		"add_on_id": seats, "add_on_code": nil, "code": "seats", "charge_model": "volume", "units": "1.5", "pay_in_advance": false, "prorated": true,
		"apply_units_immediately": true, "tax_codes": []any{"vat"}, "properties": object{"volume_ranges": tiersOf()},
	}
	s.must(t, "POST", "/plans", planWith("basic", object{"charges": []any{charge}, "fixed_charges": []any{fixed}}))
	filter := object{"values": object{"region": []any{"eu"}}, "properties": object{"amount": "2"}, "invoice_display_name": "Europe"}
	s.sendOdd(t, "POST", "/taxes", object{"tax": object{
		"name": "Odd", "code": "odd", "rate": "1", "description": "d", "applied_to_organization": true,
	}})
	s.sendOdd(t, "POST", "/add_ons", object{"add_on": object{
		"name": "Odd", "code": "odd", "amount_cents": 5, "amount_currency": "USD", "description": "d", "tax_codes": []any{"vat"},
	}})
	s.sendOdd(t, "POST", "/pricing_units", object{"pricing_unit": object{"name": "Odd", "code": "odd", "short_name": "O", "description": "d"}})
	s.sendOdd(t, "PUT", "/plans/basic", object{"plan": object{
		"interval": "yearly", "bill_charges_monthly": true, "trial_period": 1.5, "tax_codes": []any{"vat"}, "metadata": object{"a": "b"},
		"minimum_commitment": object{"amount_cents": 5, "tax_codes": []any{"vat"}}, "fixed_charges": []any{fixed},
	}})
	s.must(t, "PUT", "/plans/basic", object{"plan": object{"charges": []any{charge}, "fixed_charges": []any{fixed}}})
	id := dig(t, s.must(t, "POST", "/plans/basic/charges/calls/filters", filterBody(filter)), "filter", "lago_id").(string)
	delete(charge, "code") // they are found by it
	delete(fixed, "code")
	s.sendOdd(t, "PUT", "/plans/basic/charges/calls", chargeBody(charge))
	s.sendOdd(t, "PUT", "/plans/basic/charges/calls/filters/"+id, filterBody(filter))
	s.sendOdd(t, "PUT", "/plans/basic/fixed_charges/seats", fixedBody(fixed))
	s.sendOdd(t, "PATCH", "/plans/basic/metadata", object{"metadata": object{"a": "b", "c": nil, "d": "e", "f": "g"}})
	s.must(t, "GET", "/plans/basic/charges/calls/filters/"+id, nil) // all of it was asked of what is there
	s.must(t, "GET", "/plans/basic/fixed_charges/seats", nil)
}

// changes returns the body once for each odd value at each of its places.
func changes(t *testing.T, body object) []string {
	t.Helper()
	var bodies []string
	var visit func(value any, set func(any))
	visit = func(value any, set func(any)) {
		for _, text := range odd {
			set(json.RawMessage(text))
			changed, err := json.Marshal(body)
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", text, err))
			}
			bodies = append(bodies, string(changed))
		}
		set(value)
		switch value := value.(type) {
		case object:
			for _, name := range slices.Sorted(maps.Keys(value)) {
				visit(value[name], func(v any) { value[name] = v })
			}
		case []any:
			for i := range value {
				visit(value[i], func(v any) { value[i] = v })
			}
		}
	}
	for _, wrapper := range slices.Sorted(maps.Keys(body)) {
		visit(body[wrapper], func(v any) { body[wrapper] = v })
	}
	return bodies
}
