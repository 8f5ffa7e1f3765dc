package oracle

import (
	"math/big"
	"slices"
	"time"
)

var aggregationExamples = []Example{
	{
		Name: "count", Metric: metric(CountAgg), Period: june,
		Log: daily(time.June, "2", "9", "4"), Want: one("3", 3),
	},
	{
		Name: "sum", Metric: metric(SumAgg), Period: june,
		Log: daily(time.June, "2", "5", "-1"), Want: one("6", 3),
	},
	{
		Name: "sum below zero, of which a charge bills 0", Metric: metric(SumAgg), Period: june,
		Log: daily(time.June, "2", "-5"), Want: one("-3", 2),
	},
	{
		Name: "sum of 38 digits and of 18 decimals", Metric: metric(SumAgg), Period: june,
		Log:  daily(time.June, "99999999999999999999999999999999999999", "1", "0.000000000000000001"),
		Want: one("100000000000000000000000000000000000000.000000000000000001", 3),
	},
	{
		Name: "sum that cancels itself out", Metric: metric(SumAgg), Period: june,
		Log: daily(time.June, "2.5", "-2.5"), Want: one("0", 2),
	},
	{
		Name: "sum of percentage example", Metric: metric(SumAgg), Period: june,
		Log: daily(time.June, "40", "30", "60", "70"), Want: one("200", 4),
	},
	{ // January +5, February -2
		Name: "recurring sum", Metric: recurring(SumAgg), Period: february,
		Log: slices.Concat(daily(time.January, "5"), daily(time.February, "-2")), Want: one("3", 2),
	},
	{
		Name: "the same sum, not recurring", Metric: metric(SumAgg), Period: february,
		Log: slices.Concat(daily(time.January, "5"), daily(time.February, "-2")), Want: one("-2", 1),
	},
	{ // 10 seats carried, 1 added on the 16th: 11 are shown
		Name: "recurring sum, not prorated", Metric: recurring(SumAgg), Period: june,
		Log: []Event{sent("a", on(time.May, 3), numeric("10")), sent("b", on(time.June, 16), numeric("1"))}, Want: one("11", 2),
	},
	{
		Name: "max", Metric: metric(MaxAgg), Period: june,
		Log: daily(time.June, "2", "9", "4"), Want: one("9", 3),
	},
	{
		Name: "max of negatives", Metric: metric(MaxAgg), Period: june,
		Log: daily(time.June, "-2", "-9", "-4"), Want: one("-2", 3),
	},
	{
		Name: "min", Metric: metric(MinAgg), Period: june,
		Log: daily(time.June, "9", "2", "4"), Want: one("2", 3),
	},
	{ // 15 / 3
		Name: "avg", Metric: metric(AvgAgg), Period: june,
		Log: daily(time.June, "2", "9", "4"), Want: one("5", 3),
	},
	{ // 2 / 3: the 21st digit, a 6, rounds the 20th up
		Name: "avg without an end", Metric: metric(AvgAgg), Period: june,
		Log: daily(time.June, "1", "1", "0"), Want: one("0.66666666666666666667", 3),
	},
	{ // -(2/3) is as far from zero
		Name: "avg without an end, negative", Metric: metric(AvgAgg), Period: june,
		Log: daily(time.June, "-1", "-1", "0"), Want: one("-0.66666666666666666667", 3),
	},
	{ // 0.00000000000000000001 / 2: half of the last digit goes away from zero
		Name: "avg, a half", Metric: metric(AvgAgg), Period: june,
		Log: daily(time.June, "0.00000000000000000001", "0"), Want: one("0.00000000000000000001", 2),
	},
	{
		Name: "latest", Metric: metric(LatestAgg), Period: june,
		Log: daily(time.June, "2", "9", "4"), Want: one("4", 3),
	},
	{
		Name: "latest below zero, of which a charge bills 0", Metric: metric(LatestAgg), Period: june,
		Log: daily(time.June, "2", "-4"), Want: one("-4", 2),
	},
	{
		Name: "latest comes first in the log", Metric: metric(LatestAgg), Period: june,
		Log:  []Event{sent("b", on(time.June, 20), numeric("7")), sent("c", on(time.June, 10), numeric("8"))},
		Want: one("7", 2),
	},
	{ // the ids' bytes decide: "a9" is greater than "a10"
		Name: "latest, equal timestamps", Metric: metric(LatestAgg), Period: june,
		Log: []Event{
			sent("a10", on(time.June, 10), numeric("1")), sent("a9", on(time.June, 10), numeric("2")), sent("B", on(time.June, 10), numeric("3")),
		},
		Want: one("2", 3),
	},
	{ // 5, a nanosecond behind the 6
		Name: "latest, to the nanosecond", Metric: metric(LatestAgg), Period: june,
		Log:  []Event{sent("a", on(time.June, 10).Add(1), numeric("5")), sent("b", on(time.June, 10), numeric("6"))},
		Want: one("5", 2),
	},
	{ // ⌈0.3 × 5⌉ = 2
		Name: "percentile 30", Metric: percent("30"), Period: june,
		Log: daily(time.June, "50", "15", "40", "20", "35"), Want: one("20", 5),
	},
	{ // ⌈0.4 × 5⌉ = 2, exactly
		Name: "percentile 40", Metric: percent("40"), Period: june,
		Log: daily(time.June, "50", "15", "40", "20", "35"), Want: one("20", 5),
	},
	{ // ⌈0.40001 × 5⌉ = 3
		Name: "percentile just above 40", Metric: percent("40.001"), Period: june,
		Log: daily(time.June, "50", "15", "40", "20", "35"), Want: one("35", 5),
	},
	{
		Name: "percentile 100", Metric: percent("100"), Period: june,
		Log: daily(time.June, "50", "15", "40", "20", "35"), Want: one("50", 5),
	},
	{ // rank 1 at least
		Name: "percentile near 0", Metric: percent("0.01"), Period: june,
		Log: daily(time.June, "50", "15", "40", "20", "35"), Want: one("15", 5),
	},
	{ // ⌈0.5 × 4⌉ = 2; a repeated number has each of its ranks
		Name: "percentile with repeated numbers", Metric: percent("50"), Period: june,
		Log: daily(time.June, "3", "3", "-1", "3.0"), Want: one("3", 4),
	},
	{
		Name: "nothing in the period", Metric: metric(MaxAgg), Period: june,
		Log: daily(time.May, "2", "9", "4"), Want: nil,
	},
}

