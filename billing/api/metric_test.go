package api_test

import (
	"net/http"
	"testing"

	"weir/aggregator"
)

func TestMetricKinds(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	f := func(body object, want object) {
		t.Helper()
		body["name"], body["code"] = "M", "m"
		created := s.must(t, "POST", "/billable_metrics", object{"billable_metric": body})
		shown := s.must(t, "GET", "/billable_metrics/m", nil)
		for _, answer := range []object{created, shown} {
			for name, value := range want {
				if got := dig(t, answer, "billable_metric", name); got != value {
					t.Errorf("%v: %s is %v, want %v", body, name, got, value)
				}
			}
		}
		if _, there := shown["billable_metric"].(object)["percentile"]; there != (want["percentile"] != nil) {
			t.Errorf("%v: percentile is there: %v", body, there)
		}
		s.must(t, "DELETE", "/billable_metrics/m", nil)
	}
	f(object{"aggregation_type": "count_agg", "field_name": "n", "weighted_interval": "seconds"},
		object{"field_name": nil, "weighted_interval": nil, "recurring": false, "expression": "", "rounding_precision": nil})
	for _, aggregation := range []string{"max_agg", "min_agg", "avg_agg", "latest_agg"} {
		f(object{"aggregation_type": aggregation, "field_name": "n"}, object{"aggregation_type": aggregation, "field_name": "n"})
	}
	for _, aggregation := range []string{"sum_agg", "unique_count_agg"} {
		f(object{"aggregation_type": aggregation, "field_name": "n", "recurring": true}, object{"recurring": true})
	}
	f(object{"aggregation_type": "weighted_sum_agg", "field_name": "n", "weighted_interval": "seconds", "recurring": "true"},
		object{"weighted_interval": "seconds", "recurring": true})
	f(object{"aggregation_type": "percentile_agg", "field_name": "n", "percentile": "99.9"}, object{"percentile": "99.9"})
	f(object{"aggregation_type": "percentile_agg", "field_name": "n", "percentile": 95}, object{"percentile": "95"})
	f(object{
		"aggregation_type": "sum_agg", "field_name": "n", "expression": "round(event.properties.a / 3, 2)",
		"rounding_function": "floor", "rounding_precision": -2,
	}, object{"expression": "round(event.properties.a / 3, 2)", "rounding_function": "floor", "rounding_precision": float64(-2)})
}

