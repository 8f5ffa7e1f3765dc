package oracle

import (
	"encoding/json"
	"time"
)

func jsonNumberOf(text string) json.Number { return json.Number(text) }

// tagged is an event of June 1st with further properties: names and values in turn.
func tagged(id, number string, namesAndValues ...any) Event {
	properties := numeric(number)
	for i := 0; i < len(namesAndValues); i += 2 {
		properties[namesAndValues[i].(string)] = namesAndValues[i+1]
	}
	return sent(id, on(time.June, 1), properties)
}

// filtered is a sum whose metric declares regions and tiers.
func filtered() Metric {
	m := metric(SumAgg)
	m.Declared = map[string][]string{"region": {"eu", "us"}, "tier": {"gold", "1"}}
	return m
}

type keyValues = map[string][]string

// regionsAndTiers are events of every kind that a filter of both can meet.
var regionsAndTiers = []Event{
	tagged("a", "1", "region", "eu"),
	tagged("b", "2", "region", "eu", "tier", "gold"),
	tagged("c", "4", "region", "us", "tier", jsonNumberOf("1.0")),
	tagged("d", "8", "tier", "gold"),
	tagged("e", "16", "region", "asia", "tier", "gold"),
	tagged("f", "32", "region", nil),
	tagged("g", "64"),
}

