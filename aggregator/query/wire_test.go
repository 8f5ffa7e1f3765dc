package query

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/ingest"
)

var testOrganization = uuid.MustParse("018c2a54-7a11-7cde-8f00-0123456789ab")

// goldenUsageRequest and the others are version 2 of the wire: another process
// may speak it, so they only change together with the path.
const goldenUsageRequest = `{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","subscription":"sub \"1\"/é",` +
	`"from":"2023-11-01T00:00:00Z","to":"2023-11-16T18:15:46.680590001Z","metrics":[` +
	`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","code":"tokens","aggregation":2,"field_name":"n",` +
	`"recurring":true,"received_from":"9007199254740993","precise_totals":true,"cell_keys":["model","region"]},` +
	`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","code":"latency","aggregation":9,"field_name":"ms",` +
	`"percentile":"99.9","cell_keys":[]}],` +
	`"items":[{"metric":0,"split":{"filters":[` +
	`{"conditions":[{"key":"model","values":["a","b"],"wildcard":true},{"key":"region","values":["eu"]}],` +
	`"group_keys":["region"],"presentation_keys":["model"]},{"conditions":[],"group_keys":["region","model"]}],` +
	`"group_keys":["model","region"],"presentation_keys":["region"]}},` +
	`{"metric":1,"split":{}},{"metric":0,"split":{}}],` +
	`"at_least":"9007199254740993","committed":true}`

func testUsageRequest() UsageRequest {
	tokens := &aggregator.Metric{
		Organization: testOrganization, Code: "tokens", Aggregation: aggregator.SumAgg, FieldName: "n",
		Recurring: true, ReceivedFrom: 1<<53 + 1, PreciseTotals: true, CellKeys: []string{"model", "region"},
	}
	latency := &aggregator.Metric{
		Organization: testOrganization, Code: "latency", Aggregation: aggregator.PercentileAgg, FieldName: "ms",
		Percentile: decimal.RequireFromString("99.9"), CellKeys: []string{},
	}
	return UsageRequest{
		Organization: testOrganization, Subscription: `sub "1"/é`,
		From: time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC),
		To:   time.Date(2023, 11, 16, 18, 15, 46, 680_590_001, time.UTC),
		Items: []UsageItem{
			{tokens, aggregator.Split{
				Filters: []aggregator.Filter{
					{
						Conditions: []aggregator.FilterCondition{
							{Key: "model", Values: []string{"a", "b"}, Wildcard: true}, {Key: "region", Values: []string{"eu"}},
						},
						GroupKeys: []string{"region"}, PresentationKeys: []string{"model"},
					},
					{GroupKeys: []string{"region", "model"}}, // without conditions: it takes nothing, and is still the filter with the number 1
				},
				GroupKeys: []string{"model", "region"}, PresentationKeys: []string{"region"},
			}},
			{Metric: latency},
			{Metric: tokens},
		},
		AtLeast:   1<<53 + 1, // a float64 would lose the last bit
		Committed: true,
	}
}

func TestUsageRequestGolden(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(usageRequestToWire(testUsageRequest()))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != goldenUsageRequest {
		t.Errorf("wire is\n%s\nwant\n%s", got, goldenUsageRequest)
	}
	var back wireUsageRequest
	if err := decode(got, &back); err != nil {
		t.Fatal(err)
	}
	req, err := back.request()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(req, testUsageRequest()) {
		t.Errorf("read back as %+v", req)
	}
	if req.Items[0].Metric != req.Items[2].Metric {
		t.Error("one metric of two items was read back as two: its usage would be made twice")
	}
}

// TestAtOnTheWire: an answer of the past is another question, and an older process refuses it.
func TestAtOnTheWire(t *testing.T) {
	t.Parallel()
	req := usageOf("s")
	req.From, req.To, req.Items, req.At = time.Unix(0, 0).UTC(), req.To.UTC(), []UsageItem{}, 1<<53+1
	checkRoundTrip(t, usageRequestToWire(req),
		`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","subscription":"s",`+
			`"from":"1970-01-01T00:00:00Z","to":"1970-01-01T00:00:01Z","metrics":[],"items":[],"at_least":"0","at":"9007199254740993"}`,
		func(w wireUsageRequest) any {
			req, err := w.request()
			if err != nil {
				t.Errorf("cannot read back: %v", err)
			}
			return req
		}, req)
	events := EventsRequest{
		Organization: testOrganization, Subscription: "s", From: req.From, To: req.To, Limit: 20, At: 1<<53 + 1, AtLeast: map[int32]int64{},
	}
	checkRoundTrip(t, eventsRequestToWire(events),
		`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","subscription":"s",`+
			`"from":"1970-01-01T00:00:00Z","to":"1970-01-01T00:00:01Z","offset":0,"limit":20,"at":"9007199254740993"}`,
		readEventsRequest(t), events)
}

