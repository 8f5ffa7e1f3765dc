package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kinds are the forms of a member in Lago's specification.
var kinds = map[string]func(v any) bool{
	"uuid": textLike(uuids.String()),
	"ts":   textLike(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`),
	"dec":  textLike(`\d+(\.\d+)?`), // a decimal as text
	"str":  textLike(`(?s).*`),
	"int":  numberLike(`-?\d+`),
	"num":  numberLike(`-?\d+(\.\d+)?`),
	"bool": func(v any) bool { _, ok := v.(bool); return ok },
	"list": func(v any) bool { _, ok := v.([]any); return ok },
	"obj":  func(v any) bool { _, ok := v.(object); return ok },
}

func textLike(pattern string) func(any) bool {
	whole := regexp.MustCompile("^(?:" + pattern + ")$")
	return func(v any) bool { s, ok := v.(string); return ok && whole.MatchString(s) }
}

func numberLike(pattern string) func(any) bool {
	whole := regexp.MustCompile("^(?:" + pattern + ")$")
	return func(v any) bool { n, ok := v.(json.Number); return ok && whole.MatchString(n.String()) }
}

// shaped compares an object's members with a list of "name:kind"; kind? may be null. It has
// all of them, and no others.
func shaped(t *testing.T, what string, value any, fields string) {
	t.Helper()
	members, ok := value.(object)
	if !ok {
		t.Errorf("%s is %v, no object", what, value)
		return
	}
	left := maps.Clone(members)
	for _, field := range strings.Fields(fields) {
		name, kind, _ := strings.Cut(field, ":")
		kind, nullable := strings.CutSuffix(kind, "?")
		member, there := members[name]
		if !there || (member == nil) && !nullable || member != nil && !kinds[kind](member) {
			t.Errorf("%s.%s is %v, want %s", what, name, member, field)
		}
		delete(left, name)
	}
	if len(left) > 0 {
		t.Errorf("%s has members that it should not: %v", what, slices.Sorted(maps.Keys(left)))
	}
}

// exactly decodes JSON so that numbers keep their text.
func exactly(t *testing.T, raw []byte) (value object) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// What Lago's specification says of each object, with what its server adds: counters of
// things, always 0, and a plan's parent_id and pending_deletion.
const (
	taxShape = `lago_id:uuid name:str code:str description:str? rate:num applied_to_organization:bool created_at:ts
		add_ons_count:int customers_count:int plans_count:int charges_count:int`
	addOnShape = `lago_id:uuid name:str invoice_display_name:str? code:str amount_cents:int amount_currency:str description:str?
		created_at:ts taxes:list`
	commitmentShape = `lago_id:uuid plan_code:str amount_cents:int invoice_display_name:str? interval:str created_at:ts updated_at:ts
		taxes:list`
	chargeShape = `lago_id:uuid lago_billable_metric_id:uuid code:str billable_metric_code:str invoice_display_name:str? created_at:ts
		charge_model:str pay_in_advance:bool invoiceable:bool regroup_paid_fees:str? prorated:bool min_amount_cents:int properties:obj
		filters:list taxes:list applied_pricing_unit:obj? accepts_target_wallet:bool lago_parent_id:uuid?`
	filterShape      = `lago_id:uuid charge_code:str invoice_display_name:str? properties:obj values:obj`
	fixedChargeShape = `lago_id:uuid lago_add_on_id:uuid invoice_display_name:str? add_on_code:str created_at:ts code:str
		charge_model:str pay_in_advance:bool prorated:bool properties:obj units:num lago_parent_id:uuid? taxes:list`
	planShape = `lago_id:uuid name:str invoice_display_name:str? created_at:ts code:str interval:str description:str? amount_cents:int
		amount_currency:str trial_period:num pay_in_advance:bool bill_charges_monthly:bool? bill_fixed_charges_monthly:bool?
		minimum_commitment:obj? charges:list fixed_charges:list taxes:list usage_thresholds:list entitlements:list metadata:obj?
		parent_id:uuid? pending_deletion:bool active_subscriptions_count:int customers_count:int draft_invoices_count:int`
	metaShape = `current_page:int next_page:int? prev_page:int? total_pages:int total_count:int`
)

// Each object has the members of Lago's specification, each of its kind: number or text.
func TestCatalogShapes(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	get := func(path string, at ...any) any {
		t.Helper()
		a := s.send(t, s.mine, "GET", "/api/v1"+path, nil)
		return dig(t, exactly(t, a.raw), at...)
	}
	s.tax(t, "vat", "20")
	s.calls(t)
	s.must(t, "POST", "/add_ons", object{"add_on": object{
		"name": "Seats", "code": "seats", "amount_cents": 1, "amount_currency": "USD", "tax_codes": []any{"vat"},
	}})
	s.must(t, "POST", "/pricing_units", object{"pricing_unit": object{"name": "Credits", "code": "credits", "short_name": "CR"}})
	s.must(t, "POST", "/plans", planWith("basic", object{
		"minimum_commitment": object{"amount_cents": 5, "tax_codes": []any{"vat"}}, "tax_codes": []any{"vat"}, "metadata": object{},
		"fixed_charges": []any{object{"add_on_code": "seats", "charge_model": "graduated", "properties": object{"graduated_ranges": tiersOf()}, "tax_codes": []any{"vat"}}},
	}))
	s.must(t, "POST", "/plans/basic/charges", chargeBody(object{
		"billable_metric_code": "calls", "charge_model": "standard", "tax_codes": []any{"vat"},
		"applied_pricing_unit": object{"code": "credits", "conversion_rate": "0.5"},
		"filters":              []any{object{"values": object{"region": []any{"eu"}}, "properties": object{"amount": "2"}}},
	}))

	shaped(t, "tax", get("/taxes/vat", "tax"), taxShape)
	shaped(t, "add_on", get("/add_ons/seats", "add_on"), addOnShape)
	shaped(t, "pricing_unit", get("/pricing_units/credits", "pricing_unit"), `lago_id:uuid code:str name:str short_name:str description:str? created_at:ts`)
	shaped(t, "plan", get("/plans/basic", "plan"), planShape)
	shaped(t, "minimum_commitment", get("/plans/basic", "plan", "minimum_commitment"), commitmentShape)
	shaped(t, "charge", get("/plans/basic/charges/calls", "charge"), chargeShape)
	shaped(t, "applied_pricing_unit", get("/plans/basic/charges/calls", "charge", "applied_pricing_unit"), `code:str conversion_rate:dec`)
	shaped(t, "filter of a charge", get("/plans/basic/charges/calls", "charge", "filters", 0), `invoice_display_name:str? properties:obj values:obj`)
	shaped(t, "filter", get("/plans/basic/charges/calls/filters", "filters", 0), filterShape)
	shaped(t, "fixed_charge", get("/plans/basic/fixed_charges/seats", "fixed_charge"), fixedChargeShape)
	shaped(t, "range", get("/plans/basic/fixed_charges/seats", "fixed_charge", "properties", "graduated_ranges", 1),
		`from_value:int to_value:int? per_unit_amount:dec flat_amount:dec`)
	for _, list := range []string{"/taxes", "/add_ons", "/pricing_units", "/plans", "/plans/basic/charges", "/plans/basic/charges/calls/filters", "/plans/basic/fixed_charges"} {
		shaped(t, "meta of "+list, get(list, "meta"), metaShape)
	}
	for _, taxed := range [][]any{
		{"/add_ons/seats", "add_on"},
		{"/plans/basic", "plan"},
		{"/plans/basic", "plan", "minimum_commitment"},
		{"/plans/basic/charges/calls", "charge"},
		{"/plans/basic/fixed_charges/seats", "fixed_charge"},
	} {
		shaped(t, "tax", get(taxed[0].(string), append(taxed[1:], "taxes", 0)...), taxShape)
	}
}
