package api_test

import (
	"fmt"
	"maps"
	"net/url"
	"testing"
)

// chargeBody is a charge of its own route.
func chargeBody(change object) object { return object{"charge": change} }

func TestPlanCharges(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls, tokens := s.calls(t), s.tokens(t)
	s.must(t, "POST", "/plans", planBody("basic", chargesOf(calls, tokens)[:2]...))
	version := s.catalogVersion(t)

	made := s.must(t, "POST", "/plans/basic/charges", chargeBody(object{
		"billable_metric_code": "tokens", "charge_model": "standard", "properties": object{"amount": "3"}, "cascade_updates": true,
	}))
	expect(t, made, tokens, "charge", "lago_billable_metric_id")
	expect(t, made, "tokens_2", "charge", "code") // the metric's, made unique
	if got := s.catalogVersion(t); got != version+1 {
		t.Errorf("one charge more is version %d after %d", got, version)
	}
	plan := s.must(t, "GET", "/plans/basic", nil)
	if fmt.Sprint(dig(t, plan, "plan", "charges", 2)) != fmt.Sprint(made["charge"]) {
		t.Errorf("the plan has %v, answered was %v", dig(t, plan, "plan", "charges", 2), made)
	}
	if shown := s.must(t, "GET", "/plans/basic/charges/tokens_2", nil); fmt.Sprint(shown) != fmt.Sprint(made) {
		t.Errorf("shown as %v, made as %v", shown, made)
	}

	// The list is in the plan's order, page by page.
	all := s.must(t, "GET", "/plans/basic/charges", nil)
	expect(t, all, "3", "meta", "total_count")
	expect(t, all, "calls", "charges", 0, "code")
	second := s.must(t, "GET", "/plans/basic/charges?page=2&per_page=2", nil)
	expect(t, second, "tokens_2", "charges", 0, "code")
	expect(t, second, "2", "meta", "total_pages")
	expect(t, s.must(t, "GET", "/plans/basic/charges?page=3&per_page=2", nil), "[]", "charges")

	// What is not said stays; the others, too.
	got := s.must(t, "PUT", "/plans/basic/charges/tokens_2", chargeBody(object{"invoice_display_name": "Tokens", "code": "any thing?%"}))
	expect(t, got, "3", "charge", "properties", "amount")
	expect(t, got, fmt.Sprint(dig(t, made, "charge", "lago_id")), "charge", "lago_id")
	got = s.must(t, "PUT", "/plans/basic/charges/"+url.PathEscape("any thing?%"), chargeBody(object{
		"charge_model": "package", "properties": object{"amount": "1", "package_size": 2, "free_units": 0}, "billable_metric_id": tokens,
	}))
	expect(t, got, "Tokens", "charge", "invoice_display_name")
	expect(t, got, "2", "charge", "properties", "package_size")
	plan = s.must(t, "GET", "/plans/basic", nil)
	expect(t, plan, "package", "plan", "charges", 2, "charge_model")
	expect(t, plan, "standard", "plan", "charges", 0, "charge_model")

	gone := s.must(t, "DELETE", "/plans/basic/charges/calls", chargeBody(object{"cascade_updates": true}))
	expect(t, gone, "calls", "charge", "code")
	s.refused(t, "GET", "/plans/basic/charges/calls", nil, notFound("charge_not_found"))
	expect(t, s.must(t, "GET", "/plans/basic/charges", nil), "2", "meta", "total_count")
	again := s.must(t, "POST", "/plans/basic/charges", chargeBody(object{"billable_metric_id": calls, "charge_model": "standard"}))
	expect(t, again, "calls", "charge", "code") // the code is free again
	if dig(t, again, "charge", "lago_id") == dig(t, gone, "charge", "lago_id") {
		t.Error("a deleted charge came back")
	}
}

// catalogVersion returns the version of my catalog.
func (s *server) catalogVersion(t *testing.T) int64 {
	t.Helper()
	definitions, err := s.db.Definitions(t.Context(), s.mine.organization.ID)
	if err != nil {
		t.Fatal(err)
	}
	return definitions.Version
}

