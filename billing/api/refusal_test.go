package api_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/aggregator/query"
	"weir/billing/api"
)

func TestRefusalsOfTransport(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	f := func(who tenant, method, path string, body any, status int, want string) {
		t.Helper()
		a := s.send(t, who, method, path, body)
		if a.status != status || string(a.raw) != want {
			t.Errorf("%s %s: got %d %s, want %d %s", method, path, a.status, a.raw, status, want)
		}
	}
	const unauthorized = `{"status":401,"error":"Unauthorized"}`
	f(tenant{}, "GET", "/api/v1/plans", nil, 401, unauthorized)
	f(tenant{key: "wrong"}, "GET", "/api/v1/plans", nil, 401, unauthorized)
	f(tenant{key: "wrong"}, "POST", "/api/v1/plans", `{"plan":{}}`, 401, unauthorized)
	f(s.mine, "GET", "/api/v1/nothing", nil, 404, notFoundText("resource_not_found"))
	f(s.mine, "GET", "/api/v1//plans", nil, 404, notFoundText("resource_not_found"))
	f(s.mine, "GET", "/api/v1/plans/../customers", nil, 404, notFoundText("resource_not_found"))
	f(s.mine, "GET", "/", nil, 404, notFoundText("resource_not_found"))
	f(s.mine, "PATCH", "/api/v1/plans", nil, 404, notFoundText("resource_not_found")) // a route is its method and path, in Lago
	f(s.mine, "DELETE", "/api/v1/plans", nil, 404, notFoundText("resource_not_found"))
	f(s.mine, "POST", "/api/v1/events", `{}`, 404, notFoundText("resource_not_found")) // served elsewhere
	f(s.mine, "GET", "/api/v1/test_clock", nil, 404, notFoundText("resource_not_found"))
	f(s.mine, "POST", "/api/v1/test_clock", `{"test_clock":{"now":"2024-03-01T00:00:00Z"}}`, 404, notFoundText("resource_not_found"))
	f(s.mine, "POST", "/api/v1/plans", `{"plan":`+strings.Repeat(" ", 1<<20)+`{}}`, 413,
		`{"status":413,"error":"Payload Too Large","message":"body: at most 1048576 bytes"}`)
	f(tenant{}, "GET", "/health", nil, 200, `{"version":"test","github_url":null,"message":"Success"}`)

	a := s.send(t, s.mine, "POST", "/api/v1/plans", `{"name":"no wrapper"}`)
	if want := `{"status":400,"error":"BadRequest: param is missing or the value is empty: plan"}`; a.status != 400 || string(a.raw) != want {
		t.Errorf("no wrapper: got %d %s, want %s", a.status, a.raw, want)
	}
	a = s.send(t, s.mine, "POST", "/api/v1/plans", `{"plan":`)
	if text, _ := a.body["error"].(string); a.status != 400 || !strings.HasPrefix(text, "BadRequest: ") {
		t.Errorf("no JSON: got %d %s", a.status, a.raw)
	}
}

func notFoundText(code string) string {
	return `{"status":404,"error":"Not Found","code":"` + code + `"}`
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	if got := s.send(t, s.mine, "GET", "/health", nil, "X-Request-Id: mine-1").header.Get("X-Request-Id"); got != "mine-1" {
		t.Errorf("a request's own id was not taken over: %q", got)
	}
	for _, bad := range []string{"", "a b", strings.Repeat("x", 129)} {
		if got := s.send(t, s.mine, "GET", "/health", nil, "X-Request-Id: "+bad).header.Get("X-Request-Id"); got == bad || got == "" {
			t.Errorf("%q became the id %q", bad, got)
		}
	}
}

