package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// lineSeeds are where fuzzing starts: each has something that a parser can get wrong.
var lineSeeds = []string{
	`{"transaction_id":"t1","external_subscription_id":"s1","code":"requests"}`,
	`{"transaction_id":"t1","external_subscription_id":"s1","code":"tokens","timestamp":1710000000.123,"properties":{"model":"gpt","tokens":12,"cached":true,"region":null}}`,
	` { "transaction_id" : "t\u0031" , "external_subscription_id":"s\n1","code":"c\ud83d\ude00é","timestamp":"1710000000" } ` + "\r\n",
	`{"transaction_id":"t","transaction_id":"t","external_subscription_id":"s","code":"c"}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","cod\u0065":"c"}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","x":1,"\u0078":2}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","properties":{"a":{"b":[1,{"c":"\u0000"}], "d":" } ] "},"a":1}}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","properties":{"z":-0.0e-0,"a":1e38,"m":[1,2,[3,1e39]]}}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","x":[[[[[[[[]]]]]]]],"properties":{"a":[[[[[[[[{}]]]]]]]]}}`,
	`{"transaction_id":"","external_subscription_id":null,"code":5,"timestamp":{},"precise_total_amount_cents":[],"properties":[]}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","timestamp":1e9,"precise_total_amount_cents":"12.5"}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","timestamp":"2024-02-29T23:59:60Z","precise_total_amount_cents":1e2}`,
	`{"organization_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","transaction_id":"t","external_subscription_id":"s","code":"c","timestamp":"2024-02-29T23:59:59.5+02:00"}`,
	`{"organization_id":"6ba7b8109dad11d180b400c04fd430c8","transaction_id":"t","external_subscription_id":"s","code":"c"}`,
	`{"code":NaN}`, `{"code":01}`, `{"code":+1}`, `{"code":1.}`, `{"code":-}`, `{"code":"\ud800"}`, `{"code":"\udc00\ud800"}`, `{"code":"\x"}`,
	"{\"code\":\"\xff\"}", "{\"code\":\"\xe2\x82\"}", "{\"code\":\"a\tb\"}", "{\"code\":\"\xed\xa0\x80\"}",
	`{"code":"c"}}`, `{"code":"c"} {}`, `{"code":"c",}`, `{,}`, `{}`, `[]`, `null`, `5`, `"`, ``, ` `, `{"code"`, `{"code":tru}`, `nul`,
}

// FuzzParseLine holds the parser against the reference: the same input is JSON,
// the same fields are refused, the same event comes out. The wrapped forms and
// the record must agree with the line.
func FuzzParseLine(f *testing.F) {
	for _, seed := range lineSeeds {
		f.Add([]byte(seed))
	}
	var b Batch
	f.Fuzz(func(t *testing.T, line []byte) {
		checkLineWays(t, line)
		b.Reset()
		var want reference
		valid := want.read(line)
		err := b.ParseLine(line)
		checkAgainstReference(t, &b, &want, valid, err)
		if !valid {
			return
		}
		wrapped := slices.Concat([]byte(`{"event":`), line, []byte(`}`))
		checkWrapped(t, &b, line, err, b.ParseEvent(wrapped), `{"event":`)
		listed := slices.Concat([]byte(`{"events":[`), line, []byte(`]}`))
		checkWrapped(t, &b, line, err, b.ParseEvents(listed, 1), `{"events":[`)
	})
}

// FuzzParseRecordJSON is FuzzParseLine for what a producer writes to the topic.
func FuzzParseRecordJSON(f *testing.F) {
	for _, seed := range lineSeeds {
		f.Add([]byte(seed))
	}
	const recordTime = 1_700_000_000_000_000_000
	var b Batch
	f.Fuzz(func(t *testing.T, value []byte) {
		if len(value) == 0 || value[0] != '{' {
			return
		}
		b.Reset()
		want := reference{record: true, recordTime: recordTime}
		valid := want.read(value)
		header, err := b.ParseRecord(value, recordTime)
		checkAgainstReference(t, &b, &want, valid, err)
		if err == nil && (header.Organization != want.organization || header.ReceivedAt != recordTime) {
			t.Fatalf("%q: header %v", value, header)
		}
	})
}

