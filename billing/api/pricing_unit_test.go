package api_test

import (
	"fmt"
	"testing"
)

func TestPricingUnits(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	credits := s.must(t, "POST", "/pricing_units", object{"pricing_unit": object{"name": "Credits", "code": "credits", "short_name": "CR"}})
	expect(t, credits, "<nil>", "pricing_unit", "description")
	if shown := s.must(t, "GET", "/pricing_units/credits", nil); fmt.Sprint(shown) != fmt.Sprint(credits) {
		t.Errorf("shown as %v, created as %v", shown, credits)
	}
	s.must(t, "POST", "/pricing_units", object{"pricing_unit": object{"name": "Tokens", "code": "tokens", "short_name": "ŧŧŧ"}})
	expect(t, s.must(t, "GET", "/pricing_units", nil), "2", "meta", "total_count")
	changed := s.must(t, "PUT", "/pricing_units/credits", object{"pricing_unit": object{"short_name": "C", "description": "d"}})
	expect(t, changed, "C", "pricing_unit", "short_name")
	expect(t, changed, "d", "pricing_unit", "description")
	expect(t, changed, "Credits", "pricing_unit", "name")

	// One that a charge is priced in stays.
	s.must(t, "POST", "/plans", planBody("basic", object{
		"billable_metric_id": s.calls(t), "charge_model": "standard", "applied_pricing_unit": object{"code": "credits", "conversion_rate": "0.5"},
	}))
	s.refused(t, "DELETE", "/pricing_units/credits", nil, `{"status":405,"error":"Method Not Allowed","code":"attached_to_plan_or_subscription"}`)
	s.must(t, "DELETE", "/plans/basic/charges/calls", nil)
	expect(t, s.must(t, "DELETE", "/pricing_units/credits", nil), "credits", "pricing_unit", "code")
	s.refused(t, "GET", "/pricing_units/credits", nil, notFound("pricing_unit_not_found"))
	s.refused(t, "DELETE", "/pricing_units/credits", nil, notFound("pricing_unit_not_found"))
}

func TestBadPricingUnits(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	f := func(change object, fields ...string) {
		t.Helper()
		body := object{"name": "Bad", "code": "bad", "short_name": "B"}
		for name, value := range change {
			body[name] = value
		}
		s.invalid(t, "POST", "/pricing_units", object{"pricing_unit": body}, fields...)
	}
	s.invalid(t, "POST", "/pricing_units", object{"pricing_unit": object{"description": "d"}},
		"name: value_is_mandatory", "code: value_is_mandatory", "short_name: value_is_mandatory")
	f(object{"short_name": "four"}, "short_name: value_is_too_long")
	f(object{"short_name": 1, "name": " "}, "short_name: value_is_invalid", "name: value_is_mandatory")
	s.must(t, "POST", "/pricing_units", object{"pricing_unit": object{"name": "Bad", "code": "bad", "short_name": "B"}})
	f(nil, "code: value_already_exist")
	s.invalid(t, "PUT", "/pricing_units/bad", object{"pricing_unit": object{"short_name": "four", "name": "x"}}, "short_name: value_is_too_long")
	s.refused(t, "PUT", "/pricing_units/none", object{"pricing_unit": object{"name": "x"}}, notFound("pricing_unit_not_found"))
	expect(t, s.must(t, "GET", "/pricing_units/bad", nil), "Bad", "pricing_unit", "name")
	if a := s.send(t, s.other, "GET", "/api/v1/pricing_units/bad", nil); a.status != 404 {
		t.Errorf("another organization reads it: %s", a.raw)
	}
}
