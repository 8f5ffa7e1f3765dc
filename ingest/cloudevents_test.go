package ingest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func TestParseCloudEvent(t *testing.T) {
	t.Parallel()
	body := `{"specversion":"1.0","type":"tokens","source":"/gateway/7","subject":"sub_1","id":"e\u0031",` +
		`"time":"2024-03-09T17:00:00.25+01:00","datacontenttype":"application/json; charset=utf-8","traceparent":"00-ab",` +
		`"code":"ignored","precisetotalamountcents":"12.5","data":{"tokens":12,"model":"gpt","cached":null}}`
	var b Batch
	if err := b.ParseCloudEvent([]byte(body)); err != nil {
		t.Fatal(err)
	}
	checkEvents(t, b.Events, []Event{{
		TransactionID: []byte("e1"), Subscription: []byte("sub_1"), Code: []byte("tokens"),
		Timestamp:    1_710_000_000_250_000_000, // 2024-03-09 16:00 UTC
		PreciseTotal: []byte("12.5"),
		Properties: []Property{
			{[]byte("cached"), KindNull, nil},
			{[]byte("model"), KindString, []byte("gpt")},
			{[]byte("tokens"), KindNumber, []byte("12")},
		},
	}})
}

// cloudEvent returns a CloudEvent with what is mandatory, 70 bytes, and the members
// given: they begin at byte 70.
func cloudEvent(members ...string) string {
	return `{` + strings.Join(append([]string{`"specversion":"1.0","source":"s","type":"c","subject":"s1","id":"t1"`}, members...), ",") + `}`
}

func TestParseCloudEventMembers(t *testing.T) {
	t.Parallel()
	const absent = ""
	for _, c := range []struct{ member, want string }{
		{`"x":1`, absent},
		{`"time":null,"data":null,"datacontenttype":null,"data_base64":null,"precisetotalamountcents":null`, absent},
		{`"organization_id":5,"timestamp":"x","properties":[],"transaction_id":{}`, absent}, // unknown here
		{`"time":"2024-03-09T16:00:00Z"`, absent},
		{`"time":"2024-03-09t16:00:00z"`, absent},
		{`"time":"2024-03-09T16:00:00.123456789-23:59"`, absent},
		{`"time":"2024-03-09T16:00:00"`, "time: invalid_format"}, // without a zone
		{`"time":"2024-03-09T16:00:00.5"`, "time: invalid_format"},
		{`"time":"2024-03-09T16:00:00.1234567891Z"`, "time: invalid_format"},
		{`"time":"2024-03-09T16:00:60Z"`, "time: invalid_format"},
		{`"time":"2024-03-09"`, "time: invalid_format"},
		{`"time":"1710000000"`, "time: invalid_format"},
		{`"time":""`, "time: invalid_format"},
		{`"time":1710000000`, "time: invalid_format"},
		{`"time":"1969-12-31T23:59:59Z"`, "time: value_is_out_of_range"},
		{`"time":"2200-01-01T00:00:00Z"`, "time: value_is_out_of_range"},
		{`"time":"2200-01-01T00:00:00+00:01"`, absent},
		{`"data":{}`, absent},
		{`"data":[]`, "data: value_is_invalid"},
		{`"data":"{}"`, "data: value_is_invalid"},
		{`"data":5`, "data: value_is_invalid"},
		{`"data":{"a":1e38}`, "data.a: value_is_out_of_range"},
		{`"data":{"a":"\u0000"}`, "data.a: value_is_invalid"},
		{`"data":{"\u0000":1}`, "data: value_is_invalid"},
		{`"data_base64":"e30="`, "data_base64: value_is_invalid"},
		{`"data_base64":{}`, "data_base64: value_is_invalid"},
		{`"datacontenttype":"application/json"`, absent},
		{`"datacontenttype":"Application/JSON ; charset=utf-8"`, absent},
		{`"datacontenttype":"text/json"`, absent},
		{`"datacontenttype":"application/vnd.usage.v1+json"`, absent},
		{`"datacontenttype":"application/+json"`, "datacontenttype: value_is_invalid"},
		{`"datacontenttype":"application/xml"`, "datacontenttype: value_is_invalid"},
		{`"datacontenttype":"application/jsonl"`, "datacontenttype: value_is_invalid"},
		{`"datacontenttype":"application/x-json"`, "datacontenttype: value_is_invalid"},
		{`"datacontenttype":"json"`, "datacontenttype: value_is_invalid"},
		{`"datacontenttype":"/json"`, "datacontenttype: value_is_invalid"},
		{`"datacontenttype":"a/b/json"`, "datacontenttype: value_is_invalid"},
		{`"datacontenttype":""`, "datacontenttype: value_is_invalid"},
		{`"datacontenttype":5`, "datacontenttype: value_is_invalid"},
		{`"precisetotalamountcents":12.50`, absent},
		{`"precisetotalamountcents":"1e2"`, "precisetotalamountcents: value_is_not_valid_number"},
		{`"precisetotalamountcents":true`, "precisetotalamountcents: value_is_not_valid_number"},
	} {
		checkCloudEvent(t, cloudEvent(c.member), c.want)
	}
}

