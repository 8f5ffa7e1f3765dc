package aggregator

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"weir/ingest"
)

// usageOf answers for a period in every way there is: from events in order and the other
// way round, from two reducers merged, and from counters that were written and read
// again. All must say the same.
func usageOf(t *testing.T, metric *Metric, period Span, split *Split, events ...*ingest.Event) string {
	t.Helper()
	reached := slices.DeleteFunc(slices.Clone(events), func(e *ingest.Event) bool {
		return !NewReducer(metric, period).Reaches(e.Timestamp)
	})
	forth, back := NewReducer(metric, period), NewReducer(metric, period)
	halves := [2]*Reducer{NewReducer(metric, period), NewReducer(metric, period)}
	for i, e := range reached {
		forth.AddEvent(e, 0, ingest.Position(i))
		back.AddEvent(reached[len(reached)-1-i], 0, ingest.Position(i))
		halves[i%2].AddEvent(e, 0, ingest.Position(i))
	}
	halves[1].Merge(halves[0])
	want := ""
	for i, r := range []*Reducer{forth, back, halves[1], halves[1].Clone(), fromCounters(t, metric, period, events)} {
		got := fmt.Sprint(strings.Join(describeAll(t, r, split), "\n"), " uncounted ", r.Uncounted())
		if i > 0 && got != want {
			t.Errorf("way %d gives\n%s\nand not\n%s", i, got, want)
		}
		want = got
	}
	return strings.Join(describeAll(t, forth, split), "\n")
}

// fromCounters makes usage from stored counters; what lies in no whole hour is read from the events.
func fromCounters(t *testing.T, metric *Metric, period Span, events []*ingest.Event) *Reducer {
	t.Helper()
	s := NewSeries(metric, true)
	for i, e := range events {
		if _, ok := s.Apply(e, 0, ingest.Position(i)); !ok {
			t.Fatal("too many cells")
		}
	}
	r := NewReducer(metric, period)
	decoded := func(c *Counter) *Counter {
		back, err := DecodeCounter(AppendCounter(nil, c))
		if err != nil || !back.Equal(c) {
			t.Fatalf("counter %+v comes back as %+v, %v", c, back, err)
		}
		return &back
	}
	for _, span := range metric.Reach(period) {
		w := SplitWindows(span)
		s.Unsaved(func(cell string, d *Day) {
			if w.Days.Contains(int64(d.Number)) {
				total := d.Total()
				r.AddCounter([]byte(cell), StartOfDay(d.Number), decoded(&total))
				return
			}
			d.Hours(func(hour int32, _ bool, c *Counter) {
				if w.Hours[0].Contains(int64(hour)) || w.Hours[1].Contains(int64(hour)) {
					r.AddCounter([]byte(cell), StartOfHour(hour), decoded(c))
				}
			})
		})
		for i, e := range events {
			if w.Edges[0].Contains(e.Timestamp) || w.Edges[1].Contains(e.Timestamp) {
				r.AddEvent(e, 0, ingest.Position(i))
			}
		}
	}
	return r
}

const dayNanos = HoursPerDay * hourNanos

