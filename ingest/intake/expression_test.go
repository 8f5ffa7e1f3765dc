package intake

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/ingest"
)

func mustExpression(t testing.TB, text string) *ingest.Expression {
	t.Helper()
	x, err := ingest.ParseExpression(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// withExpression gives the metric area of the test's organization an expression.
func withExpression(t *testing.T, text string) func(*Options) {
	t.Helper()
	expression := mustExpression(t, text)
	return func(o *Options) {
		o.Expressions = func(organization uuid.UUID, code []byte) *ingest.Expression {
			if organization == testOrganization && string(code) == "area" {
				return expression
			}
			return nil
		}
	}
}

// area returns an event of the metric area with the properties.
func area(id, properties string) string {
	return fmt.Sprintf(`{"transaction_id":%q,"external_subscription_id":"s","code":"area","timestamp":1700000000,"properties":%s}`,
		id, properties)
}

const invalidDetails = `{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":`

func TestExpressionFails(t *testing.T) {
	t.Parallel()
	h := start(t, withExpression(t, "event.properties.a / event.properties.b"))
	for _, tt := range []struct{ properties, detail string }{
		{`{}`, "event.properties.a is missing"},
		{`{"a":1}`, "event.properties.b is missing"},
		{`{"a":1,"b":null}`, "event.properties.b is null"},
		{`{"a":1,"b":true}`, "event.properties.b is a boolean"},
		{`{"a":1,"b":[2]}`, "event.properties.b is an object or an array"},
		{`{"a":"one","b":2}`, "event.properties.a is not a number"},
		{`{"a":1,"b":0}`, "division by zero"},
	} {
		h.post(pathEvent, single(area("t", tt.properties))).want(t, 422,
			invalidDetails+`"expression_evaluation_failed: `+tt.detail+`"}`)
	}
	h.wantNothing()
	// The ids are free, and the value is not written into the event.
	h.post(pathEvent, single(area("t", `{"a":"1","b":2}`))).want(t, 200, `{"event":…`)
	h.wantIDs("t")
	if got, want := h.stored()[0].properties, `{"a":"1","b":2}`; got != want {
		t.Errorf("the log holds the properties %s, want %s", got, want)
	}
}

func TestExpressionFailsInABatch(t *testing.T) {
	t.Parallel()
	h := start(t, withExpression(t, "event.properties.a + 1"))
	h.post(pathBatch, batch(event("0", "s"), area("1", `{}`), area("2", `{"a":2}`), area("3", `{"a":"\"x\""}`))).want(t, 422,
		invalidDetails+`{"1":"expression_evaluation_failed: event.properties.a is missing",`+
			`"3":"expression_evaluation_failed: event.properties.a is not a number"}}`)
	h.wantNothing()
	// What is no acceptable event is told first: an expression needs a whole one.
	h.post(pathBatch, batch(area("1", `{}`), fields("code", ""))).want(t, 422,
		invalidDetails+`{"1":{"code":["value_is_mandatory"]}}}`)
	h.wantNothing()
	h.post(pathBatch, batch(event("0", "s"), area("2", `{"a":2}`))).want(t, 200, `{"events":…`)
	h.wantIDs("0", "2")
}

// A batch may fail at every event: not all are told.
func TestExpressionFailsEverywhere(t *testing.T) {
	t.Parallel()
	h := start(t, withExpression(t, "event.properties.a"))
	var events []string
	for n := range ingest.FaultsMax + 5 {
		events = append(events, area(fmt.Sprint(n), `{}`))
	}
	a := h.post(pathBatch, batch(events...))
	a.want(t, 422, invalidDetails+`{"0":"expression_evaluation_failed: …`)
	if n := strings.Count(a.body, codeExpression); n != ingest.FaultsMax {
		t.Errorf("%d events are told, want %d", n, ingest.FaultsMax)
	}
	h.wantNothing()
}

func TestExpressionFailsInBulk(t *testing.T) {
	t.Parallel()
	h := start(t, withExpression(t, "event.properties.a"))
	lines := []string{
		area("a", `{"a":1}`), // 1
		area("b", `{}`),      // 2: no value
		event("c", "s"),      // 3: its metric has no expression
		`no JSON`,            // 4
		area("a", `{"a":2}`), // 5: a conflict with 1
		area("d", `{"a":1}`), // 6
		area("b", `{"a":1}`), // 7: the id of 2 is still free
		area("e", `{}`),      // 8: no value
		area("d", `{"a":1}`), // 9: a repeat of 6
	}
	a := h.post(pathBatch, strings.Join(lines, "\n"), ndjson)
	const noValue = `"error":"validation_errors","error_details":"expression_evaluation_failed: event.properties.a is missing"}`
	a.want(t, 200, `{"accepted":4,"duplicates":1,"conflicts":1,"refused_count":4,"refused":[{"line":2,`+noValue+
		`,{"line":4,"error":"BadRequest: …`)
	const rest = `},{"line":5,"error":"validation_errors","error_details":{"transaction_id":["value_already_exist_with_other_content"]}},` +
		`{"line":8,` + noValue + `]}`
	if !strings.HasSuffix(a.body, rest) {
		t.Errorf("body is\n%s\nwant it to end\n%s", a.body, rest)
	}
	h.wantIDs("a", "b", "c", "d")
	for _, e := range h.stored() {
		if want := map[string]string{"c": "{}"}[e.id]; want == "" && e.properties != `{"a":1}` {
			t.Errorf("the log holds %+v", e)
		}
	}
}

// Whole chunks without a value, more of them than an answer lists.
func TestExpressionFailsInManyChunks(t *testing.T) {
	t.Parallel()
	h := start(t, withExpression(t, "event.properties.a"))
	var b strings.Builder
	for n := range 2*bulkChunkEvents + 3 {
		b.WriteString(area(fmt.Sprint(n), `{}`) + "\n")
	}
	b.WriteString(area("good", `{"a":1}`) + "\n")
	a := h.post(pathBatch, b.String(), ndjson)
	a.want(t, 200, fmt.Sprintf(`{"accepted":1,"duplicates":0,"conflicts":0,"refused_count":%d,"refused":[{"line":1,…`, 2*bulkChunkEvents+3))
	if n := strings.Count(a.body, `"line":`); n != BulkRefusedMax {
		t.Errorf("%d refused lines are listed, want %d", n, BulkRefusedMax)
	}
	h.wantIDs("good")
}

// An expression sees the time that the event is given, not that it had none.
func TestExpressionOfAFilledTimestamp(t *testing.T) {
	t.Parallel()
	clock := &testClock{now: time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)} // 1709294400
	expression := withExpression(t, "1 / (event.timestamp - 1709294400)")
	h := start(t, func(o *Options) {
		expression(o)
		o.Sandbox, o.Clock = true, clock
	})
	const bare = `{"transaction_id":"t","external_subscription_id":"s","code":"area"}`
	const zero = `"expression_evaluation_failed: division by zero"`
	h.post(pathEvent, single(bare)).want(t, 422, invalidDetails+zero+`}`)
	h.post(pathBatch, batch(bare)).want(t, 422, invalidDetails+`{"0":`+zero+`}}`)
	h.post(pathBatch, bare, ndjson).want(t, 200,
		`{"accepted":0,"duplicates":0,"conflicts":0,"refused_count":1,"refused":[{"line":1,"error":"validation_errors","error_details":`+zero+`}]}`)
	h.wantNothing()
	clock.now = clock.now.Add(time.Millisecond)
	h.post(pathEvent, single(bare)).want(t, 200, `{"event":…`)
	h.wantIDs("t")
}

// The expression in force is that of the moment.
func TestExpressionChanges(t *testing.T) {
	t.Parallel()
	var current atomic.Pointer[ingest.Expression]
	h := start(t, func(o *Options) {
		o.Expressions = func(uuid.UUID, []byte) *ingest.Expression { return current.Load() }
	})
	current.Store(mustExpression(t, "event.properties.a"))
	h.post(pathEvent, single(event("t", "s"))).want(t, 422, invalidDetails+`"expression_evaluation_failed: …`)
	current.Store(nil)
	h.post(pathEvent, single(event("t", "s"))).want(t, 200, `{"event":…`)
	current.Store(mustExpression(t, "concat(event.code, '-', event.timestamp)"))
	h.post(pathEvent, single(event("u", "s"))).want(t, 200, `{"event":…`)
	h.wantIDs("t", "u")
}
