package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"
)

// fixedBody is a fixed charge of its own route.
func fixedBody(change object) object { return object{"fixed_charge": change} }

// tiersOf are two tiers of a graduated or volume price.
func tiersOf() []any {
	return []any{
		object{"from_value": 0, "to_value": 10, "per_unit_amount": "2", "flat_amount": "0"},
		object{"from_value": 11, "to_value": nil, "per_unit_amount": "1", "flat_amount": "5"},
	}
}

func TestPlanFixedCharges(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.tax(t, "vat", "20")
	seats, setup := s.addOn(t, "seats"), s.addOn(t, "setup")
	plan := s.must(t, "POST", "/plans", planWith("basic", object{"fixed_charges": []any{
		object{"add_on_id": seats, "charge_model": "graduated", "units": json.RawMessage("2.5"), "properties": object{"graduated_ranges": tiersOf()}, "prorated": true},
		object{"add_on_code": "setup", "charge_model": "standard", "pay_in_advance": true, "tax_codes": []any{"vat"}},
	}}))
	expect(t, plan, "seats", "plan", "fixed_charges", 0, "code") // the add-on's
	expect(t, plan, "2.5", "plan", "fixed_charges", 0, "units")
	expect(t, plan, "true", "plan", "fixed_charges", 0, "prorated")
	expect(t, plan, setup, "plan", "fixed_charges", 1, "lago_add_on_id")
	expect(t, plan, "0", "plan", "fixed_charges", 1, "units")                  // what is not said
	expect(t, plan, "map[amount:0]", "plan", "fixed_charges", 1, "properties") // and costs nothing
	expect(t, plan, "vat", "plan", "fixed_charges", 1, "taxes", 0, "code")
	if shown := s.must(t, "GET", "/plans/basic", nil); fmt.Sprint(shown) != fmt.Sprint(plan) {
		t.Errorf("shown as %v, created as %v", shown, plan)
	}

	const list = "/plans/basic/fixed_charges"
	made := s.must(t, "POST", list, fixedBody(object{
		"add_on_code": "seats", "charge_model": "volume", "units": "3.1", "properties": object{"volume_ranges": tiersOf()}, "cascade_updates": true,
	}))
	expect(t, made, "seats_2", "fixed_charge", "code")
	expect(t, made, "3.1", "fixed_charge", "units")
	if shown := s.must(t, "GET", list+"/seats_2", nil); fmt.Sprint(shown) != fmt.Sprint(made) {
		t.Errorf("shown as %v, made as %v", shown, made)
	}
	all := s.must(t, "GET", list+"?page=2&per_page=2", nil)
	expect(t, all, "3", "meta", "total_count")
	expect(t, all, "seats_2", "fixed_charges", 0, "code")

	// What is not said stays. When it is paid and whether it is prorated always do.
	got := s.must(t, "PUT", list+"/seats_2", fixedBody(object{"units": 4, "code": "more/seats?", "pay_in_advance": true, "prorated": true, "apply_units_immediately": true}))
	expect(t, got, "4", "fixed_charge", "units")
	expect(t, got, "volume", "fixed_charge", "charge_model")
	expect(t, got, "false", "fixed_charge", "pay_in_advance")
	expect(t, got, "false", "fixed_charge", "prorated")
	got = s.must(t, "PUT", list+"/"+url.PathEscape("more/seats?"), fixedBody(object{
		"charge_model": "standard", "properties": object{"amount": "7"}, "invoice_display_name": "Seats", "add_on_code": "seats", "code": "more",
	}))
	expect(t, got, "map[amount:7]", "fixed_charge", "properties")
	expect(t, got, "4", "fixed_charge", "units")
	expect(t, s.must(t, "DELETE", list+"/more", fixedBody(object{"cascade_updates": true})), "Seats", "fixed_charge", "invoice_display_name")
	s.refused(t, "GET", list+"/more", nil, notFound("fixed_charge_not_found"))

	// In an array they are all there are: one that stays, and a new one.
	ids := []any{dig(t, plan, "plan", "fixed_charges", 0, "lago_id"), dig(t, plan, "plan", "fixed_charges", 1, "lago_id")}
	put := func(charges ...any) object {
		t.Helper()
		return s.must(t, "PUT", "/plans/basic", object{"plan": object{"fixed_charges": charges}})
	}
	got = put(object{"add_on_id": setup, "charge_model": "standard", "code": "new"}, object{"id": ids[0], "units": 9})
	expect(t, got, "new", "plan", "fixed_charges", 0, "code")
	expect(t, got, fmt.Sprint(ids[0]), "plan", "fixed_charges", 1, "lago_id")
	expect(t, got, "9", "plan", "fixed_charges", 1, "units")
	expect(t, got, "graduated", "plan", "fixed_charges", 1, "charge_model")
	if n := len(dig(t, got, "plan", "fixed_charges").([]any)); n != 2 {
		t.Errorf("%d fixed charges, want 2", n)
	}
	got = s.must(t, "PUT", "/plans/basic", object{"plan": object{"name": "New", "fixed_charges": nil}})
	expect(t, got, "9", "plan", "fixed_charges", 1, "units") // nothing was said

	// An add-on takes them along.
	s.must(t, "DELETE", "/add_ons/setup", nil)
	expect(t, s.must(t, "GET", list, nil), "1", "meta", "total_count")
	expect(t, put([]any{}...), "[]", "plan", "fixed_charges")
}