func TestUpdateMetric(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	tokens := s.tokens(t)
	s.subscribe(t,
		object{"billable_metric_id": tokens, "charge_model": "standard", "properties": object{"amount": "1"}},
		object{"billable_metric_id": tokens, "charge_model": "dynamic"})
	put := func(change object) object {
		t.Helper()
		return s.must(t, "PUT", "/billable_metrics/tokens", object{"billable_metric": change})
	}
	refused := func(change object, fields ...string) {
		t.Helper()
		s.invalid(t, "PUT", "/billable_metrics/tokens", object{"billable_metric": change}, fields...)
	}

	// What is not said stays; what is null is cleared.
	got := put(object{"description": "all", "rounding_function": "ceil", "rounding_precision": 2, "recurring": true, "expression": "event.properties.a * 2"})
	expect(t, got, "Tokens", "billable_metric", "name")
	expect(t, got, "n", "billable_metric", "field_name")
	expect(t, got, "all", "billable_metric", "description")
	expect(t, got, "2", "billable_metric", "rounding_precision")
	expect(t, got, "true", "billable_metric", "recurring")
	expect(t, got, tokens, "billable_metric", "lago_id")
	got = put(object{"name": "T", "description": nil, "rounding_function": nil, "expression": nil, "code": "tokens"})
	expect(t, got, "<nil>", "billable_metric", "description")
	expect(t, got, "<nil>", "billable_metric", "rounding_precision")
	expect(t, got, "", "billable_metric", "expression")
	expect(t, got, "true", "billable_metric", "recurring")

	// The events carry the code, and a dynamic charge adds up what sums add up.
	refused(object{"code": "other", "aggregation_type": "max_agg"},
		"code: attached_to_plan_or_subscription",
		"aggregation_type: invalid_aggregation_type_or_charge_model",
		"recurring: not_compatible_with_aggregation_type")
	refused(object{"field_name": nil, "name": " "}, "field_name: value_is_mandatory", "name: value_is_mandatory")
	refused(object{"percentile": "5"}, "percentile: value_must_be_blank")
	s.refused(t, "PUT", "/billable_metrics/none", object{"billable_metric": object{"name": "x"}}, notFound("billable_metric_not_found"))
	if a := s.send(t, s.other, "PUT", "/api/v1/billable_metrics/tokens", object{"billable_metric": object{"name": "theirs"}}); a.status != http.StatusNotFound {
		t.Errorf("another organization changes it: %d %s", a.status, a.raw)
	}
	expect(t, s.must(t, "GET", "/billable_metrics/tokens", nil), "T", "billable_metric", "name")

	// The running period is counted by what the metric says now.
	put(object{"recurring": false, "field_name": "m"})
	s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)
	if m := s.usage.lastAsked(t).Items[0].Metric; m.FieldName != "m" || m.Recurring || !m.PreciseTotals {
		t.Errorf("asked for %+v", m)
	}

	// Without charges anything goes, and what does not belong to the new aggregation goes with the old.
	free := s.calls(t)
	got = s.must(t, "PUT", "/billable_metrics/calls", object{"billable_metric": object{"code": "p95", "aggregation_type": "percentile_agg", "field_name": "ms", "percentile": "95"}})
	expect(t, got, free, "billable_metric", "lago_id")
	got = s.must(t, "PUT", "/billable_metrics/p95", object{"billable_metric": object{"aggregation_type": "max_agg"}})
	expect(t, got, "max_agg", "billable_metric", "aggregation_type")
	if _, there := got["billable_metric"].(object)["percentile"]; there {
		t.Error("a maximum has a percentile")
	}
	s.invalid(t, "PUT", "/billable_metrics/p95", object{"billable_metric": object{"code": "tokens"}}, "code: value_already_exist")
}

// Values that the metric gives up leave its charges' filters.
func TestUpdateMetricFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	filter := func(region ...any) object {
		return object{"values": object{"region": region}, "properties": object{"amount": "2"}}
	}
	s.subscribe(t, object{
		"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"},
		"filters": []any{filter("eu"), filter("eu", "us"), filter("__ALL_FILTER_VALUES__")},
	})
	s.must(t, "PUT", "/billable_metrics/calls", object{"billable_metric": object{
		"filters": []any{object{"key": "region", "values": []any{"us", "asia"}}},
	}})
	plan := s.must(t, "GET", "/plans/basic", nil)
	expect(t, plan, "[us]", "plan", "charges", 0, "filters", 0, "values", "region")
	expect(t, plan, "[__ALL_FILTER_VALUES__]", "plan", "charges", 0, "filters", 1, "values", "region")
	if filters := dig(t, plan, "plan", "charges", 0, "filters").([]any); len(filters) != 2 {
		t.Errorf("filters %v", filters)
	}
	s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)
	asked := s.usage.lastAsked(t).Items[0].Split.Filters
	if c := asked[1].Conditions[0]; len(asked) != 2 || !c.Wildcard || len(c.Values) != 2 || c.Values[1] != "asia" {
		t.Errorf("asked by %+v", asked)
	}
}

