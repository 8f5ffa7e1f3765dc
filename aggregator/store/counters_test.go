package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/aggregator"
	"weir/ingest/eventlog/crashfs"
)

var (
	oldDefinition = aggregator.Definition{1, 15: 0xff}
	newDefinition = aggregator.Definition{1, 14: 1} // the next one in the order of keys
)

// countersOf lists a series' counters and cells of a definition.
func countersOf(t *testing.T, s *Store, number uint64, d aggregator.Definition) string {
	t.Helper()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var b strings.Builder
	ctx := context.Background()
	for _, w := range []Window{Hour, Day} {
		err = errors.Join(err, snapshot.Counters(ctx, number, d, w, aggregator.Span{From: 0, To: 100}, func(number int32, cell []byte, c *aggregator.Counter) error {
			fmt.Fprintf(&b, "%d.%d%s=%d ", w, number, cell, c.EventsCount)
			return nil
		}))
	}
	err = errors.Join(err, snapshot.Cells(ctx, number, d, func(cell []byte) error {
		fmt.Fprintf(&b, "[%s]", cell)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func counterOf(events int64) *aggregator.Counter { return &aggregator.Counter{EventsCount: events} }

// withCounters is a store whose series 1 and 2 are counted by the old definition.
func withCounters(t *testing.T, fs FS) *Store {
	t.Helper()
	s := open(t, fs)
	c := checkpointOf(0, "x", "a", "b")
	c.PutSeries(series, &Series{Number: 1, State: Counted, Definition: oldDefinition, DayMax: 1})
	for number := range uint64(2) {
		c.PutCell(number+1, oldDefinition, "k")
		c.PutCounter(number+1, oldDefinition, Hour, 24, "k", counterOf(2))
		c.PutCounter(number+1, oldDefinition, Day, 1, "k", counterOf(2))
	}
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	return s
}

const oldCounters = "1.24k=2 2.1k=2 [k]"

func TestDropCounters(t *testing.T) {
	t.Parallel()
	s := withCounters(t, vfs.NewMem())
	defer closeStore(t, s)
	// What is dropped is what was written before, not what this checkpoint writes, and
	// not what is of another series or definition.
	c := &Checkpoint{Progress: s.Progress()}
	c.PutCounter(1, newDefinition, Hour, 3, "", counterOf(7))
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	c = &Checkpoint{Progress: s.Progress()}
	c.DropCounters(1, oldDefinition)
	c.PutCounter(1, oldDefinition, Hour, 2, "", counterOf(9))
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	f := func(number uint64, d aggregator.Definition, want string) {
		t.Helper()
		if got := countersOf(t, s, number, d); got != want {
			t.Errorf("series %d has by definition %x: %q, want %q", number, d, got, want)
		}
	}
	f(1, oldDefinition, "1.2=9 ")
	f(1, newDefinition, "1.3=7 ")
	f(2, oldDefinition, oldCounters)
	if err := s.DropCounters(1, newDefinition); err != nil {
		t.Fatal(err)
	}
	f(1, oldDefinition, "1.2=9 ")
	f(1, newDefinition, "")
}

// TestRebuildInChunks: counters of another definition come in several batches, and a
// crash after any of them, with any part of what was not synced lost, leaves what was
// written and the old counters in force. A checkpoint switches, and drops the old ones.
func TestRebuildInChunks(t *testing.T) {
	t.Parallel()
	const chunks = 4
	for cut := range chunks + 2 {
		for _, percent := range []int{0, 50, 100} {
			t.Run(fmt.Sprintf("crash after %d, %d%% unsynced kept", cut, percent), func(t *testing.T) {
				t.Parallel()
				fs := crashfs.New()
				s := withCounters(t, fs)
				rng := rand.New(rand.NewPCG(uint64(cut), 1))
				rebuild(t, s, cut)
				clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
				closeStore(t, s)

				s = open(t, clone)
				defer closeStore(t, s)
				written := min(cut, chunks)
				var want string
				for i := range written {
					want += fmt.Sprintf("1.%dk=%d ", i, i+1)
				}
				if written > 0 {
					want += "[k]"
				}
				if got := countersOf(t, s, 1, newDefinition); got != want {
					t.Errorf("new counters are %q, want %q", got, want)
				}
				wantOld, wantRow := oldCounters, oldDefinition
				if cut > chunks {
					wantOld, wantRow = "", newDefinition
				}
				if got := countersOf(t, s, 1, oldDefinition); got != wantOld {
					t.Errorf("old counters are %q, want %q", got, wantOld)
				}
				if row, ok, err := s.Series(org, "sub", "calls"); err != nil || !ok || row.State != Counted || row.Definition != wantRow {
					t.Errorf("row is %+v (%v, %v), want definition %x", row, ok, err, wantRow)
				}
				mustDefine(t, s, map[aggregator.Definition]bool{oldDefinition: wantOld != "", newDefinition: written > 0})
				if err := s.DropCounters(1, newDefinition); err != nil { // what another rebuild begins with
					t.Fatal(err)
				}
				if got := countersOf(t, s, 1, newDefinition); got != "" {
					t.Errorf("after the drop there is %q", got)
				}
			})
		}
	}
}

// rebuild writes up to steps chunks of a rebuild, and then the switch.
func rebuild(t *testing.T, s *Store, steps int) {
	t.Helper()
	const chunks = 4
	chunk := NewCounters(1, newDefinition)
	for i := range min(steps, chunks) {
		chunk.Reset()
		chunk.PutCell("k")
		chunk.PutCounter(Hour, int32(i), "k", counterOf(int64(i)+1))
		if chunk.Bytes() == 0 {
			t.Error("a chunk of no bytes")
		}
		if err := s.WriteCounters(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if steps <= chunks {
		return
	}
	c := checkpointOf(2, "x", "c")
	c.PutSeries(series, &Series{Number: 1, State: Counted, Definition: newDefinition})
	c.DropCounters(1, oldDefinition)
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
}

func mustDefine(t *testing.T, s *Store, want map[aggregator.Definition]bool) {
	t.Helper()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var wanted []aggregator.Definition
	// checkpointOf counts by the zero definition too
	for _, d := range []aggregator.Definition{{}, oldDefinition, newDefinition} {
		if want[d] || d == (aggregator.Definition{}) {
			wanted = append(wanted, d)
		}
	}
	wanted = sortedDefinitions(wanted)
	if got, err := snapshot.Definitions(1); err != nil || !slices.Equal(got, wanted) {
		t.Errorf("definitions are %x (%v), want %x", got, err, wanted)
	}
	if got, err := snapshot.Definitions(99); err != nil || len(got) != 0 {
		t.Errorf("definitions of a series without counters are %x, %v", got, err)
	}
}

// TestRebuildBesideCheckpoints: chunks and checkpoints are written at the same time.
func TestRebuildBesideCheckpoints(t *testing.T) {
	t.Parallel()
	const rounds, builders = 40, 3
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	var building sync.WaitGroup
	for builder := range uint64(builders) {
		building.Go(func() {
			chunk := NewCounters(builder+10, newDefinition)
			for i := range int32(rounds) {
				chunk.Reset()
				chunk.PutCounter(Hour, i, "", counterOf(int64(builder)))
				if err := s.WriteCounters(chunk); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range int64(rounds) {
		if err := s.Write(checkpointOf(i, "x", fmt.Sprint("id-", i))); err != nil {
			t.Error(err)
		}
	}
	building.Wait()
	for builder := range uint64(builders) {
		if got := strings.Count(countersOf(t, s, builder+10, newDefinition), fmt.Sprintf("=%d ", builder)); got != rounds {
			t.Errorf("rebuild %d has %d counters, want %d", builder, got, rounds)
		}
	}
	if got := s.Progress().Next; got != rounds {
		t.Errorf("commit point is %d, want %d", got, rounds)
	}
}

// TestSeriesPage: pages of any size, each of a snapshot of its own, show every series once.
func TestSeriesPage(t *testing.T) {
	t.Parallel()
	o := newOwner(t, open(t, vfs.NewMem()))
	defer closeStore(t, o.store)
	for _, sub := range allSubs {
		for _, code := range allCodes {
			o.take(entryOf{id: "a" + code, sub: sub, code: code})
		}
	}
	o.checkpoint()
	var want []string
	for _, name := range o.allSeries() {
		want = append(want, fmt.Sprintf("%d %q %q", name.Number, name.Subscription, name.Code))
	}
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []string
		var next []byte
		for pages := 1; ; pages++ {
			snapshot := o.snapshot()
			page, from, err := snapshot.SeriesPage(context.Background(), next, limit)
			if err = errors.Join(err, snapshot.Close()); err != nil {
				t.Fatal(err)
			}
			for _, row := range page {
				got = append(got, fmt.Sprintf("%d %q %q", row.Name.Number, row.Name.Subscription, row.Name.Code))
				if row.Row.Number != row.Name.Number || row.Name.Organization != org {
					t.Errorf("row is %+v", row)
				}
			}
			if next = from; next == nil {
				if wantPages := (len(want) + limit - 1) / limit; pages != wantPages {
					t.Errorf("%d pages of %d, want %d", pages, limit, wantPages)
				}
				break
			}
		}
		slices.Sort(got)
		sorted := slices.Sorted(slices.Values(want))
		if !slices.Equal(got, sorted) {
			t.Errorf("pages of %d: %v, want %v", limit, got, sorted)
		}
	}
}
