package ingest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// line returns the JSON of an event with everything mandatory and the members
// given: 67 bytes without any.
func line(members string) string {
	const mandatory = `{"transaction_id":"t1","external_subscription_id":"s1","code":"c1"`
	if members == "" {
		return mandatory + "}"
	}
	return mandatory + "," + members + "}"
}

func withProperties(members string) string { return line(`"properties":{` + members + `}`) }

func TestParseLine(t *testing.T) {
	t.Parallel()
	var b Batch
	input := `{"transaction_id":"t\u0031","external_subscription_id":"séan","code":"c1","timestamp":1710000000.25,` +
		`"precise_total_amount_cents":"12.50","ignored":[{"x":1}],` +
		`"properties":{"z":"\ud83d\ude00\"\\\/\b\f\n\r\t\u00E9","a":1.50,"t":true,"f":false,"n":null,"o":{"k": [1, "a b"]},"":""}}` + "\r\n"
	if err := b.ParseLine([]byte(input)); err != nil {
		t.Fatal(err)
	}
	want := Event{
		TransactionID: []byte("t1"),
		Subscription:  []byte("séan"),
		Code:          []byte("c1"),
		Timestamp:     1_710_000_000_250_000_000,
		PreciseTotal:  []byte("12.50"),
		Properties: []Property{
			{[]byte(""), KindString, nil},
			{[]byte("a"), KindNumber, []byte("1.50")},
			{[]byte("f"), KindFalse, nil},
			{[]byte("n"), KindNull, nil},
			{[]byte("o"), KindNested, []byte(`{"k":[1,"a b"]}`)},
			{[]byte("t"), KindTrue, nil},
			{[]byte("z"), KindString, []byte("😀\"\\/\b\f\n\r\té")},
		},
	}
	if len(b.Events) != 1 {
		t.Fatalf("%d events", len(b.Events))
	}
	if d := diffEvents(&b.Events[0], &want); d != "" {
		t.Fatal(d)
	}
	if p, ok := b.Events[0].Property("a"); !ok || string(p.Text) != "1.50" {
		t.Errorf("Property(a) = %v, %v", p, ok)
	}
	if _, ok := b.Events[0].Property("b"); ok {
		t.Error("Property(b) is there")
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	const filled = -1
	for _, c := range []struct {
		text string // of the member
		want int64  // nanoseconds, or filled
		code string // of the fault
	}{
		{`1710000000`, 1_710_000_000_000_000_000, ""},
		{`"1710000000"`, 1_710_000_000_000_000_000, ""},
		{`1710000000.123456789`, 1_710_000_000_123_456_789, ""},
		{`"1710000000.123456789"`, 1_710_000_000_123_456_789, ""},
		{`1710000000.123`, 1_710_000_000_123_000_000, ""},
		{`1710000000.1234567890`, 1_710_000_000_123_456_789, ""}, // a zero beyond the nanosecond
		{`1710000000.1234567891`, 0, CodeInvalidFormat},          // a digit beyond it
		{`1.71e9`, 1_710_000_000_000_000_000, ""},
		{`1710000000123e-3`, 1_710_000_000_123_000_000, ""},
		{`1e-10`, 0, CodeInvalidFormat},
		{`"1.71e9"`, 0, CodeInvalidFormat}, // not a numeric string
		{`0`, 0, ""},
		{`-0`, 0, ""},
		{`-1`, 0, CodeOutOfRange},
		{`-0.000000001`, 0, CodeOutOfRange},
		{`7258118399.999999999`, 7_258_118_399_999_999_999, ""}, // the last instant of 2199
		{`7258118400`, 0, CodeOutOfRange},
		{`1710000000000`, 0, CodeOutOfRange}, // milliseconds
		{`1e400`, 0, CodeOutOfRange},
		{`99999999999999999999999999999999999999999`, 0, CodeOutOfRange},
		{`null`, filled, ""},
		{`""`, 0, CodeInvalidFormat},
		{`"tomorrow"`, 0, CodeInvalidFormat},
		{`"2024-03-01T00:00:00Z"`, 0, CodeInvalidFormat}, // only in records
		{`" 1710000000"`, 0, CodeInvalidFormat},
		{`"+1710000000"`, 0, CodeInvalidFormat},
		{`true`, 0, CodeInvalidFormat},
		{`{"now":1}`, 0, CodeInvalidFormat},
		{`[1710000000]`, 0, CodeInvalidFormat},
	} {
		var b Batch
		err := b.ParseLine([]byte(line(`"timestamp":` + c.text)))
		checkTimestamp(t, c.text, &b, err, c.want, c.code)
	}
	var b Batch
	if err := b.ParseLine([]byte(line(""))); err != nil || !b.Events[0].Filled || b.Events[0].Timestamp != 0 {
		t.Errorf("absent: %v, %+v", err, b.Events)
	}
}

func TestTimestampInRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want int64
		code string
	}{
		{`1710000000.5`, 1_710_000_000_500_000_000, ""},
		{`"2024-03-09T16:00:00Z"`, 1_710_000_000_000_000_000, ""},
		{`"2024-03-09t16:00:00z"`, 1_710_000_000_000_000_000, ""},
		{`"2024-03-09T16:00:00"`, 1_710_000_000_000_000_000, ""}, // no zone is UTC
		{`"2024-03-09T18:00:00+02:00"`, 1_710_000_000_000_000_000, ""},
		{`"2024-03-09T10:30:00-05:30"`, 1_710_000_000_000_000_000, ""},
		{`"2024-03-09T16:00:00.123456789Z"`, 1_710_000_000_123_456_789, ""},
		{`"2024-03-09T16:00:00.5Z"`, 1_710_000_000_500_000_000, ""},
		{`"2024-03-09T16:00:00.1234567890Z"`, 1_710_000_000_123_456_789, ""},
		{`"2024-03-09T16:00:00.1234567891Z"`, 0, CodeInvalidFormat},
		{`"2024-02-29T00:00:00Z"`, 1_709_164_800_000_000_000, ""},
		{`"2023-02-29T00:00:00Z"`, 0, CodeInvalidFormat},
		{`"2024-13-01T00:00:00Z"`, 0, CodeInvalidFormat},
		{`"2024-00-01T00:00:00Z"`, 0, CodeInvalidFormat},
		{`"2024-03-09T24:00:00Z"`, 0, CodeInvalidFormat},
		{`"2024-03-09T23:59:60Z"`, 0, CodeInvalidFormat},
		{`"2024-03-09T16:00:00.Z"`, 0, CodeInvalidFormat},
		{`"2024-03-09T16:00:00+2:00"`, 0, CodeInvalidFormat},
		{`"2024-03-09T16:00:00+24:00"`, 0, CodeInvalidFormat},
		{`"2024-03-09 16:00:00Z"`, 0, CodeInvalidFormat},
		{`"2024-03-09"`, 0, CodeInvalidFormat},
		{`"1969-12-31T23:59:59Z"`, 0, CodeOutOfRange},
		{`"1970-01-01T00:59:59+01:00"`, 0, CodeOutOfRange},
		{`"2199-12-31T23:59:59.999999999Z"`, 7_258_118_399_999_999_999, ""},
		{`"2200-01-01T00:00:00Z"`, 0, CodeOutOfRange},
	} {
		var b Batch
		_, err := b.ParseRecord([]byte(line(`"organization_id":"`+benchOrganization.String()+`","timestamp":`+c.text)), 1)
		checkTimestamp(t, c.text, &b, err, c.want, c.code)
	}
}