func TestParseCloudEventMandatory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{`"specversion":"1.0",`, ``, "specversion: value_is_mandatory"},
		{`"1.0"`, `null`, "specversion: value_is_mandatory"},
		{`"1.0"`, `""`, "specversion: value_is_mandatory"},
		{`"1.0"`, `1.0`, "specversion: value_is_invalid"},
		{`"1.0"`, `"1.0.2"`, "specversion: value_is_invalid"},
		{`"1.0"`, `"0.3"`, "specversion: value_is_invalid"},
		{`"source":"s",`, ``, "source: value_is_mandatory"},
		{`"source":"s"`, `"source":""`, "source: value_is_mandatory"},
		{`"source":"s"`, `"source":null`, "source: value_is_mandatory"},
		{`"source":"s"`, `"source":{}`, "source: value_is_invalid"},
		{`"type":"c",`, ``, "type: value_is_mandatory"},
		{`"type":"c"`, `"type":7`, "type: value_is_invalid"},
		{`"subject":"s1",`, ``, "subject: value_is_mandatory"},
		{`"subject":"s1"`, `"subject":null`, "subject: value_is_mandatory"},
		{`"subject":"s1"`, `"subject":"` + strings.Repeat("s", 256) + `"`, "subject: value_is_too_long (limit 255)"},
		{`,"id":"t1"`, ``, "id: value_is_mandatory"},
		{`"id":"t1"`, `"id":"\u0000"`, "id: value_is_invalid"},
		{cloudEvent(), `{}`, "id: value_is_mandatory; event 0: subject: value_is_mandatory; event 0: type: value_is_mandatory; " +
			"event 0: specversion: value_is_mandatory; event 0: source: value_is_mandatory"},
		{cloudEvent(), `[]`, "event: value_is_invalid"},
		{cloudEvent(), `null`, "event: value_is_invalid"},
	} {
		checkCloudEvent(t, strings.Replace(cloudEvent(), c.from, c.to, 1), c.want)
	}
}

func checkCloudEvent(t *testing.T, body, want string) {
	t.Helper()
	var b Batch
	err := b.ParseCloudEvent([]byte(body))
	var validation *ValidationError
	switch {
	case want == "":
		if err != nil || len(b.Events) != 1 {
			t.Errorf("%s: %v", body, err)
		}
	case !errors.As(err, &validation) || err.Error() != "event 0: "+want && !strings.HasPrefix(err.Error(), "event 0: "+want+" (limit"):
		t.Errorf("%s: %v, want %s", body, err, want)
	case len(b.Events) != 0:
		t.Errorf("%s: a refused event stays", body)
	}
}

