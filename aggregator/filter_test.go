package aggregator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/shopspring/decimal"
)

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

func TestBucket(t *testing.T) {
	t.Parallel()
	cell := func(region, team string, units string, events int64) CellUsage {
		c := CellUsage{Units: decimal.RequireFromString(units), EventsCount: events}
		for _, text := range []string{region, team} {
			c.Values = append(c.Values, Value{Text: text, Null: text == ""})
		}
		return c
	}
	cells := []CellUsage{
		cell("", "a", "1", 1),
		cell("ap", "a", "2.5", 2),
		cell("eu", "", "4", 3),
		cell("eu", "a", "8", 4),
		cell("us", "a", "16", 5),
		cell("us", "b", "-1", 6),
	}
	keys := []string{"region", "team"}
	eu := Filter{Conditions: []FilterCondition{named("region", "eu")}, GroupKeys: []string{"team"}}
	us := Filter{Conditions: []FilterCondition{named("region", "us")}}

	f := func(name string, filters []Filter, groupKeys []string, want ...string) {
		t.Helper()
		var got []string
		for _, b := range Bucket(cells, keys, filters, groupKeys) {
			got = append(got, fmt.Sprintf("%d %v: %s of %d", b.Filter, b.Group, b.Units, b.EventsCount))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
	f("all in one", nil, nil, "-1 []: 30.5 of 21")
	f("groups", nil, []string{"team"}, "-1 [{ true}]: 4 of 3", "-1 [{a false}]: 27.5 of 12", "-1 [{b false}]: -1 of 6")
	f("filters, one with groups", []Filter{us, eu}, nil,
		"-1 []: 3.5 of 3", "0 []: 15 of 11", "1 [{ true}]: 4 of 3", "1 [{a false}]: 8 of 4")

	defer func() {
		if recover() == nil {
			t.Error("a key that the cells are not split by went unnoticed")
		}
	}()
	Bucket(cells, keys, nil, []string{"color"})
}
