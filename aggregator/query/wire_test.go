package query

import (
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

// goldenUsageRequest and the others are version 1 of the wire: another process
// may speak it, so they only change together with the path.
const goldenUsageRequest = `{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","subscription":"sub \"1\"/é",` +
	`"from":"2023-11-01T00:00:00Z","to":"2023-11-16T18:15:46.680590001Z","metrics":[` +
	`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","code":"tokens","aggregation":2,"field_name":"n","cell_keys":["model","region"]},` +
	`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","code":"requests","aggregation":1,"cell_keys":[]}],` +
	`"at_least":"9007199254740993","committed":true}`

func testUsageRequest() UsageRequest {
	return UsageRequest{
		Organization: testOrganization, Subscription: `sub "1"/é`,
		From: time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC),
		To:   time.Date(2023, 11, 16, 18, 15, 46, 680_590_001, time.UTC),
		Metrics: []*aggregator.Metric{
			{
				Organization: testOrganization, Code: "tokens", Aggregation: aggregator.SumAgg,
				FieldName: "n", CellKeys: []string{"model", "region"},
			},
			{Organization: testOrganization, Code: "requests", Aggregation: aggregator.CountAgg, CellKeys: []string{}},
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
	if req := back.request(); !reflect.DeepEqual(req, testUsageRequest()) {
		t.Errorf("read back as %+v", req)
	}
}

const goldenUsageAnswer = `{"log_id":"log","partition":3,"next":"9007199254740993","metrics":[{"cells":[` +
	`{"values":[null,"eu"],"units":"-0.1","events_count":"2"},` +
	`{"values":["",""],"units":"123456789012345678901234567890.123456789","events_count":"9007199254740993"}]},{"cells":[]}]}`

func testUsageAnswer() UsageAnswer {
	return UsageAnswer{LogID: "log", Partition: 3, Next: 1<<53 + 1, Metrics: []MetricUsage{
		{Cells: []aggregator.CellUsage{
			{
				Values: []aggregator.Value{{Null: true}, {Text: "eu"}},
				Units:  decimal.RequireFromString("-0.1"), EventsCount: 2,
			},
			{
				Values:      []aggregator.Value{{}, {}}, // the empty string is not null
				Units:       decimal.RequireFromString("123456789012345678901234567890.123456789"),
				EventsCount: 1<<53 + 1,
			},
		}},
		{Cells: []aggregator.CellUsage{}},
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

const goldenEvents = `{"events":[{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","transaction_id":"t","subscription":"s",` +
	`"code":"c","timestamp":"1700158546680590001","filled":true,"received_at":"1700158547000000000","precise_total":"1.25",` +
	`"properties":[{"name":"a","kind":3,"text":"1e2"},{"name":"b","kind":0}],"partition":15,"position":"1311768467463790320"}],"total":7}`

func TestEventsGolden(t *testing.T) {
	t.Parallel()
	events := []Event{{
		Organization: testOrganization, TransactionID: "t", Subscription: "s", Code: "c",
		Timestamp: 1700158546680590001, Filled: true, ReceivedAt: 1700158547000000000, PreciseTotal: "1.25",
		Properties: []Property{{Name: "a", Kind: ingest.KindNumber, Text: "1e2"}, {Name: "b", Kind: ingest.KindNull}},
		Partition:  15, Position: 0x123456789abcdef0,
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
		func(w wireEventsRequest) any { return w.request() }, events)
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
		if _, err := (wireCell{Units: units}).cell(); err == nil {
			t.Errorf("units of %d bytes %.10q were taken", len(units), units)
		}
	}
}
