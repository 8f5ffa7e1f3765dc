package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/aggregator"
	"weir/ingest"
)

// scanWorld is a store with events of three series whose times have one of several patterns.
type scanWorld struct {
	store  *Store
	events []Event // of series 2
}

// newScanWorld writes n events in checkpoints; timeOf says when the i-th is.
func newScanWorld(t *testing.T, rng *rand.Rand, n int, timeOf func(i int) int64) *scanWorld {
	w := &scanWorld{store: open(t, vfs.NewMem())}
	for i := 0; i < n; {
		c := new(Checkpoint)
		for range min(1+rng.IntN(100), n-i) {
			name := &SeriesName{Number: 1 + rng.Uint64N(3), Organization: org, Subscription: "s", Code: "c"}
			e := ingest.Event{TransactionID: fmt.Appendf(nil, "%d", rng.IntN(n)), Timestamp: timeOf(i), Properties: []ingest.Property{text("n", fmt.Sprint(i))}}
			c.Pending.Append(name, ingest.ID{1, 15: byte(i)}, 0, &e, ingest.PositionOf(int64(i), 0), 5)
			if name.Number == 2 {
				w.events = append(w.events, Event{Event: e, Position: ingest.PositionOf(int64(i), 0)})
			}
			i++
		}
		c.Progress.Next = int64(i)
		if err := w.store.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(w.events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), bytes.Compare(a.TransactionID, b.TransactionID), cmp.Compare(a.Position, b.Position))
	})
	return w
}

// scanned returns the positions of a scan, ended after so many.
func (w *scanWorld) scanned(t *testing.T, span aggregator.Span, end ingest.Position, back bool, heldMax, most int) (positions []ingest.Position) {
	snapshot, err := w.store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	scan := newEventScan(t.Context(), snapshot, &SeriesName{Number: 2, Organization: org, Subscription: "s", Code: "c"}, span, end, func(e *Event) error {
		if want := fmt.Sprint(e.Position.Offset()); string(e.Properties[0].Text) != want {
			t.Errorf("event at %s is %+v", want, e)
		}
		if positions = append(positions, e.Position); len(positions) == most {
			return errEnough
		}
		return nil
	})
	scan.back, scan.heldMax = back, heldMax
	if err := scan.run(func(int32) error { return nil }); err != nil && !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	return positions
}

// want returns the same from the list.
func (w *scanWorld) want(span aggregator.Span, end ingest.Position, back bool, most int) (positions []ingest.Position) {
	for i := range w.events {
		if e := &w.events[i]; span.Contains(e.Timestamp) && e.Position < end {
			positions = append(positions, e.Position)
		}
	}
	if back {
		slices.Reverse(positions)
	}
	return positions[:min(most, len(positions))]
}

// TestEventScan: whatever times events have and however little may be held, they come in order.
func TestEventScan(t *testing.T) {
	t.Parallel()
	const hour = int64(time.Hour)
	patterns := map[string]func(rng *rand.Rand, i int) int64{
		"in order":            func(_ *rand.Rand, i int) int64 { return 1000*hour + int64(i)*hour/100 },
		"nearly in order":     func(rng *rand.Rand, i int) int64 { return 1000*hour + int64(i)*hour/100 + rng.Int64N(hour/20) },
		"anywhere in an hour": func(rng *rand.Rand, _ int) int64 { return 1000*hour + rng.Int64N(hour) },
		"anywhere in a month": func(rng *rand.Rand, _ int) int64 { return 1000*hour + rng.Int64N(720*hour) },
		"years apart":         func(rng *rand.Rand, _ int) int64 { return rng.Int64N(4) * 20_000 * hour },
		"at one time":         func(*rand.Rand, int) int64 { return 1000 * hour },
		"newest first":        func(_ *rand.Rand, i int) int64 { return 1000*hour - int64(i)*int64(time.Second) },
	}
	for name, timeOf := range patterns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			rng := rand.New(rand.NewPCG(seed, 1))
			w := newScanWorld(t, rng, 3000, func(i int) int64 { return timeOf(rng, i) })
			defer closeStore(t, w.store)
			for range 100 {
				span := always
				if rng.IntN(2) == 0 {
					span.From = w.events[rng.IntN(len(w.events))].Timestamp + rng.Int64N(3) - 1
					span.To = span.From + rng.Int64N(hour<<rng.IntN(8))
				}
				end := ingest.PositionOf(rng.Int64N(4000), 0)
				back, heldMax, most := rng.IntN(2) == 0, 1<<(10+rng.IntN(12)), 1<<rng.IntN(13)
				got, want := w.scanned(t, span, end, back, heldMax, most), w.want(span, end, back, most)
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d, span %v, end %d, back %v, at most %d bytes held:\ngot  %v\nwant %v", seed, span, end, back, heldMax, got, want)
				}
			}
		})
	}
}