// TestAtIsChecked: what no answer could be at is refused before it is asked.
func TestAtIsChecked(t *testing.T) {
	t.Parallel()
	f := func(at, atLeast int64, want bool) {
		t.Helper()
		req := UsageRequest{At: at, AtLeast: atLeast}
		if err := req.Check(); (err == nil) != want {
			t.Errorf("usage at %d, at least %d: %v", at, atLeast, err)
		}
	}
	f(0, 7, true)
	f(7, 7, true)
	f(7, 8, false)
	f(-1, 0, false)
	g := func(at int64, subscription string, want bool) {
		t.Helper()
		req := EventsRequest{At: at, Subscription: subscription}
		if err := req.Check(); (err == nil) != want {
			t.Errorf("events of %q at %d: %v", subscription, at, err)
		}
	}
	g(0, "", true)
	g(7, "s", true)
	g(7, "", false)
	g(-1, "s", false)
}

func TestExpressionOnTheWire(t *testing.T) {
	t.Parallel()
	x, err := ingest.ParseExpression(`event.properties.a * 2`)
	if err != nil {
		t.Fatal(err)
	}
	m := &aggregator.Metric{Organization: testOrganization, Code: "c", Aggregation: aggregator.SumAgg, Expression: x, CellKeys: []string{}}
	got, err := json.Marshal(metricToWire(m))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","code":"c","aggregation":2,` +
		`"expression":"event.properties.a * 2","cell_keys":[]}`
	if string(got) != want {
		t.Errorf("wire is\n%s\nwant\n%s", got, want)
	}
	var back wireMetric
	if err := decode(got, &back); err != nil {
		t.Fatal(err)
	}
	read, err := back.metric()
	if err != nil || read.Definition() != m.Definition() {
		t.Errorf("read back as %+v, %v: another definition", read, err)
	}
}

const goldenUsageAnswer = `{"log_id":"log","partition":3,"next":"9007199254740993","items":[{"buckets":[` +
	`{"filter":-1,"group":[null,"eu"],"units":"-0.1","total_units":"2","events_count":"2","precise_total":"1.25",` +
	`"presentation":[{"values":[null],"units":"-0.3"},{"values":["x"],"units":"0.2"}]},` +
	`{"filter":1,"group":["",""],"units":"123456789012345678901234567890.123456789","total_units":"0",` +
	`"events_count":"9007199254740993","precise_total":"0"}],` +
	`"uncounted":[{"reason":1,"count":"9007199254740993"},{"reason":3,"count":"2"}]},{"buckets":[]},{"buckets":[]}]}`

func testUsageAnswer() UsageAnswer {
	number := decimal.RequireFromString
	return UsageAnswer{LogID: "log", Partition: 3, Next: 1<<53 + 1, Items: []ItemUsage{
		{
			Buckets: []aggregator.BucketUsage{
				{
					Filter: aggregator.NoFilter, Group: []aggregator.Value{{Null: true}, {Text: "eu"}},
					Units: number("-0.1"), TotalUnits: number("2"), EventsCount: 2, PreciseTotal: number("1.25"),
					Presentation: []aggregator.PresentationUsage{
						{Values: []aggregator.Value{{Null: true}}, Units: number("-0.3")},
						{Values: []aggregator.Value{{Text: "x"}}, Units: number("0.2")},
					},
				},
				{
					Filter: 1, Group: []aggregator.Value{{}, {}}, // the empty string is not null
					Units:      number("123456789012345678901234567890.123456789"),
					TotalUnits: number("0"), EventsCount: 1<<53 + 1, PreciseTotal: number("0"),
				},
			},
			Uncounted: aggregator.Uncounted{aggregator.MissingProperty: 1<<53 + 1, aggregator.ExpressionFailed: 2},
		},
		{Buckets: []aggregator.BucketUsage{}},
		{Buckets: []aggregator.BucketUsage{}},
	}}
}

func TestUsageAnswerGolden(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(usageAnswerToWire(testUsageAnswer()))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != goldenUsageAnswer {
		t.Errorf("wire is\n%s\nwant\n%s", got, goldenUsageAnswer)
	}
	var back wireUsageAnswer
	if err := decode(got, &back); err != nil {
		t.Fatal(err)
	}
	answer, err := back.answer()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(answer, testUsageAnswer()) {
		t.Errorf("read back as %+v", answer)
	}
}

