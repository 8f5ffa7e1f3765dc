package store

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRowsInOrder: rows come in the order of their keys, however alike these begin, each key once and with
// what was put last; and again when the memory is used again.
func TestRowsInOrder(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	var r rows
	for range 200 {
		r.list, r.arena = r.list[:0], r.arena[:0]
		want := make(map[string]string)
		for i := range rng.IntN(300) {
			key := bytes.Repeat([]byte{byte(rng.IntN(2))}, 1+rng.IntN(40)) // some are the beginnings of others
			if rng.IntN(2) == 0 {
				key[rng.IntN(len(key))] = byte(rng.Uint32())
			}
			value := []byte{byte(i), byte(i >> 8)}
			want[string(key)] = string(value)
			r.putValue(key, func(dst []byte) []byte { return append(dst, value...) })
		}
		keys := slices.Sorted(maps.Keys(want))
		err := r.each(func(key, value []byte) error {
			if len(keys) == 0 || string(key) != keys[0] || string(value) != want[keys[0]] {
				t.Fatalf("%x = %x comes where %x is due", key, value, keys)
			}
			keys = keys[1:]
			return nil
		})
		if err != nil || len(keys) > 0 {
			t.Fatalf("%d rows did not come: %v", len(keys), err)
		}
	}
}

// TestSpares: the last piece that fits is given out, once; of too many the oldest is gone.
func TestSpares(t *testing.T) {
	t.Parallel()
	var s spares[int]
	for i := range sparesMax + 1 {
		s.put(&i)
	}
	even := func(i *int) bool { return *i%2 == 0 }
	if got := s.take(even); got == nil || *got != 2 {
		t.Errorf("took %v, want 2", got)
	}
	if got := s.take(even); got != nil {
		t.Errorf("took %v, want nothing: 0 was the oldest", *got)
	}
	if a, b, c := s.get(), s.get(), s.get(); *a != 3 || *b != 1 || *c != 0 {
		t.Errorf("got %d, %d and %d, want 3, 1, and a new one", *a, *b, *c)
	}
}
