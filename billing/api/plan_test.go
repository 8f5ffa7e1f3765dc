package api_test

import (
	"fmt"
	"testing"
)

// idsOf returns the lago_ids of a plan's charges.
func idsOf(t *testing.T, plan object) []string {
	t.Helper()
	var ids []string
	for i := range dig(t, plan, "plan", "charges").([]any) {
		ids = append(ids, dig(t, plan, "plan", "charges", i, "lago_id").(string))
	}
	return ids
}

func TestUpdatePlan(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls, tokens := s.calls(t), s.tokens(t)
	before := s.must(t, "POST", "/plans", planBody("basic", chargesOf(calls, tokens)...))
	ids := idsOf(t, before)
	put := func(change object) object {
		t.Helper()
		return s.must(t, "PUT", "/plans/basic", object{"plan": change})
	}

	// What is not said stays, charges as well.
	got := put(object{"name": "New", "description": "d", "amount_cents": 5, "invoice_display_name": "Shown"})
	expect(t, got, "New", "plan", "name")
	expect(t, got, "5", "plan", "amount_cents")
	expect(t, got, "USD", "plan", "amount_currency")
	expect(t, got, "false", "plan", "pay_in_advance")
	if fmt.Sprint(dig(t, got, "plan", "charges")) != fmt.Sprint(dig(t, before, "plan", "charges")) {
		t.Errorf("charges became %v", got)
	}
	expect(t, put(object{"description": nil, "charges": nil}), "<nil>", "plan", "description")

	// Charges that are said are all there are: two that stay, in another order, and a new one.
	got = put(object{"charges": []any{
		object{"id": ids[2], "properties": object{"amount": "30", "package_size": 5, "free_units": 1}},
		object{"billable_metric_id": tokens, "charge_model": "dynamic", "code": "new"},
		object{"id": ids[0], "invoice_display_name": "Calls", "billable_metric_id": calls},
	}})
	if now := idsOf(t, got); now[0] != ids[2] || now[1] == ids[1] || now[2] != ids[0] {
		t.Errorf("charges %v of %v", now, ids)
	}
	expect(t, got, "package", "plan", "charges", 0, "charge_model")
	expect(t, got, "30", "plan", "charges", 0, "properties", "amount")
	expect(t, got, "tokens_2", "plan", "charges", 0, "code")
	expect(t, got, "dynamic", "plan", "charges", 1, "charge_model")
	expect(t, got, "map[]", "plan", "charges", 1, "properties")
	expect(t, got, "0.05", "plan", "charges", 2, "properties", "amount")
	expect(t, got, "Calls", "plan", "charges", 2, "invoice_display_name")
	if shown := s.must(t, "GET", "/plans/basic", nil); fmt.Sprint(shown) != fmt.Sprint(got) {
		t.Errorf("the plan is %v, was answered %v", shown, got)
	}

	// A charge of another model has that model's prices: those that are said, or none.
	got = put(object{"charges": []any{object{"id": ids[0], "charge_model": "package"}, object{"id": ids[2], "charge_model": "standard", "properties": object{"amount": "4"}}}})
	expect(t, got, "map[amount:0 free_units:0 package_size:1]", "plan", "charges", 0, "properties")
	expect(t, got, "map[amount:4]", "plan", "charges", 1, "properties")
	got = put(object{"charges": []any{}})
	expect(t, got, "[]", "plan", "charges")

	// Nobody lives on it: all can be changed.
	got = put(object{"code": "other", "amount_currency": "EUR", "pay_in_advance": true, "interval": "monthly"})
	expect(t, got, "other", "plan", "code")
	expect(t, got, "EUR", "plan", "amount_currency")
	expect(t, got, "true", "plan", "pay_in_advance")
	s.refused(t, "PUT", "/plans/basic", object{"plan": object{"name": "x"}}, notFound("plan_not_found"))
}

func TestUpdatePlanWithSubscriptions(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	s.subscribe(t, object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}})
	got := s.must(t, "PUT", "/plans/basic", object{"plan": object{
		"code": "other", "amount_currency": "XXX", "pay_in_advance": true, "interval": "daily", "amount_cents": 7,
		"charges": []any{object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "2", "presentation_group_keys": []any{"team"}}}},
	}})
	expect(t, got, "basic", "plan", "code")
	expect(t, got, "USD", "plan", "amount_currency")
	expect(t, got, "monthly", "plan", "interval")
	expect(t, got, "false", "plan", "pay_in_advance")
	expect(t, got, "7", "plan", "amount_cents")
	// The running period is priced by the new charge.
	usage := s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)
	expect(t, usage, idsOf(t, got)[0], "customer_usage", "charges_usage", 0, "charge", "lago_id")
	if asked := s.usage.lastAsked(t).Items; len(asked) != 1 || fmt.Sprint(asked[0].Metric.CellKeys, asked[0].Split.PresentationKeys) != "[team] [team]" {
		t.Errorf("asked for %+v", asked)
	}
}