// TestAnswersRefused: what an owner can't have meant is no answer.
func TestAnswersRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new string }{
		"unknown reason": {`"reason":3`, `"reason":5`},
		"units":          {`"units":"-0.1"`, `"units":"-0,1"`},
		"total units":    {`"total_units":"2"`, `"total_units":""`},
		"precise total":  {`"precise_total":"1.25"`, `"precise_total":"1.2.5"`},
		"presented":      {`"units":"-0.3"`, `"units":"x"`},
	} {
		var w wireUsageAnswer
		if err := decode([]byte(strings.Replace(goldenUsageAnswer, c.old, c.new, 1)), &w); err != nil {
			t.Fatal(err)
		}
		if _, err := w.answer(); err == nil {
			t.Errorf("%s: %s was taken", name, c.new)
		}
	}
}

const goldenEvents = `{"events":[{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","transaction_id":"t","subscription":"s",` +
	`"code":"c","timestamp":"1700158546680590001","filled":true,"received_at":"1700158547000000000","precise_total":"1.25",` +
	`"properties":[{"name":"a","kind":3,"text":"1e2"},{"name":"b","kind":0}],"partition":15,"position":"1311768467463790320",` +
	`"revision":4294967295,"cancelled":true,"versions":[` +
	`{"position":"7","received_at":"1700158547000000000","code":"d","timestamp":"1700158546680590001","filled":true,` +
	`"precise_total":"2","properties":[{"name":"a","kind":4,"text":"x"}]},` +
	`{"revision":4294967295,"position":"1311768467463790320","cancelled":true}],` +
	`"conflicts":[{"partition":15,"position":"9007199254740993","received_at":"1700158547000000001"}]}],"total":7}`

