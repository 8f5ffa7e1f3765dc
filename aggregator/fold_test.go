package aggregator

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"weir/ingest"
)

// foldEvent is an event of the property n on a day of June 2024.
type foldEvent struct {
	day        int // 1 = the 1st; before it in May
	n          string
	properties []ingest.Property
}

func removes(day int, member string) foldEvent {
	return foldEvent{day: day, n: member, properties: []ingest.Property{property(operationTypeKey, ingest.KindString, operationRemove)}}
}

var june = SpanOf(time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC))

// juneDays are its 30 days.
func juneDays() []int64 {
	var days []int64
	for at := june.From; at <= june.To; at += dayNanos {
		days = append(days, at)
	}
	return days
}

// foldIn returns the fold of the one bucket that a metric's events come to.
func foldIn(t *testing.T, metric *Metric, fold *Fold, events ...foldEvent) *FoldUsage {
	t.Helper()
	split := &Split{Fold: fold}
	folder := NewFolder(metric, split, june, juneDays())
	all := NewReducer(metric, june)
	period, opens := folder.History()
	history := NewReducer(metric, period)
	var list []*ingest.Event
	for i, e := range events {
		event := at(june.From+int64(e.day-1)*dayNanos+int64(i), fmt.Sprint(i), e.n)
		if metric.Aggregation == UniqueCountAgg {
			event.Properties[0].Kind = ingest.KindString
		}
		event.Properties = append(event.Properties, e.properties...)
		list = append(list, event)
		if all.Reaches(event.Timestamp) {
			all.AddEvent(event, 0, ingest.Position(i))
		}
		if history.Reaches(event.Timestamp) {
			history.AddEvent(event, 0, ingest.Position(i))
		}
	}
	if opens {
		if err := folder.Open(history); err != nil {
			t.Fatal(err)
		}
	}
	for _, event := range list {
		folder.Add(event, 0)
	}
	buckets, err := all.Buckets(split)
	if err != nil || len(buckets) != 1 {
		t.Fatalf("%d buckets, %v", len(buckets), err)
	}
	folder.Fill(buckets)
	return buckets[0].Fold
}

