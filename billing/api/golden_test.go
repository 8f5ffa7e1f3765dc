package api_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator/query"
	"weir/billing/api"
	"weir/billing/biller"
	"weir/ingest"
)

var update = flag.Bool("update", false, "write the golden files anew")

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// golden compares an answer, ids left out, with testdata/<name>.json: every member,
// its type, its form and its order.
func golden(t *testing.T, name string, raw []byte) {
	t.Helper()
	got := jsontext.Value(uuids.ReplaceAll(raw, []byte("<uuid>")))
	if err := got.Indent(); err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as in %s:\n%s", name, path, got)
	}
}

// TestObjects compares every object with its golden file, in a sandbox that makes
// the invoice of March 2024.
func TestObjects(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.usage.answer = cells{
		"calls": {
			{units: "3", events: 3, values: map[string]string{"region": "eu", "tier": "gold"}},
			{units: "2", events: 2, values: map[string]string{"region": "us"}},
		},
		"tokens": {{units: "230.5", events: 7}},
	}.answer
	check := func(name, method, path string, body any) object {
		t.Helper()
		a := s.send(t, s.mine, method, "/api/v1"+path, body)
		if a.status != 200 {
			t.Fatalf("%s %s: %d %s", method, path, a.status, a.raw)
		}
		golden(t, name, a.raw)
		return a.body
	}
	check("test_clock", "POST", "/test_clock", object{"test_clock": object{"now": "2024-03-15T10:30:00Z"}})
	check("billable_metric", "POST", "/billable_metrics", object{"billable_metric": object{
		"name": "Tokens", "code": "tokens", "description": "Of all models", "aggregation_type": "sum_agg", "field_name": "n",
		"rounding_function": "ceil", "rounding_precision": 0,
	}})
	calls := s.calls(t)
	tokens := dig(t, s.must(t, "GET", "/billable_metrics/tokens", nil), "billable_metric", "lago_id")
	charges := chargesOf(calls, tokens.(string))
	charges[0].(object)["properties"] = object{"amount": "0.10", "pricing_group_keys": []any{"tier"}}
	charges[0].(object)["filters"] = []any{object{
		"values": object{"region": []any{"eu"}}, "properties": object{"amount": "0.20"}, "invoice_display_name": "Europe",
	}}
	check("plan", "POST", "/plans", planBody("basic", charges...))
	check("customer", "POST", "/customers", object{"customer": object{
		"external_id": "acme", "name": "Acme", "email": "a@acme.test,b@acme.test", "country": "de", "city": "Berlin",
		"timezone": "Europe/Berlin", "net_payment_term": 14, "currency": "USD", "customer_type": "company",
		"shipping_address": object{"city": "Hamburg"}, "metadata": []any{object{"key": "crm", "value": "42"}},
	}})
	check("subscription", "POST", "/subscriptions", subscriptionBody("sub", object{"name": "Main", "subscription_at": "2024-02-29T23:00:00Z"}))
	check("subscriptions", "GET", "/subscriptions", nil)
	check("customer_usage", "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil)

	s.must(t, "POST", "/test_clock", object{"test_clock": object{"now": "2024-04-02T00:00:00Z"}})
	invoices := check("invoices", "GET", "/customers/acme/invoices", nil)
	id := fmt.Sprint(dig(t, invoices, "invoices", 0, "lago_id"))
	check("invoice", "GET", "/invoices/"+id, nil)
	fees := check("fees", "GET", "/fees?fee_type=charge&billable_metric_code=calls", nil)
	one := s.must(t, "GET", fmt.Sprint("/fees/", dig(t, fees, "fees", 0, "lago_id")), nil)
	delete(one["fee"].(object), "weir") // how it came about
	if fmt.Sprint(one["fee"]) != fmt.Sprint(dig(t, fees, "fees", 0)) {
		t.Errorf("the fee by itself is %v, in the list %v", one, fees)
	}
	check("terminated", "DELETE", "/subscriptions/sub", nil)
	s.refused(t, "GET", "/invoices/"+uuid.NewString(), nil, notFound("invoice_not_found"))
	s.refused(t, "GET", "/invoices/1", nil, notFound("invoice_not_found"))
	s.refused(t, "GET", "/fees/"+uuid.NewString(), nil, notFound("fee_not_found"))
	for _, path := range []string{"/invoices/" + id, fmt.Sprint("/fees/", dig(t, fees, "fees", 0, "lago_id"))} {
		if a := s.send(t, s.other, "GET", "/api/v1"+path, nil); a.status != 404 {
			t.Errorf("another organization reads %s: %d %s", path, a.status, a.raw)
		}
	}
}

// newSandbox starts an API of a sandbox with a real biller over the fake usage.
// change may change its options further.
func newSandbox(t *testing.T, change ...func(*api.Options)) *server {
	t.Helper()
	return newServer(t, func(opts *api.Options) {
		b, err := biller.New(biller.Options{
			Registerer: prometheus.NewRegistry(),
			DB:         opts.DB, Usage: committed{opts.Usage}, LogID: "log", Partitions: testPartitions,
			Ends: func(context.Context, int32) (start, end int64, err error) { return 0, 0, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		opts.Sandbox, opts.Advance = true, b.Advance
		for _, f := range change {
			f(opts)
		}
	})
}

// committed makes the fake usage an answer that an invoice may be made from: of
// that log, at the position asked for.
type committed struct{ query.Querier }

func (c committed) Usage(ctx context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	answer, err := c.Querier.Usage(ctx, req)
	answer.LogID, answer.Next = "log", req.AtLeast
	answer.Partition = ingest.Partition(req.Organization, req.Subscription, testPartitions)
	return answer, err
}

func TestSandboxClock(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	clock := func(now string) object { return object{"test_clock": object{"now": now}} }
	expect(t, s.must(t, "GET", "/test_clock", nil), "<nil>", "test_clock", "now")
	s.invalid(t, "POST", "/test_clock", clock(""), "now: invalid_date")
	s.invalid(t, "POST", "/test_clock", object{"test_clock": object{"then": "2024-01-01T00:00:00Z"}}, "now: value_is_mandatory")
	expect(t, s.must(t, "POST", "/test_clock", clock("2024-01-01T00:00:00Z")), "2024-01-01T00:00:00Z", "test_clock", "now")
	s.subscribeAt(t, "2024-01-01T00:00:00Z")

	// Three months at once: an invoice for each, in order, the base fee of 10.00.
	s.must(t, "POST", "/test_clock", clock("2024-04-01T00:00:00Z"))
	invoices := s.must(t, "GET", "/invoices", nil)
	for i, want := range []string{"2024-04-01 3 1000", "2024-03-01 2 1000", "2024-02-01 1 1000"} { // newest first
		invoice := dig(t, invoices, "invoices", i).(object)
		if got := fmt.Sprint(invoice["issuing_date"], " ", invoice["sequential_id"], " ", invoice["total_amount_cents"]); got != want {
			t.Errorf("invoice %d: got %s, want %s", i, got, want)
		}
	}
	expect(t, invoices, "3", "meta", "total_count")

	// Backwards is refused; the same instant again changes nothing.
	s.invalid(t, "POST", "/test_clock", clock("2024-03-31T23:59:59Z"), "now: value_is_invalid")
	s.must(t, "POST", "/test_clock", clock("2024-04-01T00:00:00Z"))
	expect(t, s.must(t, "GET", "/invoices", nil), "3", "meta", "total_count")
	expect(t, s.must(t, "GET", "/test_clock", nil), "2024-04-01T00:00:00Z", "test_clock", "now")

	// An end is invoiced at once: on the local day, 1 of April's 30, 10.00 / 30 = 0.33.
	s.must(t, "POST", "/test_clock", clock("2024-04-01T12:00:00Z"))
	s.must(t, "DELETE", "/subscriptions/sub", nil)
	last := s.must(t, "GET", "/invoices?page=1&per_page=1", nil)
	expect(t, last, "4", "meta", "total_count")
	expect(t, s.must(t, "GET", "/invoices?amount_to=999", nil), "33", "invoices", 0, "total_amount_cents")
	expect(t, s.must(t, "GET", "/invoices?issuing_date_from=2024-03-01&issuing_date_to=2024-03-31", nil), "1", "meta", "total_count")
	expect(t, s.must(t, "GET", "/invoices?statuses[]=finalized&payment_status=pending&invoice_type=subscription&currency=USD", nil), "4", "meta", "total_count")
	expect(t, s.must(t, "GET", "/invoices?statuses[]=draft", nil), "0", "meta", "total_count")
	expect(t, s.must(t, "GET", "/fees?fee_type=charge", nil), "0", "meta", "total_count")
	expect(t, s.must(t, "GET", "/fees?fee_type=subscription&external_subscription_id=sub", nil), "4", "meta", "total_count")

	// The other organization lives by the system's clock.
	a := s.send(t, s.other, "GET", "/api/v1/test_clock", nil)
	expect(t, a.body, "<nil>", "test_clock", "now")
}

// subscribeAt creates a plan, a customer and a subscription from the given instant on.
func (s *server) subscribeAt(t *testing.T, at string) {
	t.Helper()
	s.must(t, "POST", "/plans", planBody("basic"))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": at}))
}

func TestPaidInAdvanceIsInvoicedAtOnce(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.must(t, "POST", "/test_clock", object{"test_clock": object{"now": "2024-04-10T12:00:00Z"}})
	plan := planBody("basic")
	plan["plan"].(object)["pay_in_advance"], plan["plan"].(object)["amount_cents"] = true, 3000
	s.must(t, "POST", "/plans", plan)
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-04-10T12:00:00Z"}))
	invoices := s.must(t, "GET", "/invoices", nil)
	expect(t, invoices, "1", "meta", "total_count")
	expect(t, invoices, "2100", "invoices", 0, "total_amount_cents") // 21 of April's 30 days, at 1.00 each
}