func TestDeleteMetric(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls, tokens := s.calls(t), s.tokens(t)
	s.subscribe(t,
		object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}},
		object{"billable_metric_id": tokens, "charge_model": "standard", "properties": object{"amount": "1"}})
	got := s.must(t, "DELETE", "/billable_metrics/calls", nil)
	expect(t, got, calls, "billable_metric", "lago_id")
	s.refused(t, "GET", "/billable_metrics/calls", nil, notFound("billable_metric_not_found"))
	s.refused(t, "DELETE", "/billable_metrics/calls", nil, notFound("billable_metric_not_found"))
	plan := s.must(t, "GET", "/plans/basic", nil)
	expect(t, plan, "tokens", "plan", "charges", 0, "billable_metric_code")
	if charges := dig(t, plan, "plan", "charges").([]any); len(charges) != 1 {
		t.Errorf("charges %v", charges)
	}
	usage := s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)
	expect(t, usage, "tokens", "customer_usage", "charges_usage", 0, "billable_metric", "code")
	s.refused(t, "POST", "/plans", planBody("late", object{"billable_metric_id": calls, "charge_model": "standard"}), notFound("billable_metrics_not_found"))

	// The next metric with the code leaves the events of this one alone.
	again := s.calls(t)
	s.must(t, "PUT", "/plans/basic", object{"plan": object{"charges": []any{object{"billable_metric_id": again, "charge_model": "standard", "properties": object{"amount": "1"}}}}})
	s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)
	if m := s.usage.lastAsked(t).Items[0].Metric; m.Aggregation != aggregator.CountAgg || m.ReceivedFrom != testNow.UnixNano() {
		t.Errorf("asked for %+v", m)
	}
}

func TestEvaluateExpression(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	path := "/billable_metrics/evaluate_expression"
	event := func(timestamp any, properties object) object {
		return object{"code": "calls", "timestamp": timestamp, "properties": properties}
	}
	f := func(expression string, event object, want string) {
		t.Helper()
		got := s.must(t, "POST", path, object{"expression": expression, "event": event})
		expect(t, got, want, "expression_result", "value")
	}
	f("event.properties.a * event.properties.b", event(nil, object{"a": 2, "b": "3.5"}), "7")
	f("event.properties.a / 3", event(1, object{"a": 1}), "0.33333333333333333333")
	f("round(event.properties.a, -1)", event("1700000000", object{"a": 15}), "20")
	f("concat(event.code, '-', event.properties.a)", event(1, object{"a": "x"}), "calls-x")
	f("event.timestamp", event("1700000000.5", nil), "1700000000.5")
	f("event.timestamp", event(nil, nil), "1710498600") // 2024-03-15T10:30:00Z, the clock's
	f("1 + 2 * 3", object{"code": "x"}, "7")

	invalid := func(body any, fields ...string) {
		t.Helper()
		s.invalid(t, "POST", path, body, fields...)
	}
	invalid(object{}, "expression: value_is_mandatory", "event: value_is_mandatory")
	invalid(object{"expression": "", "event": object{"timestamp": 1}}, "expression: value_is_mandatory", "event.code: value_is_mandatory")
	invalid(object{"expression": 1, "event": "x"}, "expression: value_is_invalid", "event: value_is_invalid")
	invalid(object{"expression": "1", "event": object{"code": "x", "timestamp": "soon"}}, "event.timestamp: invalid_format")
	invalid(object{"expression": "1 +", "event": object{"code": "x"}}, "expression: invalid_expression")
	invalid(object{"expression": "event.properties.a", "event": object{"code": "x"}}, "expression: invalid_expression")
	invalid(object{"expression": "1 / event.properties.a", "event": event(1, object{"a": 0})}, "expression: invalid_expression")
	if a := s.send(t, s.mine, "POST", "/api/v1"+path, object{"expression": "1 +", "event": object{"code": "x"}}); a.body["message"] == nil {
		t.Errorf("nothing says what is wrong: %s", a.raw)
	}
	if a := s.send(t, s.mine, "POST", "/api/v1"+path, "["); a.status != http.StatusBadRequest {
		t.Errorf("no JSON: %d %s", a.status, a.raw)
	}
}
