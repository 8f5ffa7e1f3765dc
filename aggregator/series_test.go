package aggregator

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"weir/ingest"
)

// at returns an event of an id at an instant, in nanoseconds since the epoch, with the property n.
func at(timestamp int64, id, n string) *ingest.Event {
	return &ingest.Event{
		TransactionID: []byte(id), Timestamp: timestamp, Properties: []ingest.Property{property("n", ingest.KindNumber, n)},
	}
}

func mustApply(t testing.TB, s *Series, e *ingest.Event, position ingest.Position) {
	t.Helper()
	if reason, ok := s.Apply(e, 0, position); !ok || reason != TakesPart {
		t.Fatalf("event %q was not taken: %s, %t", e.TransactionID, reason, ok)
	}
}

// counters freezes a series and returns all that changed, encoded: windows and cells as text.
func counters(s *Series) map[string]string {
	all := map[string]string{}
	s.Freeze(func(string) {}, func(cell string, d *Day) {
		total := d.Total()
		all[fmt.Sprintf("day %d %x", d.Number, cell)] = hex.EncodeToString(AppendCounter(nil, &total))
		d.Hours(func(hour int32, dirty bool, c *Counter) {
			if dirty {
				all[fmt.Sprintf("hour %d %x", hour, cell)] = hex.EncodeToString(AppendCounter(nil, c))
			}
		})
	})
	s.Saved()
	return all
}

// TestDaysOfSums: only a weighted sum looks at where in a day an hour lies. The days of
// all others are what they were before there was one.
func TestDaysOfSums(t *testing.T) {
	t.Parallel()
	for _, aggregation := range []Aggregation{SumAgg, AvgAgg} {
		s := NewSeries(&Metric{Aggregation: aggregation, FieldName: "n"}, true)
		mustApply(t, s, at(5*hourNanos, "a", "0.5"), 0)
		got := counters(s)
		want := "01" + "01" + "00" + "00" + "8094ebdc03" // as the golden counter of 1 event and 0.5
		if got["day 0 "] != want || got["hour 5 "] != want {
			t.Errorf("counters of aggregation %d are %v, want %s", aggregation, got, want)
		}
	}
	// 0.5 units at 5:00 are 5e8 billionths, and times 5 × 3600e9 ns 9e21 of moment.
	s := NewSeries(&Metric{Aggregation: WeightedSumAgg, FieldName: "n"}, true)
	mustApply(t, s, at(5*hourNanos, "a", "0.5"), 0)
	got := counters(s)
	if want := "01" + "01" + "00" + "00" + "8094ebdc03"; got["hour 5 "] != want {
		t.Errorf("hour is %s, want %s", got["hour 5 "], want)
	}
	// version 2, events, position, parts; sum of 6 bytes; moment of 17 bytes: 128 bits of 9e21 = 0x1e7e4171bf4d3a00000
	want := "02" + "01" + "00" + "01" + "06" + "00" + "8094ebdc03" + "11" + "01" + "00000000000001e7" + "e4171bf4d3a00000"
	if got["day 0 "] != want {
		t.Errorf("day is %s, want %s", got["day 0 "], want)
	}
}

// TestRemoveIsTheInverseOfApply: what is left are counters of nothing.
func TestRemoveIsTheInverseOfApply(t *testing.T) {
	t.Parallel()
	numbers := []string{"1", "-2.5", "99999999999999999999999999999999999999", "1e-18", "9223372036.854775807", "-9223372036.854775808", "x"}
	for _, aggregation := range []Aggregation{CountAgg, SumAgg, AvgAgg, WeightedSumAgg, PercentileAgg} {
		metric := &Metric{Aggregation: aggregation, FieldName: "n", PreciseTotals: true}
		if !metric.Subtracts() {
			t.Fatalf("aggregation %d does not subtract", aggregation)
		}
		s := NewSeries(metric, true)
		r := NewReducer(metric, Span{0, 3 * hourNanos})
		var events []*ingest.Event
		for i, n := range numbers {
			e := at(int64(i)*hourNanos/2+int64(i), fmt.Sprint(i), n)
			e.PreciseTotal = []byte("1.5")
			if n == "x" {
				e.Properties[0].Kind = ingest.KindString
			}
			events = append(events, e)
			s.Apply(e, 0, 1)
			r.AddEvent(e, 0, 1)
		}
		slices.Reverse(events)
		for _, e := range events {
			s.Remove(e, 0, 7)
			r.RemoveEvent(e, 0, 7)
		}
		seen := 0
		s.Freeze(func(string) {}, func(cell string, d *Day) {
			total := d.Total()
			check := func(c *Counter) {
				seen++
				if !c.IsZero() || c.Highest != 7 {
					t.Errorf("aggregation %d: %s has %+v left", aggregation, DescribeCell([]byte(cell)), c)
				}
			}
			check(&total)
			d.Hours(func(_ int32, _ bool, c *Counter) { check(c) })
		})
		if seen == 0 {
			t.Fatal("no counter was looked at")
		}
		if lines := describeAll(t, r, new(Split)); len(lines) != 0 {
			t.Errorf("aggregation %d: %q are left", aggregation, lines)
		}
		if uncounted := r.Uncounted(); uncounted.Total() != 0 {
			t.Errorf("aggregation %d: uncounted are %v", aggregation, uncounted)
		}
	}
}