// Units are kept as they were set, one after the other; the plan's metadata and its other
// parts leave them alone.
func TestFixedChargeUnitsAreRemembered(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	seats := s.addOn(t, "seats")
	s.must(t, "POST", "/plans", planWith("basic", object{"fixed_charges": []any{
		object{"add_on_id": seats, "charge_model": "standard", "units": 2, "properties": object{"amount": "1"}},
	}}))
	const path = "/plans/basic/fixed_charges/seats"
	s.must(t, "PUT", path, fixedBody(object{"units": 5}))
	s.must(t, "PUT", path, fixedBody(object{"invoice_display_name": "x"}))
	s.must(t, "PUT", path, fixedBody(object{"units": 3, "apply_units_immediately": true}))
	s.must(t, "POST", "/plans/basic/metadata", object{"metadata": object{"a": "b"}})
	plan, err := s.db.Plan(t.Context(), s.mine.organization.ID, "basic")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, set := range plan.FixedCharges[0].History {
		got = append(got, fmt.Sprint(set.Units, set.Immediately))
	}
	if len(got) != 3 || !slices.Equal(got[1:], []string{"5 false", "3 true"}) || got[0][:1] != "2" {
		t.Errorf("units were set as %v, want 2, then 5 for the next period, then 3 at once", got)
	}
}

