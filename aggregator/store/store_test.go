package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"weir/aggregator"
	"weir/ingest"
	"weir/ingest/eventlog/crashfs"
)

const dir = "/data/partition-00003"

func open(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(dir, Options{FS: fs, Partition: 3})
	if err != nil {
		t.Fatal(err)
	}
	// Small checkpoints, too, are written in all the ways that large ones are: each test has one of them.
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(t.Name()))
	s.limits = writtenAs[int(hash.Sum32()>>8)%len(writtenAs)]
	s.segments.bytesMax = 200
	return s
}

// writtenAs are the ways in which a checkpoint can be written.
var writtenAs = []checkpointLimits{
	checkpointLimitsDefault,
	{tables: 0, segment: math.MaxInt},
	{tables: math.MaxInt, segment: 0},
	{tables: 0, segment: 0},
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

var series = &SeriesName{Number: 1, Organization: org, Subscription: "sub", Code: "calls"}

// checkpointOf returns a checkpoint with events whose ids are those given, one a
// record, from an offset on; content tells otherwise equal events apart.
func checkpointOf(from int64, content string, ids ...string) *Checkpoint {
	pending := new(Pending)
	for i, id := range ids {
		e := ingest.Event{
			TransactionID: []byte(id), Subscription: []byte(series.Subscription), Code: []byte(series.Code),
			Timestamp: int64(time.Hour) + int64(len(id)), Properties: []ingest.Property{text("content", content)},
		}
		pending.Append(series, ingest.IDKey(org, e.Subscription, e.TransactionID), ingest.ContentHash32(&e), &e, ingest.PositionOf(from+int64(i), 0), 5)
	}
	c := &Checkpoint{Pending: *pending}
	c.Progress.LogID = "log"
	c.Progress.Next = from + int64(len(ids))
	c.Progress.Checksum = 77
	c.Progress.SeriesNext = 2
	c.Progress.Totals.Events = c.Progress.Next
	c.PutName(series)
	c.PutSeries(series, &Series{Number: 1, State: Counted})
	counter := aggregator.Counter{EventsCount: c.Progress.Next}
	c.PutCounter(1, aggregator.Definition{}, Hour, 1, "", &counter)
	return c
}

// contents lists all that a snapshot shows.
func contents(t *testing.T, s *Store) string {
	t.Helper()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "next %d;", snapshot.Progress().Next)
	ctx := context.Background()
	show := func(e *Event) error {
		fmt.Fprintf(&b, " %s=%s@%d", e.TransactionID, e.Properties[0].Text, e.Position.Offset())
		return nil
	}
	err = errors.Join(
		snapshot.Events(ctx, series, always, show),
		snapshot.Counters(ctx, 1, aggregator.Definition{}, Hour, aggregator.Span{From: 0, To: 10}, func(_ int32, _ []byte, c *aggregator.Counter) error {
			fmt.Fprintf(&b, "; counter %d", c.EventsCount)
			return nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	s.mustSee(t, &b)
	return b.String()
}

// mustSee appends the seen ids below the commit point, sorted by position.
func (s *Store) mustSee(t *testing.T, b *strings.Builder) {
	t.Helper()
	var offsets []int64
	if err := s.SeenIDs(func(_ ingest.ID, seen Seen) { offsets = append(offsets, seen.Position.Offset()) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(offsets)
	fmt.Fprintf(b, "; seen %v", offsets)
}

const (
	afterFirst  = "next 2; a=x@0 b=x@1; counter 2; seen [0 1]"
	afterSecond = "next 4; a=x@0 b=x@1 d=x@3 ccc=x@2; counter 4; seen [0 1 2 3]"
)

// TestCheckpointCut: a crash at any step of a checkpoint, with any part of what
// was not synced lost, leaves the state of one commit point, whole, however it and the one before were written.
func TestCheckpointCut(t *testing.T) {
	t.Parallel()
	for at := stepBuilt; at <= stepMerged; at++ {
		for _, percent := range []int{0, 30, 70, 100} {
			for seed := range uint64(4 * len(writtenAs)) {
				t.Run(fmt.Sprintf("step %d, %d%% unsynced kept, seed %d", at, percent, seed), func(t *testing.T) {
					t.Parallel()
					fs := crashfs.New()
					s := open(t, fs)
					s.limits = writtenAs[seed/4]
					if err := s.Write(checkpointOf(0, "x", "a", "b")); err != nil {
						t.Fatal(err)
					}
					var clone *crashfs.FS
					s.afterStep = func(done step) {
						if done == at {
							clone = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 1))})
						}
					}
					s.limits = writtenAs[seed%4]
					if err := s.Write(checkpointOf(2, "x", "ccc", "d")); err != nil {
						t.Fatal(err)
					}
					closeStore(t, s)
					want := afterFirst
					if at >= stepCommitted {
						want = afterSecond
					}
					s, err := OpenReadOnly(dir, Options{FS: clone, Partition: 3})
					if err != nil {
						t.Fatal(err)
					}
					if got := contents(t, s); got != want {
						t.Fatalf("after the crash, read-only:\n got %s\nwant %s", got, want)
					}
					closeStore(t, s)
					s = open(t, clone)
					defer closeStore(t, s)
					if got := contents(t, s); got != want {
						t.Fatalf("after the crash:\n got %s\nwant %s", got, want)
					}
					if at < stepCommitted { // the log is read again from the commit point on
						if err := s.Write(checkpointOf(2, "x", "ccc", "d")); err != nil {
							t.Fatal(err)
						}
					}
					if got := contents(t, s); got != afterSecond {
						t.Fatalf("after the replay:\n got %s\nwant %s", got, afterSecond)
					}
				})
			}
		}
	}
}

// TestCheckpointOfALostTail: a checkpoint that was cut before its commit, of records that the log
// then lost, leaves nothing behind when the log grows again.
func TestCheckpointOfALostTail(t *testing.T) {
	t.Parallel()
	fs := crashfs.New()
	s := open(t, fs)
	if err := s.Write(checkpointOf(0, "x", "a", "b")); err != nil {
		t.Fatal(err)
	}
	var clone *crashfs.FS
	s.afterStep = func(done step) {
		if done == stepBuilt {
			clone = fs.CrashClone(vfs.CrashCloneCfg{})
			if got := contents(t, s); got != afterFirst {
				t.Errorf("entries without a commit are shown: %s", got)
			}
		}
	}
	if err := s.Write(checkpointOf(2, "x", "ccc", "d")); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)

	s = open(t, clone)
	defer closeStore(t, s)
	if err := s.Write(checkpointOf(2, "y", "e", "d")); err != nil {
		t.Fatal(err)
	}
	want := "next 4; a=x@0 b=x@1 d=y@3 e=y@2; counter 4; seen [0 1 2 3]"
	if got := contents(t, s); got != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
	err := s.Lookup([]ingest.ID{ingest.IDKey(org, []byte("sub"), []byte("ccc"))}, func(int, Seen) {
		t.Error("an id of the lost tail is known")
	})
	if err != nil {
		t.Error(err)
	}
}