func percent(p string) Metric {
	m := metric(PercentileAgg)
	m.Percentile = Decimal(p)
	return m
}

// add and remove are events of a unique count of the property n.
func add(id string, at time.Time, value any) Event {
	return sent(id, at, map[string]any{"n": value})
}

func remove(id string, at time.Time, value any) Event {
	return sent(id, at, map[string]any{"n": value, OperationType: Remove})
}

var uniqueCountExamples = []Example{
	{ // {a}, {a b}, {a b}, {a}
		Name: "unique count", Metric: metric(UniqueCountAgg), Period: june,
		Log: []Event{
			add("1", on(time.June, 1), "a"), add("2", on(time.June, 2), "b"),
			add("3", on(time.June, 3), "a"), remove("4", on(time.June, 4), "b"),
		},
		Want: one("1", 4),
	},
	{ // the removal is ignored, the addition after it is not
		Name: "unique count, removed before it was added", Metric: metric(UniqueCountAgg), Period: june,
		Log:  []Event{add("1", on(time.June, 2), "a"), remove("2", on(time.June, 1), "a")},
		Want: one("1", 2),
	},
	{ // in the order of ids: added by 1, removed by 2
		Name: "unique count, at one instant", Metric: metric(UniqueCountAgg), Period: june,
		Log:  []Event{remove("2", on(time.June, 1), "a"), add("1", on(time.June, 1), "a")},
		Want: one("0", 2),
	},
	{ // "1" three times, "1.0", "true", "x"
		Name: "unique count, text forms", Metric: metric(UniqueCountAgg), Period: june,
		Log: []Event{
			add("1", on(time.June, 1), jsonNumberOf("1")), add("2", on(time.June, 1), jsonNumberOf("1e0")),
			add("3", on(time.June, 1), "1"), add("4", on(time.June, 1), "1.0"),
			add("5", on(time.June, 1), true), add("6", on(time.June, 1), "true"), add("7", on(time.June, 1), "x"),
			add("8", on(time.June, 1), nil), add("9", on(time.June, 1), []any{"x"}), sent("10", on(time.June, 1), nil),
		},
		Want:    one("4", 7),
		LeftOut: map[Reason]int{MissingProperty: 3},
	},
	{ // only the text remove removes
		Name: "unique count, other operations", Metric: metric(UniqueCountAgg), Period: june,
		Log: []Event{
			operation("1", "a", "add"), operation("2", "b", "REMOVE"), operation("3", "c", nil),
			operation("4", "d", []any{"remove"}), operation("5", "e", "remove"),
		},
		Want: one("4", 5),
	},
	{ // January {a b c}, February {a c d}
		Name: "recurring unique count", Metric: recurring(UniqueCountAgg), Period: february,
		Log: []Event{
			add("1", on(time.January, 1), "a"), add("2", on(time.January, 2), "b"), add("3", on(time.January, 3), "c"),
			remove("4", on(time.February, 4), "b"), add("5", on(time.February, 5), "d"),
		},
		Want: one("3", 5),
	},
	{ // of January nothing is known
		Name: "unique count, not recurring", Metric: metric(UniqueCountAgg), Period: february,
		Log: []Event{
			add("1", on(time.January, 1), "a"), add("2", on(time.January, 2), "b"), add("3", on(time.January, 3), "c"),
			remove("4", on(time.February, 4), "b"), add("5", on(time.February, 5), "d"),
		},
		Want: one("1", 2),
	},
}