// TestAggregations: values by hand, of the period [1 day, 3 days). All of its events are in
// it, unless the name says so.
func TestAggregations(t *testing.T) {
	t.Parallel()
	period := Span{dayNanos, 3 * dayNanos}
	f := func(name string, metric Metric, want string, events ...*ingest.Event) {
		t.Helper()
		metric.FieldName = "n"
		got := usageOf(t, &metric, period, new(Split), events...)
		if want != "" {
			want = "-1 []: " + want
		}
		if got != want {
			t.Errorf("%s: usage is %q, want %q", name, got, want)
		}
	}
	// nth is the n-th event, an hour and a nanosecond behind the one before.
	nth := func(n int, text string) *ingest.Event {
		return at(dayNanos+int64(n)*(hourNanos+1), fmt.Sprint("t", n), text)
	}
	all := func(texts ...string) []*ingest.Event {
		var events []*ingest.Event
		for i, text := range texts {
			events = append(events, nth(i, text))
		}
		return events
	}
	before, last, after := at(dayNanos-1, "before", "1000"), at(3*dayNanos-1, "last", "2"), at(3*dayNanos, "after", "1000")
	const nines, ones = "99999999999999999999999999999999999999", "11111111111111111111111111111111111111" // 38 digits

	for aggregation := CountAgg; aggregation < aggregationsEnd; aggregation++ {
		f("empty period", Metric{Aggregation: aggregation, Percentile: hundred}, "", before, after)
	}
	count := Metric{Aggregation: CountAgg}
	f("count", count, "3 of 3", before, nth(0, "7"), nth(1, "-7"), last, after)

	sum := Metric{Aggregation: SumAgg}
	f("sum", sum, "3.5 of 3", before, nth(0, "2"), nth(1, "-0.5"), last, after)
	f("negative sum", sum, "-4.25 of 2", all("1", "-5.25")...)
	f("sum of nothing left", sum, "0 of 2", all("1e30", "-1e30")...)
	f("wide sum", sum, "111111111111111111111111111111111111110 of 2", all(nines, ones)...) // 10^38 - 1 + 11…1
	f("recurring sum", Metric{Aggregation: SumAgg, Recurring: true}, "1001.5 of 2", before, nth(0, "1.5"), after)

	highest := Metric{Aggregation: MaxAgg}
	f("max", highest, "9 of 4", before, nth(0, "2"), nth(1, "9"), nth(2, "-10"), last, after)
	f("max of negatives", highest, "-1.5 of 2", all("-2", "-1.5")...)
	f("max, wide", highest, nines+" of 3", all(ones, nines, "-"+nines)...)
	f("max, wide and narrow", highest, "0.0000000001 of 3", all("-"+nines, "0.0000000001", "0")...)

	lowest := Metric{Aggregation: MinAgg}
	f("min", lowest, "2 of 3", before, nth(0, "3"), nth(1, "9"), last, after)
	f("min of negatives", lowest, "-2 of 2", all("-2", "-1.5")...)
	f("min, wide", lowest, "-"+nines+" of 3", all(ones, nines, "-"+nines)...)

	avg := Metric{Aggregation: AvgAgg}
	f("avg", avg, "3.5 of 3", before, nth(0, "0.5"), nth(1, "8"), last, after)
	f("avg, a third", avg, "0.33333333333333333333 of 3", all("1", "0", "0")...)
	f("avg, two thirds", avg, "0.66666666666666666667 of 3", all("1", "1", "0")...)
	f("avg, minus two thirds", avg, "-0.66666666666666666667 of 3", all("-1", "-1", "0")...)
	f("avg, half of the last digit", avg, "0.00000000000000000001 of 2", all("0.00000000000000000001", "0")...)
	f("avg, half of the last digit, negative", avg, "-0.00000000000000000001 of 2", all("-0.00000000000000000001", "0")...)

	latest := Metric{Aggregation: LatestAgg}
	f("latest", latest, "2 of 3", before, last, nth(0, "3"), nth(1, "9"), after)
	f("latest, negative", latest, "-9 of 2", all("3", "-9")...)
	f("latest of one instant: the greatest id", latest, "5 of 3",
		at(2*dayNanos, "b", "5"), at(2*dayNanos, "a", "6"), at(2*dayNanos, "ab", "7"))
	f("latest by a nanosecond", latest, "6 of 2", at(2*dayNanos, "b", "5"), at(2*dayNanos+1, "a", "6"))

	percentile := func(p string) Metric {
		return Metric{Aggregation: PercentileAgg, Percentile: decimal.RequireFromString(p)}
	}
	f("percentile 50 of 4: the 2nd", percentile("50"), "2 of 4", all("4", "1", "3", "2")...)
	f("percentile 51 of 4: ⌈2.04⌉ = the 3rd", percentile("51"), "3 of 4", all("4", "1", "3", "2")...)
	f("percentile 100: the last", percentile("100"), "4 of 4", all("4", "1", "3", "2")...)
	f("percentile of almost nothing: the first", percentile("0.001"), "-1 of 3", all("4", "-1", "3")...)
	f("percentile of repeated values: 1 1 1 2, the 3rd", percentile("75"), "1 of 4", all("1", "2", "1.0", "1e0")...)
	f("percentile of one", percentile("50"), "-7.5 of 1", nth(0, "-7.5"))
	f("percentile, by number and not by text", percentile("100"), "10 of 2", all("9", "10")...)
	// 33.333333333333333333333333 (26 digits) of 3 is ⌈0.99999999999999999999999999⌉, and one digit more at the end ⌈1.000…2⌉.
	f("percentile just below a third", percentile("33.333333333333333333"), "1 of 3", all("1", "2", "3")...)
	f("percentile just above a third", percentile("33.333333333333333334"), "2 of 3", all("1", "2", "3")...)
}

