package intake

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// fields returns an event's JSON with one member replaced, or taken out when
// value is empty.
func fields(name, value string) string {
	members := []struct{ name, value string }{
		{"transaction_id", `"t"`},
		{"external_subscription_id", `"s"`},
		{"code", `"c"`},
		{"timestamp", `1700000000`},
		{"precise_total_amount_cents", `"1"`},
		{"properties", `{"p":1}`},
	}
	var b strings.Builder
	for _, m := range members {
		if m.name == name {
			m.value = value
		}
		if m.value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", m.name, m.value)
	}
	return "{" + b.String() + "}"
}

func properties(value string) string { return fields("properties", value) }

// manyProperties returns an object of n properties.
func manyProperties(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"p%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// quoted returns a JSON string of n letters.
func quoted(n int) string { return `"` + strings.Repeat("x", n) + `"` }

// badEvents are events that are JSON but not acceptable: field, codes and, where a
// limit was exceeded, its value.
var badEvents = []struct {
	name, event, field, code, limit string
}{
	{"no transaction_id", fields("transaction_id", ""), "transaction_id", "value_is_mandatory", ""},
	{"null transaction_id", fields("transaction_id", "null"), "transaction_id", "value_is_mandatory", ""},
	{"empty transaction_id", fields("transaction_id", `""`), "transaction_id", "value_is_mandatory", ""},
	{"transaction_id a number", fields("transaction_id", `1`), "transaction_id", "value_is_invalid", ""},
	{"transaction_id too long", fields("transaction_id", quoted(256)), "transaction_id", "value_is_too_long", "255"},
	{"no subscription", fields("external_subscription_id", ""), "external_subscription_id", "value_is_mandatory", ""},
	{"empty subscription", fields("external_subscription_id", `""`), "external_subscription_id", "value_is_mandatory", ""},
	{"subscription too long", fields("external_subscription_id", quoted(256)), "external_subscription_id", "value_is_too_long", "255"},
	{"no code", fields("code", ""), "code", "value_is_mandatory", ""},
	{"code an object", fields("code", `{}`), "code", "value_is_invalid", ""},
	{"code too long", fields("code", quoted(256)), "code", "value_is_too_long", "255"},
	{"timestamp a word", fields("timestamp", `"yesterday"`), "timestamp", "invalid_format", ""},
	{"timestamp an ISO date", fields("timestamp", `"2024-01-01T00:00:00Z"`), "timestamp", "invalid_format", ""},
	{"timestamp a boolean", fields("timestamp", `true`), "timestamp", "invalid_format", ""},
	{"timestamp below nanoseconds", fields("timestamp", `"1700000000.0000000001"`), "timestamp", "invalid_format", ""},
	{"timestamp before 1970", fields("timestamp", `-1`), "timestamp", "value_is_out_of_range", ""},
	{"timestamp in 2200", fields("timestamp", `7258118400`), "timestamp", "value_is_out_of_range", ""},
	{"timestamp in milliseconds", fields("timestamp", `1700000000000`), "timestamp", "value_is_out_of_range", ""},
	{"amount a word", fields("precise_total_amount_cents", `"much"`), "precise_total_amount_cents", "", ""},
	{"properties a list", properties(`[]`), "properties", "value_is_invalid", ""},
	{"too many properties", properties(manyProperties(101)), "properties", "", "100"},
	{"name too long", properties(`{` + quoted(129) + `:1}`), "properties", "value_is_too_long", "128"},
	{"value too long", properties(`{"p":` + quoted(1025) + `}`), "properties.p", "value_is_too_long", "1024"},
	{"number too long", properties(`{"p":` + strings.Repeat("9", 39) + `}`), "properties.p", "value_is_out_of_range", "38"},
	{"number too large", properties(`{"p":1e999999}`), "properties.p", "value_is_out_of_range", "38"},
}

func TestBadEvents(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	check := func(t *testing.T, a answer, key, field, code, limit string) {
		t.Helper()
		details := fmt.Sprintf(`"error_details":{%s%q:[`, key, field)
		if code != "" {
			details += fmt.Sprintf(`%q]`, code)
		}
		a.want(t, 422, `{"status":422,"error":"Unprocessable Entity","code":"validation_errors",`+details+"…")
		if limit != "" && !strings.Contains(a.body, "limit "+limit+")") {
			t.Errorf("the answer does not say the limit %s: %s", limit, a.body)
		}
	}
	for _, tt := range badEvents {
		t.Run(tt.name, func(t *testing.T) {
			check(t, h.post(pathEvent, single(tt.event)), "", tt.field, tt.code, tt.limit)
			check(t, h.post(pathBatch, batch(event("good", "s"), tt.event)), `"1":{`, tt.field, tt.code, tt.limit)
			a := h.post(pathBatch, tt.event+"\n", ndjson)
			a.want(t, 200, `{"accepted":0,"duplicates":0,"conflicts":0,"refused_count":1,"refused":[`+
				fmt.Sprintf(`{"line":1,"error":"validation_errors","error_details":{%q:[`, tt.field)+"…")
			if tt.limit != "" && !strings.Contains(a.body, "limit "+tt.limit+")") {
				t.Errorf("the bulk answer does not say the limit %s: %s", tt.limit, a.body)
			}
		})
	}
	h.wantNothing()
}

// badJSON are events that are not the JSON we take.
var badJSON = []struct{ name, event string }{
	{"not JSON", `hello`},
	{"cut off", `{"transaction_id":"t"`},
	{"trailing data", fields("", "") + `x`},
	{"duplicate name", `{"transaction_id":"t","transaction_id":"u"}`},
	{"duplicate name, escaped", `{"code":"c","c\u006fde":"d"}`},
	{"duplicate property", properties(`{"p":1,"p":2}`)},
	{"duplicate unknown name", `{"x":1,"x":2}`},
	{"invalid UTF-8", fields("code", "\"\xff\"")},
	{"lone surrogate", fields("code", `"\ud800"`)},
	{"control character", fields("code", "\"a\x01\"")},
	{"NaN", properties(`{"p":NaN}`)},
	{"leading zero", properties(`{"p":01}`)},
	{"leading plus", properties(`{"p":+1}`)},
	{"infinity", properties(`{"p":Infinity}`)},
	{"single quotes", `{'code':'c'}`},
	{"trailing comma", `{"code":"c",}`},
	{"comment", `{/**/"code":"c"}`},
	{"nested too deep", properties(`{"p":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}`)},
	{"very deep nesting", `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`},
}

func TestBadJSON(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	const syntax = `{"status":400,"error":"BadRequest: …`
	for _, tt := range badJSON {
		t.Run(tt.name, func(t *testing.T) {
			h.post(pathEvent, single(tt.event)).want(t, 400, syntax)
			h.post(pathBatch, batch(event("good", "s"), tt.event)).want(t, 400, syntax)
			h.post(pathBatch, tt.event, ndjson).want(t, 200,
				`{"accepted":0,"duplicates":0,"conflicts":0,"refused_count":1,"refused":[{"line":1,"error":"BadRequest: …`)
		})
	}
	h.wantNothing()
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) { o.BatchEventsMax = 3 })
	const (
		unauthorized = `{"status":401,"error":"Unauthorized"}`
		noRoute      = `{"status":404,"error":"Not Found","code":"resource_not_found"}`
		noMethod     = `{"status":405,"error":"Method Not Allowed","code":"method_not_allowed"}`
		syntax       = `{"status":400,"error":"BadRequest: …`
		validation   = `{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":`
	)
	good := single(event("t", "s"))
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"no key", "POST", pathEvent, good, []string{"Authorization: "}, 401, unauthorized},
		{"wrong key", "POST", pathEvent, good, []string{"Authorization: Bearer nonsense"}, 401, unauthorized},
		{"key without scheme", "POST", pathEvent, good, []string{"Authorization: " + testKey}, 401, unauthorized},
		{"endless key", "POST", pathEvent, good, []string{"Authorization: Bearer " + strings.Repeat("x", 9000)}, 401, unauthorized},
		{"no key for a batch", "POST", pathBatch, batch(event("t", "s")), []string{"Authorization: "}, 401, unauthorized},
		{"unknown route", "POST", "/api/v1/nothing", good, nil, 404, noRoute},
		{"event with a slash", "POST", pathEvent + "/", good, nil, 404, noRoute},
		{"upper-case path", "POST", "/API/v1/events", good, nil, 404, noRoute},
		{"GET", "GET", pathEvent, "", nil, 405, noMethod},
		{"PUT", "PUT", pathBatch, good, nil, 405, noMethod},
		{"DELETE", "DELETE", pathEvent, "", nil, 405, noMethod},
		{"no body", "POST", pathEvent, "", nil, 400, syntax},
		{"no wrapper", "POST", pathEvent, event("t", "s"), nil, 400, syntax},
		{"null wrapper", "POST", pathEvent, `{"event":null}`, nil, 400, syntax},
		{"batch to single", "POST", pathEvent, batch(event("t", "s")), nil, 400, syntax},
		{"single to batch", "POST", pathBatch, good, nil, 400, syntax},
		{"trailing data", "POST", pathEvent, good + "{}", nil, 400, syntax},
		{"events not a list", "POST", pathBatch, `{"events":{}}`, nil, 422, validation + `{"events":["value_is_invalid"]}}`},
		{"empty batch", "POST", pathBatch, `{"events":[]}`, nil, 422, validation + `{"events":["no_events"]}}`},
		{"empty bulk", "POST", pathBatch, "", []string{ndjson}, 422, validation + `{"events":["no_events"]}}`},
		{"bulk of blank lines", "POST", pathBatch, "\n \n\r\n", []string{ndjson}, 422, validation + `{"events":["no_events"]}}`},
		{
			"too many events", "POST", pathBatch, batch(event("1", "s"), event("2", "s"), event("3", "s"), event("4", "s")), nil,
			422, validation + `{"events":["too_many_events"]},"message":…`,
		},
		{"as many lines as may be", "POST", pathBatch, strings.Repeat("\n", BulkLinesMax-1) + "x", []string{ndjson}, 200, `{"accepted":0,…`},
		{
			"too many lines", "POST", pathBatch, strings.Repeat("\n", BulkLinesMax) + "x",
			[]string{ndjson},
			422, validation + `{"events":["too_many_events"]},"message":…`,
		},
		{"event too large", "POST", pathEvent, single(properties(`{"p":"` + strings.Repeat(" ", 64<<10) + `"}`)), nil, 422, validation + "…"},
		{"unknown encoding", "POST", pathEvent, good, []string{"Content-Encoding: br"}, 415, `{"status":415,"error":"Unsupported Media Type",…`},
		{"two encodings", "POST", pathEvent, good, []string{"Content-Encoding: gzip, gzip"}, 415, `{"status":415,…`},
		{"not gzip", "POST", pathEvent, good, []string{"Content-Encoding: gzip"}, 400, syntax},
		{"not zstd", "POST", pathEvent, good, []string{"Content-Encoding: zstd"}, 400, syntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := h.send(tt.method, tt.path, strings.NewReader(tt.body), tt.headers...)
			a.want(t, tt.status, tt.want)
		})
	}
	h.wantNothing()
	a := h.send(http.MethodGet, pathEvent, nil)
	if got := a.header.Get("Allow"); got != "POST" {
		t.Errorf("405 allows %q, want POST", got)
	}
}

// All faults of a batch are told at once, each at its event.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	h.post(pathBatch, batch(event("a", "s"), `{"timestamp":"x"}`, event("b", "s"), fields("code", quoted(300)))).want(t, 422,
		`{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{`+
			`"1":{"timestamp":["invalid_format"],"transaction_id":["value_is_mandatory"],`+
			`"external_subscription_id":["value_is_mandatory"],"code":["value_is_mandatory"]},`+
			`"3":{"code":["value_is_too_long"]}},"message":"event 3: code: value_is_too_long (limit 255)"}`)
	h.wantNothing()
}
