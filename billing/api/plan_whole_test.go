package api_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// with returns a copy of planBody(code) whose plan has other members.
func planWith(code string, change object) object {
	body := planBody(code)
	maps.Copy(body["plan"].(object), change)
	return body
}

// Every interval is taken. Whether parts are billed monthly is only said of those that have
// several months, whatever was asked for.
func TestPlanIntervals(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for interval, want := range map[string][2]string{
		"weekly": {"<nil>", "<nil>"}, "monthly": {"<nil>", "<nil>"}, "quarterly": {"<nil>", "<nil>"},
		"semiannual": {"true", "false"}, "yearly": {"true", "false"},
	} {
		got := s.must(t, "POST", "/plans", planWith(interval, object{"interval": interval, "bill_charges_monthly": true}))
		expect(t, got, interval, "plan", "interval")
		expect(t, got, want[0], "plan", "bill_charges_monthly")
		expect(t, got, want[1], "plan", "bill_fixed_charges_monthly")
		if shown := s.must(t, "GET", "/plans/"+interval, nil); fmt.Sprint(shown) != fmt.Sprint(got) {
			t.Errorf("shown as %v, created as %v", shown, got)
		}
	}
	put := func(change object) object { return s.must(t, "PUT", "/plans/yearly", object{"plan": change}) }
	expect(t, put(object{"bill_fixed_charges_monthly": true}), "true", "plan", "bill_charges_monthly") // not said: kept
	expect(t, put(object{"bill_charges_monthly": nil}), "false", "plan", "bill_charges_monthly")
	expect(t, put(object{"interval": "monthly"}), "<nil>", "plan", "bill_fixed_charges_monthly")
	expect(t, put(object{"interval": "yearly"}), "false", "plan", "bill_fixed_charges_monthly") // forgotten meanwhile
}

func TestPlanParts(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.tax(t, "vat", "20")
	s.tax(t, "city", "2")
	s.must(t, "POST", "/plans", planWith("basic", object{
		"trial_period": 7.5, "tax_codes": []any{"vat", "city"}, "metadata": object{"crm": "42", "owner": nil},
		"minimum_commitment": object{"amount_cents": 10_000, "invoice_display_name": "Least", "tax_codes": []any{"city"}},
	}))
	before := s.must(t, "GET", "/plans/basic", nil)
	expect(t, before, "7.5", "plan", "trial_period")
	if codes := codesOf(t, before, "plan", "taxes"); codes != "vat city" {
		t.Errorf("taxes are %s", codes)
	}
	expect(t, before, "map[crm:42 owner:<nil>]", "plan", "metadata")
	expect(t, before, "10000", "plan", "minimum_commitment", "amount_cents")
	expect(t, before, "basic", "plan", "minimum_commitment", "plan_code")
	expect(t, before, "monthly", "plan", "minimum_commitment", "interval")
	expect(t, before, "city", "plan", "minimum_commitment", "taxes", 0, "code")

	put := func(change object) object { return s.must(t, "PUT", "/plans/basic", object{"plan": change}) }
	got := put(object{"name": "New", "cascade_updates": true, "tax_codes": nil, "minimum_commitment": nil})
	for _, part := range []string{"trial_period", "taxes", "metadata"} {
		if fmt.Sprint(dig(t, got, "plan", part)) != fmt.Sprint(dig(t, before, "plan", part)) {
			t.Errorf("%s was not said and became %v", part, dig(t, got, "plan", part))
		}
	}
	id := dig(t, before, "plan", "minimum_commitment", "lago_id")
	got = put(object{"minimum_commitment": object{"amount_cents": 5}})
	expect(t, got, fmt.Sprint(id), "plan", "minimum_commitment", "lago_id")
	expect(t, got, "5", "plan", "minimum_commitment", "amount_cents")
	expect(t, got, "Least", "plan", "minimum_commitment", "invoice_display_name")
	expect(t, got, "city", "plan", "minimum_commitment", "taxes", 0, "code")
	got = put(object{"minimum_commitment": object{}, "tax_codes": []any{"city"}, "trial_period": nil, "metadata": object{"a": "b"}})
	expect(t, got, "<nil>", "plan", "minimum_commitment")
	expect(t, got, "0", "plan", "trial_period")
	expect(t, got, "map[a:b]", "plan", "metadata") // replaced
	if codes := codesOf(t, got, "plan", "taxes"); codes != "city" {
		t.Errorf("taxes became %s", codes)
	}
	if codes := codesOf(t, put(object{"tax_codes": []any{}}), "plan", "taxes"); codes != "" {
		t.Errorf("taxes became %s", codes)
	}
	expect(t, put(object{"metadata": nil}), "<nil>", "plan", "metadata")
	s.refused(t, "PUT", "/plans/basic", object{"plan": object{"name": "X", "tax_codes": []any{"none"}}}, notFound("tax_not_found"))
	s.refused(t, "POST", "/plans", planWith("other", object{"minimum_commitment": object{"amount_cents": 1, "tax_codes": []any{"none"}}}), notFound("tax_not_found"))
	s.refused(t, "GET", "/plans/other", nil, notFound("plan_not_found"))
	expect(t, s.must(t, "GET", "/plans/basic", nil), "New", "plan", "name")
}