func TestBadPlans(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	plan := func(change object) object {
		body := planBody("bad")
		for name, value := range change {
			body["plan"].(object)[name] = value
		}
		return body
	}
	charge := func(change object) object {
		body := object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}}
		for name, value := range change {
			body[name] = value
		}
		return plan(object{"charges": []any{body}})
	}
	f := func(body object, fields ...string) {
		t.Helper()
		s.invalid(t, "POST", "/plans", body, fields...)
	}
	f(object{"plan": object{"description": "x"}}, "name: value_is_mandatory", "code: value_is_mandatory", "interval: value_is_mandatory",
		"amount_cents: value_is_mandatory", "amount_currency: value_is_mandatory", "pay_in_advance: value_is_mandatory")
	f(plan(object{"interval": "daily"}), "interval: value_is_invalid")
	f(plan(object{"amount_currency": "XXX"}), "amount_currency: value_is_invalid")
	f(plan(object{"amount_cents": -1}), "amount_cents: value_is_out_of_range")
	f(plan(object{"amount_cents": "a lot"}), "amount_cents: value_is_invalid")
	f(plan(object{"usage_thresholds": []any{object{"amount_cents": 5}}}), "usage_thresholds: not_supported_yet")
	f(plan(object{"trial_period": -1, "bill_charges_monthly": "maybe", "bill_fixed_charges_monthly": 2}),
		"trial_period: value_is_out_of_range", "bill_charges_monthly: value_is_invalid", "bill_fixed_charges_monthly: value_is_invalid")
	f(plan(object{"trial_period": 36_501}), "trial_period: value_is_out_of_range")
	f(plan(object{"trial_period": "0.12345678901"}), "trial_period: value_is_out_of_range")
	f(plan(object{"trial_period": "a week"}), "trial_period: value_is_invalid")
	f(plan(object{"minimum_commitment": object{"invoice_display_name": "Least"}}), "minimum_commitment.amount_cents: value_is_mandatory")
	f(plan(object{"minimum_commitment": object{"amount_cents": 0}}), "minimum_commitment.amount_cents: value_is_out_of_range")
	f(plan(object{"minimum_commitment": object{"amount_cents": "lots", "tax_codes": "vat"}}),
		"minimum_commitment.amount_cents: value_is_invalid", "minimum_commitment.tax_codes: value_is_invalid")
	f(plan(object{"minimum_commitment": 5, "tax_codes": []any{1}}), "minimum_commitment: value_is_invalid", "tax_codes.0: value_is_invalid")
	f(plan(object{"charges": []any{object{}}}), "charges.0.billable_metric_id: value_is_mandatory", "charges.0.charge_model: value_is_mandatory")
	f(charge(object{"billable_metric_id": "calls"}), "charges.0.billable_metric_id: value_is_invalid")
	f(charge(object{"charge_model": "gift"}), "charges.0.charge_model: value_is_invalid")
	f(charge(object{"pay_in_advance": true, "invoiceable": false, "regroup_paid_fees": "invoice", "accepts_target_wallet": true}),
		"charges.0.pay_in_advance: not_supported_yet", "charges.0.invoiceable: not_supported_yet",
		"charges.0.regroup_paid_fees: not_supported_yet", "charges.0.accepts_target_wallet: not_supported_yet")

	properties := func(model string, properties any) object {
		return charge(object{"charge_model": model, "properties": properties})
	}
	f(properties("standard", object{}), "charges.0.properties.amount: invalid_amount")
	f(properties("standard", object{"amount": 1}), "charges.0.properties.amount: invalid_amount")
	f(properties("standard", object{"amount": "-1"}), "charges.0.properties.amount: invalid_amount")
	f(properties("standard", object{"amount": "1e9"}), "charges.0.properties.amount: invalid_amount")
	f(properties("standard", object{"amount": "NaN"}), "charges.0.properties.amount: invalid_amount")
	f(properties("standard", "x"), "charges.0.properties: value_is_invalid")
	presented := func(keys ...any) object {
		return properties("standard", object{"amount": "1", "presentation_group_keys": keys})
	}
	f(presented("a", "b", "c"), "charges.0.properties.presentation_group_keys: invalid_count")
	f(presented("a", object{"value": "a"}), "charges.0.properties.presentation_group_keys: value_is_invalid")
	f(presented(""), "charges.0.properties.presentation_group_keys: value_is_invalid")
	f(presented(object{"value": 1}), "charges.0.properties.presentation_group_keys.0.value: value_is_invalid",
		"charges.0.properties.presentation_group_keys: value_is_invalid")
	f(presented(object{"value": "a", "options": object{"display_in_invoice": "x"}}),
		"charges.0.properties.presentation_group_keys.0.options.display_in_invoice: value_is_invalid")
	f(properties("dynamic", object{}), "charges.0.charge_model: invalid_aggregation_type_or_charge_model") // on a count
	f(properties("package", object{}), "charges.0.properties.amount: invalid_amount",
		"charges.0.properties.package_size: invalid_package_size", "charges.0.properties.free_units: invalid_free_units")
	f(properties("package", object{"amount": "1", "package_size": 0, "free_units": -1}),
		"charges.0.properties.package_size: invalid_package_size", "charges.0.properties.free_units: invalid_free_units")
	f(properties("graduated", object{}), "charges.0.properties.graduated_ranges: missing_graduated_ranges")
	f(properties("graduated", object{"graduated_ranges": []any{}}), "charges.0.properties: missing_graduated_ranges")
	tier := func(from, to any) object {
		return object{"from_value": from, "to_value": to, "per_unit_amount": "1", "flat_amount": "0"}
	}
	f(properties("graduated", object{"graduated_ranges": []any{tier(0, 10), tier(12, nil)}}), "charges.0.properties: invalid_graduated_ranges")
	f(properties("graduated", object{"graduated_ranges": []any{tier(1, nil)}}), "charges.0.properties: invalid_graduated_ranges")
	f(properties("graduated", object{"graduated_ranges": []any{tier(0, 10)}}), "charges.0.properties: invalid_graduated_ranges")
	f(properties("graduated", object{"graduated_ranges": []any{tier(0.5, nil)}}),
		"charges.0.properties.graduated_ranges.0.from_value: invalid_graduated_ranges")
	f(properties("graduated", object{"graduated_ranges": []any{object{"from_value": 0, "to_value": nil, "per_unit_amount": 1, "flat_amount": "x"}}}),
		"charges.0.properties.graduated_ranges.0.per_unit_amount: invalid_amount",
		"charges.0.properties.graduated_ranges.0.flat_amount: invalid_amount")

	filter := func(values any) object {
		return charge(object{"filters": []any{object{"values": values, "properties": object{"amount": "2"}}}})
	}
	f(filter(nil), "charges.0.filters.0.values: value_is_mandatory")
	f(filter(object{}), "charges.0.filters.0.values: value_is_mandatory")
	f(filter(object{"region": []any{}}), "charges.0.filters.0.values.region: value_is_mandatory")
	f(filter(object{"region": []any{"mars"}}), "charges.0.filters.0.values.region: value_is_invalid")
	f(filter(object{"planet": []any{"eu"}}), "charges.0.filters.0.values.planet: value_is_invalid")
	f(filter(object{"region": "eu"}), "charges.0.filters.0.values.region: value_is_invalid, value_is_mandatory")
	f(charge(object{"filters": []any{object{"values": object{"region": []any{"eu"}}}}}), "charges.0.filters.0.properties: value_is_mandatory")

	two := object{"billable_metric_id": calls, "charge_model": "standard", "code": "same"}
	f(plan(object{"charges": []any{two, two}}), "charges.1.code: value_already_exist")

	missing := charge(object{"billable_metric_id": "00000000-0000-7000-8000-000000000000"})
	s.refused(t, "POST", "/plans", missing, notFound("billable_metrics_not_found"))
	// A refused request leaves nothing behind.
	expect(t, s.must(t, "GET", "/plans", nil), "0", "meta", "total_count")

	s.must(t, "POST", "/plans", planBody("bad"))
	f(planBody("bad"), "code: value_already_exist")
}

