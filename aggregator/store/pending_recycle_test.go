package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"weir/ingest"
)

// TestRecycledPendingIsEmpty: what takes over the memory of another Pending knows nothing of what was in it.
func TestRecycledPendingIsEmpty(t *testing.T) {
	t.Parallel()
	name := &SeriesName{Number: 1, Subscription: "sub", Code: "code"}
	var p Pending
	for i := range 100 {
		e := ingest.Event{TransactionID: fmt.Appendf(nil, "old-%d", i), Properties: []ingest.Property{{Name: []byte("old"), Kind: ingest.KindString, Text: []byte("x")}}}
		p.Append(name, ingest.ID{byte(i)}, 1, &e, ingest.PositionOf(int64(i), 0), 1)
	}
	like := &Pending{events: make([]pendingEvent, 100)}
	if got := p.Versions(nil, ingest.ID{7}); len(got) != 1 {
		t.Fatalf("%d versions before", len(got))
	}
	p.Recycle()
	if len(p.events) != 0 || p.Bytes() != 0 {
		t.Fatalf("%d events are left", len(p.events))
	}
	q := NewPending(like)
	if q.Bytes() != 0 || len(q.names) != 0 || slices.ContainsFunc(q.names[:cap(q.names)], func(n *SeriesName) bool { return n != nil }) {
		t.Fatalf("%d bytes, %d names in an empty Pending, or names behind them", q.Bytes(), len(q.names))
	}
	if got := q.Versions(nil, ingest.ID{7}); len(got) != 0 {
		t.Fatalf("an old id is found: %+v", got)
	}
	e := ingest.Event{TransactionID: []byte("new"), Properties: []ingest.Property{{Name: []byte("new"), Kind: ingest.KindNumber, Text: []byte("2")}}}
	q.Append(name, ingest.ID{7}, 2, &e, ingest.PositionOf(5, 0), 3)
	var got Event
	q.load(0, &got)
	if string(got.TransactionID) != "new" || string(got.Properties[0].Name) != "new" || string(got.Properties[0].Text) != "2" {
		t.Errorf("loaded %s %+v", got.TransactionID, got.Properties)
	}
}

// TestPackerSorts: whatever order events of a series come in, runs that overtook each other or none at
// all, they are put in that of comparePending.
func TestPackerSorts(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 3))
	t.Logf("seed %d", seed)
	name := &SeriesName{Number: 1}
	for round := range 300 {
		var k packer
		var p Pending
		n, run := 1+rng.IntN(200), 1+rng.IntN(40)
		base := 0
		for i := range n {
			if i%run == 0 {
				base = rng.IntN(1 + round%5*10) // of all requests one time, or some
			}
			e := ingest.Event{TransactionID: fmt.Appendf(nil, "%03d", i%run+rng.IntN(2)), Timestamp: int64(base)}
			p.Append(name, ingest.ID{byte(i)}, 0, &e, ingest.PositionOf(int64(i), 0), 0)
		}
		k.p = &p
		k.gather(k.group())
		order := k.sort(0, n, 0)
		seen := make([]bool, n)
		for i, at := range order {
			seen[at] = true
			if i > 0 && k.compare(int(order[i-1]), int(at)) >= 0 {
				t.Fatalf("round %d: %d does not come before %d", round, order[i-1], at)
			}
		}
		if len(order) != n || slices.Contains(seen, false) {
			t.Fatalf("round %d: %d of %d events, or one twice", round, len(order), n)
		}
	}
}