// FuzzParseEvents holds the wrapper's syntax against the JSON library.
func FuzzParseEvents(f *testing.F) {
	for _, seed := range lineSeeds {
		f.Add([]byte(`{"events":[` + seed + `]}`))
	}
	f.Add([]byte(` { "x" : {} , "events" : [ {} , 5 ] , "y" : [] } `))
	f.Add([]byte(`{"events":[],"events":[]}`))
	f.Add([]byte(`{"\u0065vents":null}`))
	f.Add([]byte(`{"events":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		const eventsMax = 3
		checkWays(t, body, func(b *Batch) error { return b.ParseEvents(body, eventsMax) })
		var b Batch
		err := b.ParseEvents(body, eventsMax)
		var syntax *SyntaxError
		var validation *ValidationError
		errors.As(err, &syntax)
		errors.As(err, &validation)
		if err != nil && len(b.Events) != 0 {
			t.Fatalf("%q: %v, but events stay", body, err)
		}
		if !jsontext.Value(body).IsValid() {
			tooMany := validation != nil && validation.Fields[0].Code == CodeTooManyEvents
			if err == nil || validation != nil && !tooMany {
				t.Fatalf("%q is not JSON: %v", body, err)
			}
			return
		}
		if syntax != nil && syntax.Reason != "events is missing" && syntax.Reason != reasonDepth {
			t.Fatalf("%q is JSON: %v", body, err)
		}
	})
}

func checkAgainstReference(t *testing.T, b *Batch, want *reference, valid bool, err error) {
	t.Helper()
	var syntax *SyntaxError
	var validation *ValidationError
	switch {
	case errors.As(err, &syntax):
		if valid {
			t.Fatalf("%v, but the reference takes it", err)
		}
		if len(b.Events) != 0 {
			t.Fatal("a refused event stays")
		}
	case !valid:
		t.Fatalf("error %v, but the reference refuses the syntax (too deep: %v)", err, want.tooDeep)
	case errors.As(err, &validation):
		if got := faultTexts(validation); !slices.Equal(got, sorted(want.faults)) {
			t.Fatalf("faults %q, want %q", got, sorted(want.faults))
		}
		if len(b.Events) != 0 {
			t.Fatal("a refused event stays")
		}
	case err != nil:
		t.Fatalf("unknown kind of error: %v", err)
	case len(want.faults) > 0:
		t.Fatalf("no error, want %q", want.faults)
	default:
		if len(b.Events) != 1 {
			t.Fatalf("%d events, want one", len(b.Events))
		}
		if d := diffEvents(&b.Events[0], &want.event); d != "" {
			t.Fatal(d)
		}
	}
}

// checkWrapped holds what became of a wrapped event, appended to b, against the bare one's error.
func checkWrapped(t *testing.T, b *Batch, line []byte, bare, wrapped error, form string) {
	t.Helper()
	var want, got *ValidationError
	errors.As(bare, &want)
	errors.As(wrapped, &got)
	switch {
	case bare == nil:
		if n := len(b.Events); wrapped != nil || n < 2 || diffEvents(&b.Events[0], &b.Events[n-1]) != "" {
			t.Fatalf("%s%s: %v, the bare line gives another event", form, line, wrapped)
		}
	case form == `{"event":` && string(bytes.TrimSpace(line)) == "null":
		if wrapped == nil || wrapped.Error() != "event is missing" {
			t.Fatalf("%s%s: %v", form, line, wrapped)
		}
	case want != nil:
		if got == nil || !slices.Equal(want.Fields, got.Fields) {
			t.Fatalf("%s%s: %v, the bare line: %v", form, line, wrapped, bare)
		}
	}
}

func faultTexts(err *ValidationError) (texts []string) {
	for _, f := range err.Fields {
		texts = append(texts, f.Field+": "+f.Code)
	}
	return sorted(texts)
}

func sorted(texts []string) []string {
	texts = slices.Clone(texts)
	slices.Sort(texts)
	return texts
}

// diffEvents says what differs between two events, "" if nothing does.
func diffEvents(got, want *Event) string {
	var out strings.Builder
	diff := func(what string, got, want any) {
		if g, w := fmt.Sprintf("%q", got), fmt.Sprintf("%q", want); g != w {
			fmt.Fprintf(&out, "%s %s, want %s\n", what, g, w)
		}
	}
	diff("transaction_id", got.TransactionID, want.TransactionID)
	diff("external_subscription_id", got.Subscription, want.Subscription)
	diff("code", got.Code, want.Code)
	diff("precise_total_amount_cents", got.PreciseTotal, want.PreciseTotal)
	diff("entry", fmt.Sprint(got.Entry, got.Revision), fmt.Sprint(want.Entry, want.Revision))
	diff("timestamp", fmt.Sprint(got.Timestamp, got.Filled), fmt.Sprint(want.Timestamp, want.Filled))
	diff("properties", got.Properties, want.Properties)
	if (got.PreciseTotal == nil) != (want.PreciseTotal == nil) {
		out.WriteString("one precise total is nil, the other not\n")
	}
	return out.String()
}
