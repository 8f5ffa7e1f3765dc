package worker

import (
	"math/rand/v2"
	"testing"
)

// TestPurge: an entry that counts is found afterwards as before, whatever lay in its way and also where it went round
// the end; of the others only such are left that are in somebody's way.
func TestPurge(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	stayed := 0
	for range 20_000 {
		shard := idShard{entries: make([]uint64, (1+rng.IntN(6))*idLine)}
		n := rng.IntN(len(shard.entries)) // one is empty at the least
		var fronts []uint32
		for slot := range n {
			front := rng.Uint32() | 1
			if rng.IntN(2) == 0 { // all in the last line
				front = 1<<32 - 1
			}
			fronts = append(fronts, front)
			shard.place(entryOf(front, uint32(slot)))
		}
		live := idRange{uint32(rng.IntN(n + 1)), uint32(rng.IntN(n + 1))}
		shard.purge(live)
		left, displaced := 0, false
		for i, entry := range shard.entries {
			if entry != 0 {
				left++
				displaced = displaced || shard.home(frontOf(entry)) != i/idLine
			}
		}
		if left != shard.used {
			t.Fatalf("%d entries, counted as %d", left, shard.used)
		}
		counts := 0
		for slot, front := range fronts {
			if live.has(uint32(slot)) {
				counts++
				if !shard.leadsTo(entryOf(front, uint32(slot))) {
					t.Fatalf("entry %d of %d in %d lines is not found any more", slot, n, len(shard.entries)/idLine)
				}
			}
		}
		if !displaced && left != counts {
			t.Fatalf("%d entries are left, and only %d count", left, counts)
		}
		stayed += left - counts
	}
	if stayed == 0 {
		t.Error("nothing was ever in anybody's way")
	}
}

// leadsTo reports whether a search for an entry ends at it.
func (t *idShard) leadsTo(entry uint64) bool {
	for number := t.home(frontOf(entry)); ; number = t.next(number) {
		empty := false
		for _, other := range t.line(number) {
			if other == entry {
				return true
			}
			empty = empty || other == 0
		}
		if empty {
			return false
		}
	}
}