func TestParseCloudEventSyntax(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                    "unexpected end of input at byte 0",
		`{`:                                   "unexpected end of input at byte 1",
		cloudEvent() + `x`:                    "unexpected data after the JSON value at byte 70",
		cloudEvent(`"id":"t2"`):               "duplicate name in an object at byte 75",
		cloudEvent(`"i\u0064":"t2"`):          "duplicate name in an object at byte 80",
		cloudEvent(`"x":1,"x":2`):             "duplicate name in an object at byte 80",
		cloudEvent(`"data":{"a":1,"a":1}`):    "duplicate name in an object at byte 88",
		cloudEvent(`"source":"t"`):            "duplicate name in an object at byte 79",
		cloudEvent(`"time":01`):               "unexpected character at byte 78",
		cloudEvent("\"dataschema\":\"\xff\""): "invalid UTF-8 at byte 84",
		cloudEvent(`"x":[[[[[[[[[1]]]]]]]]]`): reasonDepth + " at byte 82",
		cloudEvent(`"data_base64":"\u00zz"`):  "invalid escape in a string at byte 85",
		cloudEvent(`"data":{"a":NaN}`):        "unexpected character at byte 82",
		cloudEvent(`"datacontenttype":tru`):   "unexpected character at byte 91",
	} {
		var b Batch
		err := b.ParseCloudEvent([]byte(body))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || err.Error() != want || len(b.Events) != 0 {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

func TestParseCloudEvents(t *testing.T) {
	t.Parallel()
	one, bad := cloudEvent(), strings.Replace(cloudEvent(), `"type":"c"`, `"type":""`, 1)
	for _, c := range []struct {
		body   string
		events int
		want   string
	}{
		{"[" + one + "]", 1, ""},
		{" [ " + one + " , " + one + " ] ", 2, ""},
		{"[" + one + "," + one + "," + one + "]", 0, "events: too_many_events (limit 2)"},
		{"[]", 0, "events: no_events"},
		{one, 0, "events: value_is_invalid"},
		{"null", 0, "events: value_is_invalid"},
		{"[" + one + "," + bad + "]", 0, "event 1: type: value_is_mandatory"},
		{"[5," + bad + "]", 0, "event 0: event: value_is_invalid; event 1: type: value_is_mandatory"},
		{"[" + one, 0, "unexpected end of input at byte 71"},
		{"[" + one + ",]", 0, "unexpected character at byte 72"},
		{"[" + one + "]]", 0, "unexpected data after the JSON value at byte 72"},
		{"", 0, "unexpected end of input at byte 0"},
	} {
		var b Batch
		err := b.ParseCloudEvents([]byte(c.body), 2)
		if len(b.Events) != c.events || err == nil && c.want != "" || err != nil && err.Error() != c.want {
			t.Errorf("%s: %d events, %v, want %s", c.body, len(b.Events), err, c.want)
		}
	}
}

// TestCloudEventLeavesNoTrace: the next call on a Batch reads events again.
func TestCloudEventLeavesNoTrace(t *testing.T) {
	t.Parallel()
	var b Batch
	line := []byte(lineSeeds[0])
	if err := errors.Join(b.ParseCloudEvent([]byte(cloudEvent())), b.ParseLine(line), b.ParseCloudEvent([]byte(cloudEvent()))); err != nil {
		t.Fatal(err)
	}
	if err := b.ParseLine([]byte(cloudEvent())); err == nil {
		t.Error("a CloudEvent is taken as a line")
	}
}

var (
	cloudTimeRegexp = regexp.MustCompile(`\A[^Zz]{19,}([Zz]|[+-][0-9]{2}:[0-9]{2})\z`)
	jsonTypeRegexp  = regexp.MustCompile(`(?i)\A\s*[^ /]+/([^ /]+\+)?json\s*(;.*)?\z`)
	cloudNames      = map[string]string{
		"id": "transaction_id", "subject": "external_subscription_id", "type": "code",
		"precisetotalamountcents": "precise_total_amount_cents", "data": "properties",
	}
)

// cloudMember reads a member of a CloudEvent by what it is in an event, and gives its
// faults the names of CloudEvents.
func (r *reference) cloudMember(name string, v jsontext.Value) {
	isNull := v.Kind() == 'n'
	isText := v.Kind() == '"'
	r.checkDepth(v)
	switch name {
	case "id", "subject", "type", "precisetotalamountcents", "data":
		before := len(r.faults)
		r.member(cloudNames[name], v)
		for i, fault := range r.faults[before:] {
			r.faults[before+i] = strings.Replace(fault, cloudNames[name], name, 1)
		}
	case "time":
		switch {
		case isNull:
		case !isText || !cloudTimeRegexp.Match(unquote(v)):
			r.fault("time", CodeInvalidFormat)
		default:
			before := len(r.faults)
			r.timestampRFC3339(string(unquote(v)))
			for i := range r.faults[before:] {
				r.faults[before+i] = strings.Replace(r.faults[before+i], "timestamp", "time", 1)
			}
		}
	case "specversion", "source":
		switch {
		case isNull || string(v) == `""`:
			r.fault(name, CodeMandatory)
		case !isText || name == "specversion" && string(unquote(v)) != "1.0":
			r.fault(name, CodeInvalid)
		}
	case "datacontenttype":
		if !isNull && (!isText || !jsonTypeRegexp.Match(unquote(v))) {
			r.fault(name, CodeInvalid)
		}
	case "data_base64":
		if !isNull {
			r.fault(name, CodeInvalid)
		}
	}
}

// cloudSeeds are where fuzzing starts.
func cloudSeeds() []string {
	seeds := []string{
		cloudEvent(), cloudEvent(`"time":"2024-02-29T23:59:59.5+02:00","data":{"b":1,"a":[1, {"c":2}]}`),
		cloudEvent(`"time":"2024-02-29T23:59:59"`), cloudEvent(`"datacontenttype":"application/vnd.x+JSON;a=b"`),
		cloudEvent(`"data_base64":"e30="`), cloudEvent(`"precisetotalamountcents":1.5,"x":{"y":[null]}`),
		cloudEvent(`"id":"t1"`), `{"specversion":1.0,"source":""}`, `{"type":"\ud800"}`, `[]`,
	}
	replacer := strings.NewReplacer("transaction_id", "id", "external_subscription_id", "subject", "code", "type",
		"timestamp", "time", "properties", "data", "precise_total_amount_cents", "precisetotalamountcents")
	for _, line := range lineSeeds {
		seeds = append(seeds, replacer.Replace(line))
	}
	return seeds
}

// FuzzCloudEvent holds the parser of CloudEvents against the reference, one alone and
// in a batch.
func FuzzCloudEvent(f *testing.F) {
	for _, seed := range cloudSeeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(checkCloudEventAgainstReference)
}

func checkCloudEventAgainstReference(t *testing.T, body []byte) {
	t.Helper()
	var b Batch
	want := reference{cloud: true}
	valid := want.read(body)
	err := b.ParseCloudEvent(body)
	checkAgainstReference(t, &b, &want, valid, err)
	if !valid {
		return
	}
	listed := slices.Concat([]byte("["), body, []byte("]"))
	checkWrapped(t, &b, body, err, b.ParseCloudEvents(listed, 1), "[")
}

// FuzzCloudEvents holds the syntax of a batch against the JSON library.
func FuzzCloudEvents(f *testing.F) {
	for _, seed := range cloudSeeds() {
		f.Add([]byte("[" + seed + "]"))
	}
	f.Add([]byte("[" + cloudEvent() + " , " + cloudEvent() + ",{}]"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		const eventsMax = 3
		var b Batch
		err := b.ParseCloudEvents(body, eventsMax)
		if err != nil && len(b.Events) != 0 {
			t.Fatalf("%q: %v, but events stay", body, err)
		}
		var syntax *SyntaxError
		var validation *ValidationError
		errors.As(err, &syntax)
		errors.As(err, &validation)
		tooMany := validation != nil && validation.Fields[0].Code == CodeTooManyEvents
		switch valid := jsontext.Value(body).IsValid(); {
		case !valid && syntax == nil && !tooMany:
			t.Fatalf("%q is not JSON: %v", body, err)
		case valid && syntax != nil && syntax.Reason != reasonDepth:
			t.Fatalf("%q is JSON: %v", body, err)
		case err == nil && (len(b.Events) == 0 || len(b.Events) > eventsMax):
			t.Fatalf("%q: %d events", body, len(b.Events))
		}
	})
}

// TestCloudEventRandom holds the parser against the reference over random CloudEvents.
func TestCloudEventRandom(t *testing.T) {
	t.Parallel()
	const rounds = 1000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 3))}
	accepted := 0
	for range rounds {
		body := g.cloudEvent()
		checkCloudEventAgainstReference(t, body)
		if t.Failed() {
			t.Fatalf("body %q", body)
		}
		var b Batch
		if b.ParseCloudEvent(body) == nil {
			accepted++
		}
	}
	if accepted < rounds/20 {
		t.Errorf("only %d of %d were accepted: the generator has gone astray", accepted, rounds)
	}
}

