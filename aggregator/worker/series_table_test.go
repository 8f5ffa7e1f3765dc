package worker

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"weir/aggregator/store"
)

// TestSeriesTableAgainstAMap: what is put is found until it is not kept, whatever runs of collisions it lies in.
func TestSeriesTableAgainstAMap(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	var table seriesTable
	truth := map[string]*series{}
	for round := range 60 {
		for range rng.IntN(200) {
			name := fmt.Sprint(rng.IntN(2000))
			if found := table.find([16]byte{1}, name, "c"); found != truth[name] {
				t.Fatalf("round %d: %s is %p, want %p", round, name, found, truth[name])
			}
			if truth[name] == nil {
				truth[name] = &series{name: store.SeriesName{Organization: [16]byte{1}, Subscription: name, Code: "c"}}
				table.put(truth[name])
			}
		}
		asked, most := map[*series]bool{}, rng.IntN(len(truth)+1)
		table.keep(func(s *series) (keep, more bool) {
			if asked[s] {
				t.Fatalf("%s is asked about twice", s.name.Subscription)
			}
			asked[s] = true
			if keep = rng.IntN(3) > 0; !keep {
				delete(truth, s.name.Subscription)
			}
			return keep, len(asked) < most
		})
		n := 0
		for s := range table.all() {
			if n++; truth[s.name.Subscription] != s {
				t.Fatalf("round %d: %s is there and should not be", round, s.name.Subscription)
			}
		}
		if n != len(truth) || table.used != n {
			t.Fatalf("round %d: %d series, used %d, want %d", round, n, table.used, len(truth))
		}
		for name, s := range truth {
			if table.find([16]byte{1}, name, "c") != s || table.find([16]byte{2}, name, "c") != nil {
				t.Fatalf("round %d: %s is not found", round, name)
			}
		}
	}
}

// TestSeriesWithOneHash: names are compared, not only their hashes.
func TestSeriesWithOneHash(t *testing.T) {
	t.Parallel()
	var table seriesTable
	s := &series{name: store.SeriesName{Subscription: "a", Code: "b"}}
	table.put(s)
	hash := hashSeries([16]byte{}, "a", "b")
	for _, other := range [][2]string{{"b", "a"}, {"a", "c"}, {"x", "b"}, {"", ""}} {
		if found := getSeries(&table, hash, [16]byte{}, other[0], other[1]); found != nil {
			t.Errorf("%v is found", other)
		}
	}
	if getSeries(&table, hash, [16]byte{}, "a", "b") != s || table.likely(hash) != s {
		t.Error("it is not found itself")
	}
}
