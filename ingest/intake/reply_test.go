package intake

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"weir/ingest"
)

// FuzzAppendJSON: what is printed reads back as it was, stray bytes as U+FFFD.
func FuzzAppendJSON(f *testing.F) {
	for _, text := range []string{
		"", "plain", `"\/`, "\x00\x1f\x7f\n\r\t", "é€😀\u2028", "\ufffd", "cut \xe2\x82", "\xff\xfe", "\xed\xa0\x80", "a\xf0\x9f\x98",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		printed := appendJSON([]byte("kept"), text)
		if string(printed) != string(appendJSON([]byte("kept"), []byte(text))) {
			t.Error("string and bytes are printed differently")
		}
		var got string
		if err := json.Unmarshal(printed[len("kept"):], &got); err != nil {
			t.Fatalf("%q is printed as %s: %v", text, printed, err)
		}
		var want strings.Builder
		for _, r := range text { // a stray byte is one U+FFFD each
			want.WriteRune(r)
		}
		if got != want.String() || !utf8.Valid(printed) {
			t.Errorf("%q is printed as %s", text, printed)
		}
	})
}

func TestAppendFaults(t *testing.T) {
	t.Parallel()
	faults := []ingest.FieldError{
		{Index: -1, Field: "events", Code: "too_many_events"},
		{Index: 2, Field: "b", Code: "one"},
		{Index: 2, Field: "a", Code: "two"},
		{Index: 2, Field: "b", Code: "three"},
		{Index: 7, Field: `properties."`, Code: "four"},
	}
	want := `{"events":["too_many_events"],"2":{"b":["one","three"],"a":["two"]},"7":{"properties.\"":["four"]}}`
	if got := string(appendFaults(nil, faults, true)); got != want {
		t.Errorf("details are %s, want %s", got, want)
	}
	want = `{"b":["one","three"],"a":["two"]}`
	if got := string(appendFaults(nil, faults[1:4], false)); got != want {
		t.Errorf("details of one event are %s, want %s", got, want)
	}
}

func TestAppendPositions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		offsets []int64
		want    string
	}{
		{[]int64{-1, -1}, ""},
		{[]int64{-1, 0}, "1:0"},
		{[]int64{7, -1, 1 << 40}, "0:7,2:1099511627776"},
	} {
		if got := string(appendPositions(nil, tt.offsets)); got != tt.want {
			t.Errorf("positions of %v are %q, want %q", tt.offsets, got, tt.want)
		}
	}
}