func (g generator) cloudEvent() []byte {
	var members []string
	add := func(among int, name, value string) {
		if g.IntN(among) > 0 {
			members = append(members, fmt.Sprintf(`%s"%s"%s:%s%s`, g.space(), name, g.space(), g.space(), value))
		}
	}
	add(20, "specversion", g.often(`"1.0"`, `"1.1"`, g.value(0)))
	add(20, "source", g.often(`"/s"`, `""`, g.value(0)))
	add(20, "id", g.often(`"t1"`, g.value(0)))
	add(20, "subject", g.often(`"s1"`, g.value(0)))
	add(20, "type", g.often(`"c1"`, g.value(0)))
	add(2, "time", g.often(`"2024-03-01T00:00:00Z"`, g.time(), g.time(), g.value(0)))
	add(2, "data", g.often(g.object(8), g.value(0)))
	add(2, "datacontenttype", g.often(`"application/json"`, `"a/b+json; x"`, `"text/plain"`, g.value(0)))
	add(2, "precisetotalamountcents", g.often(`"12.5"`, g.number(), `"`+g.number()+`"`, g.value(0)))
	if g.IntN(10) == 0 {
		add(2, g.pick("data_base64", "x", "id", "timestamp", "data_schema"), g.value(0))
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return []byte("{" + strings.Join(members, ",") + g.often("}", "", ",}") + g.space())
}
