package api_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
)

// seats creates a recurring metric.
func (s *server) seats(t *testing.T) string {
	t.Helper()
	return s.metric(t, object{"name": "Seats", "code": "seats", "aggregation_type": "unique_count_agg", "field_name": "user", "recurring": true})
}

// credits creates a pricing unit.
func (s *server) credits(t *testing.T) {
	t.Helper()
	s.must(t, "POST", "/pricing_units", object{"pricing_unit": object{"code": "credits", "name": "Credits", "short_name": "CR"}})
}

// rangeOf is a range of a graduated or a volume charge.
func rangeOf(from, to any, perUnit, flat string) object {
	return object{"from_value": from, "to_value": to, "per_unit_amount": perUnit, "flat_amount": flat}
}

// rateRange is a range of a graduated percentage charge.
func rateRange(from, to any, rate, flat string) object {
	return object{"from_value": from, "to_value": to, "rate": rate, "flat_amount": flat}
}

// What is said of a charge is what is shown, in the same JSON types: prices are strings, bounds
// numbers.
func TestChargesOfEveryModel(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	tokens := s.tokens(t)
	f := func(model string, given, shown object) {
		t.Helper()
		charge := object{"billable_metric_id": tokens, "charge_model": model, "code": model}
		if given != nil {
			charge["properties"] = given
		}
		body := planBody(strings.ReplaceAll(t.Name(), "/", "_") + model + keysOf(given))
		body["plan"].(object)["charges"] = []any{charge}
		answer := s.must(t, "POST", "/plans", body)
		expect(t, answer, model, "plan", "charges", 0, "charge_model")
		var want object // as JSON has it
		text, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if got := dig(t, answer, "plan", "charges", 0, "properties"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: properties %v, want %v", model, got, want)
		}
	}
	same := func(model string, properties object) {
		t.Helper()
		f(model, properties, properties)
	}
	same("standard", object{"amount": "0.050"})
	same("package", object{"amount": "25.00", "package_size": 100, "free_units": 50})
	same("graduated", object{"graduated_ranges": []any{rangeOf(0, 10, "1.00", "5"), rangeOf(11, nil, "0.5", "2")}})
	same("percentage", object{
		"rate": "2.0", "fixed_amount": "0.50", "free_units_per_events": 3, "free_units_per_total_aggregation": "100.0",
		"per_transaction_min_amount": "0.30", "per_transaction_max_amount": "5",
	})
	same("percentage", object{"rate": "1"})
	same("volume", object{"volume_ranges": []any{rangeOf(0, 100, "1", "0"), rangeOf(101, nil, "0.80", "3")}})
	same("graduated_percentage", object{"graduated_percentage_ranges": []any{rateRange(0, 1000, "1", "0"), rateRange(1001, nil, "0.5", "2.00")}})
	same("dynamic", object{})
	same("custom", object{"expression": "round(units * 0.1, 2) + events_count"})
	// Other models' members say nothing.
	f("standard", object{"amount": "1", "rate": "5", "volume_ranges": 7}, object{"amount": "1"})
	// What is not said is nothing.
	f("standard", nil, object{"amount": "0"})
	f("package", nil, object{"amount": "0", "package_size": 1, "free_units": 0})
	f("percentage", nil, object{"rate": "0"})
	f("graduated", nil, object{"graduated_ranges": []any{rangeOf(0, nil, "0", "0")}})
	f("volume", nil, object{"volume_ranges": []any{rangeOf(0, nil, "0", "0")}})
	f("graduated_percentage", nil, object{"graduated_percentage_ranges": []any{rateRange(0, nil, "0", "0")}})
	f("dynamic", nil, object{})
	// Without a bound of its own a member that is null is not there.
	f("percentage", object{"rate": "1", "fixed_amount": nil, "free_units_per_events": nil, "per_transaction_max_amount": nil}, object{"rate": "1"})
}

// keysOf tells the plans of a test apart.
func keysOf(o object) string {
	text, _ := json.Marshal(o)
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`{}[]":,`, r) {
			return -1
		}
		return r
	}, string(text))
}