func operation(e *ingest.Event, text string) *ingest.Event {
	e.Properties = append(e.Properties, property(operationTypeKey, ingest.KindString, text))
	return e
}

// TestUniqueCount: a value is there if its last event, by timestamp and id, adds it.
func TestUniqueCount(t *testing.T) {
	t.Parallel()
	f := func(name string, recurring bool, want string, events ...*ingest.Event) {
		t.Helper()
		metric := &Metric{Aggregation: UniqueCountAgg, FieldName: "n", Recurring: recurring}
		if got := usageOf(t, metric, Span{dayNanos, 3 * dayNanos}, new(Split), events...); got != "-1 []: "+want {
			t.Errorf("%s: usage is %q, want %q", name, got, want)
		}
	}
	first, second, third := dayNanos, dayNanos+1, 2*dayNanos
	f("two values", false, "2 of 3", at(first, "a", "1"), at(second, "b", "2"), at(third, "c", "1.0"))
	f("added and removed", false, "1 of 3", at(first, "a", "1"), at(second, "b", "2"), operation(at(third, "c", "1"), "remove"))
	f("removed and added", false, "1 of 2", operation(at(first, "a", "1"), "remove"), at(second, "b", "1"))
	f("removed, never added", false, "0 of 1", operation(at(first, "a", "1"), "remove"))
	f("at one instant: the greater id, which adds", false, "1 of 2", at(first, "b", "1"), operation(at(first, "a", "1"), "remove"))
	f("at one instant: the greater id, which removes", false, "0 of 2", at(first, "a", "1"), operation(at(first, "b", "1"), "remove"))
	f("other operations add", false, "2 of 2", operation(at(first, "a", "1"), "REMOVE"), operation(at(second, "b", "2"), ""))
	f("recurring: from before", true, "2 of 3", at(0, "a", "1"), at(1, "b", "2"), at(third, "c", "1"))
	f("recurring: removed in the period", true, "0 of 2", at(0, "a", "1"), operation(at(first, "b", "1"), "remove"))
	f("not recurring: removed before, and after", false, "1 of 1",
		operation(at(0, "a", "1"), "remove"), at(first, "b", "1"), operation(at(3*dayNanos, "c", "1"), "remove"))
}