func TestBadPlanCharges(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls, tokens := s.calls(t), s.tokens(t)
	s.must(t, "POST", "/plans", planBody("basic", chargesOf(calls, tokens)...))
	before := s.must(t, "GET", "/plans/basic", nil)
	const list, one = "/plans/basic/charges", "/plans/basic/charges/calls"
	good := object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}}
	post := func(change object, fields ...string) {
		t.Helper()
		body := maps.Clone(good)
		maps.Copy(body, change)
		s.invalid(t, "POST", list, chargeBody(body), fields...)
	}
	s.invalid(t, "POST", list, chargeBody(object{"code": "x"}), "billable_metric_id: value_is_mandatory", "charge_model: value_is_mandatory")
	post(object{"billable_metric_id": "calls"}, "billable_metric_id: value_is_invalid")
	post(object{"billable_metric_id": "calls", "billable_metric_code": "calls"}, "billable_metric_id: value_is_invalid")
	post(object{"code": "tokens"}, "code: value_already_exist")
	post(object{"charge_model": "gift"}, "charge_model: value_is_invalid")
	post(object{"charge_model": "dynamic", "properties": object{}}, "charge_model: invalid_aggregation_type_or_charge_model")
	post(object{"properties": object{"amount": 1}}, "properties.amount: invalid_amount")
	post(object{"filters": []any{object{"values": object{"region": []any{"mars"}}, "properties": object{"amount": "1"}}}},
		"filters.0.values.region: value_is_invalid")
	s.refused(t, "POST", list, chargeBody(object{"billable_metric_code": "none", "charge_model": "standard"}), notFound("billable_metric_not_found"))
	s.refused(t, "POST", list, chargeBody(object{"billable_metric_id": newUUID(), "charge_model": "standard"}), notFound("billable_metric_not_found"))
	s.refused(t, "POST", list, `{"charge":{}}`, `{"status":400,"error":"BadRequest: param is missing or the value is empty: charge"}`)
	s.refused(t, "POST", "/plans/none/charges", chargeBody(good), notFound("plan_not_found"))
	for member, missing := range map[string]struct {
		value any
		code  string
	}{
		"tax_codes":            {[]any{"none"}, "tax_not_found"},
		"applied_pricing_unit": {object{"code": "none", "conversion_rate": "1"}, "pricing_unit_not_found"},
	} {
		body := maps.Clone(good)
		body[member] = missing.value
		s.refused(t, "POST", list, chargeBody(body), notFound(missing.code))
		s.refused(t, "PUT", one, chargeBody(object{"invoice_display_name": "x", member: missing.value}), notFound(missing.code))
	}

	put := func(change object, fields ...string) {
		t.Helper()
		s.invalid(t, "PUT", one, chargeBody(change), fields...)
	}
	put(object{"code": "tokens"}, "code: value_already_exist")
	put(object{"billable_metric_id": tokens}, "billable_metric_id: value_is_invalid") // the metric stays
	put(object{"billable_metric_code": "tokens"}, "billable_metric_id: value_is_invalid")
	put(object{"charge_model": "graduated", "properties": object{}}, "properties.graduated_ranges: missing_graduated_ranges")
	s.refused(t, "PUT", list+"/none", chargeBody(object{"code": "x"}), notFound("charge_not_found"))
	s.refused(t, "PUT", "/plans/none/charges/calls", chargeBody(object{"code": "x"}), notFound("plan_not_found"))
	for _, method := range []string{"GET", "DELETE"} {
		s.refused(t, method, list+"/none", nil, notFound("charge_not_found"))
		s.refused(t, method, "/plans/none/charges/calls", nil, notFound("plan_not_found"))
	}
	s.refused(t, "GET", "/plans/none/charges", nil, notFound("plan_not_found"))
	if after := s.must(t, "GET", "/plans/basic", nil); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("refused changes left %v, before %v", after, before)
	}
}

// Charges that are added at once, by several callers, are all there, each with a code of its
// own, and each is a version of the catalog.
func TestPlanChargesAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.calls(t)
	s.must(t, "POST", "/plans", planBody("basic"))
	version := s.catalogVersion(t)
	const times = 6
	answers := make(chan answer)
	for range times {
		go func() {
			var a answer
			defer func() { answers <- a }() // also when send gives up
			a = s.send(t, s.mine, "POST", "/api/v1/plans/basic/charges", chargeBody(object{"billable_metric_code": "calls", "charge_model": "standard"}))
		}()
	}
	codes := make(map[string]bool)
	for range times {
		a := <-answers
		if a.status != 200 {
			t.Errorf("%d %s", a.status, a.raw)
			continue
		}
		codes[fmt.Sprint(dig(t, a.body, "charge", "code"))] = true
	}
	all := s.must(t, "GET", "/plans/basic/charges", nil)
	expect(t, all, fmt.Sprint(times), "meta", "total_count")
	if got := s.catalogVersion(t); len(codes) != times || got != version+times {
		t.Errorf("codes %v, version %d after %d", codes, got, version)
	}
}

// What is changed of a live plan, by whatever route, is what the running period is asked for.
func TestPlanChargesWithSubscriptions(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	s.subscribe(t, object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}})
	asked := func(want string) {
		t.Helper()
		s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)
		var got []string
		for _, item := range s.usage.lastAsked(t).Items {
			got = append(got, fmt.Sprint(item.Metric.Code, len(item.Split.Filters), item.Split.GroupKeys))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("asked for %v, want %s", got, want)
		}
	}
	asked("[calls0 []]")
	filter := s.must(t, "POST", "/plans/basic/charges/calls/filters", filterBody(object{"values": object{"region": []any{"eu"}}, "properties": object{"amount": "2"}}))
	asked("[calls1 []]")
	s.must(t, "PUT", "/plans/basic/charges/calls", chargeBody(object{"properties": object{"amount": "3", "pricing_group_keys": []any{"tier"}}}))
	asked("[calls1 [tier]]")
	s.must(t, "POST", "/plans/basic/charges", chargeBody(object{"billable_metric_id": calls, "charge_model": "standard"}))
	asked("[calls1 [tier] calls0 []]")
	s.must(t, "DELETE", fmt.Sprint("/plans/basic/charges/calls/filters/", dig(t, filter, "filter", "lago_id")), nil)
	s.must(t, "DELETE", "/plans/basic/charges/calls_2", nil)
	asked("[calls0 [tier]]")
}