func operation(id, value string, operation any) Event {
	return sent(id, on(time.June, 1), map[string]any{"n": value, OperationType: operation})
}

// storage is 100 from the 11th, 60 from the 21st of June on.
var storage = []Event{sent("a", on(time.June, 11), numeric("100")), sent("b", on(time.June, 21), numeric("-40"))}

var weightedSumExamples = []Example{
	{ // (0 × 10 + 100 × 10 + 60 × 10) / 30 = 53.333…, up in the 20th digit
		Name: "weighted sum", Metric: metric(WeightedSumAgg), Period: june, Log: storage,
		Want: closing("53.33333333333333333334", 2, "60"),
	},
	{ // the same below zero: up is towards zero
		Name: "weighted sum below zero", Metric: metric(WeightedSumAgg), Period: june,
		Log:  []Event{sent("a", on(time.June, 11), numeric("-100")), sent("b", on(time.June, 21), numeric("40"))},
		Want: closing("-53.33333333333333333333", 2, "-60"),
	},
	{
		Name: "weighted sum of the next month, recurring", Metric: recurring(WeightedSumAgg), Period: july, Log: storage,
		Want: closing("60", 0, "60"),
	},
	{
		Name: "weighted sum of the next month, not recurring", Metric: metric(WeightedSumAgg), Period: july, Log: storage,
	},
	{ // 60 for 15.5 days of 31, then 30: 45
		Name: "weighted sum, carried and changed", Metric: recurring(WeightedSumAgg), Period: july,
		Log:  append(slices.Clone(storage), sent("c", on(time.July, 16).Add(12*time.Hour), numeric("-30"))),
		Want: closing("45", 1, "30"),
	},
	{ // opened by 60; of cents and of what is left out, those in the period alone count
		Name: "weighted sum, carried, with cents and texts", Metric: recurring(WeightedSumAgg), Period: july,
		Log: []Event{
			priced("a", jsonNumberOf("60"), "1"), priced("b", "many", "2"),
			at(on(time.July, 1), priced("c", jsonNumberOf("0"), "4")), at(on(time.July, 2), priced("d", "many", "8")),
		},
		Want:    []ExampleBucket{{Filter: NoFilter, Units: "60", Events: 1, PreciseTotal: "4", Closing: "60"}},
		LeftOut: map[Reason]int{NotANumber: 1},
	},
	{ // a carried share stays in the presentation: eu 100, us -40 from July 1st on
		Name: "weighted sum, carried, presentation", Metric: recurring(WeightedSumAgg), Period: july,
		Log:   []Event{tagged("a", "100", "region", "eu"), at(on(time.July, 1), tagged("b", "-40", "region", "us"))},
		Split: Split{PresentationKeys: []string{"region"}},
		Want: []ExampleBucket{{Filter: NoFilter, Units: "60", Events: 1, Closing: "60", Presentation: []ExampleShare{
			{Values: []Value{Text("eu")}, Units: "100"}, {Values: []Value{Text("us")}, Units: "-40", Events: 1},
		}}},
	},
	{ // +8 for the last nanosecond of 2 ns
		Name: "weighted sum, to the nanosecond", Metric: metric(WeightedSumAgg),
		Period: Period{Name: "two nanoseconds", From: on(time.June, 1), To: on(time.June, 1).Add(2)},
		Log:    []Event{sent("a", on(time.June, 1).Add(1), numeric("8"))},
		Want:   closing("4", 1, "8"),
	},
	{ // from the first instant on
		Name: "weighted sum, at the beginning", Metric: metric(WeightedSumAgg), Period: june,
		Log:  []Event{sent("a", on(time.June, 1), numeric("7"))},
		Want: closing("7", 1, "7"),
	},
	{ // no time passes
		Name: "weighted sum of an empty period", Metric: recurring(WeightedSumAgg), Log: storage,
		Period: Period{Name: "empty", From: on(time.July, 1), To: on(time.July, 1)},
	},
}

