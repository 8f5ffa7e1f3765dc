package api_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/uuid"
)

func newUUID() string { return uuid.NewString() }

// filterBody is a filter of its own route.
func filterBody(change object) object { return object{"filter": change} }

func TestChargeFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	s.must(t, "POST", "/plans", planBody("basic", object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}}))
	const list = "/plans/basic/charges/calls/filters"
	create := func(region, amount string) string {
		t.Helper()
		return dig(t, s.must(t, "POST", list, filterBody(object{
			"values": object{"region": []any{region}}, "properties": object{"amount": amount}, "cascade_updates": true,
		})), "filter", "lago_id").(string)
	}
	eu, us := create("eu", "2"), create("us", "3")
	shown := s.must(t, "GET", list+"/"+eu, nil)
	expect(t, shown, "calls", "filter", "charge_code")
	expect(t, shown, "map[region:[eu]]", "filter", "values")
	expect(t, shown, "2", "filter", "properties", "amount")
	all := s.must(t, "GET", list, nil)
	expect(t, all, "2", "meta", "total_count")
	expect(t, all, us, "filters", 1, "lago_id")
	expect(t, s.must(t, "GET", list+"?page=2&per_page=1", nil), us, "filters", 0, "lago_id")
	if ids := s.filterIDs(t); fmt.Sprint(ids) != fmt.Sprint([]string{eu, us}) {
		t.Errorf("the plan has filters %v, want %s and %s", ids, eu, us)
	}

	// Another price is the same filter, and so are the values it has; others make another one,
	// in the same place.
	got := s.must(t, "PUT", list+"/"+eu, filterBody(object{"properties": object{"amount": "5"}, "values": object{"region": []any{"eu"}}}))
	expect(t, got, eu, "filter", "lago_id")
	expect(t, got, "5", "filter", "properties", "amount")
	got = s.must(t, "PUT", list+"/"+eu, filterBody(object{"invoice_display_name": "Europe"}))
	expect(t, got, "5", "filter", "properties", "amount")
	got = s.must(t, "PUT", list+"/"+eu, filterBody(object{"values": object{"tier": []any{"gold"}}}))
	gold := fmt.Sprint(dig(t, got, "filter", "lago_id"))
	if gold == eu {
		t.Error("a filter has other values under the id that fees refer to")
	}
	expect(t, got, "Europe", "filter", "invoice_display_name")
	expect(t, got, "5", "filter", "properties", "amount")
	s.refused(t, "GET", list+"/"+eu, nil, notFound("charge_filter_not_found"))
	expect(t, s.must(t, "GET", list, nil), gold, "filters", 0, "lago_id")

	expect(t, s.must(t, "DELETE", list+"/"+us, filterBody(object{"cascade_updates": true})), "3", "filter", "properties", "amount")
	s.refused(t, "DELETE", list+"/"+us, nil, notFound("charge_filter_not_found"))
	expect(t, s.must(t, "GET", list, nil), "1", "meta", "total_count")
}

func TestBadChargeFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	s.must(t, "POST", "/plans", planBody("basic", object{
		"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}, "filters": []any{
			object{"values": object{"region": []any{"eu"}}, "properties": object{"amount": "2"}},
			object{"values": object{"region": []any{"us"}}, "properties": object{"amount": "3"}},
		},
	}))
	before := s.must(t, "GET", "/plans/basic", nil)
	const list = "/plans/basic/charges/calls/filters"
	us := s.filterIDs(t)[1]
	good := object{"values": object{"region": []any{"eu"}, "tier": []any{"gold"}}, "properties": object{"amount": "1"}}
	for _, route := range [][2]string{{"POST", list}, {"PUT", list + "/" + us}} {
		f := func(change object, fields ...string) {
			t.Helper()
			body := maps.Clone(good)
			maps.Copy(body, change)
			s.invalid(t, route[0], route[1], filterBody(body), fields...)
		}
		f(object{"values": object{}}, "values: value_is_mandatory")
		f(object{"values": nil}, "values: value_is_mandatory")
		f(object{"values": object{"region": []any{}}}, "values.region: value_is_mandatory")
		f(object{"values": object{"region": []any{"mars"}}}, "values.region: value_is_invalid")
		f(object{"values": object{"planet": []any{"mars"}}}, "values.planet: value_is_invalid")
		f(object{"values": object{"region": []any{"eu"}}}, "values: value_already_exist")
		f(object{"properties": nil}, "properties: value_is_mandatory")
		f(object{"properties": object{"amount": 1}}, "properties.amount: invalid_amount")
		f(object{"invoice_display_name": 1}, "invoice_display_name: value_is_invalid")
	}
	s.invalid(t, "POST", list, filterBody(object{"invoice_display_name": "x"}), "values: value_is_mandatory", "properties: value_is_mandatory")
	s.refused(t, "POST", list, `{"filter":{}}`, `{"status":400,"error":"BadRequest: param is missing or the value is empty: filter"}`)
	s.refused(t, "POST", "/plans/none/charges/calls/filters", filterBody(good), notFound("plan_not_found"))
	s.refused(t, "POST", "/plans/basic/charges/none/filters", filterBody(good), notFound("charge_not_found"))
	for _, id := range []string{newUUID(), "x"} {
		s.refused(t, "PUT", list+"/"+id, filterBody(good), notFound("charge_filter_not_found"))
		s.refused(t, "GET", list+"/"+id, nil, notFound("charge_filter_not_found"))
		s.refused(t, "DELETE", list+"/"+id, nil, notFound("charge_filter_not_found"))
	}
	s.must(t, "POST", "/plans", planBody("other", object{"billable_metric_id": calls, "charge_model": "standard"}))
	s.refused(t, "GET", "/plans/other/charges/calls/filters/"+us, nil, notFound("charge_filter_not_found")) // another charge's
	s.refused(t, "DELETE", "/plans/other/charges/calls/filters/"+us, nil, notFound("charge_filter_not_found"))
	s.refused(t, "GET", "/plans/basic/charges/none/filters", nil, notFound("charge_not_found"))
	s.refused(t, "GET", "/plans/none/charges/calls/filters/"+us, nil, notFound("plan_not_found"))
	if after := s.must(t, "GET", "/plans/basic", nil); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("refused changes left %v, before %v", after, before)
	}
}