// TestWeightedSum: the running sum, weighed by how long each level held.
func TestWeightedSum(t *testing.T) {
	t.Parallel()
	period := Span{dayNanos, 3 * dayNanos} // 48 hours
	hour := func(n int64) int64 { return dayNanos + n*hourNanos }
	f := func(name string, recurring bool, period Span, want, wantTotal string, events ...*ingest.Event) {
		t.Helper()
		metric := &Metric{Aggregation: WeightedSumAgg, FieldName: "n", Recurring: recurring}
		if got := usageOf(t, metric, period, new(Split), events...); got != "-1 []: "+want {
			t.Errorf("%s: usage is %q, want %q", name, got, want)
		}
		buckets, err := fromCounters(t, metric, period, events).Buckets(new(Split))
		if err != nil || len(buckets) != 1 || buckets[0].TotalUnits.String() != wantTotal {
			t.Errorf("%s: buckets are %+v (%v), want %s in the end", name, buckets, err, wantTotal)
		}
	}
	f("all the time", false, period, "100 of 1", "100", at(hour(0), "a", "100"))
	f("the second half", false, period, "50 of 1", "100", at(hour(24), "a", "100"))
	f("the last nanosecond of 48 hours: 1/172,800,000,000,000, cut and up", false, period, "0.00000000000000578704 of 1", "1", at(3*dayNanos-1, "a", "1"))
	f("below zero, up is towards zero", false, period, "-0.00000000000000578703 of 1", "-1", at(3*dayNanos-1, "a", "-1"))
	// 3 × 48 + 7 × 24 - 4 × 12 = 264 unit hours, / 48
	f("up and down", false, period, "5.5 of 3", "6", at(hour(0), "a", "3"), at(hour(24), "b", "7"), at(hour(36), "c", "-4"))
	// From 0:30 on, with edges: [1 d 0:30, 2 d 0:30), 2 units for the last 6 hours = 0.5
	half := Span{hour(0) + hourNanos/2, hour(24) + hourNanos/2}
	f("with edges", false, half, "0.5 of 1", "2", at(hour(18)+hourNanos/2, "a", "2"), at(half.From-1, "b", "9"), at(half.To, "c", "9"))
	// 10 from before all the time, and 4 for a quarter
	f("recurring", true, period, "11 of 1", "14", at(0, "a", "12"), at(hour(-1)+5, "b", "-2"), at(hour(36), "c", "4"), at(hour(48), "d", "9"))
	f("recurring, nothing new", true, period, "10 of 0", "10", at(0, "a", "12"), at(hour(-1)+5, "b", "-2"))
	f("recurring, empty period", true, Span{hour(5), hour(5)}, "0 of 0", "12", at(0, "a", "12"))
	// 38 digits for half of the time
	f("wide", false, period, "49999999999999999999999999999999999999.5 of 1", strings.Repeat("9", 38), at(hour(24), "a", strings.Repeat("9", 38)))
}

// TestWeightedSumByDays: what is billed is divided by the days of the full period, as if all
// were of 24 hours.
func TestWeightedSumByDays(t *testing.T) {
	t.Parallel()
	metric := &Metric{Aggregation: WeightedSumAgg, FieldName: "n"}
	f := func(name string, hours int64, days int, want string) {
		t.Helper()
		period := Span{dayNanos, dayNanos + hours*hourNanos}
		reducer := NewReducer(metric, period)
		reducer.AddEvent(at(period.From, "a", "100"), 0, 0)
		buckets, err := reducer.BucketsOver(new(Split), DaysLength(days))
		if err != nil || len(buckets) != 1 || buckets[0].Units.String() != want || buckets[0].TotalUnits.String() != "100" {
			t.Errorf("%s: %+v (%v), want %s", name, buckets, err, want)
		}
	}
	f("a whole month", 30*24, 30, "100")
	f("its second half: 100 × 360 h / 720 h", 15*24, 30, "50")
	f("March in New York: 100 × 743 h / 744 h", 743, 31, "99.8655913978494623656")
	f("November there: 100 × 721 h / 720 h", 721, 30, "100.13888888888888888889")
}

// TestMomentsBeyond128Bits: the largest number that is not wide, over 200 years, many
// times: each adds more than 2^125 billionths × ns.
func TestMomentsBeyond128Bits(t *testing.T) {
	t.Parallel()
	const largest = "9223372036.854775807"
	const times = 40
	period := Span{0, ingest.TimestampMax}
	var sum Sum
	want := new(big.Int)
	for _, n := range []string{largest, "-" + largest} {
		number := mustNumber(t, n)
		for range times {
			sum.addNumberProduct(number, math.MaxInt64)
			want.Add(want, new(big.Int).Mul(big.NewInt(number.scaled), big.NewInt(math.MaxInt64)))
			if got := sum.Decimal(); !got.Equal(decimal.NewFromBigInt(want, -sumScale)) {
				t.Fatalf("sum is %s, want %s billionths", got, want)
			}
		}
	}
	if !sum.IsZero() {
		t.Errorf("%s is left", sum.Decimal())
	}
	metric := &Metric{Aggregation: WeightedSumAgg, FieldName: "n"}
	var events []*ingest.Event
	for i := range times {
		events = append(events, at(ingest.TimestampMax/2, fmt.Sprint(i), largest))
	}
	// Half of the time 40 × 9223372036.854775807
	if got := usageOf(t, metric, period, new(Split), events...); got != "-1 []: 184467440737.09551614 of 40" {
		t.Errorf("usage is %q", got)
	}
}

