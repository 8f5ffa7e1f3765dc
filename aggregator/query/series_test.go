package query

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// TestSeriesMerged walks all series page by page, with owners that look at few at a
// time and find nothing in some, and compares them with one sorted list.
func TestSeriesMerged(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var stored []Event
	want := map[SeriesKey]SeriesInfo{}
	for i := range 400 {
		e := storedEvent(fmt.Sprintf("sub-%d", rnd.IntN(60)), fmt.Sprint("t", i), 1)
		e.Code = []string{"a", "b", "empty"}[rnd.IntN(3)]
		stored = append(stored, e)
		if key := (SeriesKey{e.Subscription, e.Code}); e.Code != "empty" {
			want[key] = SeriesInfo{key, e.Partition, want[key].Events + 1, 1, 2}
		}
	}
	var in installation
	for _, f := range threeOwners(t, &in, stored) {
		f.seriesScan = 1 + rnd.IntN(5)
	}
	c := in.client(t)
	for _, limit := range []int{1, 3, SeriesLimitMax} {
		var got []SeriesInfo
		pages := 0
		for after, more := (SeriesKey{}), true; more; pages++ {
			answer, err := c.Series(t.Context(), SeriesRequest{Organization: testOrganization, After: after, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Series) > limit {
				t.Fatalf("a page of %d has %d series", limit, len(answer.Series))
			}
			got = append(got, answer.Series...)
			after, more = answer.Next, answer.Next != SeriesKey{}
		}
		if !slices.IsSortedFunc(got, func(a, b SeriesInfo) int { return a.Compare(b.SeriesKey) }) {
			t.Errorf("limit %d: series are in no order", limit)
		}
		found := map[SeriesKey]SeriesInfo{}
		for _, s := range got {
			found[s.SeriesKey] = s
		}
		if len(found) != len(got) || !reflect.DeepEqual(found, want) {
			t.Errorf("limit %d: %d pages give %d series, %d of them different ones, want %d", limit, pages, len(got), len(found), len(want))
		}
	}
}

// TestSeriesOfASubscription asks its owner alone.
func TestSeriesOfASubscription(t *testing.T) {
	t.Parallel()
	var in installation
	fakes := threeOwners(t, &in, []Event{storedEvent("s", "t", 1), storedEvent("other", "t", 1)})
	asked := 0
	for _, f := range fakes {
		f.seriesScan = 10
	}
	answer, err := in.client(t).Series(t.Context(), SeriesRequest{Organization: testOrganization, Subscription: "s", Limit: 10})
	if err != nil || len(answer.Series) != 1 || answer.Series[0].SeriesKey != (SeriesKey{"s", "c"}) || answer.Next != (SeriesKey{}) {
		t.Errorf("answer is %+v, %v", answer, err)
	}
	for _, f := range fakes {
		asked += f.questions()
	}
	if asked != 1 {
		t.Errorf("%d owners were asked, want 1", asked)
	}
}
