package aggregator

import "testing"

// cellOf returns an accessor for the values given; what is not given is null.
func cellOf(values map[string]string) func(string) Value {
	return func(key string) Value {
		text, ok := values[key]
		return Value{Text: text, Null: !ok}
	}
}

func named(key string, values ...string) FilterCondition {
	return FilterCondition{Key: key, Values: values}
}

func wildcard(key string, declared ...string) FilterCondition {
	return FilterCondition{Key: key, Values: declared, Wildcard: true}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	eu := Filter{Conditions: []FilterCondition{named("region", "eu", "us")}}
	gold := Filter{Conditions: []FilterCondition{named("tier", "gold")}}
	euGold := Filter{Conditions: []FilterCondition{named("region", "eu"), named("tier", "gold")}}
	anyRegion := Filter{Conditions: []FilterCondition{wildcard("region", "eu", "us", "ap")}}
	anyRegionGold := Filter{Conditions: []FilterCondition{wildcard("region", "eu", "us"), named("tier", "gold")}}

	f := func(name string, cell map[string]string, want int, filters ...Filter) {
		t.Helper()
		if got := Choose(cellOf(cell), filters); got != want {
			t.Errorf("%s: filter %d takes the cell, want %d", name, got, want)
		}
	}
	f("no filters", map[string]string{"region": "eu"}, NoFilter)
	f("one of the values", map[string]string{"region": "us"}, 0, eu)
	f("another value", map[string]string{"region": "ap"}, NoFilter, eu)
	f("property is missing", map[string]string{"tier": "gold"}, NoFilter, eu)
	f("the empty string is a value", map[string]string{"region": ""}, NoFilter, eu)
	f("more keys win", map[string]string{"region": "eu", "tier": "gold"}, 2, eu, gold, euGold)
	f("more keys win, in any order", map[string]string{"region": "eu", "tier": "gold"}, 0, euGold, eu, gold)
	f("every key has to match", map[string]string{"region": "eu", "tier": "free"}, 0, eu, gold, euGold)
	f("the first of equals", map[string]string{"region": "eu", "tier": "gold"}, 0, gold, eu)
	f("a named value beats a wildcard", map[string]string{"region": "eu"}, 1, anyRegion, eu)
	f("a wildcard takes what is declared", map[string]string{"region": "ap"}, 0, anyRegion, eu)
	f("a wildcard does not take the rest", map[string]string{"region": "mars"}, NoFilter, anyRegion)
	f("keys come before wildcards", map[string]string{"region": "us", "tier": "gold"}, 1, eu, anyRegionGold)
	f("no conditions take nothing", map[string]string{"region": "us"}, NoFilter, Filter{})
}
