package api_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/ingest"
)

// cells are what a test says was used: units by the values of the metric's cell
// keys, "" = the event lacks the property. Every unit is one event.
type cells map[string][]cell

type cell struct {
	units  string
	events int64
	values map[string]string
}

// answer is a Querier's answer of the cells of the metrics asked for.
func (c cells) answer(_ context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	var answer query.UsageAnswer
	for _, item := range req.Items {
		var usage query.ItemUsage
		for _, cell := range c[item.Metric.Code] {
			b := aggregator.BucketUsage{EventsCount: cell.events, Units: decimal.RequireFromString(cell.units)}
			b.Filter, b.Group = item.Split.Place(func(key string) aggregator.Value {
				text, there := cell.values[key]
				return aggregator.Value{Text: text, Null: !there}
			})
			usage.Buckets = append(usage.Buckets, b)
		}
		usage.Buckets = merged(usage.Buckets)
		answer.Items = append(answer.Items, usage)
	}
	return answer, nil
}

// merged orders buckets as a Querier does, and adds up those of one filter and group.
func merged(buckets []aggregator.BucketUsage) []aggregator.BucketUsage {
	compare := func(x, y aggregator.BucketUsage) int {
		return cmp.Or(cmp.Compare(x.Filter, y.Filter), aggregator.CompareValues(x.Group, y.Group))
	}
	slices.SortStableFunc(buckets, compare)
	var all []aggregator.BucketUsage
	for _, b := range buckets {
		if n := len(all); n == 0 || compare(all[n-1], b) != 0 {
			all = append(all, b)
			continue
		}
		last := &all[len(all)-1]
		last.Units, last.EventsCount = last.Units.Add(b.Units), last.EventsCount+b.EventsCount
	}
	return all
}

func TestCurrentUsagePricesTheThreeModels(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.subscribe(t, chargesOf(s.calls(t), s.tokens(t))...)
	s.usage.answer = cells{
		"calls":  {{units: "4", events: 4}},
		"tokens": {{units: "230", events: 7}},
	}.answer
	usage := dig(t, s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil), "customer_usage")
	expect(t, usage, "2024-03-01T00:00:00Z", "from_datetime")
	expect(t, usage, "2024-03-31T23:59:59Z", "to_datetime")
	expect(t, usage, "2024-03-31", "issuing_date")
	// 4 × 0.05 = 0.20; 10 × 1 + 5 + 220 × 0.5 + 2 = 127.00; ceil((230 - 50) / 100) × 25 = 50.00
	for i, want := range []string{"4.0 4 20", "230.0 7 12700", "230.0 7 5000"} {
		charge := dig(t, usage, "charges_usage", i).(object)
		if got := fmt.Sprint(charge["units"], " ", charge["events_count"], " ", charge["amount_cents"]); got != want {
			t.Errorf("charge %d: got %s, want %s", i, got, want)
		}
	}
	expect(t, usage, "17720", "amount_cents")
	expect(t, usage, "17720", "total_amount_cents")

	asked := s.usage.lastAsked(t)
	if asked.Organization != s.mine.organization.ID || asked.Subscription != "sub" || asked.Committed ||
		!asked.From.Equal(time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)) || !asked.To.Equal(time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("asked %+v", asked)
	}
	if len(asked.Items) != 3 { // one for each charge
		t.Errorf("asked for %d items, want 3", len(asked.Items))
	}
	narrow := s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub&filter_by_charge_code=tokens_2", nil)
	expect(t, narrow, "5000", "customer_usage", "amount_cents")
}

// Two charges whose amounts fit, and their sum does not: that is no small or negative sum.
func TestCurrentUsageThatIsTooLarge(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.calls(t)
	huge := func(code string) object { // 2^62 cents and more for one call
		return object{
			"billable_metric_id": calls, "charge_model": "standard", "code": code,
			"properties": object{"amount": "50000000000000000"},
		}
	}
	s.subscribe(t, huge("a"), huge("b"))
	s.usage.answer = cells{"calls": {{units: "1", events: 1}}}.answer
	s.invalid(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil, "amount_cents: value_is_out_of_range")
}

