package oracle

import (
	"slices"
	"strings"
	"time"
)

var eventExamples = []Example{
	{ // in: the first instant and the last nanosecond; out: one nanosecond before, and the end
		Name: "edges of the period", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			sent("a", june.From.Add(-1), numeric("1")), sent("b", june.From, numeric("2")),
			sent("c", june.To.Add(-1), numeric("4")), sent("d", june.To, numeric("8")),
		},
		Want: one("6", 2),
	},
	{ // 2 + 4
		Name: "late and early events count in their own time", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			sent("a", on(time.August, 1), numeric("1")),
			receivedAt(sent("b", on(time.June, 3), numeric("2")), on(time.December, 1)),
			receivedAt(sent("c", on(time.June, 30), numeric("4")), on(time.January, 1)),
			sent("d", on(time.May, 1), numeric("8")),
		},
		Want: one("6", 2),
	},
	{ // received before the bound: a, although its time is behind it
		Name: "received from", Metric: receivedFrom(on(time.June, 10)), Period: june,
		Log: []Event{
			receivedAt(sent("a", on(time.June, 20), numeric("1")), on(time.June, 10).Add(-1)),
			receivedAt(sent("b", on(time.June, 2), numeric("2")), on(time.June, 10)),
			receivedAt(sent("c", on(time.June, 3), numeric("4")), on(time.June, 11)),
		},
		Want: one("6", 2),
	},
	{ // 2 + 5 + 0.25
		Name: "what is not a number is left out", Metric: metric(SumAgg), Period: june,
		Log: slices.Concat(daily(time.June, "2", "5e0"), []Event{
			add("a", on(time.June, 3), "0.25"), add("b", on(time.June, 3), "1e3"), add("c", on(time.June, 3), "12 apples"),
			add("d", on(time.June, 3), ""), add("e", on(time.June, 3), true), add("f", on(time.June, 3), nil),
			add("g", on(time.June, 3), []any{jsonNumberOf("1")}), sent("h", on(time.June, 3), map[string]any{"m": "1"}),
			add("i", on(time.June, 3), strings.Repeat("9", 39)), // a digit more than a number may have
			add("j", on(time.July, 3), "many"),                  // not of this period
		}),
		Want:    one("7.25", 3),
		LeftOut: map[Reason]int{NotANumber: 5, MissingProperty: 3},
	},
	{ // zeros in front do not count as digits
		Name: "quoted numbers", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			add("a", on(time.June, 1), "007"), add("b", on(time.June, 1), "-0.50"),
			add("c", on(time.June, 1), strings.Repeat("0", 40)+"1"),
		},
		Want: one("7.5", 3),
	},
	{ // 1: another subscription, another code, and the first of two contents
		Name: "whose events", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			{TransactionID: "a", Subscription: "other", Code: ExampleCode, Time: on(time.June, 1), Properties: numeric("2")},
			sent("a", on(time.June, 1), numeric("1")),
			{TransactionID: "b", Subscription: ExampleSubscription, Code: "other", Time: on(time.June, 1), Properties: numeric("4")},
			sent("a", on(time.June, 1), numeric("1")),
			sent("a", on(time.June, 2), numeric("8")),
		},
		Want: one("1", 1),
	},
}

func receivedAt(e Event, at time.Time) Event {
	e.ReceivedAt = at
	return e
}

func receivedFrom(at time.Time) Metric {
	m := metric(SumAgg)
	m.ReceivedFrom = at
	return m
}

// at moves an event, and its receipt, to another time.
func at(t time.Time, e Event) Event {
	e.Time, e.ReceivedAt = t, t
	return e
}

// amended is new content for an id.
func amended(revision int, e Event) Event {
	e.Revision = revision
	return e
}

// cancelled is the end of an id.
func cancelled(revision int, id string) Event {
	return Event{TransactionID: id, Subscription: ExampleSubscription, Revision: revision, Cancelled: true}
}

