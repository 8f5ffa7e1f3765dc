package worker

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"

	"weir/aggregator/store"
	"weir/ingest"
)

// recentID returns the nth id. Every 16th agrees with the one before in all that the index looks at.
func recentID(n int) (id ingest.ID) {
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], uint64(n))
	binary.LittleEndian.PutUint64(id[:], xxhash.Sum64(number[:]))
	if n%16 == 15 {
		n--
		binary.LittleEndian.PutUint64(number[:], uint64(n))
	}
	binary.LittleEndian.PutUint64(id[8:], ^xxhash.Sum64(number[:]))
	return id
}

// TestRecentIDsAgainstAMap: memory knows what a plain map knows of all ids that have an entry at or above its
// floor, says nothing wrong of the others, and keeps to its bound but for what is not durable.
func TestRecentIDsAgainstAMap(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	const idsMax, events = 3 * idChunkSlots, 200_000
	r, truth := recentIDs{max: idsMax}, map[ingest.ID]prior{}
	for n := range events {
		position := ingest.Position(n)
		of := n
		if rng.IntN(10) == 0 { // an old id, or one that is used twice soon
			of = n - rng.IntN(min(n+1, 1+1<<rng.IntN(18)))
		}
		id := recentID(of)
		p := prior{position: position, content: uint32(n), stamp: uint32(n) | 1}
		if rng.IntN(20) == 0 {
			p = prior{position: position, correction: true}
		}
		want, there := truth[id]
		got, known := r.find(&id)
		switch {
		case known && (!there || got != want):
			t.Fatalf("id %d at %d: %+v, want %+v (%t)", of, n, got, want, there)
		case !known && there && want.position >= r.floor:
			t.Fatalf("id %d at %d is not known, floor %d: %+v", of, n, r.floor, want)
		}
		switch {
		case known && got.correction && !p.correction:
			r.replace(&id, p)
			truth[id] = p
		case !known && there: // as the store would have said
		default:
			if first, before := r.put(&id, p); before != known || before && first != got {
				t.Fatalf("id %d at %d: put says %+v %t, find said %+v %t", of, n, first, before, got, known)
			}
			if !known {
				truth[id] = p
			}
		}
		if rng.IntN(1000) == 0 {
			durable := ingest.Position(max(0, n-rng.IntN(idsMax)))
			before := r.floor
			r.trim(durable, idsMax)
			if r.floor > max(durable, before) {
				t.Fatalf("floor %d is above what is durable: %d", r.floor, durable)
			}
		}
	}
	r.trim(events, idsMax)
	if r.used > idsMax || r.complete() {
		t.Errorf("%d ids after trimming to %d, floor %d", r.used, idsMax, r.floor)
	}
	if entries := r.entries(); entries > 2*2*idsMax { // there were twice as many ids at times, not all durable
		t.Errorf("an index of %d entries for %d ids", entries, idsMax)
	}
}

func (r *recentIDs) entries() (n int) {
	for i := range r.index.shards {
		n += len(r.index.shards[i].entries)
	}
	return n
}

// TestRecentIDsFilled: what the store gives, in whatever order, is known, and the oldest goes first.
func TestRecentIDsFilled(t *testing.T) {
	t.Parallel()
	const n = 3*idChunkSlots + 7
	r := recentIDs{max: 2 * n}
	err := r.fill(func(f func(ingest.ID, store.Seen)) (ingest.Position, error) {
		for _, i := range rand.Perm(n) {
			f(recentID(i), store.Seen{Position: ingest.Position(1000 + i), Content: uint32(i), Timestamp: int64(i)})
		}
		return 1000, nil
	})
	if err != nil || r.floor != 1000 || r.used != n {
		t.Fatalf("filled with %d, floor %d: %v", r.used, r.floor, err)
	}
	for i := range n {
		id := recentID(i)
		if p, known := r.find(&id); !known || p.position != ingest.Position(1000+i) || p.content != uint32(i) {
			t.Fatalf("id %d: %+v %t", i, p, known)
		}
	}
	r.trim(1000+n, 2*idChunkSlots) // two chunks go, the older ones
	if r.floor != 1000+2*idChunkSlots || r.used != idChunkSlots+7 {
		t.Errorf("after trimming: floor %d, %d ids", r.floor, r.used)
	}
}

// TestNumbersOfSlotsGoRound: after 2^32 ids they begin again.
func TestNumbersOfSlotsGoRound(t *testing.T) {
	t.Parallel()
	r := recentIDs{max: 100, first: -(2 * idChunkSlots) & (1<<32 - 1)}
	for n := range 10 * idChunkSlots {
		id := recentID(n)
		if _, known := r.put(&id, prior{position: ingest.Position(n)}); known {
			t.Fatalf("id %d is known", n)
		}
		if n%idChunkSlots == 100 {
			r.trim(ingest.Position(n), idChunkSlots)
		}
		for _, back := range []int{0, 1, 50} {
			id := recentID(max(0, n-back))
			if p, known := r.find(&id); !known || p.position != ingest.Position(max(0, n-back)) {
				t.Fatalf("id %d at %d: %+v %t", n-back, n, p, known)
			}
		}
	}
}
