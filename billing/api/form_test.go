package api

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/billing"
)

func TestParseFormRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	f := func(body string) {
		t.Helper()
		_, err := parseForm([]byte(body), "plan")
		var refused *billing.Error
		if !errors.As(err, &refused) || refused.Kind != billing.KindBadRequest {
			t.Errorf("%q: got %v, want a bad request", body, err)
		}
	}
	f(``)
	f(`plan`)
	f(`[]`)
	f(`null`)
	f(`{}`)
	f(`{"plan":null}`)
	f(`{"plan":{}}`)
	f(`{"plan":[]}`)
	f(`{"plan":"x"}`)
	f(`{"plan":{}} x`)                    // trailing data
	f(`{"plan":{}}{"plan":{}}`)           // two values
	f(`{"plan":{},"plan":{}}`)            // duplicate names
	f(`{"plan":{"code":"a","code":"b"}}`) // duplicate names below the wrapper
	f(`{"plan":{"code":"a","c\u006fde":"b"}}`)
	f("{\"plan\":{\"code\":\"\xff\"}}") // not UTF-8
	f(`{"plan":{"code":NaN}}`)
	f(`{"plan":{"amount_cents":01}}`)
	f(`{"plan":{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}}`)
}

func TestFormRecordsEveryFault(t *testing.T) {
	t.Parallel()
	o, err := parseForm([]byte(`{"x":{
		"missing_text": null, "blank": "  ", "wrong_text": 5, "nul": "a\u0000b", "long": "`+strings.Repeat("x", 256)+`",
		"choice": "c", "fraction": 1.5, "word": "x", "low": -1, "truth": "maybe", "instant": "yesterday", "early": "1969-12-31",
		"number_amount": 1.5, "negative": "-1", "exponent": "1e3", "digits": "`+strings.Repeat("9", 39)+`",
		"object": [], "list": {}, "many": [1,2,3], "strings": ["a", 5], "objects": [{}, 7], "later": {"a": 1}, "flag": true
	}}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	o.required("absent")
	o.required("missing_text")
	o.required("blank")
	o.required("wrong_text")
	o.text("nul", 255)
	o.text("long", 255)
	o.choice("choice", "a", "b")
	o.integer("fraction", 0, 9)
	o.integer("word", 0, 9)
	o.integer("low", 0, 9)
	o.boolean("truth")
	o.instant("instant")
	o.instant("early")
	o.amount("number_amount", billing.CodeInvalidAmount)
	o.amount("negative", billing.CodeInvalidAmount)
	o.amount("exponent", billing.CodeInvalidAmount)
	o.amount("digits", billing.CodeInvalidAmount)
	o.amount("absent_amount", billing.CodeInvalidAmount)
	o.object("object")
	o.list("list", 9)
	o.list("many", 2)
	o.texts("strings", 9)
	o.objects("objects", 9)
	o.notYet("later", "flag", "absent")

	want := map[string]string{
		"absent": "value_is_mandatory", "missing_text": "value_is_mandatory", "blank": "value_is_mandatory",
		"wrong_text": "value_is_invalid", "nul": "value_is_invalid", "long": "value_is_too_long", "choice": "value_is_invalid",
		"fraction": "value_is_invalid", "word": "value_is_invalid", "low": "value_is_out_of_range", "truth": "value_is_invalid",
		"instant": "invalid_date", "early": "value_is_out_of_range",
		"number_amount": "invalid_amount", "negative": "invalid_amount", "exponent": "invalid_amount", "digits": "invalid_amount",
		"absent_amount": "invalid_amount",
		"object":        "value_is_invalid", "list": "value_is_invalid", "many": "invalid_count",
		"strings.1": "value_is_invalid", "objects.1": "value_is_invalid", "later": "not_supported_yet", "flag": "not_supported_yet",
	}
	for field, code := range want {
		if got := o.faults.fields[field]; !reflect.DeepEqual(got, []string{code}) {
			t.Errorf("%s: got %v, want [%s]", field, got, code)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(o.faults.fields)) {
		if _, expected := want[field]; !expected {
			t.Errorf("%s: unexpected fault %v", field, o.faults.fields[field])
		}
	}
	message := refusal(o.faults.err()).Message
	for _, limit := range []string{"long: at most 255 bytes", "low: from 0 to 9", "many: at most 2 elements"} {
		if !strings.Contains(message, limit) {
			t.Errorf("message %q does not say %q", message, limit)
		}
	}
}

func TestFormTakesWhatFits(t *testing.T) {
	t.Parallel()
	o, err := parseForm([]byte(`{"x":{"text":"a é","null":null,"n":7,"ntext":"7","yes":true,"yestext":"true",
		"at":"2024-03-01T01:00:00.5+01:00","day":"2024-03-01","amount":"0.000003","false":false,"zero":0,"empty":{},"none":[ ]}}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := o.text("text", 4); s != "a é" || !ok {
		t.Errorf("text: %q %v", s, ok)
	}
	if s, ok := o.text("null", 4); s != "" || !ok {
		t.Errorf("null clears: %q %v", s, ok)
	}
	if _, ok := o.text("absent", 4); ok {
		t.Error("what is absent was taken for something")
	}
	for _, name := range []string{"n", "ntext"} {
		if n, ok := o.integer(name, 7, 7); n != 7 || !ok {
			t.Errorf("%s: %d %v", name, n, ok)
		}
	}
	for _, name := range []string{"yes", "yestext"} {
		if b, ok := o.boolean(name); !b || !ok {
			t.Errorf("%s: %v %v", name, b, ok)
		}
	}
	if at, _ := o.instant("at"); stampMillis(at) != "2024-03-01T00:00:00.500Z" {
		t.Errorf("at: %v", at)
	}
	if day, _ := o.instant("day"); stamp(day) != "2024-03-01T00:00:00Z" {
		t.Errorf("day: %v", day)
	}
	if d, ok := o.amount("amount", billing.CodeInvalidAmount); d.String() != "0.000003" || !ok {
		t.Errorf("amount: %v %v", d, ok)
	}
	o.notYet("null", "false", "zero", "empty", "none", "absent")
	if err := o.faults.err(); err != nil {
		t.Errorf("faults where there are none: %v", err)
	}
}

func TestPositionsOf(t *testing.T) {
	t.Parallel()
	f := func(header string, want map[int32]int64, wantErr bool) {
		t.Helper()
		got, err := positionsOf(map[string][]string{positionHeader: {header}})
		if (err != nil) != wantErr || !maps.Equal(got, want) {
			t.Errorf("%q: got %v, %v", header, got, err)
		}
	}
	f("", nil, false)
	f("3:41", map[int32]int64{3: 42}, false)                            // everything below 42: record 41 is in
	f("3:41, 0:0", map[int32]int64{3: 42, 0: 1}, false)                 //
	f("3:41,3:7", map[int32]int64{3: 42}, false)                        // the later one counts
	f("3", nil, true)                                                   //
	f("3:", nil, true)                                                  //
	f("-1:4", nil, true)                                                //
	f("3:-4", nil, true)                                                //
	f("3:x", nil, true)                                                 //
	f("3:4;4:5", nil, true)                                             //
	f("3:999999999999999999", nil, true)                                // more than a position keeps
	f(strings.TrimSuffix(strings.Repeat("1:1,", 2000), ","), nil, true) // too many
}

func TestMetaOf(t *testing.T) {
	t.Parallel()
	f := func(number, size, total int, want string) {
		t.Helper()
		recorder := newRecorder()
		reply(recorder, 200, metaOf(pageFor(number, size), total))
		if got := recorder.Body.String(); got != want {
			t.Errorf("page %d by %d of %d: %s, want %s", number, size, total, got, want)
		}
	}
	f(1, 100, 0, `{"current_page":0,"next_page":null,"prev_page":null,"total_pages":0,"total_count":0}`)
	f(1, 100, 1, `{"current_page":1,"next_page":null,"prev_page":null,"total_pages":1,"total_count":1}`)
	f(1, 100, 250, `{"current_page":1,"next_page":2,"prev_page":null,"total_pages":3,"total_count":250}`)
	f(2, 100, 250, `{"current_page":2,"next_page":3,"prev_page":1,"total_pages":3,"total_count":250}`)
	f(3, 100, 250, `{"current_page":3,"next_page":null,"prev_page":2,"total_pages":3,"total_count":250}`)
	f(4, 100, 250, `{"current_page":4,"next_page":null,"prev_page":null,"total_pages":3,"total_count":250}`)
	f(2, 2, 4, `{"current_page":2,"next_page":null,"prev_page":1,"total_pages":2,"total_count":4}`)
}

// A change of something demands only what is missing, and refuses to blank it.
func TestFormDemand(t *testing.T) {
	t.Parallel()
	f := func(body, before, want string, faults ...string) {
		t.Helper()
		form, err := parseForm([]byte(`{"x":`+body+`}`), "x")
		if err != nil {
			t.Fatal(err)
		}
		got := before
		form.demand(&got, "name")
		form.addFaults(billing.Faults{"name": {"found_in_the_whole"}, "other": {"found_too"}})
		if codes := form.faults.fields["name"]; len(faults) > 0 && (len(codes) != 1 || codes[0] != faults[0]) {
			t.Errorf("%s: faults %v, want %v", body, codes, faults)
		}
		if len(faults) == 0 && (got != want || form.faults.fields["name"][0] != "found_in_the_whole") {
			t.Errorf("%s: %q, want %q, faults %v", body, got, want, form.faults.fields)
		}
		if form.faults.fields["other"][0] != "found_too" {
			t.Errorf("%s: faults %v", body, form.faults.fields)
		}
	}
	f(`{"name":"b"}`, "a", "b")
	f(`{"y":1}`, "a", "a")
	f(`{"y":1}`, "", "", "value_is_mandatory")
	f(`{"name":null}`, "a", "", "value_is_mandatory")
	f(`{"name":" "}`, "a", "", "value_is_mandatory")
	f(`{"name":1}`, "a", "", "value_is_invalid")
}

// A decimal is plain text or a number, from 0 to a bound, with no more digits than are kept.
func TestFormDecimal(t *testing.T) {
	t.Parallel()
	f := func(text, want, fault string) {
		t.Helper()
		form, err := parseForm([]byte(`{"x":{"d":`+text+`}}`), "x")
		if err != nil {
			t.Fatal(err)
		}
		got, ok := form.decimal("d", 100, 3)
		if ok != (fault == "" && want != "") || ok && got.String() != want {
			t.Errorf("%s: got %s %v, want %s", text, got, ok, want)
		}
		if codes := form.faults.fields["d"]; strings.Join(codes, " ") != fault {
			t.Errorf("%s: faults %v, want %s", text, codes, fault)
		}
	}
	f(`null`, "", "") // said to be nothing
	f(`0`, "0", "")
	f(`"0"`, "0", "")
	f(`-0`, "0", "")
	f(`100`, "100", "")
	f(`"100.000"`, "100", "")
	f(`7.125`, "7.125", "")
	f(`1.50000`, "1.5", "") // zeros at the end are no digits
	f(`100.001`, "", "value_is_out_of_range")
	f(`-0.001`, "", "value_is_out_of_range")
	f(`1.0001`, "", "value_is_out_of_range")
	f(`1e1`, "", "value_is_invalid") // may be very long
	f(`"1,5"`, "", "value_is_invalid")
	f(`"+1"`, "", "value_is_invalid")
	f(`"--1"`, "", "value_is_invalid")
	f(`""`, "", "value_is_invalid")
	f(`"NaN"`, "", "value_is_invalid")
	f(`true`, "", "value_is_invalid")
	f(`[1]`, "", "value_is_invalid")
	f(`"`+strings.Repeat("0", 39)+`"`, "", "value_is_invalid") // more digits than anything has
}