var chargeExamples = []Example{
	{ // eu+gold: b; eu: a; the rest: c d e f g = 4+8+16+32+64
		Name: "filters: most keys win", Metric: filtered(), Period: june, Log: regionsAndTiers,
		Split: Split{Filters: []Filter{
			{Values: keyValues{"region": {"eu"}}},
			{Values: keyValues{"region": {"eu"}, "tier": {"gold"}}},
		}},
		Want: []ExampleBucket{
			{Filter: NoFilter, Units: "124", Events: 5},
			{Filter: 0, Units: "1", Events: 1},
			{Filter: 1, Units: "2", Events: 1},
		},
	},
	{ // b carries both keys: the first filter has it, and it is never in two
		Name: "filters: unrelated keys, the first wins", Metric: filtered(), Period: june, Log: regionsAndTiers,
		Split: Split{Filters: []Filter{{Values: keyValues{"region": {"eu"}}}, {Values: keyValues{"tier": {"gold"}}}}},
		Want: []ExampleBucket{
			{Filter: NoFilter, Units: "100", Events: 3}, // c f g
			{Filter: 0, Units: "3", Events: 2},          // a b
			{Filter: 1, Units: "24", Events: 2},         // d e
		},
	},
	{ // eu by name goes before eu by all values, though it stands behind; asia is not declared
		Name: "filters: fewer wildcards win", Metric: filtered(), Period: june, Log: regionsAndTiers,
		Split: Split{Filters: []Filter{{Values: keyValues{"region": {AllValues}}}, {Values: keyValues{"region": {"eu"}}}}},
		Want: []ExampleBucket{
			{Filter: NoFilter, Units: "120", Events: 4}, // d e f g
			{Filter: 0, Units: "4", Events: 1},          // c
			{Filter: 1, Units: "3", Events: 2},          // a b
		},
	},
	{ // the number 1.0 is the text 1
		Name: "filters: several values, and a number", Metric: filtered(), Period: june, Log: regionsAndTiers,
		Split: Split{Filters: []Filter{{Values: keyValues{"tier": {"1", "gold"}}}}},
		Want: []ExampleBucket{
			{Filter: NoFilter, Units: "97", Events: 3}, // a f g
			{Filter: 0, Units: "30", Events: 4},        // b c d e
		},
	},
	{
		Name: "filters: of two that are the same, the first wins", Metric: filtered(), Period: june, Log: regionsAndTiers,
		Split: Split{Filters: []Filter{{Values: keyValues{"region": {"us"}}}, {Values: keyValues{"region": {"us"}}}}},
		Want: []ExampleBucket{
			{Filter: NoFilter, Units: "123", Events: 6},
			{Filter: 0, Units: "4", Events: 1},
		},
	},
	{ // missing and null are one group
		Name: "groups", Metric: filtered(), Period: june, Log: regionsAndTiers,
		Split: Split{GroupKeys: []string{"region"}},
		Want: []ExampleBucket{
			{Filter: NoFilter, Group: []Value{Null()}, Units: "104", Events: 3},      // d f g
			{Filter: NoFilter, Group: []Value{Text("asia")}, Units: "16", Events: 1}, // e
			{Filter: NoFilter, Group: []Value{Text("eu")}, Units: "3", Events: 2},    // a b
			{Filter: NoFilter, Group: []Value{Text("us")}, Units: "4", Events: 1},    // c
		},
	},
	{
		Name: "groups: text forms", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			tagged("a", "1", "seat", jsonNumberOf("1")), tagged("b", "2", "seat", jsonNumberOf("1.0")),
			tagged("c", "4", "seat", jsonNumberOf("10e-1")), tagged("d", "8", "seat", "1"),
			tagged("e", "16", "seat", "1.0"), tagged("f", "32", "seat", true), tagged("g", "64", "seat", "true"),
			tagged("h", "128", "seat", ""), tagged("i", "256", "seat", map[string]any{"a": "b"}),
		},
		Split: Split{GroupKeys: []string{"seat"}},
		Want: []ExampleBucket{
			{Filter: NoFilter, Group: []Value{Null()}, Units: "256", Events: 1},
			{Filter: NoFilter, Group: []Value{Text("")}, Units: "128", Events: 1},
			{Filter: NoFilter, Group: []Value{Text("1")}, Units: "15", Events: 4},
			{Filter: NoFilter, Group: []Value{Text("1.0")}, Units: "16", Events: 1},
			{Filter: NoFilter, Group: []Value{Text("true")}, Units: "96", Events: 2},
		},
	},
	{ // a filter's groups are its own
		Name: "groups of a filter", Metric: filtered(), Period: june, Log: regionsAndTiers,
		Split: Split{
			Filters:   []Filter{{Values: keyValues{"region": {"eu", "us"}}, GroupKeys: []string{"tier", "region"}}},
			GroupKeys: []string{"tier"},
		},
		Want: []ExampleBucket{
			{Filter: NoFilter, Group: []Value{Null()}, Units: "96", Events: 2},           // f g
			{Filter: NoFilter, Group: []Value{Text("gold")}, Units: "24", Events: 2},     // d e
			{Filter: 0, Group: []Value{Null(), Text("eu")}, Units: "1", Events: 1},       // a
			{Filter: 0, Group: []Value{Text("1"), Text("us")}, Units: "4", Events: 1},    // c
			{Filter: 0, Group: []Value{Text("gold"), Text("eu")}, Units: "2", Events: 1}, // b
		},
	},
	{ // shown apart, aggregated together: the greatest of all is 64
		Name: "presentation", Metric: metric(MaxAgg), Period: june, Log: regionsAndTiers,
		Split: Split{PresentationKeys: []string{"tier"}},
		Want: []ExampleBucket{{Filter: NoFilter, Units: "64", Events: 7, Presentation: []ExampleShare{
			{Values: []Value{Null()}, Units: "64", Events: 3},       // a f g
			{Values: []Value{Text("1")}, Units: "4", Events: 1},     // c
			{Values: []Value{Text("gold")}, Units: "16", Events: 3}, // b d e
		}}},
	},
	{ // cents: 1.5 + 2.25, one without; the one that is no number does not take part
		Name: "dynamic", Metric: metric(SumAgg), Period: june,
		Log: []Event{
			priced("a", jsonNumberOf("10"), "1.5"), priced("b", jsonNumberOf("20"), "2.25"),
			priced("c", jsonNumberOf("5"), ""), priced("d", "many", "100"),
		},
		Want:    []ExampleBucket{{Filter: NoFilter, Units: "35", Events: 3, PreciseTotal: "3.75"}},
		LeftOut: map[Reason]int{NotANumber: 1},
	},
}

func priced(id string, number any, cents string) Event {
	e := sent(id, on(time.June, 1), map[string]any{"n": number})
	e.PreciseTotal = cents
	return e
}
