package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/ingest"
)

func TestSingleEvent(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	before := time.Now().Add(-time.Second).UTC()
	a := h.post(pathEvent, `{"event":{"transaction_id":"tx \"1\"","external_subscription_id":"sub_1","code":"tokens",
		"timestamp":"1700000000.1234567","precise_total_amount_cents":"12.50",
		"properties":{"model":"gpt","input":1.50,"big":12345678901234567890,"ok":true,"no":false,"nil":null,
			"nested":{"a": [1, 2]},"text":"line\nbreak \u0001 \u00e9"}}}`)
	if a.status != http.StatusOK {
		t.Fatalf("status is %d: %s", a.status, a.body)
	}
	var got struct {
		Event struct {
			LagoID    uuid.UUID `json:"lago_id"`
			CreatedAt string    `json:"created_at"`
		} `json:"event"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if want := ingest.EventID(testOrganization, []byte("sub_1"), []byte(`tx "1"`)); got.Event.LagoID != want {
		t.Errorf("lago_id is %s, want %s", got.Event.LagoID, want)
	}
	created, err := time.Parse("2006-01-02T15:04:05Z", got.Event.CreatedAt)
	if err != nil || created.Before(before.Truncate(time.Second)) || created.After(time.Now()) {
		t.Errorf("created_at is %q (%v), want now", got.Event.CreatedAt, err)
	}
	// 1700000000 is 2023-11-14T22:13:20Z; below a millisecond the answer cuts off.
	a.want(t, 200, `{"event":{"lago_id":"`+got.Event.LagoID.String()+`","transaction_id":"tx \"1\"",`+
		`"lago_customer_id":null,"code":"tokens","timestamp":"2023-11-14T22:13:20.123Z",`+
		`"precise_total_amount_cents":"12.50","properties":{"big":12345678901234567890,"input":1.50,"model":"gpt",`+
		`"nested":{"a":[1,2]},"nil":null,"no":false,"ok":true,"text":"line\nbreak \u0001 é"},`+
		`"lago_subscription_id":null,"external_subscription_id":"sub_1","created_at":"`+got.Event.CreatedAt+`"}}`)

	partition := ingest.Partition(testOrganization, "sub_1", testPartitions)
	if got, want := a.header.Get(PositionHeader), fmt.Sprintf("%d:0", partition); got != want {
		t.Errorf("position is %q, want %q", got, want)
	}
	if got, want := a.header.Get("Content-Type"), "application/json; charset=utf-8"; got != want {
		t.Errorf("Content-Type is %q, want %q", got, want)
	}
	events := h.stored()
	want := stored{
		partition: partition, organization: testOrganization,
		id: `tx "1"`, subject: "sub_1", code: "tokens", timestamp: 1700000000_123456700,
		properties: `{"big":12345678901234567890,"input":1.50,"model":"gpt","nested":{"a":[1,2]},` +
			`"nil":null,"no":false,"ok":true,"text":"line\nbreak \u0001 é"}`,
	}
	if len(events) != 1 || events[0] != want {
		t.Errorf("the log holds\n%+v\nwant\n%+v", events, want)
	}
}

func TestBatchOverPartitions(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	zero, two := subscriptionIn(0), subscriptionIn(2)
	h.post(pathEvent, single(event("before", two))).want(t, 200, `{"event":…`)
	a := h.post(pathBatch, batch(event("a", two), event("b", zero), event("c", two)))
	a.want(t, 200, `{"events":[{"lago_id":…`)
	if got, want := a.header.Get(PositionHeader), "0:0,2:1"; got != want {
		t.Errorf("position is %q, want %q", got, want)
	}
	var order []string
	for _, e := range h.stored() {
		order = append(order, fmt.Sprintf("%d/%d %s", e.partition, e.offset, e.id))
	}
	if got, want := strings.Join(order, ", "), "0/0 b, 2/0 before, 2/1 a, 2/1 c"; got != want {
		t.Errorf("the log holds %s, want %s", got, want)
	}
	var reply struct{ Events []map[string]any }
	if err := json.Unmarshal([]byte(a.body), &reply); err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"a", "b", "c"} {
		if reply.Events[i]["transaction_id"] != id {
			t.Errorf("event %d of the answer is %v, want %s", i, reply.Events[i]["transaction_id"], id)
		}
	}
}

// A batch whose events of one partition do not fit one record is split.
func TestBatchLargerThanARecord(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	value := strings.Repeat("x", 1000)
	var events, ids []string
	for n := range 1500 { // 1.5 MB and more
		id := fmt.Sprintf("t%04d", n)
		ids = append(ids, id)
		events = append(events, fmt.Sprintf(
			`{"transaction_id":%q,"external_subscription_id":"s","code":"c","properties":{"p":%q}}`, id, value))
	}
	a := h.post(pathBatch, batch(events...))
	a.want(t, 200, `{"events":[…`)
	partition := ingest.Partition(testOrganization, "s", testPartitions)
	if got, want := a.header.Get(PositionHeader), fmt.Sprintf("%d:1", partition); got != want {
		t.Errorf("position is %q, want %q", got, want)
	}
	h.wantIDs(ids...)
}

const (
	repeatOne   = `{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"transaction_id":["value_already_exist"]}}`
	conflictOne = `{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"transaction_id":["value_already_exist_with_other_content"]}}`
)

func TestRepeats(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	plain := event("t1", "s")
	h.post(pathEvent, single(plain)).want(t, 200, `{"event":…`)
	h.post(pathEvent, single(plain)).want(t, 422, repeatOne)
	h.post(pathEvent, single(strings.Replace(plain, "requests", "other", 1))).want(t, 422, conflictOne)
	h.post(pathEvent, single(strings.Replace(plain, "1700000000", "1700000001", 1))).want(t, 422, conflictOne)
	// A time that is not given agrees with every other.
	h.post(pathEvent, single(strings.Replace(plain, `,"timestamp":1700000000`, "", 1))).want(t, 422, repeatOne)
	// Another subscription makes another event.
	h.post(pathEvent, single(event("t1", "other"))).want(t, 200, `{"event":…`)
	h.wantIDs("t1", "t1")
}

func TestRepeatsInBatches(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	changed := strings.Replace(event("t1", "s"), "requests", "other", 1)
	h.post(pathBatch, batch(event("t0", "s"), event("t1", "s"), event("t0", "s"))).want(t, 422,
		`{"status":422,"error":"Unprocessable Entity","code":"validation_errors",`+
			`"error_details":{"2":{"transaction_id":["value_already_exist"]}}}`)
	h.post(pathBatch, batch(event("t1", "s"), changed)).want(t, 422,
		`{"status":422,"error":"Unprocessable Entity","code":"validation_errors",`+
			`"error_details":{"1":{"transaction_id":["value_already_exist_with_other_content"]}}}`)
	h.wantNothing()
	h.post(pathBatch, batch(event("t0", "s"), event("t1", "s"))).want(t, 200, `{"events":…`)
	h.post(pathBatch, batch(event("t1", "s"), event("t2", "s"), event("t0", "s"))).want(t, 422,
		`{"status":422,"error":"Unprocessable Entity","code":"validation_errors",`+
			`"error_details":{"0":{"transaction_id":["value_already_exist"]},"2":{"transaction_id":["value_already_exist"]}}}`)
	h.wantIDs("t0", "t1")
	// What was refused with a repeat is still new.
	h.post(pathEvent, single(event("t2", "s"))).want(t, 200, `{"event":…`)
	h.wantIDs("t0", "t1", "t2")
}

func TestRepeatBeyondTheWindow(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) { o.WindowIDs = 2 })
	for _, id := range []string{"a", "b", "c"} {
		h.post(pathEvent, single(event(id, "s"))).want(t, 200, `{"event":…`)
	}
	h.post(pathEvent, single(event("c", "s"))).want(t, 422, repeatOne)
	h.post(pathEvent, single(event("a", "s"))).want(t, 200, `{"event":…`) // forgotten: the store behind the log knows it
	h.wantIDs("a", "a", "b", "c")
}

// testClock says one time, and counts how often it is asked.
type testClock struct {
	now   time.Time
	err   error
	asked int
	panic bool
}

func (c *testClock) Now(_ context.Context, organization uuid.UUID) (time.Time, error) {
	c.asked++
	if c.panic {
		panic("the clock breaks")
	}
	if organization != testOrganization {
		return time.Time{}, errors.New("wrong organization")
	}
	return c.now, c.err
}

func TestSandboxClock(t *testing.T) {
	t.Parallel()
	clock := &testClock{now: time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)}
	h := start(t, func(o *Options) { o.Sandbox, o.Clock = true, clock })
	bare := func(id string) string {
		return fmt.Sprintf(`{"transaction_id":%q,"external_subscription_id":"s","code":"c"}`, id)
	}
	h.post(pathEvent, single(event("given", "s"))).want(t, 200, `{"event":…`)
	if clock.asked != 0 {
		t.Errorf("the clock was asked %d times for an event with a timestamp", clock.asked)
	}
	a := h.post(pathBatch, batch(bare("b1"), event("given too", "s"), bare("b2")))
	a.want(t, 200, `{"events":…`)
	if n := strings.Count(a.body, `"timestamp":"2024-03-01T12:00:00.000Z"`); n != 2 {
		t.Errorf("%d events have the test clock's time, want 2: %s", n, a.body)
	}
	if strings.Contains(a.body, `"created_at":"2024-03-01`) {
		t.Errorf("created_at is the test clock's: %s", a.body)
	}
	if clock.asked != 1 {
		t.Errorf("the clock was asked %d times for one request, want 1", clock.asked)
	}
	for _, e := range h.stored() {
		if e.filled != strings.HasPrefix(e.id, "b") {
			t.Errorf("event %s has filled %v", e.id, e.filled)
		}
	}

	clock.err = errors.New("database is away")
	a = h.post(pathEvent, single(bare("b3")))
	a.want(t, 503, `{"status":503,"error":"Service Unavailable","code":"clock_unavailable",…`)
	if a.header.Get("Retry-After") == "" {
		t.Error("503 has no Retry-After")
	}
	clock.err, clock.now = nil, time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)
	h.post(pathEvent, single(bare("b3"))).want(t, 503, `{"status":503,…`)
	clock.panic = true
	h.post(pathEvent, single(bare("b3"))).want(t, 500, `{"status":500,"error":"Internal Server Error"}`)
	h.wantIDs("given", "given too", "b1", "b2")
}

func TestTimestampFilledByTheSystem(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	before := time.Now().UnixNano()
	h.post(pathEvent, `{"event":{"transaction_id":"t","external_subscription_id":"s","code":"c"}}`).want(t, 200, `{"event":…`)
	e := h.stored()[0]
	if !e.filled || e.timestamp < before || e.timestamp > time.Now().UnixNano() {
		t.Errorf("stored %+v, want filled with the time between", e)
	}
}