func wantUnits(t *testing.T, what string, got decimal.Decimal, want string) {
	t.Helper()
	if !got.Equal(decimal.RequireFromString(want)) {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

var (
	foldCount  = &Metric{Aggregation: CountAgg}
	foldSum    = &Metric{Aggregation: SumAgg, FieldName: "n"}
	foldSeats  = &Metric{Aggregation: SumAgg, FieldName: "n", Recurring: true}
	foldUsers  = &Metric{Aggregation: UniqueCountAgg, FieldName: "n", Recurring: true}
	foldDevice = &Metric{Aggregation: UniqueCountAgg, FieldName: "n"}
)

func onDays(numbers ...string) []foldEvent {
	var events []foldEvent
	for i, n := range numbers {
		events = append(events, foldEvent{day: 1 + i, n: n})
	}
	return events
}

func allowance(events int64, units string) *Allowance {
	return &Allowance{events, decimal.RequireFromString(units)}
}

// TestFoldAllowance: what is free ends at whichever limit is reached first.
func TestFoldAllowance(t *testing.T) {
	t.Parallel()
	f := func(name string, metric *Metric, a *Allowance, units string, events int64, of ...foldEvent) {
		t.Helper()
		got := foldIn(t, metric, &Fold{Allowance: a}, of...)
		wantUnits(t, name+": free units", got.FreeUnits, units)
		if got.FreeEvents != events {
			t.Errorf("%s: %d free events, want %d", name, got.FreeEvents, events)
		}
	}
	f("running 40, 70, 130", foldSum, allowance(3, "100"), "100", 2, onDays("40", "30", "60", "70")...)
	f("no limit of units", foldSum, allowance(3, "0"), "130", 3, onDays("40", "30", "60", "70")...)
	f("no limit of events: running 40, 70, 130, 200", foldSum, allowance(0, "150"), "150", 3, onDays("40", "30", "60", "70")...)
	f("not used up", foldSum, allowance(0, "1000"), "200", 4, onDays("40", "30", "60", "70")...)
	f("used up by the first: there is no running total below", foldSum, allowance(3, "100"), "100", 3, onDays("150")...)
	f("used up exactly, which is not below", foldSum, allowance(0, "70"), "70", 1, onDays("40", "30", "60")...)
	f("nothing is free", foldSum, allowance(0, "0"), "0", 0, onDays("40")...)
	f("units come back: running 120, 60", foldSum, allowance(0, "100"), "60", 1, onDays("120", "-60")...)
	f("count", foldCount, allowance(2, "0"), "2", 2, onDays("x", "1", "1")...)
	f("unique count: running 1, 1, 2", foldDevice, allowance(3, "0"), "2", 3, onDays("a", "a", "b", "c")...)
	f("more than fits an int64 of billionths", foldSum, allowance(0, "100000000000000000000"), "100000000000000000000", 1,
		onDays("60000000000000000000", "60000000000000000000")...)
}

func price(rate, fixed, least, most string) *Transaction {
	number := decimal.RequireFromString
	t := &Transaction{Rate: number(rate), Fixed: number(fixed), Min: number(least)}
	if most != "" {
		d := number(most)
		t.Max = &d
	}
	return t
}

// TestFoldTransactions: each event costs something by itself.
func TestFoldTransactions(t *testing.T) {
	t.Parallel()
	f := func(name string, fold Fold, want string, of ...foldEvent) {
		t.Helper()
		wantUnits(t, name, foldIn(t, foldSum, &fold, of...).TransactionsAmount, want)
	}
	bounded := price("1", "0", "0.30", "5")
	f("0.10 raised to 0.30, 2.00, 10.00 lowered to 5.00", Fold{Transaction: bounded}, "7.30", onDays("10", "200", "1000")...)
	f("the first of them free", Fold{Transaction: bounded, Allowance: allowance(1, "0")}, "7.00", onDays("10", "200", "1000")...)
	// 10 is free, and 90 of 200: 1.10 + 5.00.
	f("100 units free", Fold{Transaction: bounded, Allowance: allowance(0, "100")}, "6.10", onDays("10", "200", "1000")...)
	// The 2nd event ends the allowance: 200 × 1 % = 2.00 for the third, 110 × 1 % = 1.10 for the second.
	f("100 units of 2 events free", Fold{Transaction: bounded, Allowance: allowance(2, "100")}, "3.10", onDays("10", "200", "200")...)
	f("used up exactly: the next one of 0 costs the least", Fold{Transaction: bounded, Allowance: allowance(0, "100")}, "0.30", onDays("60", "40", "0")...)
	// 130 - 100 = 30 are paid for and given back: ±30 %.
	f("units come back", Fold{Transaction: price("100", "0", "0", ""), Allowance: allowance(0, "100")}, "0", onDays("130", "-60")...)
	f("no least: something comes back", Fold{Transaction: price("10", "0.5", "0", "")}, "9.5", onDays("100", "-15")...)
	f("a least: it does not", Fold{Transaction: price("10", "0.5", "0.1", "")}, "10.6", onDays("100", "-15")...)
	f("a fixed amount alone", Fold{Transaction: price("0", "0.5", "0.7", "")}, "1.4", onDays("100", "3")...)
	f("the most is the fixed amount", Fold{Transaction: price("1", "0.5", "0", "0.5")}, "1", onDays("100", "0")...)
	// 0.3 % of 1/9 billion and of a billionth more: bounds that no decimal hits.
	f("a bound between two billionths", Fold{Transaction: price("0.3", "0", "0.000001", "")}, "0.000002000002",
		onDays("0.000333333", "0.000333334")...)
	// 2 % of 10^19 and of 10^-10, none of which fits billionths: 2 × 10^17, and 2 × 10^-12 raised to 0.01.
	f("wide numbers", Fold{Transaction: price("2", "0", "0.01", "")}, "200000000000000000.01", onDays("10000000000000000000", "0.0000000001")...)
}

// TestFoldProration: units count for the local days from that of their event to the last.
func TestFoldProration(t *testing.T) {
	t.Parallel()
	f := func(name string, metric *Metric, want string, tiers []string, highest string, of ...foldEvent) {
		t.Helper()
		fold := &Fold{Prorated: true}
		for i := range len(tiers) - 1 { // bounds at 10, 20, …
			fold.Tiers = append(fold.Tiers, decimal.NewFromInt(int64(10*(i+1))))
		}
		got := foldIn(t, metric, fold, of...)
		wantUnits(t, name+": unit days", got.UnitDays, want)
		wantUnits(t, name+": highest", got.Highest, highest)
		if got.Days != 30 || len(got.TierUnitDays) != len(tiers) {
			t.Fatalf("%s: %d days, %d tiers", name, got.Days, len(got.TierUnitDays))
		}
		for i := range tiers {
			wantUnits(t, fmt.Sprint(name, ": tier ", i), got.TierUnitDays[i], tiers[i])
		}
	}
	f("10 seats, and 1 from the 16th on: 10 × 30 + 1 × 15", foldSeats, "315", []string{"300", "15"}, "11",
		foldEvent{day: -20, n: "10"}, foldEvent{day: 16, n: "1"})
	f("25 in three tiers, 12 less from the 21st on: -5 × 10 of the third, -7 × 10 of the second", foldSeats,
		"630", []string{"300", "230", "100"}, "25", foldEvent{day: -1, n: "25"}, foldEvent{day: 21, n: "-12"})
	f("a seat on the last day", foldSeats, "1", nil, "1", foldEvent{day: 30, n: "1"})
	f("below zero for 20 days: -2 × 30 + 5 × 10; of the 3 above zero, 3 × 10", foldSeats, "-10", []string{"30", "0"}, "3",
		foldEvent{day: -1, n: "-2"}, foldEvent{day: 21, n: "5"})
	f("20 fill two tiers, and 1 more from the 16th on is alone in the third", foldSeats,
		"615", []string{"300", "300", "15"}, "21", foldEvent{day: 1, n: "20"}, foldEvent{day: 16, n: "1"})

	f("a member removed counts on that day: the 1st to the 10th", foldUsers, "10", nil, "1",
		foldEvent{day: -3, n: "a"}, removes(10, "a"))
	f("removed and back on one day: no gap, no double", foldUsers, "30", nil, "1",
		foldEvent{day: -3, n: "a"}, removes(10, "a"), foldEvent{day: 10, n: "a"})
	f("there twice on one day", foldUsers, "1", nil, "1",
		foldEvent{day: 10, n: "a"}, removes(10, "a"), foldEvent{day: 10, n: "a"}, removes(10, "a"))
	f("back two days later: 10 and 19", foldUsers, "29", nil, "1",
		foldEvent{day: -3, n: "a"}, removes(10, "a"), foldEvent{day: 12, n: "a"})
	f("removed before it was there, and added twice: the 20th to the 30th", foldUsers, "11", nil, "1",
		removes(5, "a"), foldEvent{day: 20, n: "a"}, foldEvent{day: 21, n: "a"})
	f("gone before the period", foldUsers, "0", nil, "0", foldEvent{day: -3, n: "a"}, removes(-2, "a"))
}

// TestFoldDays: a period in the middle of its days, which begins and ends within one. Days are local ones, of 23 and 25
// hours as well.
func TestFoldDays(t *testing.T) {
	t.Parallel()
	hours := func(h int64) int64 { return june.From + h*hourNanos }
	days := []int64{hours(0), hours(24), hours(47), hours(72), hours(96), hours(120)}
	period := Span{hours(30), hours(72)} // of the days 1 and 2
	f := func(at int64, want string) {
		t.Helper()
		folder := NewFolder(foldSeats, &Split{Fold: &Fold{Prorated: true}}, period, days)
		folder.Add(atTime(at, "1"), 0)
		buckets := []BucketUsage{{Filter: NoFilter}}
		folder.Fill(buckets)
		if buckets[0].Fold.Days != 5 {
			t.Errorf("%d days", buckets[0].Fold.Days)
		}
		wantUnits(t, fmt.Sprint("at ", at), buckets[0].Fold.UnitDays, want)
	}
	f(hours(30)-1, "0") // history, which Open would bring
	f(hours(30), "2")
	f(hours(47)-1, "2")
	f(hours(47), "1")
	f(hours(72)-1, "1")
	f(hours(72), "0")
}

func atTime(at64 int64, n string) *ingest.Event { return at(at64, "id", n) }

// TestFoldsAreOfTheirBucket: filters and groups as everywhere, each with its own fold, or none.
func TestFoldsAreOfTheirBucket(t *testing.T) {
	t.Parallel()
	metric := &Metric{Aggregation: SumAgg, FieldName: "n", CellKeys: []string{"region", "team"}}
	split := &Split{
		Filters: []Filter{
			{Conditions: []FilterCondition{{Key: "region", Values: []string{"eu"}}}, GroupKeys: []string{"team"}, Fold: &Fold{Allowance: allowance(1, "0")}},
			{Conditions: []FilterCondition{{Key: "region", Values: []string{"us"}}}},
		},
		Fold: &Fold{Allowance: allowance(0, "5")},
	}
	folder, reducer := NewFolder(metric, split, june, nil), NewReducer(metric, june)
	for i, e := range []struct{ region, team, n string }{
		{"eu", "red", "3"}, {"us", "red", "4"}, {"eu", "blue", "7"}, {"eu", "red", "9"}, {"mars", "red", "2"}, {"mars", "blue", "8"},
	} {
		event := at(june.From+int64(i), fmt.Sprint(i), e.n)
		event.Properties = append(event.Properties,
			property("region", ingest.KindString, e.region), property("team", ingest.KindString, e.team))
		folder.Add(event, 0)
		reducer.AddEvent(event, 0, 0)
	}
	buckets, err := reducer.Buckets(split)
	if err != nil {
		t.Fatal(err)
	}
	folder.Fill(buckets)
	got := ""
	for _, b := range buckets {
		got += fmt.Sprintf("%d %v:", b.Filter, b.Group)
		if b.Fold != nil {
			got += fmt.Sprintf(" %d %s", b.Fold.FreeEvents, b.Fold.FreeUnits)
		}
		got += "\n"
	}
	const want = "-1 []: 1 5\n" + // running 2, 10
		"0 [{blue false}]: 1 7\n0 [{red false}]: 1 3\n" +
		"1 []:\n" // nothing is asked of it
	if got != want {
		t.Errorf("folds are\n%swant\n%s", got, want)
	}
}

// TestBadFolds: what contradicts itself is refused, with the split.
func TestBadFolds(t *testing.T) {
	t.Parallel()
	f := func(name string, metric *Metric, fold *Fold, want bool) {
		t.Helper()
		for _, split := range []Split{{Fold: fold}, {Filters: []Filter{{Fold: fold}}}} {
			if err := split.Check(metric); (err == nil) != want || err != nil && !errors.Is(err, ErrBadFold) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	tiers := func(bounds ...int64) []decimal.Decimal {
		var list []decimal.Decimal
		for _, b := range bounds {
			list = append(list, decimal.NewFromInt(b))
		}
		return list
	}
	f("nothing", foldSum, nil, true)
	f("nothing is asked", foldSum, &Fold{}, true)
	f("seats", foldSeats, &Fold{Prorated: true, Tiers: tiers(0, 10, 20)}, true)
	f("users", foldUsers, &Fold{Prorated: true}, true)
	f("not recurring", foldSum, &Fold{Prorated: true}, false)
	f("weighted", &Metric{Aggregation: WeightedSumAgg, Recurring: true}, &Fold{Prorated: true}, false)
	f("two at a time", foldSeats, &Fold{Prorated: true, Allowance: allowance(1, "0")}, false)
	f("two at a time", foldSeats, &Fold{Prorated: true, Transaction: price("1", "0", "0", "")}, false)
	f("tiers alone", foldSeats, &Fold{Tiers: tiers(10)}, false)
	f("tiers do not ascend", foldSeats, &Fold{Prorated: true, Tiers: tiers(10, 10)}, false)
	f("a negative tier", foldSeats, &Fold{Prorated: true, Tiers: tiers(-1, 10)}, false)
	f("too many tiers", foldSeats, &Fold{Prorated: true, Tiers: make([]decimal.Decimal, FoldTiersMax+1)}, false)
	f("negative events", foldSum, &Fold{Allowance: allowance(-1, "0")}, false)
	f("negative units", foldSum, &Fold{Allowance: allowance(0, "-1")}, false)
	f("a negative rate", foldSum, &Fold{Transaction: price("-1", "0", "0", "")}, false)
	f("a negative amount", foldSum, &Fold{Transaction: price("1", "-0.1", "0", "")}, false)
	f("least above most", foldSum, &Fold{Transaction: price("1", "0", "2", "1")}, false)
}

// TestFoldsAreDone: when nothing that comes can change them.
func TestFoldsAreDone(t *testing.T) {
	t.Parallel()
	grouped := &Metric{Aggregation: SumAgg, FieldName: "n", CellKeys: []string{"g"}}
	f := func(name string, metric *Metric, split Split, want ...bool) {
		t.Helper()
		folder := NewFolder(metric, &split, june, juneDays())
		for i, done := range want {
			if i > 0 {
				folder.Add(at(june.From+int64(i), fmt.Sprint(i), "1"), 0)
			}
			if folder.Done() != done {
				t.Errorf("%s: after %d events it is done: %t", name, i, !done)
			}
		}
	}
	f("nothing is asked", foldSum, Split{Fold: &Fold{}}, true)
	f("nothing is free", foldSum, Split{Fold: &Fold{Allowance: allowance(0, "0")}}, true)
	f("2 events", foldSum, Split{Fold: &Fold{Allowance: allowance(2, "0")}}, false, false, true, true)
	f("2 events of 10 units", foldSum, Split{Fold: &Fold{Allowance: allowance(2, "10")}}, false, false, true)
	f("1 unit: others may come back", foldSum, Split{Fold: &Fold{Allowance: allowance(0, "1")}}, false, false, false)
	f("2 events of each group: another may come", grouped, Split{GroupKeys: []string{"g"}, Fold: &Fold{Allowance: allowance(2, "0")}}, false, false, false, false)
	f("what each costs", foldSum, Split{Fold: &Fold{Allowance: allowance(1, "0"), Transaction: price("1", "0", "0", "")}}, false, false, false)
	f("days", foldSeats, Split{Fold: &Fold{Prorated: true}}, false, false, false)
}
