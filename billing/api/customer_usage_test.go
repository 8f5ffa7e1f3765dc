package api_test

import (
	"fmt"
	"testing"
)

func TestUsageOfAnyTime(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	s.metric(t, object{"name": "Peak", "code": "peak", "aggregation_type": "max_agg", "field_name": "n"})
	s.subscribe(t, object{"billable_metric_id": s.tokens(t), "charge_model": "standard"})
	j.sendAll(t, s.mine, "sub",
		"old tokens 2019-01-01T00:00:00Z n=100", // long before the subscription
		"a tokens 2024-03-10T22:59:59Z n=1 region=eu",
		"b tokens 2024-03-10T23:00:00Z n=2 region=eu", // in Berlin the 11th
		"c tokens 2024-03-11T12:00:00Z n=4.5",
		"d tokens 2024-03-12T22:59:59Z n=-8 region=us",
		"x tokens 2024-03-11T12:00:00Z n=none",
		"e tokens 2024-03-12T23:00:00Z n=16", // the 13th, which is not asked for
		"p peak 2024-03-11T01:00:00Z n=7", "q peak 2024-03-12T01:00:00Z n=5",
	)
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "timezone": "Europe/Berlin"}})
	const path = "/customers/acme/usage?external_subscription_id=sub"
	usage := dig(t, s.check(t, "usage", "GET",
		path+"&from=2024-03-10T22:59:59Z&to=2024-03-12T23:00:00Z&granularity=day&group_by[]=region", nil), "usage")
	metric := func(code string) any {
		for _, m := range dig(t, usage, "metrics").([]any) {
			if dig(t, m, "billable_metric", "code") == code {
				return m
			}
		}
		t.Fatalf("no %s in %v", code, usage)
		return nil
	}
	figures := func(of any) string {
		return fmt.Sprint(dig(t, of, "units"), " of ", dig(t, of, "events_count"))
	}
	tokens := metric("tokens")
	expect(t, tokens, "map[not_a_number:1]", "uncounted")
	// 1 + 2 + 4.5 - 8, nothing rounded or raised to 0
	if got := figures(tokens); got != "-0.5 of 4" {
		t.Errorf("tokens: %s", got)
	}
	for i, want := range []string{"1.0 of 1", "6.5 of 2", "-8.0 of 1"} { // 10 March from 23:59:59, 11, 12
		if got := figures(dig(t, tokens, "buckets", i)); got != want {
			t.Errorf("bucket %d: got %s, want %s", i, got, want)
		}
	}
	expect(t, tokens, "2024-03-10T23:00:00Z", "buckets", 1, "from")
	groups := ""
	for _, g := range dig(t, tokens, "groups").([]any) {
		groups += fmt.Sprint(dig(t, g, "grouped_by"), figures(g), " ")
	}
	if groups != "map[region:<nil>]4.5 of 1 map[region:eu]3.0 of 2 map[region:us]-8.0 of 1 " {
		t.Errorf("groups: %s", groups)
	}
	if peak := metric("peak"); figures(peak) != "7.0 of 2" || figures(dig(t, peak, "buckets", 2)) != "5.0 of 1" {
		t.Errorf("peak: %v", peak)
	}

	// Without bounds: everything up to now. Epoch seconds will do.
	lifetime := dig(t, s.must(t, "GET", path+"&billable_metric_code=tokens", nil), "usage", "metrics").([]any)
	if len(lifetime) != 1 || figures(lifetime[0]) != "115.5 of 6" {
		t.Errorf("lifetime: %v", lifetime)
	}
	epoch := dig(t, s.must(t, "GET", path+"&billable_metric_code=tokens&from=1710154800&to=1710154800.000000001", nil), "usage")
	expect(t, epoch, "2024-03-11T11:00:00.000000001Z", "to")
	expect(t, epoch, "0.0", "metrics", 0, "units")

	s.invalid(t, "GET", "/customers/acme/usage", nil, "external_subscription_id: value_is_mandatory")
	s.invalid(t, "GET", path+"&from=soon&to=-1&granularity=week", nil, "from: invalid_date", "to: invalid_date", "granularity: value_is_invalid")
	s.invalid(t, "GET", path+"&from=2024-03-02T00:00:00Z&to=2024-03-01T00:00:00Z", nil, "to: invalid_date")
	s.invalid(t, "GET", path+"&granularity=hour", nil, "granularity: value_is_out_of_range") // since 1970
	s.invalid(t, "GET", path+"&group_by[]=1&group_by[]=2&group_by[]=3&group_by[]=4&group_by[]=5&group_by[]=6", nil, "group_by: value_is_out_of_range")
	s.invalid(t, "GET", path+"&group_by[]=region", nil, "group_by: value_is_out_of_range") // since 1970, event by event
	s.refused(t, "GET", path+"&billable_metric_code=none", nil, notFound("billable_metric_not_found"))
	s.refused(t, "GET", "/customers/acme/usage?external_subscription_id=none", nil, notFound("subscription_not_found"))
	s.refused(t, "GET", "/customers/none/usage?external_subscription_id=sub", nil, notFound("customer_not_found"))
}
