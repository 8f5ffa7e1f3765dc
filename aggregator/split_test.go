package aggregator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/ingest"
)

// describe writes a bucket as tests compare it.
func describe(b *BucketUsage) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d %s: %s of %d", b.Filter, describeValues(b.Group), b.Units, b.EventsCount)
	for _, p := range b.Presentation {
		fmt.Fprintf(&s, "; %s %s", describeValues(p.Values), p.Units)
	}
	return s.String()
}

func describeAll(t *testing.T, r *Reducer, split *Split) []string {
	t.Helper()
	buckets, err := r.Buckets(split)
	if err != nil {
		t.Fatalf("cannot make buckets: %v", err)
	}
	var lines []string
	for i := range buckets {
		lines = append(lines, describe(&buckets[i]))
	}
	return lines
}

// TestPlace: the filter by the rules of Choose, and the group by the keys of that
// filter, or the charge's own where no filter takes the event.
func TestPlace(t *testing.T) {
	t.Parallel()
	region := func(values ...string) Filter {
		return Filter{Conditions: []FilterCondition{named("region", values...)}}
	}
	eu := region("eu")
	eu.GroupKeys = []string{"seat"}
	euGold := Filter{Conditions: []FilterCondition{named("region", "eu"), named("tier", "gold")}, GroupKeys: []string{"team", "seat"}}
	anyGold := Filter{Conditions: []FilterCondition{wildcard("region", "eu", "us"), named("tier", "gold")}}
	f := func(name string, values map[string]string, wantFilter int, wantGroup string, split Split) {
		t.Helper()
		filter, group := split.Place(cellOf(values))
		if filter != wantFilter || describeValues(group) != wantGroup {
			t.Errorf("%s: filter %d, group %s; want %d, %s", name, filter, describeValues(group), wantFilter, wantGroup)
		}
	}
	split := Split{Filters: []Filter{eu, anyGold, euGold, region("eu", "us")}, GroupKeys: []string{"team"}}
	f("no filter: the charge's groups", map[string]string{"team": "red", "seat": "7"}, NoFilter, `["red"]`, split)
	f("no filter: null group", map[string]string{"region": "mars"}, NoFilter, `[null]`, split)
	f("the filter's own groups", map[string]string{"region": "eu", "seat": "7", "team": "red"}, 0, `["7"]`, split)
	f("the null group of a filter", map[string]string{"region": "eu", "team": "red"}, 0, `[null]`, split)
	f("the empty text is a group of its own", map[string]string{"region": "eu", "seat": ""}, 0, `[""]`, split)
	f("a filter without groups", map[string]string{"region": "us", "team": "red"}, 3, `[]`, split)
	f("two named keys before one wildcard", map[string]string{"region": "eu", "tier": "gold", "seat": "7"}, 2, `[null "7"]`, split)
	f("two keys, one a wildcard, before one key", map[string]string{"region": "us", "tier": "gold"}, 1, `[]`, split)
	f("no filters at all", map[string]string{"region": "us"}, NoFilter, `[]`, Split{})
}