func TestBadMetrics(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	f := func(change object, fields ...string) {
		t.Helper()
		body := object{"name": "M", "code": "m", "aggregation_type": "sum_agg", "field_name": "n"}
		for name, value := range change {
			body[name] = value
		}
		s.invalid(t, "POST", "/billable_metrics", object{"billable_metric": body}, fields...)
	}
	f(object{"name": nil, "code": " ", "field_name": ""}, "name: value_is_mandatory", "code: value_is_mandatory", "field_name: value_is_mandatory")
	f(object{"name": "a\u0000b"}, "name: value_is_invalid")
	f(object{"code": strings.Repeat("é", 128)}, "code: value_is_too_long") // 256 bytes
	f(object{"aggregation_type": "custom_agg"}, "aggregation_type: not_supported_yet")
	f(object{"aggregation_type": "mode_agg", "recurring": true}, "aggregation_type: value_is_invalid")
	for _, aggregation := range []string{"sum_agg", "max_agg", "min_agg", "avg_agg", "latest_agg", "unique_count_agg"} {
		f(object{"aggregation_type": aggregation, "field_name": nil}, "field_name: value_is_mandatory")
	}
	for _, aggregation := range []string{"max_agg", "min_agg", "avg_agg", "latest_agg", "count_agg"} {
		f(object{"aggregation_type": aggregation, "recurring": true}, "recurring: not_compatible_with_aggregation_type")
	}
	f(object{"aggregation_type": "weighted_sum_agg"}, "weighted_interval: value_is_invalid")
	f(object{"aggregation_type": "weighted_sum_agg", "weighted_interval": "minutes"}, "weighted_interval: value_is_invalid")
	f(object{"aggregation_type": "percentile_agg"}, "percentile: value_is_mandatory")
	f(object{"aggregation_type": "percentile_agg", "percentile": "0"}, "percentile: value_is_mandatory")
	f(object{"aggregation_type": "percentile_agg", "percentile": "100.1"}, "percentile: value_is_out_of_range")
	f(object{"aggregation_type": "percentile_agg", "percentile": "-5", "recurring": true},
		"percentile: value_is_invalid", "recurring: not_compatible_with_aggregation_type")
	f(object{"percentile": "95"}, "percentile: value_must_be_blank")
	f(object{"expression": "event.properties.a *"}, "expression: invalid_expression")
	f(object{"expression": strings.Repeat("1+", 600) + "1"}, "expression: value_is_too_long")
	f(object{"expression": 1, "recurring": "maybe"}, "expression: value_is_invalid", "recurring: value_is_invalid")
	f(object{"rounding_function": "truncate", "rounding_precision": 99}, "rounding_function: value_is_invalid", "rounding_precision: value_is_out_of_range")
	f(object{"filters": []any{object{"key": "a", "values": []any{"x"}}, object{"key": "a", "values": []any{}}}},
		"filters.1.key: value_is_duplicated", "filters.1.values: value_is_mandatory")
	s.tokens(t)
	f(object{"code": "tokens"}, "code: value_already_exist")
	expect(t, s.must(t, "GET", "/billable_metrics", nil), "1", "meta", "total_count")
}