// TestSeriesNamedTwice: the owner lets a series go from memory and reads it again
// while events of it are pending. Their names are two, the series is one.
func TestSeriesNamedTwice(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	again := *series
	var pending Pending
	for i, id := range []string{"b", "a"} {
		name := []*SeriesName{series, &again}[i]
		e := ingest.Event{
			TransactionID: []byte(id), Subscription: []byte(name.Subscription), Code: []byte(name.Code),
			Timestamp: int64(time.Hour), Properties: []ingest.Property{text("content", "x")},
		}
		pending.Append(name, ingest.IDKey(org, e.Subscription, e.TransactionID), 0, &e, ingest.PositionOf(int64(i), 0), 5)
	}
	c := checkpointOf(2, "x")
	c.Pending = pending
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, s), "next 2; a=x@1 b=x@0; counter 2; seen [0 1]"; got != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
}

// TestLookupReadFault: an id whose block can't be read is not an id that was
// never seen. One fault among many ids must not get lost.
func TestLookupReadFault(t *testing.T) {
	t.Parallel()
	var faulty atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, ".sst") && faulty.CompareAndSwap(true, false) {
			return errorfs.ErrInjected
		}
		return nil
	}))
	s, err := Open(dir, Options{FS: fs, Partition: 3, Cache: noCache(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	var names []string
	var ids []ingest.ID
	for i := range 2000 { // several blocks of ids
		names = append(names, fmt.Sprint("id-", i))
		ids = append(ids, ingest.IDKey(org, []byte(series.Subscription), []byte(names[i])))
	}
	if err := s.Write(checkpointOf(0, "x", names...)); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Flush(); err != nil { // from memory nothing would be read
		t.Fatal(err)
	}
	slices.SortFunc(ids, func(a, b ingest.ID) int { return bytes.Compare(a[:], b[:]) })
	found := 0
	lookup := func() error {
		found = 0
		return s.Lookup(ids, func(int, Seen) { found++ })
	}
	if err := lookup(); err != nil || found != len(ids) {
		t.Fatalf("found %d of %d: %v", found, len(ids), err)
	}
	faulty.Store(true)
	if err := lookup(); err == nil {
		t.Fatalf("found %d of %d and no error", found, len(ids))
	}
	if faulty.Load() {
		t.Fatal("nothing was read")
	}
}

// noCache returns a cache that holds next to nothing.
func noCache(t *testing.T) *Cache {
	cache := NewCache(1)
	t.Cleanup(cache.Unref)
	return cache
}

func TestLookup(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	if err := s.Write(checkpointOf(0, "x", "a", "b")); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(checkpointOf(2, "x", "c")); err != nil {
		t.Fatal(err)
	}
	var ids []ingest.ID
	for _, id := range []string{"a", "b", "c", "never", "nowhere"} {
		ids = append(ids, ingest.IDKey(org, []byte("sub"), []byte(id)))
	}
	want := map[ingest.ID]int64{ids[0]: 0, ids[1]: 1, ids[2]: 2}
	slices.SortFunc(ids, func(a, b ingest.ID) int { return bytes.Compare(a[:], b[:]) })
	found := map[ingest.ID]int64{}
	if err := s.Lookup(ids, func(i int, seen Seen) { found[ids[i]] = seen.Position.Offset() }); err != nil {
		t.Fatal(err)
	}
	if len(found) != len(want) {
		t.Fatalf("found %v, want %v", found, want)
	}
	for id, offset := range want {
		if found[id] != offset {
			t.Errorf("id %x is at %d, want %d", id, found[id], offset)
		}
	}
}

// TestManyCheckpoints: compactions, which join the tables of checkpoints, change nothing.
func TestManyCheckpoints(t *testing.T) {
	t.Parallel()
	const checkpoints, each = 200, 20
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	var ids []ingest.ID
	for c := range int64(checkpoints) {
		var names []string
		for i := range int64(each) {
			names = append(names, fmt.Sprintf("%04d", (c+i*checkpoints)*7919%(checkpoints*each)))
			ids = append(ids, ingest.IDKey(org, []byte("sub"), []byte(names[i])))
		}
		if err := s.Write(checkpointOf(c*each, "x", names...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(ids, func(a, b ingest.ID) int { return bytes.Compare(a[:], b[:]) })
	found := 0
	if err := s.Lookup(ids, func(int, Seen) { found++ }); err != nil || found != checkpoints*each {
		t.Fatalf("%d ids are found (%v), want %d", found, err, checkpoints*each)
	}
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	next := 0
	err = snapshot.Events(context.Background(), series, always, func(e *Event) error {
		if want := fmt.Sprintf("%04d", next); string(e.TransactionID) != want {
			return fmt.Errorf("event %d is %q", next, e.TransactionID)
		}
		next++
		return nil
	})
	if err != nil || next != checkpoints*each {
		t.Fatalf("%d events are found (%v), want %d", next, err, checkpoints*each)
	}
}

func TestNewestAndByTransactionID(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	if err := s.Write(checkpointOf(0, "x", "a", "bb", "cc", "ddd")); err != nil {
		t.Fatal(err)
	}
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	ctx := context.Background()
	var newest []string
	err = snapshot.Newest(ctx, series, always, func(k *EventKey) (bool, error) {
		newest = append(newest, string(k.TransactionID))
		return len(newest) < 3, nil
	})
	if want := []string{"ddd", "cc", "bb"}; err != nil || !slices.Equal(newest, want) {
		t.Errorf("newest are %v (%v), want %v", newest, err, want)
	}
	for id, want := range map[string]int{"bb": 1, "zz": 0} {
		n := 0
		err := snapshot.ByTransactionID(ctx, org, id, func(e *Event) error {
			n++
			if string(e.TransactionID) != id || string(e.Subscription) != "sub" || string(e.Code) != "calls" || e.ReceivedAt != 5 {
				t.Errorf("event is %+v", e)
			}
			return nil
		})
		if err != nil || n != want {
			t.Errorf("%d events have the id %q (%v), want %d", n, id, err, want)
		}
	}
}

func TestAsides(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	c := new(Checkpoint)
	c.PutAside(&Aside{Position: 9, Reason: Malformed, Message: "no", Record: bytes.Repeat([]byte{1}, AsideBytesMax+1)})
	c.PutAside(&Aside{Position: 4, Reason: Conflict, Organization: org, Record: []byte("r")})
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var got []string
	err = snapshot.Asides(context.Background(), func(a Aside) error {
		got = append(got, fmt.Sprintf("%d %s %q %d", a.Position, a.Reason, a.Message, len(a.Record)))
		return nil
	})
	want := []string{`4 conflict "" 1`, fmt.Sprintf(`9 malformed "no" %d`, AsideBytesMax)}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("set aside are %v (%v), want %v", got, err, want)
	}
}

func TestStopLasts(t *testing.T) {
	t.Parallel()
	fs := crashfs.New()
	s := open(t, fs)
	if err := s.Stop("another log"); err != nil {
		t.Fatal(err)
	}
	fs2 := fs.CrashClone(vfs.CrashCloneCfg{})
	closeStore(t, s)
	s = open(t, fs2)
	if s.Stopped() != "another log" {
		t.Fatalf("stopped for %q", s.Stopped())
	}
	closeStore(t, s)
	if err := clearStop(fs2, dir, 3); err != nil {
		t.Fatal(err)
	}
	s = open(t, fs2)
	defer closeStore(t, s)
	if s.Stopped() != "" {
		t.Fatalf("still stopped for %q", s.Stopped())
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs)
	if _, err := Open(dir, Options{FS: fs, Partition: 3}); err == nil {
		t.Error("a store was opened twice")
	}
	closeStore(t, s)
	if _, err := Open(dir, Options{FS: fs, Partition: 4}); !errors.Is(err, ErrOther) {
		t.Errorf("another partition's store: %v", err)
	}
	if _, err := s.Snapshot(); !errors.Is(err, ErrClosed) {
		t.Errorf("snapshot of a closed store: %v", err)
	}
}

// TestScanEndsWithItsAsker: a scan ends when its asker goes, and when the store closes.
func TestScanEndsWithItsAsker(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	if err := s.Write(checkpointOf(0, "x", "a", "b")); err != nil {
		t.Fatal(err)
	}
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	none := func(*Event) error { return nil }
	if err := snapshot.Events(ctx, series, always, none); !errors.Is(err, context.Canceled) {
		t.Errorf("asker has gone: %v", err)
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	for !s.closing.Load() {
		time.Sleep(time.Millisecond)
	}
	if err := snapshot.Events(context.Background(), series, always, none); !errors.Is(err, ErrClosed) {
		t.Errorf("store is closing: %v", err)
	}
	if err := snapshot.Close(); err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestPrefixes: Pebble's filters lean on these rules.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	block := appendBlocksFrom(nil, 0x01ff, 48, 7)
	if n := comparer.Split(block); n != 13 {
		t.Errorf("prefix of a block's key has %d bytes", n)
	}
	next := comparer.ImmediateSuccessor(nil, block[:13])
	if want := appendBlocksOf(nil, 2, 0x0200); !bytes.Equal(next, want) {
		t.Errorf("successor is %x, want %x", next, want)
	}
	if next := comparer.ImmediateSuccessor(nil, appendBlocksOf(nil, 2, math.MaxUint64)); !bytes.Equal(next, appendBlocksOf(nil, 3, 0)) {
		t.Errorf("successor of the last series of a day is %x", next)
	}
	if next := comparer.ImmediateSuccessor(nil, []byte{spaceMeta, 1}); !bytes.Equal(next, []byte{spaceMeta, 1, 0}) {
		t.Errorf("successor of a whole key is %x", next)
	}
}
