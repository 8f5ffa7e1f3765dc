package intake

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"

	"weir/ingest"
)

const (
	oneCloud    = "Content-Type: application/cloudevents+json"
	cloudBatch  = "Content-Type: application/cloudevents-batch+json"
	wantsBody   = "Prefer: return=representation"
	cloudSyntax = `{"status":400,"error":"BadRequest: …`
)

// cloudEvent returns a CloudEvent, in the order in which the headers of a binary one
// would stand.
func cloudEvent(id, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/test","type":"requests","subject":"s","time":"2023-11-14T22:13:20Z","data":%s}`,
		id, data)
}

// wantNoContent fails the test unless the answer is 204, and says where the events are.
func (a answer) wantNoContent(t *testing.T) {
	t.Helper()
	if a.status != http.StatusNoContent || a.body != "" || a.header.Get("Content-Type") != "" {
		t.Errorf("answer is %d, %q, %v, want 204 and nothing", a.status, a.body, a.header)
	}
	if a.header.Get(PositionHeader) == "" {
		t.Error("the answer names no position")
	}
}

func TestOneCloudEvent(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	h.post(pathEvent, `{"specversion":"1.0","id":"one","source":"/test","type":"tokens","subject":"sub_1",
		"time":"2023-11-14T23:13:20.1234567+01:00","datacontenttype":"application/json","precisetotalamountcents":"12.5",
		"traceparent":"00-0af7","data":{"n":1.50,"model":"gpt"}}`, oneCloud).wantNoContent(t)
	want := stored{
		partition: ingest.Partition(testOrganization, "sub_1", testPartitions), organization: testOrganization,
		id: "one", subject: "sub_1", code: "tokens", timestamp: 1700000000_123456700,
		properties: `{"model":"gpt","n":1.50}`,
	}
	if got := h.stored(); len(got) != 1 || got[0] != want {
		t.Errorf("the log holds\n%+v\nwant\n%+v", got, want)
	}
	a := h.post(pathBatch, cloudEvent("two", `{"n":1}`), oneCloud, wantsBody)
	id := ingest.EventID(testOrganization, []byte("s"), []byte("two")).String()
	a.want(t, 200, `{"event":{"lago_id":"`+id+`","transaction_id":"two","lago_customer_id":null,"code":"requests",`+
		`"timestamp":"2023-11-14T22:13:20.000Z","precise_total_amount_cents":null,"properties":{"n":1},`+
		`"lago_subscription_id":null,"external_subscription_id":"s","created_at":"…`)
	if a.header.Get(PositionHeader) == "" || a.header.Get("Content-Type") != contentTypeJSON {
		t.Errorf("the answer has the header %v", a.header)
	}
	h.wantIDs("one", "two")
}

func TestManyCloudEvents(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	list := func(ids ...string) string {
		var events []string
		for _, id := range ids {
			events = append(events, cloudEvent(id, `{}`))
		}
		return "[" + strings.Join(events, ",") + "]"
	}
	h.post(pathEvent, list("a", "b"), cloudBatch).wantNoContent(t)
	h.post(pathBatch, list("c"), cloudBatch).wantNoContent(t)
	a := h.post(pathBatch, list("d", "e"), cloudBatch, "Prefer: respond-async, Return=Representation;x=1")
	a.want(t, 200, `{"events":[{"lago_id":"…`)
	if n := strings.Count(a.body, `"transaction_id":`); n != 2 {
		t.Errorf("%d events are answered, want 2: %s", n, a.body)
	}
	h.wantIDs("a", "b", "c", "d", "e")
}

// An event without a time gets ours, and says so.
func TestCloudEventWithoutATime(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	h.post(pathEvent, `{"specversion":"1.0","id":"t","source":"/","type":"c","subject":"s"}`, oneCloud).wantNoContent(t)
	if e := h.stored()[0]; !e.filled || e.timestamp == 0 || e.properties != "{}" {
		t.Errorf("the log holds %+v", e)
	}
}