func checkTimestamp(t *testing.T, text string, b *Batch, err error, want int64, code string) {
	t.Helper()
	if code != "" {
		checkFaults(t, text, b, err, "timestamp: "+code)
		return
	}
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	e := &b.Events[0]
	if filled := want < 0; e.Filled != filled || !filled && e.Timestamp != want {
		t.Errorf("%s: %d, filled %v, want %d", text, e.Timestamp, e.Filled, want)
	}
}

func checkFaults(t *testing.T, what string, b *Batch, err error, want ...string) {
	t.Helper()
	var validation *ValidationError
	if !errors.As(err, &validation) {
		t.Errorf("%.80s: %v, want faults %q", what, err, want)
		return
	}
	if got := faultTexts(validation); !slices.Equal(got, sorted(want)) {
		t.Errorf("%.80s: faults %q, want %q", what, got, sorted(want))
	}
	if len(b.Events) != 0 || len(b.properties) != 0 {
		t.Errorf("%.80s: a refused event stays", what)
	}
}

func TestValidation(t *testing.T) {
	t.Parallel()
	a255, a256 := strings.Repeat("a", 255), strings.Repeat("a", 256)
	for _, c := range []struct {
		line string
		want []string
	}{
		{`{}`, []string{"transaction_id: value_is_mandatory", "external_subscription_id: value_is_mandatory", "code: value_is_mandatory"}},
		{
			`{"transaction_id":null,"external_subscription_id":"","code":"c"}`,
			[]string{"transaction_id: value_is_mandatory", "external_subscription_id: value_is_mandatory"},
		},
		{
			`{"transaction_id":5,"external_subscription_id":["s"],"code":{"c":1}}`,
			[]string{"transaction_id: value_is_invalid", "external_subscription_id: value_is_invalid", "code: value_is_invalid"},
		},
		{
			`{"transaction_id":true,"external_subscription_id":"` + a256 + `","code":"a\u0000"}`,
			[]string{"transaction_id: value_is_invalid", "external_subscription_id: value_is_too_long", "code: value_is_invalid"},
		},
		{
			`{"transaction_id":"` + a255 + `é","external_subscription_id":"` + a255 + `","code":"` + strings.Repeat(`\u00e9`, 127) + `"}`,
			[]string{"transaction_id: value_is_too_long"},
		}, // counted decoded: 257, 255 and 254 bytes
		{`5`, []string{"event: value_is_invalid"}},
		{`null`, []string{"event: value_is_invalid"}},
		{`[{}]`, []string{"event: value_is_invalid"}},

		{line(`"properties":[]`), []string{"properties: value_is_invalid"}},
		{line(`"properties":"x"`), []string{"properties: value_is_invalid"}},
		{line(`"properties":5`), []string{"properties: value_is_invalid"}},
		{withProperties(manyProperties(101)), []string{"properties: value_is_too_long"}},
		{withProperties(manyProperties(300)), []string{"properties: value_is_too_long"}},
		{withProperties(`"` + strings.Repeat("n", 129) + `":1`), []string{"properties: value_is_too_long"}},
		{withProperties(`"a\u0000":1`), []string{"properties: value_is_invalid"}},
		{withProperties(`"a":"` + strings.Repeat("v", 1025) + `"`), []string{"properties.a: value_is_too_long"}},
		{withProperties(`"a":"\u0000"`), []string{"properties.a: value_is_invalid"}},
		{withProperties(`"a":["\u0000"]`), []string{"properties.a: value_is_invalid"}},
		{withProperties(`"a":["` + strings.Repeat("v", 1021) + `"]`), []string{"properties.a: value_is_too_long"}},
		{withProperties(`"a":` + strings.Repeat("9", 39)), []string{"properties.a: value_is_out_of_range"}},
		{withProperties(`"a":1e38`), []string{"properties.a: value_is_out_of_range"}},
		{withProperties(`"a":1e-39`), []string{"properties.a: value_is_out_of_range"}},
		{withProperties(`"a":1e999999999999999999999`), []string{"properties.a: value_is_out_of_range"}},
		{withProperties(`"a":{"b":[1,1e999]},"c":1e39`), []string{"properties.a: value_is_out_of_range", "properties.c: value_is_out_of_range"}},
		{withProperties(`"a":` + strings.Repeat("9", 1025)), []string{"properties.a: value_is_too_long"}},

		{line(`"precise_total_amount_cents":"abc"`), []string{"precise_total_amount_cents: value_is_not_valid_number"}},
		{line(`"precise_total_amount_cents":""`), []string{"precise_total_amount_cents: value_is_not_valid_number"}},
		{line(`"precise_total_amount_cents":1e2`), []string{"precise_total_amount_cents: value_is_not_valid_number"}},
		{line(`"precise_total_amount_cents":{}`), []string{"precise_total_amount_cents: value_is_not_valid_number"}},
		{line(`"precise_total_amount_cents":true`), []string{"precise_total_amount_cents: value_is_not_valid_number"}},
		{line(`"precise_total_amount_cents":"` + strings.Repeat("9", 39) + `"`), []string{"precise_total_amount_cents: value_is_out_of_range"}},
		{line(`"precise_total_amount_cents":"` + strings.Repeat("0", 2000) + `"`), []string{"precise_total_amount_cents: value_is_out_of_range"}},

		{line(`"x":"` + strings.Repeat("x", EventBytesMax) + `"`), []string{"event: value_is_too_long"}},
	} {
		var b Batch
		checkFaults(t, c.line, &b, b.ParseLine([]byte(c.line)), c.want...)
	}
}