var correctionExamples = []Example{
	{ // a: 10, b: gone, c: 4
		Name: "amended and cancelled", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			sent("a", on(time.June, 1), numeric("1")), sent("b", on(time.June, 1), numeric("2")), sent("c", on(time.June, 1), numeric("4")),
			amended(1, sent("a", on(time.June, 1), numeric("10"))), cancelled(1, "b"),
		},
		Want: one("14", 2),
	},
	{ // the highest revision; of two equal ones the later; a cancelled id stays used
		Name: "which correction counts", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			amended(2, sent("a", on(time.June, 1), numeric("10"))), amended(1, sent("a", on(time.June, 1), numeric("20"))),
			amended(3, sent("b", on(time.June, 1), numeric("100"))), amended(3, sent("b", on(time.June, 1), numeric("200"))),
			sent("a", on(time.June, 1), numeric("1")), sent("b", on(time.June, 1), numeric("2")), // behind their corrections
			cancelled(1, "c"), sent("c", on(time.June, 1), numeric("4")),
			cancelled(1, "d"), amended(2, sent("d", on(time.June, 1), numeric("1000"))), // given life again
			amended(5, sent("e", on(time.June, 1), numeric("5000"))), cancelled(5, "e"),
		},
		Want: one("1210", 3), // a 10, b 200, d 1000
	},
	{ // a moves out of the period, b into it; c changes its code, d gets this one
		Name: "amended time and code", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			sent("a", on(time.June, 1), numeric("1")), amended(1, sent("a", on(time.July, 1), numeric("1"))),
			sent("b", on(time.July, 1), numeric("2")), amended(1, sent("b", on(time.June, 1), numeric("2"))),
			sent("c", on(time.June, 1), numeric("4")), amended(1, ofCode("other", sent("c", on(time.June, 1), numeric("4")))),
			ofCode("other", sent("d", on(time.June, 1), numeric("8"))), amended(1, sent("d", on(time.June, 1), numeric("8"))),
		},
		Want: one("10", 2),
	},
	{ // the removal of b is cancelled; a was added twice, one of them cancelled; c's addition is
		Name: "unique count, corrected", Metric: recurring(UniqueCountAgg), Period: february,
		Log: []Event{
			add("1", on(time.January, 1), "a"), add("2", on(time.January, 2), "a"), cancelled(1, "1"),
			add("3", on(time.January, 3), "b"), remove("4", on(time.January, 4), "b"), cancelled(1, "4"),
			add("5", on(time.January, 5), "c"), cancelled(1, "5"),
		},
		Want: one("2", 2),
	},
	{ // the greatest is taken back
		Name: "max, corrected", Metric: metric(MaxAgg), Period: june,
		Log:  append(daily(time.June, "2", "9", "4"), cancelled(1, "June-1")),
		Want: one("4", 2),
	},
}

func ofCode(code string, e Event) Event {
	e.Code = code
	return e
}

func computed(a Aggregation, expression string) Metric {
	m := metric(a)
	m.Expression = MustExpression(expression)
	return m
}

var expressionExamples = []Example{
	{ // 3 × 2.5 + 4 × 0.5; c has no b, d's is no number. What n holds is of no interest.
		Name: "expression", Metric: computed(SumAgg, "event.properties.a * event.properties.b"), Period: june,
		Log: []Event{
			tagged("a", "1000", "a", jsonNumberOf("3"), "b", "2.5"), tagged("b", "1000", "a", "4", "b", jsonNumberOf("5e-1")),
			tagged("c", "1000", "a", jsonNumberOf("1")), tagged("d", "1000", "a", jsonNumberOf("1"), "b", "many"),
		},
		Want:    one("9.5", 2),
		LeftOut: map[Reason]int{ExpressionFailed: 2},
	},
	{ // eu-1 twice, us-1
		Name: "expression of a unique count", Period: june,
		Metric: computed(UniqueCountAgg, "concat(event.properties.region, '-', event.properties.n)"),
		Log: []Event{
			tagged("a", "1", "region", "eu"), tagged("b", "1.0", "region", "eu"), tagged("c", "1", "region", "us"),
			tagged("d", "1", "region", nil),
		},
		Want:    one("2", 3),
		LeftOut: map[Reason]int{ExpressionFailed: 1},
	},
	{ // "12" counts, "1x" does not
		Name: "expression that gives a string", Metric: computed(SumAgg, "concat('1', event.properties.a)"), Period: june,
		Log:     []Event{tagged("a", "0", "a", jsonNumberOf("2")), tagged("b", "0", "a", "x")},
		Want:    one("12", 1),
		LeftOut: map[Reason]int{NotANumber: 1},
	},
	{ // 1717200000.000000001 s: June 1st 2024 and a nanosecond
		Name: "expression of the timestamp", Metric: computed(SumAgg, "event.timestamp - 1717200000"), Period: june,
		Log:  []Event{sent("a", on(time.June, 1).Add(1), nil)},
		Want: one("0.000000001", 1),
	},
}