func TestBadCharges(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.credits(t)
	tokens := s.tokens(t)
	metric := func(aggregation string, more object) string {
		t.Helper()
		body := object{"name": aggregation, "code": aggregation, "aggregation_type": aggregation, "field_name": "n"}
		for name, value := range more {
			body[name] = value
		}
		return s.metric(t, body)
	}
	f := func(charge object, fields ...string) {
		t.Helper()
		for i := range fields {
			fields[i] = "charges.0." + fields[i]
		}
		if charge["billable_metric_id"] == nil {
			charge["billable_metric_id"] = tokens
		}
		s.invalid(t, "POST", "/plans", planBody("bad", charge), fields...)
	}
	properties := func(model string, properties object, fields ...string) {
		t.Helper()
		f(object{"charge_model": model, "properties": properties}, fields...)
	}

	properties("percentage", object{}, "properties.rate: invalid_rate")
	properties("percentage", object{"rate": 1}, "properties.rate: invalid_rate")
	properties("percentage", object{
		"rate": "x", "fixed_amount": 1, "free_units_per_events": 0, "free_units_per_total_aggregation": 100,
		"per_transaction_min_amount": "-1", "per_transaction_max_amount": 5,
	},
		"properties.rate: invalid_rate", "properties.fixed_amount: invalid_fixed_amount",
		"properties.free_units_per_events: invalid_free_units_per_events",
		"properties.free_units_per_total_aggregation: invalid_free_units_per_total_aggregation",
		"properties.per_transaction_min_amount: invalid_amount", "properties.per_transaction_max_amount: invalid_amount")
	properties("percentage", object{"rate": "1", "free_units_per_events": "3"}, "properties.free_units_per_events: invalid_free_units_per_events")
	properties("percentage", object{"rate": "1", "free_units_per_events": 1.5}, "properties.free_units_per_events: invalid_free_units_per_events")
	properties("percentage", object{"rate": "1", "per_transaction_min_amount": "2", "per_transaction_max_amount": "1"},
		"properties: per_transaction_max_lower_than_per_transaction_min")

	properties("volume", object{}, "properties.volume_ranges: missing_volume_ranges")
	properties("volume", object{"volume_ranges": []any{}}, "properties: missing_volume_ranges")
	properties("volume", object{"volume_ranges": []any{rangeOf(1, nil, "1", "0")}}, "properties: invalid_volume_ranges")
	properties("volume", object{"volume_ranges": []any{rangeOf(0, 10, "1", "0"), rangeOf(10, nil, "1", "0")}}, "properties: invalid_volume_ranges")
	properties("volume", object{"volume_ranges": []any{rangeOf(0, 10, "1", "0"), rangeOf(12, nil, "1", "0")}}, "properties: invalid_volume_ranges")
	properties("volume", object{"volume_ranges": []any{rangeOf("a", 1.5, "1", "x")}},
		"properties.volume_ranges.0.from_value: invalid_volume_ranges", "properties.volume_ranges.0.to_value: invalid_volume_ranges",
		"properties.volume_ranges.0.flat_amount: invalid_amount")
	properties("volume", object{"volume_ranges": []any{object{"from_value": 0, "to_value": nil, "per_unit_amount": 1}}},
		"properties.volume_ranges.0.per_unit_amount: invalid_amount", "properties.volume_ranges.0.flat_amount: invalid_amount")

	properties("graduated_percentage", object{}, "properties.graduated_percentage_ranges: missing_graduated_percentage_ranges")
	properties("graduated_percentage", object{"graduated_percentage_ranges": []any{}}, "properties: missing_graduated_percentage_ranges")
	properties("graduated_percentage", object{"graduated_percentage_ranges": []any{rateRange(0, 10, "1", "0"), rateRange(12, nil, "1", "0")}},
		"properties: invalid_graduated_percentage_ranges")
	properties("graduated_percentage", object{"graduated_percentage_ranges": []any{object{"from_value": 0, "to_value": nil, "rate": 1, "flat_amount": "-1"}}},
		"properties.graduated_percentage_ranges.0.rate: invalid_rate", "properties.graduated_percentage_ranges.0.flat_amount: invalid_amount")
	properties("graduated", object{"graduated_ranges": []any{rangeOf(0, 10, "1", "0"), rangeOf(11, 20, "1", "0"), rangeOf(20, nil, "1", "0")}},
		"properties: invalid_graduated_ranges") // not all in the same way

	f(object{"charge_model": "custom"}, "properties.expression: value_is_mandatory")
	properties("custom", object{}, "properties.expression: value_is_mandatory")
	properties("custom", object{"expression": 5}, "properties.expression: value_is_invalid")
	properties("custom", object{"expression": "units *"}, "properties.expression: invalid_expression")
	properties("custom", object{"expression": "event.properties.n"}, "properties.expression: invalid_expression")
	properties("custom", object{"expression": "units / events_count"}, "properties.expression: invalid_expression") // nothing used has no price
	properties("custom", object{"expression": strings.Repeat("1+", 600) + "1"}, "properties.expression: value_is_too_long")

	latest := metric("latest_agg", nil)
	for _, id := range []string{latest, metric("min_agg", nil), metric("avg_agg", nil), metric("percentile_agg", object{"percentile": "95"})} {
		for _, model := range []string{"percentage", "graduated_percentage"} {
			f(object{"billable_metric_id": id, "charge_model": model}, "charge_model: invalid_aggregation_type_or_charge_model")
		}
	}
	f(object{"billable_metric_id": latest, "charge_model": "dynamic"}, "charge_model: invalid_aggregation_type_or_charge_model")

	seats := s.seats(t)
	weighted := metric("weighted_sum_agg", object{"recurring": true, "weighted_interval": "seconds"})
	const prorated = "prorated: invalid_billable_metric_or_charge_model"
	f(object{"charge_model": "standard", "prorated": true}, prorated) // not recurring
	f(object{"billable_metric_id": weighted, "charge_model": "standard", "prorated": true}, prorated)
	for _, model := range []string{"package", "percentage", "graduated_percentage"} {
		f(object{"billable_metric_id": seats, "charge_model": model, "prorated": true}, prorated)
	}
	f(object{"billable_metric_id": seats, "charge_model": "graduated", "prorated": "maybe", "properties": object{"graduated_ranges": []any{rangeOf(0, 5, "1", "0")}}},
		"prorated: value_is_invalid", "properties: invalid_graduated_ranges")

	f(object{"charge_model": "standard", "min_amount_cents": -1}, "min_amount_cents: value_is_out_of_range")
	f(object{"charge_model": "standard", "min_amount_cents": 1.5}, "min_amount_cents: value_is_invalid")
	f(object{"charge_model": "standard", "regroup_paid_fees": "invoice", "invoiceable": false},
		"regroup_paid_fees: only_compatible_with_pay_in_advance_and_non_invoiceable", "invoiceable: must_be_true_unless_pay_in_advance")
	f(object{"charge_model": "standard", "tax_codes": "vat"}, "tax_codes: value_is_invalid")

	unit := func(unit any, fields ...string) {
		t.Helper()
		f(object{"charge_model": "standard", "applied_pricing_unit": unit}, fields...)
	}
	unit("credits", "applied_pricing_unit: value_is_invalid")
	unit(object{"code": "credits"}, "applied_pricing_unit.conversion_rate: value_is_mandatory")
	unit(object{"conversion_rate": "1"}, "applied_pricing_unit.code: value_is_mandatory")
	unit(object{"code": "credits", "conversion_rate": "0"}, "applied_pricing_unit.conversion_rate: value_is_out_of_range")
	unit(object{"code": "credits", "conversion_rate": "-1"}, "applied_pricing_unit.conversion_rate: value_is_out_of_range")
	unit(object{"code": "credits", "conversion_rate": "0.0000000000000001"}, "applied_pricing_unit.conversion_rate: value_is_out_of_range")
	unit(object{"code": "credits", "conversion_rate": "a lot"}, "applied_pricing_unit.conversion_rate: value_is_invalid")

	standard := object{"billable_metric_id": tokens, "charge_model": "standard"}
	with := func(name string, value any) object {
		charge := object{name: value}
		for name, value := range standard {
			charge[name] = value
		}
		return planBody("bad", charge)
	}
	s.refused(t, "POST", "/plans", with("tax_codes", []any{"vat"}), notFound("tax_not_found"))
	s.refused(t, "POST", "/plans", with("applied_pricing_unit", object{"code": "tokens", "conversion_rate": "1"}), notFound("pricing_unit_not_found"))
	// A refused request leaves nothing behind.
	expect(t, s.must(t, "GET", "/plans", nil), "0", "meta", "total_count")
}