// TestResetHour: the hour's counters are empty, in all cells, also those of events that
// take no part; its neighbours' are not.
func TestResetHour(t *testing.T) {
	t.Parallel()
	s := NewSeries(&Metric{Aggregation: MaxAgg, FieldName: "n", CellKeys: []string{"a"}}, true)
	events := []*ingest.Event{
		at(2*hourNanos-1, "a", "5"), at(2*hourNanos, "b", "7"), at(3*hourNanos-1, "c", "9"), at(3*hourNanos, "d", "4"),
	}
	events[2].Properties = append([]ingest.Property{property("a", ingest.KindString, "x")}, events[2].Properties...)
	for i, e := range events {
		mustApply(t, s, e, ingest.Position(i))
	}
	s.Apply(&ingest.Event{TransactionID: []byte("e"), Timestamp: 2 * hourNanos}, 0, 4)
	counters(s)
	s.ResetHour(2, 9)
	s.ResetHour(77, 9) // has no counters
	got := counters(s)
	empty := "01" + "00" + "09" + "00" + "00"
	for _, cell := range []string{"00", "0278", "800001"} {
		if got["hour 2 "+cell] != empty {
			t.Errorf("hour 2 of cell %s is %s", cell, got["hour 2 "+cell])
		}
	}
	if got["hour 1 00"] != "" || got["hour 3 00"] != "" {
		t.Errorf("other hours changed: %v", got)
	}
	// The day keeps 5 and 4 of its two events.
	mustApply(t, s, events[1], 10)
	day := map[string]string{}
	s.Freeze(func(string) {}, func(cell string, d *Day) {
		total := d.Total()
		day[cell] = fmt.Sprint(total.EventsCount, " ", total.pointValue())
	})
	if day["\x00"] != "3 7" {
		t.Errorf("day is %v, want 3 events and 7", day)
	}
}

// TestSeriesLetsGo: what was forgotten is not loaded, and what is dirty stays.
func TestSeriesLetsGo(t *testing.T) {
	t.Parallel()
	dayNanos := 24 * int64(time.Hour)
	s := NewSeries(&Metric{Aggregation: CountAgg}, true)
	mustApply(t, s, at(0, "a", "1"), 0)
	mustApply(t, s, at(dayNanos, "b", "1"), 1)
	counters(s)
	mustApply(t, s, at(dayNanos, "c", "1"), 2)
	s.Forget()
	if s.Loaded(0) || !s.Loaded(1) {
		t.Errorf("day 0 is loaded: %t, day 1: %t", s.Loaded(0), s.Loaded(1))
	}
	s.MarkLoaded(0)
	if !s.LoadHour(nil, 0, Counter{EventsCount: 1}) || s.LoadHour([]byte("\x02x"), 0, Counter{}) {
		t.Error("a counter of an unknown cell was taken, or one of a known was not")
	}
	mustApply(t, s, at(1, "d", "1"), 3)
	got := counters(s)
	if got["hour 0 "] != "01"+"02"+"03"+"00"+"00" || got["hour 24 "] != "01"+"02"+"02"+"00"+"00" {
		t.Errorf("counters are %v", got)
	}
}

// TestSeriesLimits: a cell too many, or too long, is refused; those that are known go on.
func TestSeriesLimits(t *testing.T) {
	t.Parallel()
	for aggregation, limit := range map[Aggregation]int{SumAgg: CellsMax, UniqueCountAgg: MembersMax} {
		metric := &Metric{Aggregation: aggregation, FieldName: "n"}
		if aggregation == SumAgg {
			metric.CellKeys = []string{"n"}
		}
		s := NewSeries(metric, true)
		for i := range limit {
			mustApply(t, s, at(0, "a", fmt.Sprint(i)), 0)
		}
		if _, ok := s.Apply(at(0, "a", fmt.Sprint(limit)), 0, 0); ok {
			t.Errorf("aggregation %d: cell %d was taken", aggregation, limit+1)
		}
		mustApply(t, s, at(0, "a", "0"), 0)
		if s.Cells() != limit {
			t.Errorf("aggregation %d: there are %d cells", aggregation, s.Cells())
		}
	}
	s := NewSeries(&Metric{Aggregation: CountAgg, CellKeys: []string{"n"}}, true)
	e := &ingest.Event{Properties: []ingest.Property{property("n", ingest.KindString, string(make([]byte, CellBytesMax-1)))}}
	if _, ok := s.Apply(e, 0, 0); ok { // two bytes of length before it
		t.Error("a cell that is too long was taken")
	}
}

// TestAbsorb: two series, of events dealt out in any way, are one.
func TestAbsorb(t *testing.T) {
	t.Parallel()
	for aggregation := CountAgg; aggregation < aggregationsEnd; aggregation++ {
		metric := &Metric{Aggregation: aggregation, FieldName: "n", PreciseTotals: true}
		whole, a, b := NewSeries(metric, true), NewSeries(metric, true), NewSeries(metric, true)
		for i := range 40 {
			e := at(int64(i*i)%97*hourNanos/3+int64(i), fmt.Sprint(i%7, i), fmt.Sprint(i%5-2))
			e.PreciseTotal = fmt.Append(nil, i)
			mustApply(t, whole, e, ingest.Position(i))
			mustApply(t, []*Series{a, b}[i*7%3%2], e, ingest.Position(i))
		}
		if !a.Absorb(b) {
			t.Fatal("too many cells")
		}
		want, got := counters(whole), counters(a)
		if len(got) != len(want) {
			t.Errorf("aggregation %d: %d counters, want %d", aggregation, len(got), len(want))
		}
		for key := range want {
			if got[key] != want[key] {
				t.Errorf("aggregation %d: %s is %s, want %s", aggregation, key, got[key], want[key])
			}
		}
	}
}
