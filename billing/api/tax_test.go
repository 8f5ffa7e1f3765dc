package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// tax creates a tax with the code as its name.
func (s *server) tax(t *testing.T, code, rate string) {
	t.Helper()
	s.must(t, "POST", "/taxes", object{"tax": object{"name": code, "code": code, "rate": rate}})
}

// codesOf returns the codes of the taxes at a path.
func codesOf(t *testing.T, value any, path ...any) string {
	t.Helper()
	var codes []string
	for _, tax := range dig(t, value, path...).([]any) {
		codes = append(codes, fmt.Sprint(dig(t, tax, "code")))
	}
	return strings.Join(codes, " ")
}

func TestTaxes(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	vat := s.must(t, "POST", "/taxes", object{"tax": object{"name": "VAT", "code": "vat", "rate": "19.5", "applied_to_organization": true}})
	expect(t, vat, "19.5", "tax", "rate")
	city := s.must(t, "POST", "/taxes", object{"tax": object{"name": "City", "code": "city/1", "rate": 2, "description": "d"}})
	expect(t, city, "2", "tax", "rate") // a number in either case
	expect(t, city, "false", "tax", "applied_to_organization")
	if shown := s.must(t, "GET", "/taxes/vat", nil); fmt.Sprint(shown) != fmt.Sprint(vat) {
		t.Errorf("shown as %v, created as %v", shown, vat)
	}
	all := s.must(t, "GET", "/taxes?per_page=1", nil)
	expect(t, all, "2", "meta", "total_count")
	expect(t, all, "2", "meta", "total_pages")
	if n := len(dig(t, all, "taxes").([]any)); n != 1 {
		t.Errorf("%d taxes on a page of 1", n)
	}

	// What is not said stays.
	changed := s.must(t, "PUT", "/taxes/vat", object{"tax": object{"rate": "20"}})
	expect(t, changed, "20", "tax", "rate")
	expect(t, changed, "VAT", "tax", "name")
	expect(t, changed, "true", "tax", "applied_to_organization")
	changed = s.must(t, "PATCH", "/taxes/vat", object{"tax": object{"code": "ust", "applied_to_organization": false}})
	expect(t, changed, "ust", "tax", "code")
	expect(t, changed, "20", "tax", "rate")
	s.refused(t, "GET", "/taxes/vat", nil, notFound("tax_not_found"))
	expect(t, s.must(t, "DELETE", "/taxes/ust", nil), "ust", "tax", "code")
	s.refused(t, "GET", "/taxes/ust", nil, notFound("tax_not_found"))
	s.refused(t, "DELETE", "/taxes/ust", nil, notFound("tax_not_found"))
	expect(t, s.must(t, "GET", "/taxes", nil), "1", "meta", "total_count")
	s.tax(t, "ust", "7") // the code is free again
}

func TestBadTaxes(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	f := func(change object, fields ...string) {
		t.Helper()
		body := object{"name": "Bad", "code": "bad", "rate": "1"}
		for name, value := range change {
			body[name] = value
		}
		s.invalid(t, "POST", "/taxes", object{"tax": body}, fields...)
	}
	s.invalid(t, "POST", "/taxes", object{"tax": object{"description": "d"}},
		"name: value_is_mandatory", "code: value_is_mandatory", "rate: value_is_mandatory")
	f(object{"name": " ", "code": nil, "rate": nil}, "name: value_is_mandatory", "code: value_is_mandatory", "rate: value_is_mandatory")
	f(object{"name": 1, "code": strings.Repeat("c", 256)}, "name: value_is_invalid", "code: value_is_too_long")
	f(object{"rate": "a lot"}, "rate: value_is_invalid")
	f(object{"rate": "1e2"}, "rate: value_is_invalid")
	f(object{"rate": []any{}}, "rate: value_is_invalid")
	f(object{"rate": -1}, "rate: value_is_out_of_range")
	f(object{"rate": "1000.01"}, "rate: value_is_out_of_range")
	f(object{"rate": "0.12345678901"}, "rate: value_is_out_of_range")
	f(object{"applied_to_organization": "maybe"}, "applied_to_organization: value_is_invalid")
	s.refused(t, "POST", "/taxes", `{"tax":{}}`, `{"status":400,"error":"BadRequest: param is missing or the value is empty: tax"}`)
	s.tax(t, "bad", "1")
	f(nil, "code: value_already_exist")
	s.tax(t, "good", "0") // a rate of 0 is one
	s.invalid(t, "PUT", "/taxes/good", object{"tax": object{"code": "bad"}}, "code: value_already_exist")
	s.invalid(t, "PUT", "/taxes/good", object{"tax": object{"rate": nil, "name": ""}}, "rate: value_is_mandatory", "name: value_is_mandatory")
	s.refused(t, "PUT", "/taxes/none", object{"tax": object{"rate": 1}}, notFound("tax_not_found"))
	expect(t, s.must(t, "GET", "/taxes", nil), "2", "meta", "total_count")
	expect(t, s.must(t, "GET", "/taxes/good", nil), "0", "tax", "rate")
	if a := s.send(t, s.other, "GET", "/api/v1/taxes/good", nil); a.status != 404 {
		t.Errorf("another organization reads it: %s", a.raw)
	}
}