func TestCloudEventEncodings(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	h.post(pathEvent, gzipped(t, cloudEvent("a", `{}`)), oneCloud, "Content-Encoding: gzip").wantNoContent(t)
	h.post(pathBatch, zstandard(t, "["+cloudEvent("b", `{}`)+"]"), cloudBatch, "Content-Encoding: zstd").wantNoContent(t)
	h.post(pathEvent, zstandard(t, `{"n":1}`), "Content-Encoding: zstd",
		"ce-specversion: 1.0", "ce-id: c", "ce-source: /", "ce-type: t", "ce-subject: s").wantNoContent(t)
	h.post(pathEvent, cloudEvent("d", `{}`), oneCloud, "Content-Encoding: br").want(t, 415, `{"status":415,…`)
	h.wantIDs("a", "b", "c")
}

func TestCloudEventMediaTypes(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	var ids []string
	for n, contentType := range []string{
		"application/cloudevents+json",
		"Application/CloudEvents+JSON",
		"application/cloudevents+json; charset=UTF-8",
		`application/cloudevents+json ;Charset="utf-8"; profile="a;b"`,
		"application/cloudevents-batch+json;charset=utf-8",
		"APPLICATION/cloudevents-BATCH+json",
	} {
		ids = append(ids, fmt.Sprint(n))
		body := cloudEvent(fmt.Sprint(n), `{}`)
		if strings.Contains(strings.ToLower(contentType), "batch") {
			body = "[" + body + "]"
		}
		h.post(pathEvent, body, "Content-Type: "+contentType).wantNoContent(t)
	}
	for _, contentType := range []string{
		"application/cloudevents",
		"application/cloudevents-batch",
		"application/cloudevents+avro",
		"application/cloudevents+protobuf",
		"application/cloudevents-batch+avro",
		"application/cloudevents-bulk+json",
		"application/cloudevents+jsonl",
		"application/cloudevents+json; charset=iso-8859-1",
		"application/cloudevents+json; charset=utf-16",
		"application/cloudevents+json; charset=utf-8; charset=latin1",
		"application/cloudevents-batch+json; charset=us-ascii",
		"application/cloudevents+json; charset",
	} {
		for _, path := range []string{pathEvent, pathBatch} {
			h.post(path, cloudEvent("no", `{}`), "Content-Type: "+contentType).want(t, 415,
				`{"status":415,"error":"Unsupported Media Type","code":"unsupported_content_type","message":"CloudEvents may be …`)
		}
	}
	h.wantIDs(ids...)
}

func TestCloudEventRepeats(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	const repeat, conflict = `{"id":["value_already_exist"]}`, `{"id":["value_already_exist_with_other_content"]}`
	h.post(pathEvent, cloudEvent("a", `{"n":1}`), oneCloud).wantNoContent(t)
	h.post(pathEvent, cloudEvent("a", `{"n":1}`), oneCloud).want(t, 422, invalidDetails+repeat+`}`)
	h.post(pathEvent, cloudEvent("a", `{"n":2}`), oneCloud).want(t, 422, invalidDetails+conflict+`}`)
	// Another source is no other event.
	h.post(pathEvent, strings.Replace(cloudEvent("a", `{"n":1}`), "/test", "/other", 1), oneCloud).want(t, 422, invalidDetails+repeat+`}`)
	h.post(pathBatch, "["+cloudEvent("b", `{}`)+","+cloudEvent("a", `{"n":1}`)+","+cloudEvent("b", `{"n":1}`)+"]", cloudBatch).want(t, 422,
		invalidDetails+`{"1":`+repeat+`,"2":`+conflict+`}}`)
	h.wantIDs("a")
	// It is the same event in whatever format.
	h.post(pathEvent, single(`{"transaction_id":"a","external_subscription_id":"s","code":"requests","timestamp":1700000000,"properties":{"n":1}}`)).
		want(t, 422, repeatOne)
	h.wantIDs("a")
}