func TestBadCustomersAndSubscriptions(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	customer := func(change object, fields ...string) {
		t.Helper()
		body := object{"external_id": "bad"}
		for name, value := range change {
			body[name] = value
		}
		s.invalid(t, "POST", "/customers", object{"customer": body}, fields...)
	}
	customer(object{"external_id": ""}, "external_id: value_is_mandatory")
	customer(object{"currency": "DOGE", "timezone": "Mars/Olympus", "country": "XX", "email": "nobody", "customer_type": "alien", "net_payment_term": -1},
		"currency: value_is_invalid", "timezone: invalid_timezone", "country: not_a_valid_country_code", "email: invalid_email_format",
		"customer_type: value_is_invalid", "net_payment_term: value_is_out_of_range")
	customer(object{"timezone": "Local"}, "timezone: invalid_timezone")
	customer(object{"shipping_address": object{"country": "XX"}}, "shipping_address.country: not_a_valid_country_code")
	customer(object{"metadata": []any{object{}, object{}, object{}, object{}, object{}, object{}}}, "metadata: invalid_count")
	customer(object{"metadata": []any{object{"value": strings.Repeat("x", 101)}}}, "metadata.0.key: value_is_mandatory", "metadata.0.value: value_is_too_long")
	customer(object{"tax_codes": "vat"}, "tax_codes: value_is_invalid")
	s.refused(t, "POST", "/customers", object{"customer": object{"external_id": "bad", "tax_codes": []any{"vat"}}}, notFound("tax_not_found"))
	customer(object{"account_type": "partner", "billing_configuration": object{"invoice_grace_period": 3, "payment_provider": "stripe"}},
		"account_type: not_supported_yet",
		"billing_configuration.invoice_grace_period: not_supported_yet", "billing_configuration.payment_provider: not_supported_yet")
	s.refused(t, "GET", "/customers/bad", nil, notFound("customer_not_found"))

	s.must(t, "POST", "/plans", planBody("basic"))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	subscription := func(change object, fields ...string) {
		t.Helper()
		s.invalid(t, "POST", "/subscriptions", subscriptionBody("bad", change), fields...)
	}
	subscription(object{"external_id": nil, "external_customer_id": nil, "plan_code": nil},
		"external_id: value_is_mandatory", "external_customer_id: value_is_mandatory", "plan_code: value_is_mandatory")
	subscription(object{"billing_time": "lunar", "subscription_at": "soon"}, "billing_time: value_is_invalid", "subscription_at: invalid_date")
	subscription(object{"ending_at": "2024-03-15T10:30:00Z"}, "ending_at: invalid_date") // not after now
	subscription(object{"plan_overrides": object{"amount_cents": 1}, "consolidate_invoice": "maybe", "purchase_order_number": 7},
		"plan_overrides: not_supported_yet", "consolidate_invoice: value_is_invalid", "purchase_order_number: value_is_invalid")
	s.refused(t, "POST", "/subscriptions", subscriptionBody("bad", object{"plan_code": "none"}), notFound("plan_not_found"))
	expect(t, s.must(t, "GET", "/subscriptions?status[]=active&status[]=pending", nil), "0", "meta", "total_count")
}

func TestFiltersThatAreNotBuiltAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.invalid(t, "GET", "/invoices?search_term=x", nil, "search_term: not_supported_yet")
	s.invalid(t, "GET", "/customers?currencies[]=EUR", nil, "currencies: not_supported_yet")
	s.invalid(t, "GET", "/customers?metadata[crm]=42", nil, "metadata: not_supported_yet")
	s.invalid(t, "GET", "/customers?metadata[crm]=", nil, "metadata: not_supported_yet") // the key is absent
	s.invalid(t, "GET", "/fees?event_transaction_id=x", nil, "event_transaction_id: not_supported_yet")
	s.invalid(t, "GET", "/invoices?issuing_date_from=soon&amount_from=x", nil, "issuing_date_from: invalid_date", "amount_from: value_is_invalid")
	s.invalid(t, "GET", "/events?timestamp_from=soon", nil, "timestamp_from: invalid_date")
	s.invalid(t, "GET", "/events?code=%00", nil, "code: value_is_invalid")
}

// Lago takes either name of the customer; a list that ignored one would show everybody's.
func TestInvoicesOfACustomerByEitherName(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.must(t, "POST", "/test_clock", object{"test_clock": object{"now": "2024-01-01T00:00:00Z"}})
	s.subscribeAt(t, "2024-01-01T00:00:00Z")
	s.must(t, "POST", "/test_clock", object{"test_clock": object{"now": "2024-02-01T00:00:00Z"}})
	for _, name := range []string{"external_customer_id", "customer_external_id"} {
		expect(t, s.must(t, "GET", "/invoices?"+name+"=acme", nil), "1", "meta", "total_count")
		expect(t, s.must(t, "GET", "/invoices?"+name+"=beta", nil), "0", "meta", "total_count")
	}
}

// Whatever belongs to one organization does not exist for another.
func TestTenants(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	s.subscribe(t, object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}})
	f := func(method, path string, body any, status int, code string) {
		t.Helper()
		a := s.send(t, s.other, method, "/api/v1"+path, body)
		if a.status != status || fmt.Sprint(a.body["code"]) != code {
			t.Errorf("%s %s: got %d %s, want %d %s", method, path, a.status, a.raw, status, code)
		}
	}
	f("GET", "/billable_metrics/calls", nil, 404, "billable_metric_not_found")
	f("GET", "/plans/basic", nil, 404, "plan_not_found")
	f("GET", "/plans/basic/charges", nil, 404, "plan_not_found")
	f("GET", "/plans/basic/charges/calls", nil, 404, "plan_not_found")
	f("DELETE", "/plans/basic/charges/calls", nil, 404, "plan_not_found")
	f("PATCH", "/plans/basic/metadata", object{"metadata": object{"a": "b"}}, 404, "plan_not_found")
	f("GET", "/customers/acme", nil, 404, "customer_not_found")
	f("GET", "/customers/acme/invoices", nil, 404, "customer_not_found")
	f("GET", "/customers/acme/subscriptions", nil, 404, "customer_not_found")
	f("GET", "/customers/acme/current_usage?external_subscription_id=sub", nil, 404, "customer_not_found")
	f("GET", "/subscriptions/sub", nil, 404, "subscription_not_found")
	f("DELETE", "/subscriptions/sub", nil, 404, "subscription_not_found")
	f("POST", "/plans", planBody("theirs", object{"billable_metric_id": calls, "charge_model": "standard"}), 404, "billable_metrics_not_found")
	f("POST", "/subscriptions", subscriptionBody("sub", nil), 404, "plan_not_found")
	for _, list := range []string{"billable_metrics", "plans", "customers", "subscriptions", "invoices", "fees"} {
		a := s.send(t, s.other, "GET", "/api/v1/"+list, nil)
		expect(t, a.body, "0", "meta", "total_count")
	}
	// The other may use the same names for its own.
	if a := s.send(t, s.other, "POST", "/api/v1/customers", object{"customer": object{"external_id": "acme"}}); a.status != http.StatusOK {
		t.Errorf("the other's acme: %s", a.raw)
	}
	if a := s.send(t, s.other, "POST", "/api/v1/plans", planBody("basic")); a.status != http.StatusOK {
		t.Errorf("the other's basic: %s", a.raw)
	}
	if a := s.send(t, s.other, "POST", "/api/v1/subscriptions", subscriptionBody("sub", nil)); a.status != http.StatusOK {
		t.Errorf("the other's sub: %s", a.raw)
	}
	expect(t, s.must(t, "GET", "/subscriptions/sub", nil), "active", "subscription", "status")
}

