package aggregator

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"weir/ingest"
)

// TestReducersAreEqualByWhatTheyHold: an event that came and went leaves no difference.
func TestReducersAreEqualByWhatTheyHold(t *testing.T) {
	t.Parallel()
	metric := &Metric{Aggregation: SumAgg, FieldName: "n", CellKeys: []string{"a"}}
	reducer := func(events ...*ingest.Event) *Reducer {
		r := NewReducer(metric, Span{0, 100})
		for i, e := range events {
			r.AddEvent(e, 0, ingest.Position(i))
		}
		return r
	}
	inCell := at(3, "c", "0")
	inCell.Properties = append([]ingest.Property{property("a", ingest.KindString, "x")}, inCell.Properties...)
	one, two, again := at(1, "a", "1"), at(2, "b", "2"), at(2, "b", "2.0")
	f := func(name string, want bool, a, b *Reducer) {
		t.Helper()
		if a.Equal(b) != want || b.Equal(a) != want {
			t.Errorf("%s: %t and %t, want %t", name, a.Equal(b), b.Equal(a), want)
		}
	}
	f("nothing", true, reducer(), reducer())
	f("in another order", true, reducer(one, two), reducer(again, one))
	f("one less", false, reducer(one, two), reducer(one))
	f("the same sum of fewer events", false, reducer(at(1, "a", "3")), reducer(one, two))
	f("a cell more, whose sum is 0", false, reducer(one), reducer(one, inCell))
	gone := reducer(one, inCell)
	gone.RemoveEvent(inCell, 0, 9)
	f("a cell that has nothing left", true, reducer(one), gone)
	f("an event that takes no part", false, reducer(one), reducer(one, &ingest.Event{Timestamp: 5}))
}

// TestReaches: what lies in the period, and for a recurring metric all before it.
func TestReaches(t *testing.T) {
	t.Parallel()
	period := Span{100, 200}
	f := func(metric Metric, timestamp int64, want bool) {
		t.Helper()
		if got := NewReducer(&metric, period).Reaches(timestamp); got != want {
			t.Errorf("aggregation %d, recurring %t: %d is reached: %t", metric.Aggregation, metric.Recurring, timestamp, got)
		}
		// Reach says the same, and each instant is in one of its spans.
		spans := 0
		for _, span := range metric.Reach(period) {
			if span.Contains(timestamp) {
				spans++
			}
		}
		if spans > 1 || (spans == 1) != want {
			t.Errorf("aggregation %d, recurring %t: %d is in %d spans", metric.Aggregation, metric.Recurring, timestamp, spans)
		}
	}
	for _, aggregation := range []Aggregation{SumAgg, UniqueCountAgg, WeightedSumAgg} {
		for _, recurring := range []bool{false, true} {
			metric := Metric{Aggregation: aggregation, Recurring: recurring}
			f(metric, 0, recurring)
			f(metric, 99, recurring)
			f(metric, 100, true)
			f(metric, 199, true)
			f(metric, 200, false)
		}
	}
}

// TestAnswersOfManyParts: what an answer costs grows with its parts, and not with their square: of
// 300,000 it would take 100 seconds, in which nothing could end it.
func TestAnswersOfManyParts(t *testing.T) {
	t.Parallel()
	const parts, seconds = 300_000, 30
	r := NewReducer(&Metric{Aggregation: CountAgg, CellKeys: []string{"n"}}, Span{0, 100})
	for i := range parts {
		r.AddEvent(at(1, "", fmt.Sprint(i)), 0, 0)
	}
	for _, split := range []*Split{{PresentationKeys: []string{"n"}}, {GroupKeys: []string{"n"}}} {
		began := time.Now()
		buckets, err := r.Buckets(split)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for i := range buckets {
			found += max(1, len(buckets[i].Presentation))
			if !slices.IsSortedFunc(buckets[i].Presentation, func(a, b PresentationUsage) int { return CompareValues(a.Values, b.Values) }) {
				t.Error("parts are in no order")
			}
		}
		if !slices.IsSortedFunc(buckets, func(a, b BucketUsage) int { return compareBuckets(&a, &b) }) {
			t.Error("buckets are in no order")
		}
		if found != parts {
			t.Errorf("%d parts, want %d", found, parts)
		}
		if took := time.Since(began); took > seconds*time.Second {
			t.Errorf("%d parts took %s", parts, took)
		}
	}
}