func TestCurrentUsageByFilterAndGroup(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls := s.metric(t, object{
		"name": "Calls", "code": "calls", "aggregation_type": "count_agg",
		"filters": []any{object{"key": "region", "values": []any{"eu", "us", "ap"}}},
	})
	s.subscribe(t, object{
		"billable_metric_id": calls, "charge_model": "standard",
		"properties": object{"amount": "1", "pricing_group_keys": []any{"tier"}},
		"filters": []any{
			object{"values": object{"region": []any{"eu"}}, "properties": object{"amount": "2"}, "invoice_display_name": "Europe"},
			object{"values": object{"region": []any{"ap"}}, "properties": object{"amount": "3"}},
		},
	})
	s.usage.answer = cells{"calls": {
		{units: "3", events: 3, values: map[string]string{"region": "eu", "tier": "gold"}}, // the first filter: 3 × 2.00
		{units: "2", events: 2, values: map[string]string{"region": "us", "tier": "gold"}}, // default, group gold: 2 × 1.00
		{units: "1", events: 1, values: map[string]string{"region": "us"}},                 // default, no tier: 1 × 1.00
	}}.answer
	charge := dig(t, s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil), "customer_usage", "charges_usage", 0)
	line := func(value any) string {
		return fmt.Sprint(dig(t, value, "units"), " ", dig(t, value, "events_count"), " ", dig(t, value, "amount_cents"))
	}
	if got := line(charge); got != "6.0 6 900" {
		t.Errorf("charge: %s", got)
	}
	// Unused filters appear with zeros; what no filter took is the charge's rest.
	if n := len(dig(t, charge, "filters").([]any)); n != 2 {
		t.Errorf("%d filters, want 2", n)
	}
	for i, want := range []string{"Europe map[region:[eu]] 3.0 3 600", "<nil> map[region:[ap]] 0.0 0 0"} {
		filter := dig(t, charge, "filters", i)
		if got := fmt.Sprint(dig(t, filter, "invoice_display_name"), " ", dig(t, filter, "values"), " ", line(filter)); got != want {
			t.Errorf("filter %d: got %s, want %s", i, got, want)
		}
	}
	// Groups only where they were seen.
	groups := make(map[string]string)
	for _, group := range dig(t, charge, "grouped_usage").([]any) {
		groups[fmt.Sprint(dig(t, group, "grouped_by"))] = line(group)
	}
	want := map[string]string{"map[]": "3.0 3 600", "map[tier:gold]": "2.0 2 200", "map[tier:<nil>]": "1.0 1 100"}
	if fmt.Sprint(groups) != fmt.Sprint(want) {
		t.Errorf("groups: got %v, want %v", groups, want)
	}
}

func TestCurrentUsageOfWhatIsNotRunning(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.subscribe(t)
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "beta"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("later", object{"subscription_at": "2024-04-01T00:00:00Z"}))
	const noActive = `{"status":405,"error":"Method Not Allowed","code":"no_active_subscription"}`
	s.refused(t, "GET", "/customers/none/current_usage?external_subscription_id=sub", nil, notFound("customer_not_found"))
	s.refused(t, "GET", "/customers/acme/current_usage?external_subscription_id=none", nil, notFound("subscription_not_found"))
	s.refused(t, "GET", "/customers/acme/current_usage", nil, notFound("subscription_not_found"))
	s.refused(t, "GET", "/customers/beta/current_usage?external_subscription_id=sub", nil, notFound("subscription_not_found")) // acme's
	s.refused(t, "GET", "/customers/acme/current_usage?external_subscription_id=later", nil, noActive)
	s.must(t, "DELETE", "/subscriptions/sub", nil)
	s.refused(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil, noActive)
	s.refused(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub&full_usage=true", nil, noActive)
}

