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
		var requests int
		for _, change := range changes(t, body) {
			a := s.send(t, s.mine, "POST", "/api/v1"+path, change)
			if a.status >= 500 || (a.status != 200 && a.status != 400 && a.status != 404 && a.status != 422) {
				t.Errorf("POST %s %s: %d %s\n%s", path, change, a.status, a.raw, s.log.take())
			}
			requests++
		}
		if requests < 100 {
			t.Errorf("POST %s: only %d requests were made", path, requests)
		}
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