// A metric stays one that its charges can be on.
func TestChargedMetricStaysPriced(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	seats, tokens := s.seats(t), s.tokens(t)
	s.must(t, "POST", "/plans", planBody("basic",
		object{"billable_metric_id": seats, "charge_model": "standard", "prorated": true},
		object{"billable_metric_id": tokens, "charge_model": "percentage"}))
	s.invalid(t, "PUT", "/billable_metrics/seats", object{"billable_metric": object{"recurring": false}},
		"recurring: invalid_billable_metric_or_charge_model")
	s.invalid(t, "PUT", "/billable_metrics/tokens", object{"billable_metric": object{"aggregation_type": "latest_agg"}},
		"aggregation_type: invalid_aggregation_type_or_charge_model")
	s.must(t, "PUT", "/billable_metrics/seats", object{"billable_metric": object{"aggregation_type": "sum_agg"}})
	s.must(t, "PUT", "/billable_metrics/tokens", object{"billable_metric": object{"aggregation_type": "max_agg"}})
}

// All that is said of a charge besides its prices is kept, and shown, and can be changed.
func TestChargeKeepsAll(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.credits(t)
	s.must(t, "POST", "/taxes", object{"tax": object{"name": "VAT", "code": "vat", "rate": "20"}})
	answer := s.must(t, "POST", "/plans", planBody("basic", object{
		"billable_metric_id": s.seats(t), "charge_model": "volume", "prorated": true, "min_amount_cents": 1000, "tax_codes": []any{"vat"},
		"applied_pricing_unit": object{"code": "credits", "conversion_rate": "0.50"},
	}))
	for _, answer := range []object{answer, s.must(t, "GET", "/plans/basic", nil)} {
		charge := dig(t, answer, "plan", "charges", 0)
		expect(t, charge, "true", "prorated")
		expect(t, charge, "1000", "min_amount_cents")
		expect(t, charge, "map[code:credits conversion_rate:0.5]", "applied_pricing_unit")
		expect(t, charge, "vat", "taxes", 0, "code")
		expect(t, charge, "20", "taxes", 0, "rate")
		expect(t, charge, "true", "invoiceable")
		expect(t, charge, "<nil>", "regroup_paid_fees")
	}
	id := dig(t, answer, "plan", "charges", 0, "lago_id")
	change := func(members object) any {
		t.Helper()
		members["id"] = id
		return dig(t, s.must(t, "PUT", "/plans/basic", object{"plan": object{"charges": []any{members}}}), "plan", "charges", 0)
	}
	charge := change(object{})
	expect(t, charge, "true", "prorated")
	expect(t, charge, "1000", "min_amount_cents")
	expect(t, charge, "map[code:credits conversion_rate:0.5]", "applied_pricing_unit")
	expect(t, charge, "vat", "taxes", 0, "code")
	charge = change(object{"prorated": false, "min_amount_cents": 0, "tax_codes": []any{}, "applied_pricing_unit": object{"conversion_rate": "3"}})
	expect(t, charge, "false", "prorated")
	expect(t, charge, "0", "min_amount_cents")
	expect(t, charge, "map[code:credits conversion_rate:3.0]", "applied_pricing_unit")
	expect(t, charge, "[]", "taxes")
	// null changes nothing, as in Lago: a price in credits must not become one in the currency by it.
	expect(t, change(object{"applied_pricing_unit": nil}), "map[code:credits conversion_rate:3.0]", "applied_pricing_unit")
	expect(t, change(object{"applied_pricing_unit": object{}}), "<nil>", "applied_pricing_unit")
}

