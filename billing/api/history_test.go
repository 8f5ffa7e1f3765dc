package api_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"weir/billing/api"
	"weir/billing/biller"
	"weir/ingest"
)

// newJournalSandbox starts an API of a sandbox over a journal, with a real biller.
func newJournalSandbox(t *testing.T) (*server, *journal) {
	t.Helper()
	return newJournalServer(t, func(opts *api.Options) {
		b, err := biller.New(biller.Options{
			Registerer: prometheus.NewRegistry(),
			DB:         opts.DB, Usage: opts.Usage, LogID: "log", Partitions: testPartitions,
			Ends: func(_ context.Context, partition int32) (start, end int64, err error) {
				return 0, opts.Usage.(*journal).end(partition), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		opts.Sandbox, opts.Advance = true, b.Advance
	})
}

func (j *journal) end(partition int32) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next[partition]
}

func (s *server) clock(t *testing.T, now string) {
	t.Helper()
	s.must(t, "POST", "/test_clock", object{"test_clock": object{"now": now}})
}

// check compares the answer with its golden file.
func (s *server) check(t *testing.T, name, method, path string, body any) object {
	t.Helper()
	a := s.send(t, s.mine, method, "/api/v1"+path, body)
	if a.status != 200 {
		t.Fatalf("%s %s: %d %s", method, path, a.status, a.raw)
	}
	golden(t, name, partitions.ReplaceAll(a.raw, []byte(`"partition":0`)))
	return a.body
}

// partitions hang on the organization's id, which is another each time.
var partitions = regexp.MustCompile(`"partition":\d+`)

// TestInvoicedUsageAndWhatBecameOfIt: January 2024 is invoiced, and then events of it come
// late, are amended and cancelled.
func TestInvoicedUsageAndWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	s, j := newJournalSandbox(t)
	s.clock(t, "2024-01-01T00:00:00Z")
	calls, tokens := s.calls(t), s.tokens(t)
	s.must(t, "POST", "/plans", planBody("basic",
		object{
			"billable_metric_id": calls, "charge_model": "standard",
			"properties": object{"amount": "0.10", "pricing_group_keys": []any{"tier"}},
			"filters": []any{object{
				"values": object{"region": []any{"eu"}}, "properties": object{"amount": "0.20"}, "invoice_display_name": "Europe",
			}},
		},
		object{"billable_metric_id": tokens, "charge_model": "standard", "properties": object{"amount": "1"}},
	))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-01-01T00:00:00Z"}))
	j.sendAll(t, s.mine, "sub",
		"a calls 2024-01-05T00:00:00Z region=eu tier=gold", // Europe: 20 cents
		"b calls 2024-01-06T00:00:00Z tier=gold",           // group gold: 10
		"c calls 2024-01-07T00:00:00Z",                     // without tier: 10
		"d tokens 2024-01-08T00:00:00Z n=5",                // 500
		"bad tokens 2024-01-08T00:00:00Z n=many",
	)
	s.clock(t, "2024-02-01T00:00:00Z")
	j.sendAll(t, s.mine, "sub",
		"e calls 2024-01-09T00:00:00Z region=eu", // late: Europe, 20
		"f tokens 2024-02-02T00:00:00Z n=2",      // February: 200
	)
	s.must(t, "DELETE", "/events/b", nil)                                        // -10
	s.must(t, "PUT", "/events/d", event(object{"properties": object{"n": "8"}})) // +300

	// 20 + 10 + 10 + 500, whatever came later.
	past := s.check(t, "past_usage", "GET", "/customers/acme/past_usage?external_subscription_id=sub", nil)
	expect(t, past, "540", "usage_periods", 0, "amount_cents")
	only := s.must(t, "GET", "/customers/acme/past_usage?external_subscription_id=sub&billable_metric_code=tokens&periods_count=3", nil)
	expect(t, only, "500", "usage_periods", 0, "amount_cents")
	s.invalid(t, "GET", "/customers/acme/past_usage", nil, "external_subscription_id: value_is_mandatory")
	s.refused(t, "GET", "/customers/acme/past_usage?external_subscription_id=none", nil, notFound("subscription_not_found"))
	s.refused(t, "GET", "/customers/acme/past_usage?external_subscription_id=sub&billable_metric_code=none", nil, notFound("billable_metric_not_found"))

	lifetime := s.check(t, "lifetime_usage", "GET", "/subscriptions/sub/lifetime_usage", nil)
	expect(t, lifetime, "540", "lifetime_usage", "invoiced_usage_amount_cents")
	expect(t, lifetime, "200", "lifetime_usage", "current_usage_amount_cents")
	s.refused(t, "GET", "/subscriptions/none/lifetime_usage", nil, notFound("lifetime_usage_not_found"))

	differences := s.check(t, "usage_differences", "GET", "/customers/acme/usage_differences?external_subscription_id=sub", nil)
	// a to bad, e and f, and what became of b and d: 9 records.
	asked := s.send(t, s.mine, "GET", "/api/v1/customers/acme/usage_differences?external_subscription_id=sub", nil)
	partition := ingest.Partition(s.mine.organization.ID, "sub", testPartitions)
	if got, want := asked.header.Get("Weir-Log-Position"), fmt.Sprintf("%d:8", partition); got != want {
		t.Errorf("differences are of position %q, want %q", got, want)
	}
	var got []string
	for _, d := range dig(t, differences, "usage_differences").([]any) {
		got = append(got, fmt.Sprint(dig(t, d, "charge_code"), dig(t, d, "grouped_by"), " ", dig(t, d, "units_difference"), " ",
			dig(t, d, "events_count_difference"), " ", dig(t, d, "amount_cents_difference")))
	}
	want := []string{"callsmap[] 1.0 1 20", "callsmap[tier:gold] -1.0 -1 -10", "tokensmap[] 3.0 0 300"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("differences: got %v, want %v", got, want)
	}
	expect(t, s.must(t, "GET", "/customers/acme/usage_differences?billable_metric_code=none", nil), "[]", "usage_differences")
	s.refused(t, "GET", "/customers/none/usage_differences", nil, notFound("customer_not_found"))

	// From an event to its figure, and back.
	counted := s.check(t, "event_explained", "GET", "/events/a", nil)
	invoice := fmt.Sprint(dig(t, counted, "event", "weir", "counted", 0, "invoice", "lago_id"))
	expect(t, counted, "true", "event", "weir", "counted", 0, "invoice", "includes_event")
	late := s.must(t, "GET", "/events/e", nil)
	expect(t, late, "false", "event", "weir", "counted", 0, "invoice", "includes_event")
	february := s.must(t, "GET", "/events/f", nil)
	expect(t, february, "<nil>", "event", "weir", "counted", 0, "invoice")
	expect(t, february, "2024-02-29T23:59:59Z", "event", "weir", "counted", 0, "to_datetime")
	expect(t, s.must(t, "GET", "/events/bad", nil), "not_a_number", "event", "weir", "uncounted", "reason")

	listed := func(query string) string {
		t.Helper()
		ids := ""
		for _, e := range dig(t, s.must(t, "GET", "/events?external_subscription_id=sub&"+query, nil), "events").([]any) {
			ids += fmt.Sprint(dig(t, e, "transaction_id"), " ")
		}
		return ids
	}
	filter := fmt.Sprint(dig(t, counted, "event", "weir", "counted", 0, "filter", "lago_id"))
	for query, want := range map[string]string{
		"charge_code=calls":  "e c a ",
		"charge_code=tokens": "f d ", // not bad
		"charge_code=tokens&timestamp_from=2024-02-01T00:00:00Z":           "f ",
		"charge_code=calls&charge_filter_id=" + filter:                     "e a ",
		"charge_code=calls&charge_filter_id=default":                       "c ",
		"charge_code=calls&charge_filter_id=default&grouped_by[tier]=":     "c ",
		"charge_code=calls&charge_filter_id=default&grouped_by[tier]=gold": "",
		"charge_code=calls&invoice_id=" + invoice:                          "c b a ", // as it was at its cut: without e, with b
		"charge_code=tokens&invoice_id=" + invoice:                         "d ",     // as it was: it was amended after it
	} {
		if got := listed(query); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	const list = "/events?external_subscription_id=sub&"
	s.refused(t, "GET", list+"charge_code=none", nil, notFound("charge_not_found"))
	s.refused(t, "GET", list+"charge_code=calls&invoice_id=018e4b1e-0000-7000-8000-000000000000", nil, notFound("invoice_not_found"))
	s.refused(t, "GET", list+"charge_code=calls&charge_filter_id=x", nil, notFound("charge_filter_not_found"))
	s.invalid(t, "GET", list+"charge_code=calls&grouped_by[tier]=gold", nil, "charge_filter_id: value_is_mandatory")
	s.invalid(t, "GET", list+"charge_code=calls&charge_filter_id=default&grouped_by[region]=eu", nil, "grouped_by: value_is_invalid")
	s.invalid(t, "GET", list+"grouped_by[region]=eu", nil, "charge_code: value_is_mandatory")
	s.invalid(t, "GET", "/events?charge_code=calls", nil, "external_subscription_id: value_is_mandatory")
}

// TestEventsThatCountNowhere: each with its reason, and all of them countable.
func TestEventsThatCountNowhere(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	s.calls(t) // on no plan
	s.subscribe(t, object{"billable_metric_id": s.tokens(t), "charge_model": "standard"})
	j.sendAll(t, s.mine, "sub",
		"good tokens 2024-03-02T00:00:00Z n=1",
		"missing tokens 2024-03-03T00:00:00Z",
		"nan tokens 2024-03-04T00:00:00Z n=many",
		"nan2 tokens 2024-03-05T00:00:00Z n=x",
		"code unheard 2024-03-06T00:00:00Z",
		"charge calls 2024-03-07T00:00:00Z",
		"early tokens 2024-02-29T00:00:00Z n=1", // the subscription begins in March
		"gone tokens 2024-03-08T00:00:00Z",
	)
	j.sendAll(t, s.mine, "nobody", "sub tokens 2024-03-15T00:00:00Z n=1")
	s.must(t, "DELETE", "/events/gone", nil)
	for id, want := range map[string]string{
		"missing": "missing_property", "nan": "not_a_number", "code": "unknown_code", "charge": "no_charge",
		"early": "no_subscription", "sub": "no_subscription", "gone": "cancelled",
	} {
		expect(t, s.must(t, "GET", "/events/"+id, nil), want, "event", "weir", "uncounted", "reason")
	}
	expect(t, s.must(t, "GET", "/events/good", nil), "<nil>", "event", "weir", "uncounted")

	all := s.check(t, "uncounted_events", "GET", "/uncounted_events?external_subscription_id=sub", nil)
	expect(t, all, "map[missing_property:1 no_charge:1 no_subscription:1 not_a_number:2 unknown_code:1]", "counts")
	expect(t, all, "6", "meta", "total_count")
	var ids []string
	for _, e := range dig(t, all, "uncounted_events").([]any) {
		ids = append(ids, fmt.Sprint(dig(t, e, "transaction_id")))
	}
	if fmt.Sprint(ids) != "[charge code nan2 nan missing early]" { // newest first
		t.Errorf("got %v", ids)
	}
	nan := s.must(t, "GET", "/uncounted_events?external_subscription_id=sub&reason=not_a_number&billable_metric_code=tokens&page=2&per_page=1", nil)
	expect(t, nan, "nan", "uncounted_events", 0, "transaction_id")
	expect(t, nan, "2", "meta", "total_count")
	second := s.must(t, "GET", "/uncounted_events?external_subscription_id=sub&page=2&per_page=4", nil)
	expect(t, second, "missing", "uncounted_events", 0, "transaction_id")
	s.invalid(t, "GET", "/uncounted_events?external_subscription_id=sub&page=2&per_page=1000", nil, "page: value_is_out_of_range")
	march := s.must(t, "GET", "/uncounted_events?external_subscription_id=sub&from=2024-03-04T00:00:00Z&to=1709683200", nil) // to 6 March
	expect(t, march, "map[not_a_number:2]", "counts")
	expect(t, s.must(t, "GET", "/uncounted_events?external_subscription_id=nobody", nil), "map[no_subscription:1]", "counts")

	// Without a subscription: what nothing is known of.
	series := s.check(t, "uncounted_series", "GET", "/uncounted_events?from=2024-03-01T00:00:00Z&to=2024-03-31T00:00:00Z", nil)
	expect(t, series, "map[no_subscription:1 unknown_code:1]", "counts")
	first := s.must(t, "GET", "/uncounted_events?from=2024-03-01T00:00:00Z&to=2024-03-31T00:00:00Z&per_page=1", nil)
	expect(t, first, "nobody", "uncounted_series", 0, "external_subscription_id")
	next := s.must(t, "GET", "/uncounted_events?from=2024-03-01T00:00:00Z&to=2024-03-31T00:00:00Z&reason=unknown_code"+
		"&after_external_subscription_id="+fmt.Sprint(dig(t, first, "next", "after_external_subscription_id"))+
		"&after_code="+fmt.Sprint(dig(t, first, "next", "after_code")), nil)
	expect(t, next, "unheard", "uncounted_series", 0, "code")
	expect(t, next, "<nil>", "next")
	expect(t, s.must(t, "GET", "/uncounted_events", nil), "map[no_subscription:1]", "counts") // of the last day
	s.invalid(t, "GET", "/uncounted_events?from=2024-01-01T00:00:00Z", nil, "from: value_is_out_of_range")
	s.invalid(t, "GET", "/uncounted_events?reason=cancelled&from=x", nil, "reason: value_is_invalid", "from: invalid_date")
}