// What fails behind the API is a 5xx that says what a client can do, and nothing else.
func TestFaultsOfOurs(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	s.subscribe(t, object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "1"}})
	f := func(fault error, status int, code string) {
		t.Helper()
		s.usage.mu.Lock()
		s.usage.answer = func(context.Context, query.UsageRequest) (query.UsageAnswer, error) {
			return query.UsageAnswer{}, fmt.Errorf("secret detail: %w", fault)
		}
		s.usage.mu.Unlock()
		a := s.send(t, s.mine, "GET", "/api/v1/customers/acme/current_usage?external_subscription_id=sub", nil, "X-Request-Id: find-me")
		if a.status != status || fmt.Sprint(a.body["code"]) != code || a.body["request_id"] != "find-me" {
			t.Errorf("%v: got %d %s", fault, a.status, a.raw)
		}
		if strings.Contains(string(a.raw), "secret") {
			t.Errorf("%v: the answer tells details: %s", fault, a.raw)
		}
		if retry := a.header.Get("Retry-After"); (status == 503) != (retry != "") {
			t.Errorf("%v: Retry-After %q on %d", fault, retry, status)
		}
		if log := s.log.take(); !strings.Contains(log, "find-me") || !strings.Contains(log, "secret detail") {
			t.Errorf("%v: the log does not tell: %s", fault, log)
		}
	}
	f(query.ErrStopped, 503, "partition_stopped")
	f(query.ErrNotYet, 503, "position_not_reached")
	f(query.ErrNotOwner, 503, "partition_has_no_owner")
	f(context.DeadlineExceeded, 503, "request_timed_out")
	f(&net.OpError{Op: "dial", Net: "unix", Err: errors.New("connection refused")}, 503, "service_unreachable")
	f(errors.New("disk on fire"), 500, "<nil>")
}

func TestPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.usage.event = func(context.Context, query.EventRequest) ([]query.Event, error) { panic("BUG: secret") }
	a := s.send(t, s.mine, "GET", "/api/v1/events/x", nil)
	log := s.log.take()
	if a.status != 500 || strings.Contains(string(a.raw), "secret") || !strings.Contains(log, "secret") {
		t.Errorf("got %d %s, log %s", a.status, a.raw, log)
	}
}

func TestMetricsNameRoutesAndNobody(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s := newServer(t, func(opts *api.Options) { opts.Registerer = registry })
	s.send(t, s.mine, "GET", "/api/v1/customers/somebody", nil)
	s.send(t, s.mine, "GET", "/api/v1/customers/somebody-else", nil)
	s.send(t, tenant{}, "GET", "/api/v1/plans", nil)
	s.send(t, s.mine, "BREW", "/api/v1/coffee", nil)
	const want = `
# HELP weir_api_requests_total Requests answered by the management API.
# TYPE weir_api_requests_total counter
weir_api_requests_total{method="GET",route="/api/v1/customers/{external_id}",status="404"} 2
weir_api_requests_total{method="GET",route="/api/v1/plans",status="401"} 1
weir_api_requests_total{method="other",route="unknown",status="404"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "weir_api_requests_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "weir_api_request_duration_seconds"); err != nil || n != 3 {
		t.Errorf("%d routes were timed, want 3: %v", n, err)
	}
}