func TestSplitChecks(t *testing.T) {
	t.Parallel()
	metric := &Metric{Code: "m", CellKeys: []string{"a", "b"}}
	good := []Split{
		{},
		{GroupKeys: []string{"a", "b"}, PresentationKeys: []string{"b"}},
		{Filters: []Filter{{Conditions: []FilterCondition{named("a", "1")}, GroupKeys: []string{"b"}, PresentationKeys: []string{"a"}}}},
	}
	for i := range good {
		if err := good[i].Check(metric); err != nil {
			t.Errorf("split %d: %v", i, err)
		}
	}
	bad := []Split{
		{GroupKeys: []string{"a", "c"}},
		{PresentationKeys: []string{"c"}},
		{Filters: []Filter{{Conditions: []FilterCondition{named("c", "1")}}}},
		{Filters: []Filter{{Conditions: []FilterCondition{named("a", "1")}, GroupKeys: []string{"c"}}}},
		{Filters: []Filter{{Conditions: []FilterCondition{named("a", "1")}, PresentationKeys: []string{"c"}}}},
	}
	for i := range bad {
		if err := bad[i].Check(metric); !errors.Is(err, ErrBadSplit) {
			t.Errorf("split %d: %v", i, err)
		}
		if _, err := NewReducer(metric, Span{0, 1}).Buckets(&bad[i]); !errors.Is(err, ErrBadSplit) {
			t.Errorf("buckets of split %d: %v", i, err)
		}
		if !slices.Contains(bad[i].Keys(), "c") {
			t.Errorf("keys of split %d are %q", i, bad[i].Keys())
		}
	}
	keys := (&Split{GroupKeys: []string{"z", "a"}, PresentationKeys: []string{"a"}, Filters: good[2].Filters}).Keys()
	if !slices.Equal(keys, []string{"a", "b", "z"}) {
		t.Errorf("keys are %q", keys)
	}
}

// TestBuckets: cells go to one bucket each, in order; a bucket is aggregated as a whole.
func TestBuckets(t *testing.T) {
	t.Parallel()
	type cell struct{ region, team, n string }
	cells := []cell{ // a region or team "" is missing
		{"", "a", "1"}, {"ap", "a", "2.5"}, {"eu", "", "4"}, {"eu", "a", "8"}, {"us", "a", "16"}, {"us", "b", "-1"}, {"us", "b", "1"},
	}
	reducer := func(aggregation Aggregation) *Reducer {
		r := NewReducer(&Metric{Aggregation: aggregation, FieldName: "n", CellKeys: []string{"region", "team"}}, Span{0, 100})
		for i, c := range cells {
			e := ingest.Event{TransactionID: fmt.Append(nil, i), Timestamp: int64(i)}
			e.Properties = append(e.Properties, property("n", ingest.KindNumber, c.n))
			for _, p := range [][2]string{{"region", c.region}, {"team", c.team}} {
				if p[1] != "" {
					e.Properties = append(e.Properties, property(p[0], ingest.KindString, p[1]))
				}
			}
			r.AddEvent(&e, 0, ingest.Position(i))
		}
		return r
	}
	eu := Filter{Conditions: []FilterCondition{named("region", "eu")}, GroupKeys: []string{"team"}}
	us := Filter{Conditions: []FilterCondition{named("region", "us")}, PresentationKeys: []string{"team"}}
	f := func(name string, aggregation Aggregation, split Split, want ...string) {
		t.Helper()
		if got := describeAll(t, reducer(aggregation), &split); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
	f("all in one", SumAgg, Split{}, "-1 []: 31.5 of 7")
	f("groups", SumAgg, Split{GroupKeys: []string{"team"}}, "-1 [null]: 4 of 1", `-1 ["a"]: 27.5 of 4`, `-1 ["b"]: 0 of 2`)
	f("filters, one with groups, one broken down", SumAgg, Split{Filters: []Filter{us, eu}},
		"-1 []: 3.5 of 2", `0 []: 16 of 3; ["a"] 16; ["b"] 0`, "1 [null]: 4 of 1", `1 ["a"]: 8 of 1`)
	// A mean of all, not of the cells' means: (16 - 1 + 1) / 3.
	f("means", AvgAgg, Split{Filters: []Filter{us}},
		"-1 []: 3.875 of 4", `0 []: 5.33333333333333333333 of 3; ["a"] 16; ["b"] 0`)
	// The value 1 is in three cells, and one value of a bucket.
	f("unique values", UniqueCountAgg, Split{}, "-1 []: 6 of 7")
	f("unique values of filters", UniqueCountAgg, Split{Filters: []Filter{us}}, "-1 []: 4 of 4", `0 []: 3 of 3; ["a"] 1; ["b"] 2`)
}