func TestBadFixedCharges(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	seats, setup := s.addOn(t, "seats"), s.addOn(t, "setup")
	s.must(t, "POST", "/plans", planWith("basic", object{"fixed_charges": []any{
		object{"add_on_id": seats, "charge_model": "standard", "units": 1, "properties": object{"amount": "1"}},
		object{"add_on_id": setup, "charge_model": "standard", "units": 1, "properties": object{"amount": "1"}},
	}}))
	before := s.must(t, "GET", "/plans/basic", nil)
	const list, one = "/plans/basic/fixed_charges", "/plans/basic/fixed_charges/seats"

	// The same is refused in an array, where its place is named, and by itself.
	post := func(change object, fields ...string) {
		t.Helper()
		body := object{"add_on_id": seats, "charge_model": "standard", "units": 1, "properties": object{"amount": "1"}}
		maps.Copy(body, change)
		s.invalid(t, "POST", list, fixedBody(body), fields...)
		placed := make([]string, len(fields))
		for i, field := range fields {
			placed[i] = "fixed_charges.0." + field
		}
		s.invalid(t, "POST", "/plans", planWith("bad", object{"fixed_charges": []any{body}}), placed...)
		s.invalid(t, "PUT", "/plans/basic", object{"plan": object{"fixed_charges": []any{body}}}, placed...)
	}
	post(object{"add_on_id": nil, "charge_model": nil}, "add_on_id: value_is_mandatory", "charge_model: value_is_mandatory")
	post(object{"add_on_id": "seats"}, "add_on_id: value_is_invalid")
	post(object{"add_on_id": nil, "add_on_code": 7}, "add_on_code: value_is_invalid")
	post(object{"units": -1}, "units: value_is_out_of_range")
	post(object{"units": "1000000000000.1"}, "units: value_is_out_of_range")
	post(object{"units": "0.00000000001"}, "units: value_is_out_of_range")
	post(object{"units": "many"}, "units: value_is_invalid")
	post(object{"units": object{}}, "units: value_is_invalid")
	post(object{"charge_model": "package"}, "charge_model: value_is_invalid")
	post(object{"charge_model": "dynamic", "properties": object{}}, "charge_model: value_is_invalid")
	post(object{"pay_in_advance": "maybe", "prorated": 1, "apply_units_immediately": "x"},
		"pay_in_advance: value_is_invalid", "prorated: value_is_invalid", "apply_units_immediately: value_is_invalid")
	post(object{"charge_model": "volume", "pay_in_advance": true, "properties": object{"volume_ranges": tiersOf()}}, "pay_in_advance: invalid_charge_model")
	post(object{"charge_model": "graduated", "pay_in_advance": true, "prorated": true, "properties": object{"graduated_ranges": tiersOf()}},
		"prorated: invalid_charge_model")
	post(object{"properties": object{"amount": 1}}, "properties.amount: invalid_amount")
	post(object{"properties": object{}}, "properties.amount: invalid_amount")
	post(object{"charge_model": "graduated", "properties": object{}}, "properties.graduated_ranges: missing_graduated_ranges")
	post(object{"charge_model": "graduated", "properties": object{"graduated_ranges": tiersOf()[1:]}}, "properties: invalid_graduated_ranges")
	post(object{"charge_model": "volume", "properties": object{"volume_ranges": tiersOf()[:1]}}, "properties: invalid_volume_ranges")
	post(object{"tax_codes": "vat", "code": 1, "invoice_display_name": 1},
		"tax_codes: value_is_invalid", "code: value_is_invalid", "invoice_display_name: value_is_invalid")
	s.invalid(t, "POST", list, fixedBody(object{"add_on_id": seats, "charge_model": "standard", "code": "setup"}), "code: value_already_exist")
	same := object{"add_on_id": seats, "charge_model": "standard", "code": "same"}
	s.invalid(t, "POST", "/plans", planWith("bad", object{"fixed_charges": []any{same, same}}), "fixed_charges.1.code: value_already_exist")
	s.invalid(t, "POST", "/plans", planWith("bad", object{"fixed_charges": "x"}), "fixed_charges: value_is_invalid")

	missing := func(change object, code string) {
		t.Helper()
		body := object{"charge_model": "standard", "units": 1}
		maps.Copy(body, change)
		s.refused(t, "POST", list, fixedBody(body), notFound(code))
		s.refused(t, "POST", "/plans", planWith("bad", object{"fixed_charges": []any{body}}), notFound(code))
		s.refused(t, "PUT", "/plans/basic", object{"plan": object{"name": "x", "fixed_charges": []any{body}}}, notFound(code))
	}
	missing(object{"add_on_id": newUUID()}, "add_on_not_found")
	missing(object{"add_on_code": "none"}, "add_on_not_found")
	missing(object{"add_on_id": seats, "tax_codes": []any{"none"}}, "tax_not_found")

	put := func(change object, fields ...string) {
		t.Helper()
		s.invalid(t, "PUT", one, fixedBody(change), fields...)
		change["id"] = dig(t, before, "plan", "fixed_charges", 0, "lago_id")
		placed := make([]string, len(fields))
		for i, field := range fields {
			placed[i] = "fixed_charges.0." + field
		}
		setup := object{"id": dig(t, before, "plan", "fixed_charges", 1, "lago_id")}
		if fields[0] != "code: value_already_exist" { // in an array it is the later one's fault
			s.invalid(t, "PUT", "/plans/basic", object{"plan": object{"fixed_charges": []any{change, setup}}}, placed...)
		}
	}
	put(object{"add_on_id": setup}, "add_on_id: value_is_invalid") // the add-on stays
	put(object{"add_on_code": "setup"}, "add_on_code: value_is_invalid")
	put(object{"units": -1, "charge_model": nil}, "units: value_is_out_of_range", "charge_model: value_is_mandatory")
	put(object{"charge_model": "volume", "properties": object{}}, "properties.volume_ranges: missing_volume_ranges")
	put(object{"code": "setup"}, "code: value_already_exist")
	s.invalid(t, "PUT", "/plans/basic", object{"plan": object{"fixed_charges": []any{object{"id": newUUID()}}}}, "fixed_charges.0.id: value_is_invalid")
	s.refused(t, "PUT", list+"/none", fixedBody(object{"units": 1}), notFound("fixed_charge_not_found"))
	s.refused(t, "PUT", "/plans/none/fixed_charges/seats", fixedBody(object{"units": 1}), notFound("plan_not_found"))
	s.refused(t, "POST", "/plans/none/fixed_charges", fixedBody(object{"add_on_id": seats, "charge_model": "standard"}), notFound("plan_not_found"))
	for _, method := range []string{"GET", "DELETE"} {
		s.refused(t, method, list+"/none", nil, notFound("fixed_charge_not_found"))
		s.refused(t, method, "/plans/none/fixed_charges/seats", nil, notFound("plan_not_found"))
	}
	s.refused(t, "GET", "/plans/none/fixed_charges", nil, notFound("plan_not_found"))
	s.refused(t, "GET", "/plans/bad", nil, notFound("plan_not_found"))
	if after := s.must(t, "GET", "/plans/basic", nil); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("refused changes left %v, before %v", after, before)
	}
}