func TestUsageWaitsForWhatWasWritten(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.subscribe(t, object{"billable_metric_id": s.calls(t), "charge_model": "standard"})
	var bounded time.Duration
	s.usage.answer = func(ctx context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
		deadline, _ := ctx.Deadline()
		bounded = time.Until(deadline)
		return cells{}.answer(ctx, req)
	}
	const path = "/api/v1/customers/acme/current_usage?external_subscription_id=sub"
	partition := ingest.Partition(s.mine.organization.ID, "sub", testPartitions)
	header := fmt.Sprintf("Weir-Log-Position: %d:41,%d:7", partition, (partition+1)%testPartitions)
	if a := s.send(t, s.mine, "GET", path, nil, header); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	if got := s.usage.lastAsked(t).AtLeast; got != 42 { // everything below 42: record 41 is in
		t.Errorf("waited for %d, want 42", got)
	}
	if bounded <= 0 || bounded > 5*time.Second {
		t.Errorf("would have waited for %v", bounded)
	}
	if a := s.send(t, s.mine, "GET", path, nil, "Weir-Log-Position: nonsense"); a.status != 400 {
		t.Errorf("a position that is none: %d %s", a.status, a.raw)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.subscribe(t)
	first := query.Event{
		Organization: s.mine.organization.ID, TransactionID: "t/1", Subscription: "sub", Code: "calls",
		Timestamp: time.Date(2024, 3, 2, 9, 0, 0, 123456789, time.UTC).UnixNano(), ReceivedAt: testNow.UnixNano(),
		PreciseTotal: "12.5", Partition: 2, Position: ingest.PositionOf(77, 3),
		Properties: []query.Property{
			{Name: "big", Kind: ingest.KindNumber, Text: "12345678901234567890.10"},
			{Name: "list", Kind: ingest.KindNested, Text: `[1,{"a":null}]`},
			{Name: "no", Kind: ingest.KindFalse},
			{Name: "none", Kind: ingest.KindNull},
			{Name: "quote \"", Kind: ingest.KindString, Text: "a\nb"},
			{Name: "yes", Kind: ingest.KindTrue},
		},
	}
	second := first
	second.Subscription, second.ReceivedAt = "other", first.ReceivedAt+1
	var asked query.EventsRequest
	s.usage.events = func(_ context.Context, req query.EventsRequest) (query.EventsAnswer, error) {
		asked = req
		return query.EventsAnswer{Events: []query.Event{first}, Total: 250}, nil
	}
	s.usage.event = func(_ context.Context, req query.EventRequest) ([]query.Event, error) {
		if req.TransactionID != "t/1" {
			return nil, nil
		}
		return []query.Event{first, second}, nil
	}

	list := s.must(t, "GET", "/events?external_subscription_id=sub&code=calls&timestamp_from=2024-03-02T00:00:00Z"+
		"&timestamp_to=2024-03-02T23:59:59Z&page=3&per_page=100", nil)
	expect(t, list, "map[current_page:3 next_page:<nil> prev_page:2 total_count:250 total_pages:3]", "meta")
	if asked.Subscription != "sub" || asked.Code != "calls" || asked.Offset != 200 || asked.Limit != 100 ||
		!asked.From.Equal(time.Date(2024, 3, 2, 0, 0, 0, 0, time.UTC)) ||
		!asked.To.Equal(time.Date(2024, 3, 2, 23, 59, 59, 1, time.UTC)) { // Lago's end is inclusive
		t.Errorf("asked %+v", asked)
	}
	if len(asked.Partitions) != 1 || asked.Partitions[0] != ingest.Partition(s.mine.organization.ID, "sub", testPartitions) {
		t.Errorf("asked partitions %v", asked.Partitions)
	}
	s.must(t, "GET", "/events?external_subscription_id=sub&timestamp_from_started_at=true", nil)
	if !asked.From.Equal(time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("from %v, not the subscription's start", asked.From)
	}

	// Of two subscriptions' events with the id, the one that came last, or the one that is named.
	expect(t, s.must(t, "GET", "/events/t%2F1", nil), "other", "event", "external_subscription_id")
	event := dig(t, s.must(t, "GET", "/events/t%2F1?external_subscription_id=sub", nil), "event")
	expect(t, event, ingest.EventID(first.Organization, []byte("sub"), []byte("t/1")).String(), "lago_id")
	expect(t, event, "2024-03-02T09:00:00.123Z", "timestamp")
	expect(t, event, "2024-03-02T09:00:00.123456789Z", "weir", "timestamp")
	expect(t, event, "77", "weir", "offset")
	s.refused(t, "GET", "/events/none", nil, notFound("event_not_found"))
	s.refused(t, "GET", "/events/t%2F1?external_subscription_id=third", nil, notFound("event_not_found"))
	raw := s.send(t, s.mine, "GET", "/api/v1/events/t%2F1?external_subscription_id=sub", nil).raw
	golden(t, "event", raw)
}

// A list of the events of every subscription looks into every partition: its range is bounded.
func TestEventsOfEverySubscription(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	var asked query.EventsRequest
	total := 1
	s.usage.events = func(_ context.Context, req query.EventsRequest) (query.EventsAnswer, error) {
		asked = req
		return query.EventsAnswer{Total: total}, nil
	}
	f := func(parameters, from, to string) {
		t.Helper()
		s.must(t, "GET", "/events?"+parameters, nil)
		if got := asked.From.UTC().Format(time.RFC3339) + " " + asked.To.UTC().Format(time.RFC3339); got != from+" "+to {
			t.Errorf("%s: got %s, want %s %s", parameters, got, from, to)
		}
		if asked.Partitions != nil {
			t.Errorf("%s: asked only partitions %v", parameters, asked.Partitions)
		}
	}
	f("", "2024-03-14T10:30:00Z", "2024-03-15T11:30:00Z") // the last day, and an hour for clocks that are fast
	f("timestamp_from=2024-02-20T00:00:00Z", "2024-02-20T00:00:00Z", "2024-03-15T11:30:00Z")
	f("timestamp_from=2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z")
	f("timestamp_to=2024-02-01T00:00:00Z", "2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z")
	f("timestamp_from=2024-01-01T00:00:00Z&timestamp_to=2024-02-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z") // 31 days
	for _, long := range []string{"timestamp_from=2024-01-01T00:00:00Z", "timestamp_from=2024-01-01T00:00:00Z&timestamp_to=2024-02-01T00:00:01Z"} {
		a := s.send(t, s.mine, "GET", "/api/v1/events?"+long, nil)
		if message, _ := a.body["message"].(string); a.status != 422 || !strings.Contains(message, "31 days") {
			t.Errorf("%s: %d %s", long, a.status, a.raw)
		}
		s.must(t, "GET", "/events?external_subscription_id=sub&"+long, nil)
	}
	if a := s.send(t, s.mine, "GET", "/api/v1/events", nil); a.header.Get("Weir-Total-Capped") != "" {
		t.Error("a total of 1 is said to be capped")
	}
	total = query.EventsCountMax
	if a := s.send(t, s.mine, "GET", "/api/v1/events", nil); a.header.Get("Weir-Total-Capped") != "true" {
		t.Errorf("headers %v", a.header)
	}
}