// TestLimitsReached has each limit met exactly: accepted.
func TestLimitsReached(t *testing.T) {
	t.Parallel()
	exact := line(`"x":""`)
	for _, input := range []string{
		`{"transaction_id":"` + strings.Repeat("é", 127) + `a","external_subscription_id":"s","code":"c"}`,
		withProperties(manyProperties(100)),
		withProperties(`"` + strings.Repeat(`\u0041`, 128) + `":1`),
		withProperties(`"a":"` + strings.Repeat("v", 1024) + `"`),
		withProperties(`"a":[ "` + strings.Repeat("v", 1020) + `" ]`), // 1024 without the white space
		withProperties(`"a":` + strings.Repeat("9", 38)),
		withProperties(`"a":1e37,"b":1e-38,"c":0e99999`),
		withProperties(`"a":` + strings.Repeat("[", 8) + strings.Repeat("]", 8)),
		withProperties(`"a":` + strings.Repeat(`{"a":`, 8) + "1" + strings.Repeat("}", 8)),
		line(`"x":` + strings.Repeat("[", 8) + strings.Repeat("]", 8)),
		line(`"precise_total_amount_cents":` + strings.Repeat("9", 38)),
		line(`"precise_total_amount_cents":null,"properties":null`),
		line(`"properties":{}`),
		line(`"x":"` + strings.Repeat("x", EventBytesMax-len(exact)) + `"`),
		line(`"x":{` + manyProperties(ObjectMembersMax/2) + `}`),
	} {
		var b Batch
		if err := b.ParseLine([]byte(input)); err != nil {
			t.Errorf("%.80s: %v", input, err)
		}
	}
}

