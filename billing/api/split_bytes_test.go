package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// A short filter with wildcards stands for all that its metric declares. What a plan's
// filters stand for goes into each question for usage, which has a limit.
func TestWildcardsOfAPlanAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	declared := func(values, length int) []any {
		var texts []any
		for i := range values {
			texts = append(texts, fmt.Sprintf("%03d", i)+strings.Repeat("x", length-3))
		}
		return []any{object{"key": "region", "values": texts}}
	}
	metric := object{"name": "Wild", "code": "wild", "aggregation_type": "count_agg", "filters": declared(100, 46)}
	id := s.metric(t, metric)
	// One wildcard: 100 values of 46 + 4 bytes and its key's 6 + 4; 104 of them are 521,040
	// bytes, 105 are 526,050, of at most 524,288.
	charge := func(filters int) object {
		var list []any
		for range filters {
			list = append(list, object{"values": object{"region": []any{"__ALL_FILTER_VALUES__"}}, "properties": object{"amount": "1"}})
		}
		return object{"billable_metric_id": id, "charge_model": "standard", "properties": object{"amount": "1"}, "filters": list}
	}
	s.invalid(t, "POST", "/plans", planBody("basic", charge(105)), "charges: value_is_out_of_range")
	s.invalid(t, "POST", "/plans", planBody("basic", charge(60), charge(45)), "charges: value_is_out_of_range")
	s.must(t, "POST", "/plans", planBody("basic", charge(60), charge(44)))
	// Nor can it grow past that later: by the plan or by the metric.
	plan := s.must(t, "GET", "/plans/basic", nil)
	kept := []any{
		object{"id": dig(t, plan, "plan", "charges", 0, "lago_id")}, object{"id": dig(t, plan, "plan", "charges", 1, "lago_id")},
	}
	s.must(t, "PUT", "/plans/basic", object{"plan": object{"charges": kept}})
	s.invalid(t, "PUT", "/plans/basic", object{"plan": object{"charges": append(kept, charge(1))}}, "charges: value_is_out_of_range")
	s.invalid(t, "POST", "/plans/basic/charges", object{"charge": charge(1)}, "charges: value_is_out_of_range")
	s.invalid(t, "PUT", "/billable_metrics/wild", object{"billable_metric": object{"filters": declared(101, 46)}}, "filters: value_is_out_of_range")
	s.must(t, "PUT", "/billable_metrics/wild", object{"billable_metric": object{"filters": declared(99, 46)}})
	s.must(t, "PUT", "/billable_metrics/wild", object{"billable_metric": object{"filters": declared(100, 46)}})
}