// A filter that looks for the same keeps its id, whatever its price and wherever it stands.
func TestUpdatePlanFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	filter := func(amount string, region ...any) object {
		return object{"values": object{"region": region}, "properties": object{"amount": amount}}
	}
	plan := s.must(t, "POST", "/plans", planBody("basic", object{
		"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"},
		"filters": []any{filter("2", "eu"), filter("3", "eu", "us"), filter("4", "__ALL_FILTER_VALUES__")},
	}))
	id := idsOf(t, plan)[0]
	before := s.filterIDs(t)
	put := func(change object) object {
		t.Helper()
		change["id"] = id
		return s.must(t, "PUT", "/plans/basic", object{"plan": object{"charges": []any{change}}})
	}
	if put(object{"invoice_display_name": "x"}); fmt.Sprint(s.filterIDs(t)) != fmt.Sprint(before) {
		t.Error("filters that were not said changed")
	}
	if put(object{"filters": nil}); fmt.Sprint(s.filterIDs(t)) != fmt.Sprint(before) {
		t.Error("null in place of filters changed them") // as in Lago
	}
	got := put(object{"filters": []any{filter("5", "us", "eu"), filter("6", "us"), filter("7", "eu")}})
	expect(t, got, "5", "plan", "charges", 0, "filters", 0, "properties", "amount")
	expect(t, got, "[us]", "plan", "charges", 0, "filters", 1, "values", "region")
	now := s.filterIDs(t)
	if now[0] != before[1] || now[2] != before[0] || now[1] == before[2] {
		t.Errorf("filters %v, before %v", now, before)
	}

	// Filters that stay have prices of the model that the charge had.
	s.invalid(t, "PUT", "/plans/basic", object{"plan": object{"charges": []any{object{"id": id, "charge_model": "graduated"}}}},
		"charges.0.filters: missing_graduated_ranges")
	got = put(object{"charge_model": "graduated", "filters": []any{}})
	expect(t, got, "[]", "plan", "charges", 0, "filters")
}

// filterIDs returns the ids of the filters of plan basic's first charge.
func (s *server) filterIDs(t *testing.T) []string {
	t.Helper()
	plan, err := s.db.Plan(t.Context(), s.mine.organization.ID, "basic")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range plan.Charges[0].Filters {
		ids = append(ids, f.ID.String())
	}
	return ids
}

func TestBadPlanUpdates(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls, tokens := s.calls(t), s.tokens(t)
	before := s.must(t, "POST", "/plans", planBody("basic", chargesOf(calls, tokens)...))
	s.must(t, "POST", "/plans", planBody("taken"))
	ids := idsOf(t, before)
	f := func(change object, fields ...string) {
		t.Helper()
		s.invalid(t, "PUT", "/plans/basic", object{"plan": change}, fields...)
	}
	charges := func(charges ...any) object { return object{"charges": charges} }
	f(object{"name": nil, "amount_cents": nil}, "name: value_is_mandatory", "amount_cents: value_is_mandatory")
	f(object{"code": "taken"}, "code: value_already_exist")
	f(object{"amount_currency": "XXX", "interval": "daily", "pay_in_advance": nil},
		"amount_currency: value_is_invalid", "interval: value_is_invalid", "pay_in_advance: value_is_mandatory")
	f(object{"usage_thresholds": []any{object{"amount_cents": 5}}}, "usage_thresholds: not_supported_yet")
	f(charges(object{"id": tokens}), "charges.0.id: value_is_invalid") // no charge of this plan
	f(charges(object{"id": "x"}), "charges.0.id: value_is_invalid")
	f(charges(object{"id": ids[0]}, object{"id": ids[0]}), "charges.1.id: value_is_invalid")
	f(charges(object{"id": ids[0], "billable_metric_id": tokens}), "charges.0.billable_metric_id: value_is_invalid")
	f(charges(object{"id": ids[0], "charge_model": nil}), "charges.0.charge_model: value_is_mandatory")
	f(charges(object{"id": ids[0], "charge_model": "dynamic"}), "charges.0.charge_model: invalid_aggregation_type_or_charge_model")
	f(charges(object{"id": ids[0], "properties": object{"amount": 1}}), "charges.0.properties.amount: invalid_amount")
	f(charges(object{"id": ids[0], "code": "same"}, object{"id": ids[1], "code": "same"}), "charges.1.code: value_already_exist")
	f(charges(object{}), "charges.0.billable_metric_id: value_is_mandatory", "charges.0.charge_model: value_is_mandatory")
	s.refused(t, "PUT", "/plans/none", object{"plan": object{"name": "x"}}, notFound("plan_not_found"))
	if after := s.must(t, "GET", "/plans/basic", nil); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("refused changes left %v, before %v", after, before)
	}
}

func TestPresentationGroupKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	keys := []any{object{"value": "team", "options": object{"display_in_invoice": true}}, "user"}
	got := s.must(t, "POST", "/plans", planBody("basic", object{
		"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1", "presentation_group_keys": keys},
	}))
	want := "[map[options:map[display_in_invoice:true] value:team] map[options:map[display_in_invoice:false] value:user]]"
	expect(t, got, want, "plan", "charges", 0, "properties", "presentation_group_keys")
	expect(t, s.must(t, "GET", "/plans/basic", nil), want, "plan", "charges", 0, "properties", "presentation_group_keys")
}