// TestTake: what takes part, what does not, and why.
func TestTake(t *testing.T) {
	t.Parallel()
	f := func(want Reason, aggregation Aggregation, p ...ingest.Property) {
		t.Helper()
		metric := &Metric{Aggregation: aggregation, FieldName: "n"}
		var q Quantity
		if got := metric.Take(&ingest.Event{Properties: p}, 0, &q); got != want {
			t.Errorf("aggregation %d of %v: %s, want %s", aggregation, p, got, want)
		}
	}
	for _, aggregation := range []Aggregation{SumAgg, MaxAgg, MinAgg, AvgAgg, LatestAgg, WeightedSumAgg, PercentileAgg} {
		f(TakesPart, aggregation, property("n", ingest.KindNumber, "1e0"))
		f(TakesPart, aggregation, property("n", ingest.KindString, "0.5"))
		f(NotANumber, aggregation, property("n", ingest.KindString, "two"))
		f(NotANumber, aggregation, property("n", ingest.KindString, ""))
		f(NotANumber, aggregation, property("n", ingest.KindString, "1e3"))
		f(NotANumber, aggregation, property("n", ingest.KindTrue, ""))
		f(MissingProperty, aggregation, property("n", ingest.KindNull, ""))
		f(MissingProperty, aggregation, property("n", ingest.KindNested, "[1]"))
		f(MissingProperty, aggregation, property("other", ingest.KindNumber, "100"))
	}
	f(TakesPart, CountAgg)
	f(TakesPart, UniqueCountAgg, property("n", ingest.KindString, ""))
	f(TakesPart, UniqueCountAgg, property("n", ingest.KindFalse, ""))
	f(MissingProperty, UniqueCountAgg, property("n", ingest.KindNull, ""))
	f(MissingProperty, UniqueCountAgg, property("n", ingest.KindNested, "{}"))
	f(MissingProperty, UniqueCountAgg)

	// An event received at the very instant takes part, one a nanosecond before does not, and is in no cell.
	metric := &Metric{Aggregation: SumAgg, FieldName: "n", ReceivedFrom: 1000}
	r, s := NewReducer(metric, Span{0, 10}), NewSeries(metric, true)
	for received, n := range map[int64]string{999: "5", 1000: "7"} {
		r.AddEvent(at(0, n, n), received, 0)
		s.Apply(at(0, n, n), received, 0)
		r.AddEvent(at(0, "x", n), 0, 0)
	}
	s.Apply(&ingest.Event{}, 999, 0)
	s.Remove(&ingest.Event{}, 999, 0)
	if lines := describeAll(t, r, new(Split)); !slices.Equal(lines, []string{"-1 []: 7 of 1"}) {
		t.Errorf("usage is %q", lines)
	}
	if s.Cells() != 1 || r.Cells() != 1 || r.Uncounted() != (Uncounted{}) {
		t.Errorf("cells: %d and %d, uncounted %v", s.Cells(), r.Cells(), r.Uncounted())
	}
}

// TestExpressionTakesTheFieldsPlace: also where the property is there.
func TestExpressionTakesTheFieldsPlace(t *testing.T) {
	t.Parallel()
	expression, err := ingest.ParseExpression("event.properties.a * 2")
	if err != nil {
		t.Fatal(err)
	}
	metric := &Metric{Aggregation: SumAgg, FieldName: "n", Expression: expression}
	events := []*ingest.Event{at(0, "x", "100"), at(1, "y", "100"), at(2, "z", "100")}
	events[0].Properties = []ingest.Property{property("a", ingest.KindNumber, "1.5"), property("n", ingest.KindNumber, "100")}
	events[1].Properties = []ingest.Property{property("a", ingest.KindString, "4")}
	if got := usageOf(t, metric, Span{0, 10}, new(Split), events...); got != "-1 []: 11 of 2" { // 3 + 8
		t.Errorf("usage is %q", got)
	}
	r := NewReducer(metric, Span{0, 10})
	r.AddEvent(events[2], 0, 0)
	if r.Uncounted()[ExpressionFailed] != 1 {
		t.Errorf("uncounted are %v", r.Uncounted())
	}
	// An expression that makes a text: of a sum, not a number.
	text, err := ingest.ParseExpression("concat(event.properties.a, 'x')")
	if err != nil {
		t.Fatal(err)
	}
	var q Quantity
	if got := (&Metric{Aggregation: SumAgg, Expression: text}).Take(events[0], 0, &q); got != NotANumber {
		t.Errorf("a text takes part in a sum: %s", got)
	}
	unique := &Metric{Aggregation: UniqueCountAgg, Expression: text}
	if got := unique.Take(events[0], 0, &q); got != TakesPart || string(q.member) != "1.5x" {
		t.Errorf("a text in a unique count: %s, %q", got, q.member)
	}
}