// What a charge in a pricing unit comes to is shown in both, wherever usage is.
func TestUsageInPricingUnit(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.credits(t)
	unit := object{"code": "credits", "conversion_rate": "0.5"}
	s.subscribe(t,
		object{
			"billable_metric_id": s.calls(t), "charge_model": "standard", "properties": object{"amount": "0.335"}, "applied_pricing_unit": unit,
			"filters": []any{object{"values": object{"region": []any{"eu"}}, "properties": object{"amount": "1"}}},
		},
		object{
			"billable_metric_id": s.tokens(t), "charge_model": "standard", "applied_pricing_unit": unit,
			"properties": object{"amount": "1", "pricing_group_keys": []any{"team"}},
		})
	s.usage.answer = func(_ context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
		answer := query.UsageAnswer{Partition: 0, Items: make([]query.ItemUsage, len(req.Items))}
		answer.Items[0].Buckets = []aggregator.BucketUsage{
			{Filter: aggregator.NoFilter, Units: decimal.NewFromInt(7), EventsCount: 7},
			{Filter: 0, Units: decimal.NewFromInt(2), EventsCount: 2},
		}
		if len(req.Items) > 1 {
			answer.Items[1].Buckets = []aggregator.BucketUsage{
				{Filter: aggregator.NoFilter, Group: []aggregator.Value{{Text: "a"}}, Units: decimal.NewFromInt(3), EventsCount: 1},
				{Filter: aggregator.NoFilter, Group: []aggregator.Value{{Text: "b"}}, Units: decimal.NewFromInt(4), EventsCount: 1},
			}
		}
		return answer, nil
	}
	for _, path := range []string{"current_usage", "projected_usage"} {
		answer := s.must(t, "GET", "/customers/acme/"+path+"?external_subscription_id=sub", nil)
		wrapper := map[string]string{"current_usage": "customer_usage", "projected_usage": "customer_projected_usage"}[path]
		usages := dig(t, answer, wrapper, "charges_usage")
		// 7 x 0.335 = 2.345 credits, 2.35 rounded, and 2 x 1; 1.175 and 1 USD, so 1.18 + 1
		expect(t, usages, "map[amount_cents:435 conversion_rate:0.5 short_name:CR]", 0, "pricing_unit_details")
		expect(t, usages, "218", 0, "amount_cents")
		expect(t, usages, "map[amount_cents:200 conversion_rate:0.5 short_name:CR]", 0, "filters", 0, "pricing_unit_details")
		expect(t, usages, "map[amount_cents:700 conversion_rate:0.5 short_name:CR]", 1, "pricing_unit_details")
		expect(t, usages, "map[amount_cents:300 conversion_rate:0.5 short_name:CR]", 1, "grouped_usage", 0, "pricing_unit_details")
		expect(t, usages, "150", 1, "grouped_usage", 0, "amount_cents")
	}
	narrowed := s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub&filter_by_group[team]=b", nil)
	expect(t, narrowed, "map[amount_cents:400 conversion_rate:0.5 short_name:CR]", "customer_usage", "charges_usage", 0, "pricing_unit_details")
}

// An expression that has no value for what was used is what is wrong with the request, not
// with the server.
func TestUsageOfExpressionWithoutValue(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.subscribe(t, object{
		"billable_metric_id": s.tokens(t), "charge_model": "custom", "code": "own",
		"properties": object{"expression": "1 / (units - 5)"},
	})
	units := int64(4)
	s.usage.answer = func(context.Context, query.UsageRequest) (query.UsageAnswer, error) {
		bucket := aggregator.BucketUsage{Filter: aggregator.NoFilter, Units: decimal.NewFromInt(units), EventsCount: 1}
		return query.UsageAnswer{Items: []query.ItemUsage{{Buckets: []aggregator.BucketUsage{bucket}}}}, nil
	}
	const path = "/customers/acme/current_usage?external_subscription_id=sub"
	expect(t, s.must(t, "GET", path, nil), "0", "customer_usage", "amount_cents") // -1 is nothing
	units = 5
	s.invalid(t, "GET", path, nil, "charges.own.properties.expression: invalid_expression")
}