// What decides when a live subscription is billed stays what it is, whatever is said; the
// rest changes.
func TestPlanEditLock(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.tax(t, "vat", "20")
	seats := s.addOn(t, "seats")
	plan := s.must(t, "POST", "/plans", planWith("basic", object{
		"interval": "yearly", "trial_period": 3, "bill_charges_monthly": true,
		"fixed_charges": []any{object{"add_on_id": seats, "charge_model": "standard", "units": 5, "pay_in_advance": true, "properties": object{"amount": "1"}}},
	}))
	fixed := dig(t, plan, "plan", "fixed_charges", 0, "lago_id")
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", nil))
	got := s.must(t, "PUT", "/plans/basic", object{"plan": object{
		"interval": "monthly", "code": "other", "amount_currency": "EUR", "pay_in_advance": true, "trial_period": 30,
		"bill_charges_monthly": false, "bill_fixed_charges_monthly": true, "amount_cents": 7, "name": "New",
		"tax_codes": []any{"vat"}, "metadata": object{"a": "b"}, "minimum_commitment": object{"amount_cents": 9}, "cascade_updates": true,
		"fixed_charges": []any{object{
			"id": fixed, "charge_model": "volume", "pay_in_advance": false, "prorated": true, "units": "7",
			"properties": object{"amount": "2"}, "tax_codes": []any{"vat"},
		}},
	}})
	for member, want := range map[string]string{
		"interval": "yearly", "code": "basic", "amount_currency": "USD", "pay_in_advance": "false", "trial_period": "3",
		"bill_charges_monthly": "true", "bill_fixed_charges_monthly": "false", // stayed
		"amount_cents": "7", "name": "New", "metadata": "map[a:b]", // changed
	} {
		expect(t, got, want, "plan", member)
	}
	expect(t, got, "vat", "plan", "taxes", 0, "code")
	expect(t, got, "9", "plan", "minimum_commitment", "amount_cents")
	for member, want := range map[string]string{
		"lago_id": fmt.Sprint(fixed), "charge_model": "standard", "pay_in_advance": "true", "prorated": "false", // stayed
		"units": "7", "properties": "map[amount:2]", // changed
	} {
		expect(t, got, want, "plan", "fixed_charges", 0, member)
	}
	// More units at once, of what is paid in advance, would need an invoice at once.
	now := func(units any) object {
		return object{"plan": object{"fixed_charges": []any{object{"id": fixed, "units": units, "apply_units_immediately": true}}}}
	}
	s.invalid(t, "PUT", "/plans/basic", now(8), "fixed_charges.0.apply_units_immediately: not_supported_yet")
	expect(t, s.must(t, "PUT", "/plans/basic", now(7)), "7", "plan", "fixed_charges", 0, "units")
	expect(t, s.must(t, "PUT", "/plans/basic", now(6)), "6", "plan", "fixed_charges", 0, "units")
}

func TestPlanMetadata(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.must(t, "POST", "/plans", planBody("basic"))
	const path = "/plans/basic/metadata"
	say := func(method string, body any, want string) {
		t.Helper()
		got := s.must(t, method, path, body)
		expect(t, got, want, "metadata")
		expect(t, s.must(t, "GET", "/plans/basic", nil), want, "plan", "metadata")
	}
	notes := func(notes any) object { return object{"metadata": notes} }
	s.refused(t, "DELETE", path+"/a", nil, notFound("metadata_not_found"))
	say("POST", notes(object{"a": "1", "b": nil}), "map[a:1 b:<nil>]")
	say("POST", notes(object{"c": "3"}), "map[c:3]")
	say("PATCH", notes(object{"d": "4", "c": nil}), "map[c:<nil> d:4]")
	expect(t, s.must(t, "DELETE", path+"/c", nil), "map[d:4]", "metadata")
	expect(t, s.must(t, "DELETE", path+"/c", nil), "map[d:4]", "metadata") // gone already
	say("POST", notes(object{}), "map[]")
	say("DELETE", nil, "<nil>")
	say("PATCH", notes(object{"é/ x": "5"}), "map[é/ x:5]")
	expect(t, s.must(t, "DELETE", path+"/%C3%A9%2F%20x", nil), "map[]", "metadata")
	say("POST", notes(nil), "<nil>")

	s.must(t, "POST", path, notes(object{"kept": "1"}))
	f := func(body any, fields ...string) {
		t.Helper()
		s.invalid(t, "POST", path, notes(body), fields...)
		s.invalid(t, "PATCH", path, notes(body), fields...)
	}
	long := strings.Repeat("é", 101)
	f("x", "metadata: value_is_invalid")
	f(object{"n": 1, "o": object{}}, "metadata.n: value_is_invalid", "metadata.o: value_is_invalid")
	f(object{long: "x"}, "metadata."+long+": value_is_too_long")
	f(object{"v": strings.Repeat("é", 256)}, "metadata.v: value_is_too_long")
	f(object{" ": "x"}, "metadata. : value_is_invalid")
	many := object{}
	for i := range 50 {
		many[fmt.Sprint(i)] = "x"
	}
	s.invalid(t, "PATCH", path, notes(many), "metadata: invalid_count") // 51 with the one there is
	s.refused(t, "POST", path, object{"notes": object{}}, `{"status":400,"error":"BadRequest: param is missing or the value is empty: metadata"}`)
	s.refused(t, "POST", "/plans/none/metadata", notes(object{"a": "b"}), notFound("plan_not_found"))
	s.refused(t, "DELETE", "/plans/none/metadata", nil, notFound("plan_not_found"))
	s.refused(t, "DELETE", "/plans/none/metadata/a", nil, notFound("plan_not_found"))
	s.refused(t, "GET", path, nil, notFound("resource_not_found")) // as in Lago: the plan shows it
	expect(t, s.must(t, "GET", "/plans/basic", nil), "map[kept:1]", "plan", "metadata")
	s.must(t, "POST", path, notes(many))
}