func TestBadCloudEvents(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) { o.BatchEventsMax = 2 })
	good := cloudEvent("t", `{"n":1}`)
	without := func(member string) string { return strings.Replace(good, member, `"x":`, 1) }
	for _, tt := range []struct{ name, event, details string }{
		{"no id", without(`"id":`), `{"id":["value_is_mandatory"]}`},
		{"no subject", without(`"subject":`), `{"subject":["value_is_mandatory"]}`},
		{"no type", without(`"type":`), `{"type":["value_is_mandatory"]}`},
		{"no source", without(`"source":`), `{"source":["value_is_mandatory"]}`},
		{"no specversion", without(`"specversion":`), `{"specversion":["value_is_mandatory"]}`},
		{"old specversion", strings.Replace(good, "1.0", "0.3", 1), `{"specversion":["value_is_invalid"]}`},
		{"time without a zone", strings.Replace(good, "20Z", "20", 1), `{"time":["invalid_format"]}`},
		{"data a list", cloudEvent("t", `[1]`), `{"data":["value_is_invalid"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.post(pathEvent, tt.event, oneCloud).want(t, 422, invalidDetails+tt.details+`}`)
			h.post(pathBatch, "["+good+","+tt.event+"]", cloudBatch).want(t, 422, invalidDetails+`{"1":`+tt.details+`}}`)
		})
	}
	for _, tt := range []struct {
		name, body, contentType string
		status                  int
		want                    string
	}{
		{"Lago's event", single(event("t", "s")), oneCloud, 422, invalidDetails + "…"},
		{"a batch as one", "[" + good + "]", oneCloud, 422, invalidDetails + "…"},
		{"one as a batch", good, cloudBatch, 422, invalidDetails + `{"events":["value_is_invalid"]}}`},
		{"empty batch", "[]", cloudBatch, 422, invalidDetails + `{"events":["no_events"]}}`},
		{"too many", "[" + good + "," + good + "," + good + "]", cloudBatch, 422, invalidDetails + `{"events":["too_many_events"]},"message":…`},
		{"no body", "", oneCloud, 400, cloudSyntax},
		{"trailing data", good + "{}", oneCloud, 400, cloudSyntax},
		{"cut off", "[" + good, cloudBatch, 400, cloudSyntax},
		{"duplicate id", strings.Replace(good, `"source"`, `"id":"u","source"`, 1), oneCloud, 400, cloudSyntax},
		{"invalid UTF-8", strings.Replace(good, "requests", "\xff", 1), oneCloud, 400, cloudSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.post(pathEvent, tt.body, tt.contentType).want(t, tt.status, tt.want)
			h.post(pathBatch, tt.body, tt.contentType, wantsBody).want(t, tt.status, tt.want)
		})
	}
	h.post(pathEvent, good, oneCloud, "Authorization: Bearer no").want(t, 401, `{"status":401,"error":"Unauthorized"}`)
	h.wantNothing()
}

func TestCloudEventsAndExpressions(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) {
		expression := mustExpression(t, "event.properties.n")
		o.Expressions = func(uuid.UUID, []byte) *ingest.Expression { return expression }
	})
	const noValue = `"expression_evaluation_failed: event.properties.n is missing"`
	h.post(pathEvent, cloudEvent("a", `{}`), oneCloud).want(t, 422, invalidDetails+noValue+`}`)
	h.post(pathEvent, "["+cloudEvent("a", `{"n":1}`)+","+cloudEvent("b", `{}`)+"]", cloudBatch).want(t, 422, invalidDetails+`{"1":`+noValue+`}}`)
	h.wantNothing()
	h.post(pathEvent, cloudEvent("a", `{"n":1}`), oneCloud).wantNoContent(t)
	h.wantIDs("a")
}

// binary returns the headers of a binary CloudEvent, those given in place of the usual ones.
func binary(change ...string) []string {
	headers := []string{
		"ce-specversion: 1.0", "ce-id: t", "ce-source: /test", "ce-type: requests", "ce-subject: s", "ce-time: 2023-11-14T22:13:20Z",
	}
	return append(headers, change...)
}

func TestBinaryCloudEvent(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	h.post(pathEvent, ` {"n":1,"m":{"k":[true]}} `, binary("CE-ID: a", "ce-precisetotalamountcents: 12.5", "ce-traceparent: 00-0af7")...).wantNoContent(t)
	want := stored{
		partition: ingest.Partition(testOrganization, "s", testPartitions), organization: testOrganization,
		id: "a", subject: "s", code: "requests", timestamp: 1700000000_000000000, properties: `{"m":{"k":[true]},"n":1}`,
	}
	if got := h.stored(); len(got) != 1 || got[0] != want {
		t.Errorf("the log holds\n%+v\nwant\n%+v", got, want)
	}
	a := h.post(pathEvent, `{"n":1}`, binary("ce-id: b", "ce-precisetotalamountcents: 12.5", wantsBody)...)
	a.want(t, 200, `{"event":{"lago_id":"…`)
	if !strings.Contains(a.body, `"precise_total_amount_cents":"12.5"`) {
		t.Errorf("the amount is lost: %s", a.body)
	}
	h.post(pathEvent, "", binary("ce-id: no data")...).wantNoContent(t)
	h.post(pathEvent, "{}", binary("ce-id: no type", "Content-Type: ")...).wantNoContent(t)
	h.post(pathEvent, "{}", binary("ce-id: other type", "Content-Type: application/vnd.usage+json; charset=utf-8")...).wantNoContent(t)
	h.wantIDs("a", "b", "no data", "no type", "other type")
	h.post(pathEvent, `{"n":1,"m":{"k":[true]}}`, binary("ce-id: a", "ce-precisetotalamountcents: 12.5")...).want(t, 422,
		invalidDetails+`{"id":["value_already_exist"]}}`)
}

// The values of the headers are quoted and percent-encoded, as the binding has it.
func TestBinaryCloudEventHeaders(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	var want []string
	for _, tt := range []struct{ header, id string }{
		{`plain`, "plain"},
		{`Euro%20%E2%82%AC%20%F0%9F%98%80`, "Euro € 😀"},
		{`%41%2f%2F`, "A//"},
		{`raw €`, "raw €"},
		{`"two words"`, "two words"},
		{`"a \"b\" \\ c"`, `a "b" \ c`},
		{`"%22"`, `"`},
		{`100%2525`, "100%25"},
		{`x","subject":"y`, "x,subject:y"},
		{`"open`, ""},
		{`x%22%2C%22subject%22%3A%22y`, `x","subject":"y`},
	} {
		a := h.post(pathEvent, "{}", binary("ce-id: "+tt.header)...)
		if tt.id == "" {
			a.want(t, 400, `{"status":400,"error":"BadRequest: ce-id has a quoted string that does not end"}`)
			continue
		}
		want = append(want, tt.id)
		a.wantNoContent(t)
	}
	h.wantIDs(want...)
}

func TestBadBinaryCloudEvents(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	const noJSON = `{"status":400,"error":"BadRequest: the body is not one JSON value"}`
	for _, tt := range []struct {
		name, body string
		headers    []string
		status     int
		want       string
	}{
		{"no id", `{}`, binary("ce-id: "), 422, invalidDetails + `{"id":["value_is_mandatory"]}}`},
		{"old version", `{}`, binary("ce-specversion: 0.3"), 422, invalidDetails + `{"specversion":["value_is_invalid"]}}`},
		{"time a word", `{}`, binary("ce-time: now"), 422, invalidDetails + `{"time":["invalid_format"]}}`},
		{"type too long", `{}`, binary("ce-type: " + strings.Repeat("x", 256)), 422, invalidDetails + `{"type":["value_is_too_long"]},"message":…`},
		{"U+0000", `{}`, binary("ce-subject: a%00"), 422, invalidDetails + `{"subject":["value_is_invalid"]}}`},
		{"data a list", `[1]`, binary(), 422, invalidDetails + `{"data":["value_is_invalid"]}}`},
		{"property", `{"n":1e999}`, binary(), 422, invalidDetails + `{"data.n":["value_is_out_of_range"]},"message":…`},
		{"data too large", `{"n":"` + strings.Repeat("x", ingest.EventBytesMax) + `"}`, binary(), 422, invalidDetails + `{"event":["value_is_too_long"]},"message":…`},
		{"not JSON", `hello`, binary(), 400, noJSON},
		{"two values", `{}{}`, binary(), 400, noJSON},
		{"out of its place", `{},"subject":"other"`, binary("ce-subject: "), 400, noJSON},
		{"out of its place, closed", `{}}`, binary(), 400, noJSON},
		// The value behind the second n is byte 17 of the body.
		{"duplicate property", `{"n":1,"m":2,"n":3}`, binary(), 400, `{"status":400,"error":"BadRequest: duplicate name in an object at byte 17"}`},
		{"invalid UTF-8 in the data", "{\"n\":\"\xff\"}", binary(), 400, cloudSyntax},
		{"percent at the end", `{}`, binary("ce-id: 100%"), 400, `{"status":400,"error":"BadRequest: ce-id has a % that …`},
		{"percent and no digits", `{}`, binary("ce-id: %4g"), 400, `{"status":400,"error":"BadRequest: ce-id has a % that …`},
		{"invalid UTF-8 in a header", `{}`, binary("ce-type: %C0%A0"), 400, `{"status":400,"error":"BadRequest: ce-type is not UTF-8"}`},
		{"backslash at the end", `{}`, binary(`ce-id: "a\`), 400, `{"status":400,"error":"BadRequest: ce-id has a quoted string …`},
		{"text", `{}`, binary("Content-Type: text/plain"), 415, `{"status":415,…`},
		{"another character set", `{}`, binary("Content-Type: application/json; charset=latin1"), 415, `{"status":415,…`},
		{"lines", `{}`, binary(ndjson), 415, `{"status":415,…`},
		{"no type of ours", `{}`, binary("Content-Type: nonsense"), 415, `{"status":415,…`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.post(pathEvent, tt.body, tt.headers...).want(t, tt.status, tt.want)
		})
	}
	two := head("POST", pathEvent, 2, "ce-specversion: 1.0\r\nce-id: a\r\nce-id: b\r\nce-source: /\r\nce-type: t\r\nce-subject: s\r\n") + "{}"
	h.raw(two).want(t, 400, `{"status":400,"error":"BadRequest: ce-id is there more than once"}`)
	// The route of batches knows no binary mode.
	h.post(pathBatch, `{}`, binary()...).want(t, 400, `{"status":400,"error":"BadRequest: events is missing"}`)
	h.wantNothing()
}

// A connection goes on after an answer without a body.
func TestCloudEventsOnOneConnection(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	c := h.dial()
	var text strings.Builder
	for n := range 3 {
		body := cloudEvent(fmt.Sprint(n), `{}`)
		text.WriteString(head("POST", pathEvent, len(body), oneCloud+"\r\n") + body)
	}
	if _, err := io.WriteString(c, text.String()); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for range 3 {
		readAnswer(t, r).wantNoContent(t)
	}
	h.wantIDs("0", "1", "2")
}

// Nothing of a request's format stays in the memory that the next one gets.
func TestFormatsShareMemory(t *testing.T) {
	t.Parallel()
	h := start(t, nil, func(s *Server) {
		s.onRelease = func(b []byte) {
			for i := range b {
				b[i] = 0xdb
			}
		}
	})
	var ids []string
	for n := range 20 {
		sent, lago := fmt.Sprintf("sent %d", n), fmt.Sprintf("lago %d", n)
		h.post(pathEvent, `{"n":1}`, binary("ce-id: "+sent)...).wantNoContent(t)
		h.post(pathEvent, single(event(lago, "s"))).want(t, 200, `{"event":{"lago_id":"…`)
		ids = append(ids, sent, lago)
		h.post(pathEvent, `{"n":1,"n":1}`, binary()...).want(t, 400, cloudSyntax)
		// The value behind the second x is byte 20 of the body.
		h.post(pathEvent, `{"event":{"x":1,"x":1}}`).want(t, 400, `{"status":400,"error":"BadRequest: duplicate name in an object at byte 20"}`)
	}
	h.wantIDs(ids...)
}

// FuzzAttributeText: what is encoded as the binding says reads back as it was, and
// no header gives a text that is not UTF-8.
func FuzzAttributeText(f *testing.F) {
	for _, text := range []string{"", "plain", "Euro € 😀", `"quoted \" text"`, "100%", "%C0%A0", "%e2%82%ac", `"\`, "%4"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := attributeText([][]byte{[]byte(text)}); err == nil && !utf8.Valid(got) {
			t.Errorf("header %q gives %q", text, got)
		}
		if !utf8.ValidString(text) {
			return
		}
		var encoded []byte
		for _, c := range []byte(text) {
			if c <= ' ' || c == '"' || c == '%' || c >= 0x7f {
				encoded = fmt.Appendf(encoded, "%%%02X", c)
			} else {
				encoded = append(encoded, c)
			}
		}
		if got, err := attributeText([][]byte{encoded}); err != nil || string(got) != text {
			t.Errorf("%q is encoded as %s and read back as %q, %v", text, encoded, got, err)
		}
	})
}