// manyProperties returns n members, their names in no order.
func manyProperties(n int) string {
	var out strings.Builder
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `"p%d":%d`, (i*7919)%n, i) // 7919 is a prime and no factor of the n used
	}
	return out.String()
}

func TestSyntax(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		input  string
		offset int
		reason string
	}{
		{``, 0, reasonEnd},
		{`  `, 2, reasonEnd},
		{`{`, 1, reasonEnd},
		{`{"code"`, 7, reasonEnd},
		{`{"code":`, 8, reasonEnd},
		{`{"code":"c`, 10, reasonEnd},
		{`{"code":"c\`, 11, reasonEnd},
		{`{"code":"c"`, 11, reasonEnd},
		{`{"code":"c",`, 12, reasonEnd},
		{"{\"code\":\"\xe2\x82", 11, reasonEnd},
		{`{"code":"c",}`, 12, reasonUnexpected},
		{`{"code":"c";}`, 11, reasonUnexpected},
		{`{"code" "c"}`, 8, reasonUnexpected},
		{`{code:"c"}`, 1, reasonUnexpected},
		{`{'code':"c"}`, 1, reasonUnexpected},
		{`{"code":c}`, 8, reasonUnexpected},
		{`hello`, 0, reasonUnexpected},
		{"\ufeff{}", 0, reasonUnexpected}, // byte order mark
		{`{}{}`, 2, reasonTrailing},
		{line("") + "x", 67, reasonTrailing},
		{line("") + "\n" + line(""), 68, reasonTrailing},
		{line("") + "\x00", 67, reasonTrailing},
		{`{"code":"c","code":"c"}`, 19, reasonDuplicateName},
		{`{"code":"c","\u0063ode":"c"}`, 24, reasonDuplicateName},
		{`{"x":1,"x":1}`, 11, reasonDuplicateName},
		{`{"x":{"y":1,"\u0079":1}}`, 21, reasonDuplicateName},
		{`{"properties":{"a":1,"a":1}}`, 25, reasonDuplicateName},
		{`{"properties":{"a":{"b":1,"b":2}}}`, 30, reasonDuplicateName},
		{"{\"code\":\"\xff\"}", 9, reasonUTF8},
		{"{\"code\":\"a\xc0\x80\"}", 10, reasonUTF8},   // overlong
		{"{\"code\":\"\xed\xa0\x80\"}", 9, reasonUTF8}, // a surrogate
		{"{\"\xff\":1}", 2, reasonUTF8},                // in an ignored member's name
		{"{\"x\":[\"\xff\"]}", 7, reasonUTF8},          // in an ignored value
		{"{\"code\":\"aaaaaaaaaa\x01\"}", 19, reasonControl},
		{"{\"code\":\"a\nb\"}", 10, reasonControl},
		{`{"code":"\ud800"}`, 9, reasonSurrogate},
		{`{"code":"\ud800\u0041"}`, 9, reasonSurrogate},
		{`{"code":"\udc00\ud800"}`, 9, reasonSurrogate},
		{`{"code":"\x41"}`, 9, reasonEscape},
		{`{"code":"\u12g4"}`, 9, reasonEscape},
		{`{"timestamp":NaN}`, 13, reasonUnexpected},
		{`{"timestamp":Infinity}`, 13, reasonUnexpected},
		{`{"timestamp":-Infinity}`, 14, reasonNumber},
		{`{"timestamp":01}`, 14, reasonUnexpected},
		{`{"timestamp":+1}`, 13, reasonUnexpected},
		{`{"timestamp":.5}`, 13, reasonUnexpected},
		{`{"timestamp":1.}`, 15, reasonNumber},
		{`{"timestamp":1e}`, 15, reasonNumber},
		{`{"timestamp":0x10}`, 14, reasonUnexpected},
		{`{"x":tru}`, 8, reasonUnexpected},
		{`{"x":nul`, 8, reasonEnd},
		{`{"x":[1,]}`, 8, reasonUnexpected},
		{`{"x":[1}}`, 7, reasonUnexpected},
		{`{"x":{"a":1]}`, 11, reasonUnexpected},
		{`{"x":[[[[[[[[[1]]]]]]]]]}`, 13, reasonDepth},
		{`{"properties":{"a":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}}`, 27, reasonDepth},
		{strings.Repeat("[", 100_000), 8, reasonDepth},
		{`{"x":` + strings.Repeat(`{"a":`, 100_000), 45, reasonDepth},
	} {
		var b Batch
		err := b.ParseLine([]byte(c.input))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset != c.offset || syntax.Reason != c.reason {
			t.Errorf("%.60q: %v, want %s at byte %d", c.input, err, c.reason, c.offset)
		}
		if len(b.Events) != 0 || len(b.properties) != 0 || len(b.scan.text) != 0 {
			t.Errorf("%.60q: something stays in the batch", c.input)
		}
	}
}

func TestParseEvent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, err string }{
		{`{"event":` + line("") + `}`, ""},
		{` { "x" : [] , "event" : ` + line("") + ` , "y" : 1 } `, ""},
		{`{"\u0065vent":` + line("") + `}`, ""},
		{`{"event":{}}`, "event 0: transaction_id: value_is_mandatory; event 0: external_subscription_id: value_is_mandatory; event 0: code: value_is_mandatory"},
		{`{"event":[]}`, "event 0: event: value_is_invalid"},
		{`{}`, "event is missing"},
		{`{"event":null}`, "event is missing"},
		{`{"events":[` + line("") + `]}`, "event is missing"},
		{line(""), "event is missing"},
		{`[]`, "event is missing"},
		{`5`, "event is missing"},
		{``, "unexpected end of input at byte 0"},
		{`{"event":` + line("") + `,"event":` + line("") + `}`, "duplicate name in an object at byte 85"},
		{`{"event":` + line("") + `,"x":1,"x":1}`, "duplicate name in an object at byte 87"},
		{`{"event":` + line("") + `}}`, "unexpected data after the JSON value at byte 77"},
		{`{"event":` + line("") + `,"x":NaN}`, "unexpected character at byte 81"},
		{`{"event":` + line("") + `,}`, "unexpected character at byte 77"},
	} {
		var b Batch
		err := b.ParseEvent([]byte(c.body))
		checkError(t, c.body, &b, err, c.err, 1)
	}
}

func TestParseEvents(t *testing.T) {
	t.Parallel()
	const eventsMax = 3
	events := func(n int) string { return strings.TrimSuffix(strings.Repeat(line("")+",", n), ",") }
	for _, c := range []struct {
		body, err string
		events    int
	}{
		{`{"events":[` + events(1) + `]}`, "", 1},
		{`{"events":[` + events(3) + `]}`, "", 3},
		{` { "events" : [ ` + line("") + ` , ` + line("") + ` ] } `, "", 2},
		{`{"events":[]}`, "events: no_events", 0},
		{`{"events":[ ]}`, "events: no_events", 0},
		{`{"events":[` + events(4) + `]}`, "events: too_many_events (limit 3)", 0},
		{`{"events":[5,` + events(3) + `]}`, "events: too_many_events (limit 3)", 0},
		{`{"events":{}}`, "events: value_is_invalid", 0},
		{`{"events":"x"}`, "events: value_is_invalid", 0},
		{`{"events":null}`, "events is missing", 0},
		{`{"event":{}}`, "events is missing", 0},
		{`{"events":[` + line("") + `,` + line(`"timestamp":"x"`) + `,5]}`, "event 1: timestamp: invalid_format; event 2: event: value_is_invalid", 0},
		{`{"events":[` + line(`"timestamp":"x"`) + `,}]}`, "unexpected character at byte 95", 0},
		{`{"events":[` + events(1) + `,]}`, "unexpected character at byte 79", 0},
		{`{"events":[` + events(1), "unexpected end of input at byte 78", 0},
		{`{"events":[],"events":[]}`, "duplicate name in an object at byte 22", 0},
	} {
		var b Batch
		err := b.ParseEvents([]byte(c.body), eventsMax)
		checkError(t, c.body, &b, err, c.err, c.events)
	}
}

func checkError(t *testing.T, body string, b *Batch, err error, want string, events int) {
	t.Helper()
	if want != "" {
		events = 0
	}
	if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
		t.Errorf("%.60s: %s, want %s", body, got, want)
	}
	if len(b.Events) != events {
		t.Errorf("%.60s: %d events, want %d", body, len(b.Events), events)
	}
}

// TestFaultsBounded has a batch with more faults than are listed.
func TestFaultsBounded(t *testing.T) {
	t.Parallel()
	const n = 2000
	body := `{"events":[` + strings.TrimSuffix(strings.Repeat("{},", n), ",") + `]}`
	var b Batch
	err := b.ParseEvents([]byte(body), n)
	var validation *ValidationError
	if !errors.As(err, &validation) || len(validation.Fields) != FaultsMax {
		t.Fatalf("%.80v", err)
	}
	// Three faults of each event: the last that is listed is the first of event 333.
	if last := validation.Fields[FaultsMax-1]; last != (FieldError{333, "transaction_id", CodeMandatory, 0}) {
		t.Errorf("last fault %+v", last)
	}
}

// TestLimitIsTold checks that a fault of a limit names it.
func TestLimitIsTold(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	for input, want := range map[string]int{
		`{"transaction_id":"t","external_subscription_id":"s","code":"` + long + `"}`: IDBytesMax,
		withProperties(manyProperties(101)):                                           PropertiesMax,
		withProperties(`"` + long + `":1`):                                            PropertyNameBytesMax,
		withProperties(`"a":"` + long + `"`):                                          PropertyValueBytesMax,
		withProperties(`"a":1e99`):                                                    NumberDigitsMax,
		line(`"x":"` + strings.Repeat(long, 33) + `"`):                                EventBytesMax,
		line(`"precise_total_amount_cents":"` + strings.Repeat("1", 39) + `"`):        NumberDigitsMax,
	} {
		var b Batch
		var validation *ValidationError
		if err := b.ParseLine([]byte(input)); !errors.As(err, &validation) || validation.Fields[0].Limit != want {
			t.Errorf("%.60s: %v, want the limit %d", input, err, want)
		}
	}
}

func TestParseRecordJSON(t *testing.T) {
	t.Parallel()
	const recordTime = 1_710_000_000_000_000_000
	organization := benchOrganization.String()
	for _, c := range []struct{ value, fault string }{
		{line(`"organization_id":"` + organization + `"`), ""},
		{line(`"organization_id":"` + strings.ToUpper(organization) + `"`), ""},
		{line(""), "organization_id: value_is_mandatory"},
		{line(`"organization_id":null`), "organization_id: value_is_mandatory"},
		{line(`"organization_id":7`), "organization_id: value_is_invalid"},
		{line(`"organization_id":"acme"`), "organization_id: value_is_invalid"},
		{line(`"organization_id":"{` + organization + `}"`), "organization_id: value_is_invalid"},
	} {
		var b Batch
		h, err := b.ParseRecord([]byte(c.value), recordTime)
		if c.fault != "" {
			checkFaults(t, c.value, &b, err, c.fault)
			continue
		}
		if err != nil || h != (Header{benchOrganization, recordTime}) {
			t.Errorf("%s: %v, %v", c.value, h, err)
		} else if e := &b.Events[0]; !e.Filled || e.Timestamp != recordTime {
			t.Errorf("%s: timestamp %d, filled %v", c.value, e.Timestamp, e.Filled)
		}
	}
	var b Batch
	_, err := b.ParseRecord([]byte(line(`"organization_id":"`+organization+`"`)), -1)
	checkFaults(t, "a record without a time", &b, err, "timestamp: value_is_out_of_range")
}

// TestOrganizationIgnored has a member of records in a request: one more unknown
// member, whatever it holds, but not twice.
func TestOrganizationIgnored(t *testing.T) {
	t.Parallel()
	var b Batch
	if err := b.ParseLine([]byte(line(`"organization_id":7`))); err != nil {
		t.Error(err)
	}
	if err := b.ParseLine([]byte(line(`"organization_id":7,"organization_id":7`))); err == nil {
		t.Error("twice: no error")
	}
}
