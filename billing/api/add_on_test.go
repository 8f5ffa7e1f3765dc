package api_test

import (
	"fmt"
	"testing"
)

// addOn creates an add-on of 1.00 with the code as its name, and returns its id.
func (s *server) addOn(t *testing.T, code string) string {
	t.Helper()
	return dig(t, s.must(t, "POST", "/add_ons", object{"add_on": object{
		"name": code, "code": code, "amount_cents": 100, "amount_currency": "USD",
	}}), "add_on", "lago_id").(string)
}

func TestAddOns(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.tax(t, "vat", "20")
	setup := s.must(t, "POST", "/add_ons", object{"add_on": object{
		"name": "Setup", "code": "setup", "amount_cents": 50_000, "amount_currency": "EUR", "tax_codes": []any{"vat"},
		"description": "Once", "invoice_display_name": "Setup fee",
	}})
	expect(t, setup, "20", "add_on", "taxes", 0, "rate")
	if shown := s.must(t, "GET", "/add_ons/setup", nil); fmt.Sprint(shown) != fmt.Sprint(setup) {
		t.Errorf("shown as %v, created as %v", shown, setup)
	}
	s.addOn(t, "seats")
	expect(t, s.must(t, "GET", "/add_ons", nil), "2", "meta", "total_count")

	changed := s.must(t, "PUT", "/add_ons/setup", object{"add_on": object{"amount_cents": 1, "description": nil}})
	expect(t, changed, "1", "add_on", "amount_cents")
	expect(t, changed, "<nil>", "add_on", "description")
	expect(t, changed, "EUR", "add_on", "amount_currency")
	expect(t, changed, "Setup fee", "add_on", "invoice_display_name")
	expect(t, changed, "vat", "add_on", "taxes", 0, "code")
	changed = s.must(t, "PUT", "/add_ons/setup", object{"add_on": object{"code": "start", "tax_codes": []any{}, "amount_currency": "USD"}})
	expect(t, changed, "[]", "add_on", "taxes")
	expect(t, changed, "USD", "add_on", "amount_currency")
	s.refused(t, "GET", "/add_ons/setup", nil, notFound("add_on_not_found"))
	expect(t, s.must(t, "DELETE", "/add_ons/start", nil), "start", "add_on", "code")
	s.refused(t, "DELETE", "/add_ons/start", nil, notFound("add_on_not_found"))
	expect(t, s.must(t, "GET", "/add_ons", nil), "1", "meta", "total_count")
	s.addOn(t, "start") // the code is free again
}

func TestBadAddOns(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	f := func(change object, fields ...string) {
		t.Helper()
		body := object{"name": "Bad", "code": "bad", "amount_cents": 1, "amount_currency": "USD"}
		for name, value := range change {
			body[name] = value
		}
		s.invalid(t, "POST", "/add_ons", object{"add_on": body}, fields...)
	}
	s.invalid(t, "POST", "/add_ons", object{"add_on": object{"description": "d"}}, "name: value_is_mandatory",
		"code: value_is_mandatory", "amount_cents: value_is_mandatory", "amount_currency: value_is_mandatory")
	f(object{"amount_cents": 0}, "amount_cents: value_is_out_of_range") // as in Lago
	f(object{"amount_cents": 1.5, "amount_currency": "DOGE"}, "amount_cents: value_is_invalid", "amount_currency: value_is_invalid")
	f(object{"tax_codes": "vat", "description": 1}, "tax_codes: value_is_invalid", "description: value_is_invalid")
	s.refused(t, "POST", "/add_ons", object{"add_on": object{
		"name": "Bad", "code": "bad", "amount_cents": 1, "amount_currency": "USD", "tax_codes": []any{"none"},
	}}, notFound("tax_not_found"))
	s.refused(t, "GET", "/add_ons/bad", nil, notFound("add_on_not_found"))
	s.addOn(t, "bad")
	f(nil, "code: value_already_exist")
	s.addOn(t, "good")
	s.invalid(t, "PUT", "/add_ons/good", object{"add_on": object{"code": "bad", "name": "x"}}, "code: value_already_exist")
	s.invalid(t, "PUT", "/add_ons/good", object{"add_on": object{"amount_cents": nil}}, "amount_cents: value_is_mandatory")
	s.refused(t, "PUT", "/add_ons/good", object{"add_on": object{"name": "x", "tax_codes": []any{"none"}}}, notFound("tax_not_found"))
	s.refused(t, "PUT", "/add_ons/none", object{"add_on": object{"name": "x"}}, notFound("add_on_not_found"))
	expect(t, s.must(t, "GET", "/add_ons/good", nil), "good", "add_on", "name")
	if a := s.send(t, s.other, "GET", "/api/v1/add_ons/good", nil); a.status != 404 {
		t.Errorf("another organization reads it: %s", a.raw)
	}
}