func closing(units string, events int, closing string) []ExampleBucket {
	return []ExampleBucket{{Filter: NoFilter, Units: units, Events: events, Closing: closing}}
}

var roundingExamples = []Example{
	roundingExample("hundreds, up", Round, -2, "150", "200"),
	roundingExample("hundreds, down", Round, -2, "149.99", "100"),
	roundingExample("one digit, a half", Round, 1, "2.25", "2.3"),
	roundingExample("one digit, a half below zero", Round, 1, "-2.25", "-2.3"),
	roundingExample("a half", Round, 0, "2.5", "3"), // not to even
	roundingExample("ceil", Ceil, 0, "2.01", "3"),
	roundingExample("ceil below zero", Ceil, 0, "-2.99", "-2"),
	roundingExample("ceil to hundreds", Ceil, -2, "101", "200"),
	roundingExample("ceil of what is round", Ceil, -2, "200", "200"),
	roundingExample("floor", Floor, 2, "2.019", "2.01"),
	roundingExample("floor below zero", Floor, 0, "-2.01", "-3"),
	roundingExample("floor to hundreds", Floor, -2, "199", "100"),
	roundingExample("floor to nothing", Floor, -3, "999", "0"),
}

// roundingExample rounds the sum of two halves of units: it is the sum that is rounded.
func roundingExample(name string, r Rounding, precision int, units, rounded string) Example {
	m := metric(SumAgg)
	m.Rounding, m.Precision = r, precision
	half := plain(Decimal(units).Mul(Decimal(units), big.NewRat(1, 2)))
	return Example{
		Name: "rounding: " + name, Metric: m, Period: june, Log: daily(time.June, half, half),
		Want: []ExampleBucket{{Filter: NoFilter, Units: units, Rounded: rounded, Events: 2}},
	}
}
