package aggregator

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"weir/ingest"
)

// TestNumbersOfEventsAreBounded: a framed record says what kind a property is, and its text is
// not read before it is counted. A counter with an exponent beyond exponentMax would be written and
// never be read again: such an event would hold up its partition for ever.
func TestNumbersOfEventsAreBounded(t *testing.T) {
	t.Parallel()
	f := func(text string, want bool) {
		t.Helper()
		if _, ok := numberOf([]byte(text)); ok != want {
			t.Errorf("%.40q is a number: %t", text, ok)
		}
	}
	f("1e2000000000", false)
	f("-1e-2000000000", false)
	f("1e1025", false)
	f("1e38", true)
	f("1e-38", true)
	f("0."+strings.Repeat("0", 1020)+"1", true) // what an expression may give
	f("abc", false)

	for aggregation := SumAgg; aggregation < aggregationsEnd; aggregation++ {
		if aggregation == UniqueCountAgg {
			continue
		}
		metric := &Metric{Aggregation: aggregation, FieldName: "n", Percentile: decimal.NewFromInt(50), PreciseTotals: true}
		s, r := NewSeries(metric, true), NewReducer(metric, Span{0, hourNanos})
		for i, text := range []string{"1", "1e5000", "1e-5000"} {
			e := at(int64(i), "a", text)
			e.PreciseTotal = []byte(text)
			reason, ok := s.Apply(e, 0, 1)
			if want := []Reason{TakesPart, NotANumber, NotANumber}[i]; reason != want || !ok {
				t.Errorf("aggregation %d: %s is %s, %t", aggregation, text, reason, ok)
			}
			r.AddEvent(e, 0, 1)
		}
		if uncounted := r.Uncounted(); uncounted[NotANumber] != 2 {
			t.Errorf("aggregation %d: uncounted are %v", aggregation, uncounted)
		}
	}
	s := NewSeries(&Metric{Aggregation: CountAgg, PreciseTotals: true}, true)
	for _, text := range []string{"1", "1e1024", "9e1024", "1e-1024", "1e5000", "1e-5000"} {
		s.Apply(&ingest.Event{PreciseTotal: []byte(text)}, 0, 1)
	}
	for window, encoded := range counters(s) {
		b, _ := hex.DecodeString(encoded)
		if _, err := DecodeCounter(b); err != nil {
			t.Errorf("%s: cannot be read: %v", window, err)
		}
	}
}