// A tax is named by its code wherever it holds, and taken off all of it when it is deleted.
func TestTaxesOfThings(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.tax(t, "vat", "20")
	s.tax(t, "city", "2")
	customer := func(body object) object {
		body["external_id"] = "acme"
		return s.must(t, "POST", "/customers", object{"customer": body})
	}
	got := customer(object{"tax_codes": []any{"vat", "city", "vat"}})
	if codes := codesOf(t, got, "customer", "taxes"); codes != "vat city" {
		t.Errorf("the customer's taxes are %s", codes)
	}
	expect(t, got, "20", "customer", "taxes", 0, "rate")
	if codes := codesOf(t, customer(object{"name": "Acme", "tax_codes": nil}), "customer", "taxes"); codes != "vat city" {
		t.Errorf("what was not said changed: %s", codes)
	}
	if codes := codesOf(t, customer(object{"tax_codes": []any{"city"}}), "customer", "taxes"); codes != "city" {
		t.Errorf("replaced by %s", codes)
	}
	if codes := codesOf(t, s.must(t, "GET", "/customers/acme", nil), "customer", "taxes"); codes != "city" {
		t.Errorf("shown as %s", codes)
	}
	if codes := codesOf(t, s.must(t, "GET", "/customers", nil), "customers", 0, "taxes"); codes != "city" {
		t.Errorf("listed as %s", codes)
	}
	s.refused(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "name": "X", "tax_codes": []any{"vat", "none"}}},
		notFound("tax_not_found"))
	expect(t, s.must(t, "GET", "/customers/acme", nil), "Acme", "customer", "name")

	s.must(t, "POST", "/add_ons", object{"add_on": object{
		"name": "Setup", "code": "setup", "amount_cents": 100, "amount_currency": "USD", "tax_codes": []any{"city"},
	}})
	s.must(t, "DELETE", "/taxes/city", nil)
	for path, wrapper := range map[string]string{"/customers/acme": "customer", "/add_ons/setup": "add_on"} {
		if codes := codesOf(t, s.must(t, "GET", path, nil), wrapper, "taxes"); codes != "" {
			t.Errorf("%s still has %s", path, codes)
		}
	}
}

// What belongs to another organization can't be named by anything of mine, nor be changed.
func TestTenantsOfTheCatalog(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.tax(t, "vat", "20")
	seats := s.addOn(t, "seats")
	s.must(t, "POST", "/pricing_units", object{"pricing_unit": object{"name": "Credits", "code": "credits", "short_name": "CR"}})
	f := func(method, path string, body any, code string) {
		t.Helper()
		a := s.send(t, s.other, method, "/api/v1"+path, body)
		if a.status != 404 || a.body["code"] != code {
			t.Errorf("%s %s: got %d %s, want %s", method, path, a.status, a.raw, code)
		}
	}
	fixed := object{"add_on_id": seats, "charge_model": "standard"}
	f("POST", "/plans", planWith("theirs", object{"tax_codes": []any{"vat"}}), "tax_not_found")
	f("POST", "/plans", planWith("theirs", object{"fixed_charges": []any{fixed}}), "add_on_not_found")
	f("POST", "/customers", object{"customer": object{"external_id": "theirs", "tax_codes": []any{"vat"}}}, "tax_not_found")
	f("GET", "/customers/theirs", nil, "customer_not_found")
	f("GET", "/plans/theirs", nil, "plan_not_found")
	for path, code := range map[string]string{
		"/taxes/vat": "tax_not_found", "/add_ons/seats": "add_on_not_found", "/pricing_units/credits": "pricing_unit_not_found",
	} {
		f("GET", path, nil, code)
		f("DELETE", path, nil, code)
		for _, wrapper := range []string{"tax", "add_on", "pricing_unit"} {
			if code == wrapper+"_not_found" {
				f("PUT", path, object{wrapper: object{"name": "Taken over"}}, code)
			}
		}
		s.must(t, "GET", path, nil)
	}
	for _, list := range []string{"taxes", "add_ons", "pricing_units"} {
		expect(t, s.send(t, s.other, "GET", "/api/v1/"+list, nil).body, "0", "meta", "total_count")
	}
}