// TestClonesAreIndependent, of counters and of reducers.
func TestClonesAreIndependent(t *testing.T) {
	t.Parallel()
	for aggregation := CountAgg; aggregation < aggregationsEnd; aggregation++ {
		metric := &Metric{Aggregation: aggregation, FieldName: "n", PreciseTotals: true, Percentile: hundred}
		r := NewReducer(metric, Span{0, 100})
		e := at(1, "a", "5")
		e.PreciseTotal = []byte("2")
		r.AddEvent(e, 0, 0)
		clone := r.Clone()
		before := fmt.Sprint(describeAll(t, clone, new(Split)))
		counter := r.counter(slices.Collect(keysOf(r))[0])
		copied := counter.Clone()
		for i := range 3 {
			later := at(int64(2+i), "b", fmt.Sprint(9-10*i))
			later.PreciseTotal = []byte("7")
			r.AddEvent(later, 0, 1)
		}
		if after := fmt.Sprint(describeAll(t, clone, new(Split))); after != before {
			t.Errorf("aggregation %d: a clone became %s from %s", aggregation, after, before)
		}
		if precise := copied.PreciseTotal(); copied.EventsCount != 1 || precise.Decimal().String() != "2" {
			t.Errorf("aggregation %d: a counter's clone became %+v", aggregation, copied)
		}
	}
}

func keysOf(r *Reducer) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for cell := range r.cells {
			if !yield([]byte(cell)) {
				return
			}
		}
	}
}

// TestPartsAreWhatUsageIsMadeOf: each event is in the part of its bucket, or of its reason, and in no other.
func TestPartsAreWhatUsageIsMadeOf(t *testing.T) {
	t.Parallel()
	metric := &Metric{Aggregation: SumAgg, FieldName: "n", CellKeys: []string{"region", "team"}, ReceivedFrom: 5}
	split := Split{Filters: []Filter{{Conditions: []FilterCondition{named("region", "eu")}, GroupKeys: []string{"team"}}}}
	event := func(n string, properties ...ingest.Property) *ingest.Event {
		return &ingest.Event{Properties: append(properties, property("n", ingest.KindString, n))}
	}
	red := event("1", property("region", ingest.KindString, "eu"), property("team", ingest.KindString, "red"))
	teamless := event("1", property("region", ingest.KindString, "eu"))
	rest := event("1", property("team", ingest.KindString, "red"))
	bad := event("x", property("region", ingest.KindString, "eu"))
	parts := map[string]Part{
		"red":      {Filter: 0, Group: []Value{{Text: "red"}}},
		"null":     {Filter: 0, Group: []Value{{Null: true}}},
		"none":     {Filter: NoFilter},
		"any":      {Filter: AnyFilter},
		"bad":      {Reason: NotANumber, Filter: AnyFilter},
		"missing":  {Reason: MissingProperty, Filter: AnyFilter},
		"too soon": {Reason: BeforeMetric, Filter: AnyFilter},
	}
	f := func(e *ingest.Event, receivedAt int64, want ...string) {
		t.Helper()
		var in []string
		for name, p := range parts {
			p.Metric, p.Split = metric, split
			if p.Contains(e, receivedAt) {
				in = append(in, name)
			}
		}
		slices.Sort(in)
		if !slices.Equal(in, want) {
			t.Errorf("event is in %q, want %q", in, want)
		}
	}
	f(red, 5, "any", "red")
	f(teamless, 5, "any", "null")
	f(rest, 5, "any", "none")
	f(bad, 5, "bad")
	f(&ingest.Event{}, 5, "missing")
	f(red, 4, "too soon")
}
