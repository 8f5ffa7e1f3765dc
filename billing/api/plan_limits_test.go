package api_test

import (
	"fmt"
	"testing"
)

// A plan has at most 500 charges and 500 fixed charges, and a charge 500 filters, however
// they are added.
func TestPlanLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	const limit = 500
	var values, filters, charges, fixed []any
	charge := object{"billable_metric_code": "calls", "charge_model": "standard"}
	for i := range limit + 1 {
		value := fmt.Sprint(i)
		values = append(values, value)
		filters = append(filters, object{"values": object{"k": []any{value}}, "properties": object{"amount": "1"}})
		fixed = append(fixed, object{"add_on_code": "seats", "charge_model": "standard", "code": value})
	}
	s.addOn(t, "seats")
	calls := s.metric(t, object{
		"name": "Calls", "code": "calls", "aggregation_type": "count_agg", "filters": []any{object{"key": "k", "values": values}},
	})
	for i := range limit + 1 {
		charges = append(charges, object{"billable_metric_id": calls, "charge_model": "standard", "code": fmt.Sprint(i)})
	}
	post := func(change object, fields ...string) {
		t.Helper()
		if len(fields) == 0 {
			s.must(t, "POST", "/plans", planWith("full", change))
			return
		}
		s.invalid(t, "POST", "/plans", planWith("over", change), fields...)
	}
	post(object{"charges": charges}, "charges: invalid_count")
	post(object{"fixed_charges": fixed}, "fixed_charges: invalid_count")
	post(object{"charges": charges[:limit], "fixed_charges": fixed[:limit]})
	s.invalid(t, "POST", "/plans/full/charges", chargeBody(charge), "charges: invalid_count")
	s.invalid(t, "POST", "/plans/full/fixed_charges", fixedBody(fixed[limit].(object)), "fixed_charges: invalid_count")
	s.invalid(t, "PUT", "/plans/full/charges/7", chargeBody(object{"filters": filters}), "filters: invalid_count")
	s.must(t, "PUT", "/plans/full/charges/7", chargeBody(object{"filters": filters[:limit]}))
	s.invalid(t, "POST", "/plans/full/charges/7/filters", filterBody(filters[limit].(object)), "filters: invalid_count")
	s.must(t, "DELETE", "/plans/full/charges/8", nil)
	s.must(t, "POST", "/plans/full/charges", chargeBody(charge))
	s.invalid(t, "PUT", "/plans/full", object{"plan": object{"tax_codes": make([]any, 101)}}, "tax_codes: invalid_count")
}