func TestEventsGolden(t *testing.T) {
	t.Parallel()
	events := []Event{{
		Organization: testOrganization, TransactionID: "t", Subscription: "s", Code: "c",
		Timestamp: 1700158546680590001, Filled: true, ReceivedAt: 1700158547000000000, PreciseTotal: "1.25",
		Properties: []Property{{Name: "a", Kind: ingest.KindNumber, Text: "1e2"}, {Name: "b", Kind: ingest.KindNull}},
		Partition:  15, Position: 0x123456789abcdef0, Revision: math.MaxUint32, Cancelled: true,
		Versions: []Version{
			{
				Position: 7, ReceivedAt: 1700158547000000000, Code: "d", Timestamp: 1700158546680590001, Filled: true,
				PreciseTotal: "2", Properties: []Property{{Name: "a", Kind: ingest.KindString, Text: "x"}},
			},
			{Revision: math.MaxUint32, Position: 0x123456789abcdef0, Cancelled: true, Properties: []Property{}},
		},
		Conflicts: []Conflict{{15, 1<<53 + 1, 1700158547000000001}},
	}}
	got, err := json.Marshal(wireEventsAnswer{eventsToWire(events), 7})
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != goldenEvents {
		t.Errorf("wire is\n%s\nwant\n%s", got, goldenEvents)
	}
	var back wireEventsAnswer
	if err := decode(got, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(eventsFromWire(back.Events), events) || back.Total != 7 {
		t.Errorf("read back as %+v", back)
	}
}

func TestEventRequestsGolden(t *testing.T) {
	t.Parallel()
	atLeast := map[int32]int64{11: 5, 2: 1<<53 + 1}
	event := EventRequest{Organization: testOrganization, TransactionID: "t", Partitions: []int32{2, 11}, AtLeast: atLeast}
	events := EventsRequest{
		Organization: testOrganization, Subscription: "s", Code: "c",
		From: time.Unix(0, 0).UTC(), To: time.Unix(0, 1).UTC(),
		Offset: 10, Limit: 20, Partitions: []int32{2, 11}, AtLeast: atLeast,
	}
	const tail = `"partitions":[2,11],"at_least":[{"partition":2,"offset":"9007199254740993"},{"partition":11,"offset":"5"}]}`
	checkRoundTrip(t, eventRequestToWire(event),
		`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","transaction_id":"t",`+tail,
		func(w wireEventRequest) any { return w.request() }, event)
	checkRoundTrip(t, eventsRequestToWire(events),
		`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","subscription":"s","code":"c",`+
			`"from":"1970-01-01T00:00:00Z","to":"1970-01-01T00:00:00.000000001Z","offset":10,"limit":20,`+tail,
		readEventsRequest(t), events)

	metric := &aggregator.Metric{Organization: testOrganization, Code: "c", Aggregation: aggregator.CountAgg, CellKeys: []string{"k"}}
	events.Of = &aggregator.Part{
		Metric: metric, Reason: aggregator.NotANumber, Split: aggregator.Split{GroupKeys: []string{"k"}},
		Filter: aggregator.NoFilter, Group: []aggregator.Value{{Null: true}},
	}
	checkRoundTrip(t, eventsRequestToWire(events),
		`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","subscription":"s","code":"c",`+
			`"from":"1970-01-01T00:00:00Z","to":"1970-01-01T00:00:00.000000001Z","offset":10,"limit":20,"of":`+
			`{"metric":{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","code":"c","aggregation":1,"cell_keys":["k"]},`+
			`"reason":2,"split":{"group_keys":["k"]},"filter":-1,"group":[null]},`+tail,
		readEventsRequest(t), events)
}

func readEventsRequest(t *testing.T) func(wireEventsRequest) any {
	return func(w wireEventsRequest) any {
		req, err := w.request()
		if err != nil {
			t.Errorf("cannot read back: %v", err)
		}
		return req
	}
}

func TestSeriesGolden(t *testing.T) {
	t.Parallel()
	req := SeriesRequest{
		Organization: testOrganization, Subscription: "s", From: time.Unix(0, 0).UTC(), To: time.Unix(0, 1).UTC(),
		After: SeriesKey{"s", "a\"b"}, Limit: 5, Partitions: []int32{2}, AtLeast: map[int32]int64{2: 1<<53 + 1},
	}
	checkRoundTrip(t, seriesRequestToWire(req),
		`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","subscription":"s","from":"1970-01-01T00:00:00Z",`+
			`"to":"1970-01-01T00:00:00.000000001Z","after":{"subscription":"s","code":"a\"b"},"limit":5,"partitions":[2],`+
			`"at_least":[{"partition":2,"offset":"9007199254740993"}]}`,
		func(w wireSeriesRequest) any { return w.request() }, req)
	answer := SeriesAnswer{
		Series: []SeriesInfo{{SeriesKey{"s", "c"}, 2, 1000, 1<<53 + 1, 1700158546680590001}},
		Next:   SeriesKey{"s", "c"},
	}
	checkRoundTrip(t, seriesAnswerToWire(answer),
		`{"series":[{"subscription":"s","code":"c","partition":2,"events":1000,"oldest":"9007199254740993",`+
			`"newest":"1700158546680590001"}],"next":{"subscription":"s","code":"c"}}`,
		func(w wireSeriesAnswer) any { return w.answer() }, answer)
	checkRoundTrip(t, seriesAnswerToWire(SeriesAnswer{}), `{"series":[]}`,
		func(w wireSeriesAnswer) any { return w.answer() }, SeriesAnswer{Series: []SeriesInfo{}})
}

func checkRoundTrip[W any](t *testing.T, wire W, golden string, back func(W) any, want any) {
	t.Helper()
	got, err := json.Marshal(wire)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != golden {
		t.Errorf("wire is\n%s\nwant\n%s", got, golden)
	}
	var read W
	if err := decode(got, &read); err != nil {
		t.Fatal(err)
	}
	if req := back(read); !reflect.DeepEqual(req, want) {
		t.Errorf("read back as %+v\nwant %+v", req, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"unknown member":   strings.Replace(goldenUsageRequest, `"committed"`, `"newest_only":true,"committed"`, 1),
		"duplicate member": strings.Replace(goldenUsageRequest, `"at_least"`, `"subscription":"other","at_least"`, 1),
		"trailing data":    goldenUsageRequest + "{}",
		"integer as float": strings.Replace(goldenUsageRequest, `"9007199254740993"`, `9007199254740993`, 1),
		"invalid UTF-8":    strings.Replace(goldenUsageRequest, "é", "\xff", 1),
		"empty":            "",
	} {
		var out wireUsageRequest
		if err := decode([]byte(body), &out); err == nil {
			t.Errorf("%s: was taken: %s", name, body)
		}
	}
}

func TestUnitsBounded(t *testing.T) {
	t.Parallel()
	for _, units := range []string{strings.Repeat("9", decimalTextMax+1), "1e99999999", "NaN", ""} {
		if _, err := (&wireBucket{Units: units, TotalUnits: "0", PreciseTotal: "0"}).bucket(); err == nil {
			t.Errorf("units of %d bytes %.10q were taken", len(units), units)
		}
	}
}
