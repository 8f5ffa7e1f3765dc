package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest"
)

// inSegments makes a store write all blocks of events into segments.
func inSegments(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s := open(t, fs)
	s.limits = checkpointLimits{tables: 0, segment: 0}
	return s
}

// segmentFile returns what is in a segment.
func segmentFile(t *testing.T, s *Store, number uint32) []byte {
	t.Helper()
	f, err := s.fs.Open(s.segments.path(number))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

// overwriteSegment replaces a segment, which the store has not opened for reading yet.
func overwriteSegment(t *testing.T, s *Store, number uint32, b []byte) {
	t.Helper()
	f, err := s.fs.Create(s.segments.path(number), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestGoldenSegment: a segment is its magic bytes, and then the blocks.
func TestGoldenSegment(t *testing.T) {
	t.Parallel()
	s := inSegments(t, vfs.NewMem())
	defer closeStore(t, s)
	c := checkpointOf(9, "x")
	c.Pending = *goldenPending()
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(segmentFile(t, s, 1)), hex.EncodeToString([]byte("weirblk"))+"01"+goldenBlock; got != want {
		t.Errorf("segment is\n%s, want\n%s", got, want)
	}
}

func (s *Store) segmentNames(t *testing.T) []string {
	t.Helper()
	names, err := s.fs.List(s.path(segmentsDir))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// TestSegmentsGoOn: where one is full another begins; what a crash left of those that no checkpoint knows is
// taken away; one that was open is not written again.
func TestSegmentsGoOn(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := inSegments(t, fs)
	s.segments.bytesMax = 1 // beyond the magic bytes from the beginning
	for i := range int64(3) {
		if err := s.Write(checkpointOf(i, "x", fmt.Sprint("id-", i))); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := s.segmentNames(t), []string{"00000001.blocks", "00000002.blocks", "00000003.blocks"}; !slices.Equal(got, want) {
		t.Fatalf("segments are %v, want %v", got, want)
	}
	third := segmentFile(t, s, 3)
	want := int64(len(segmentFile(t, s, 1)) + len(segmentFile(t, s, 2)) + len(third))
	closeStore(t, s)
	overwriteSegment(t, s, 4, []byte("left by a crash"))
	overwriteSegment(t, s, 5, nil)

	s = inSegments(t, fs)
	defer closeStore(t, s)
	if got := s.segmentNames(t); len(got) != 3 {
		t.Errorf("segments are %v after opening, want 3", got)
	}
	if got := s.segments.total.Load(); got != want {
		t.Errorf("segments have %d bytes, want %d", got, want)
	}
	if err := s.Write(checkpointOf(3, "x", "id-3")); err != nil {
		t.Fatal(err)
	}
	if got := s.segmentNames(t); len(got) != 4 || !bytes.Equal(segmentFile(t, s, 3), third) {
		t.Errorf("segments are %v, want 4, and the third as it was", got)
	}
	const all = "next 4; id-0=x@0 id-1=x@1 id-2=x@2 id-3=x@3; counter 4; seen [0 1 2 3]"
	if got := contents(t, s); got != all {
		t.Errorf("got %s\nwant %s", got, all)
	}
}

// TestSegmentDamaged: other bytes in a segment are told of, with the key of the block, by whoever reads them, and a comparison
// goes on; a segment that is gone or lost its tail is noticed at once.
func TestSegmentDamaged(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := inSegments(t, fs)
	if err := s.Write(checkpointOf(0, "x", "a")); err != nil {
		t.Fatal(err)
	}
	whole := segmentFile(t, s, 1)
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-1] ^= 1
	overwriteSegment(t, s, 1, damaged)
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	err = snapshot.Events(context.Background(), series, always, func(*Event) error { return nil })
	if !errors.Is(err, errCorruptSegment) || !strings.Contains(err.Error(), "at key 65") {
		t.Errorf("events say %v", err)
	}
	seen := Seen{Series: 1, Timestamp: 3_600_000_000_001}
	var e Event
	if err := s.LoadEvent([]byte("a"), &seen, &e); !errors.Is(err, errCorruptSegment) {
		t.Errorf("the event says %v", err)
	}
	if err := snapshot.Close(); err != nil {
		t.Fatal(err)
	}
	other := inSegments(t, vfs.NewMem())
	if err := other.Write(checkpointOf(0, "x", "a")); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(differences(t, s, other), "\n")
	if !strings.Contains(got, "segment of events is corrupt") || !strings.Contains(got, `event "a" revision 0`) {
		t.Errorf("differences are %s, want the block and what is in it in the other store", got)
	}
	closeStore(t, other)
	closeStore(t, s)

	overwriteSegment(t, s, 1, whole[:len(whole)-1])
	if _, err := Open(dir, Options{FS: fs, Partition: 3}); !errors.Is(err, errCorruptSegment) {
		t.Errorf("with a segment that is too short it opens: %v", err)
	}
	if err := fs.Remove(s.segments.path(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{FS: fs, Partition: 3}); err == nil {
		t.Error("without the segment it opens")
	}
	overwriteSegment(t, s, 1, whole)
	closeStore(t, open(t, fs))
}

// TestSegmentsAreClosed: however many are read beside each other, few stay open.
func TestSegmentsAreClosed(t *testing.T) {
	t.Parallel()
	const checkpoints = 3 * segmentsOpenMax
	s := inSegments(t, vfs.NewMem())
	s.segments.bytesMax = 1
	for i := range int64(checkpoints) {
		if err := s.Write(checkpointOf(i, "x", fmt.Sprintf("%03d", i))); err != nil {
			t.Fatal(err)
		}
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			snapshot, err := s.Snapshot()
			if err != nil {
				t.Error(err)
				return
			}
			defer snapshot.Close()
			n := 0
			err = snapshot.Events(context.Background(), series, always, func(*Event) error {
				n++
				return nil
			})
			if err != nil || n != checkpoints {
				t.Errorf("%d events are read (%v), want %d", n, err, checkpoints)
			}
		})
	}
	readers.Wait()
	if got := len(s.segments.open); got != segmentsOpenMax {
		t.Errorf("%d segments are open, want %d", got, segmentsOpenMax)
	}
	closeStore(t, s) // which the file system would panic at, if a file were closed twice
}

// TestLargeCheckpointIsWrittenOnce: nothing of it goes into the log of Pebble, and its events are in no table.
func TestLargeCheckpointIsWrittenOnce(t *testing.T) {
	t.Parallel()
	const events = 20_000
	fs := vfs.NewMem()
	s, err := Open(dir, Options{FS: fs, Partition: 3})
	if err != nil {
		t.Fatal(err)
	}
	before := s.db.Metrics().WAL.BytesIn
	l := newBenchLoad(100)
	c := new(Checkpoint)
	l.fill(&c.Pending, events)
	c.Progress.LogID, c.Progress.Next, c.Progress.SeriesNext = "log", 1<<40, 101
	for _, name := range l.names {
		c.PutName(name)
	}
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	m := s.db.Metrics()
	if got := m.WAL.BytesIn - before; got != 0 {
		t.Errorf("%d bytes went into the log of Pebble", got)
	}
	if m.BlobFiles.LiveCount != 0 || m.Total().TablesCount != 3 { // of blocks' keys, of rows, of ids
		t.Errorf("there are %d tables and %d files of values, want 3 and none", m.Total().TablesCount, m.BlobFiles.LiveCount)
	}
	if got := s.segments.total.Load(); got < 20*events || got > 40*events {
		t.Errorf("segments have %d bytes", got)
	}
	closeStore(t, s)
	if s, err = Open(dir, Options{FS: fs, Partition: 3}); err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	l.mustBeIn(t, s, events)
}

// mustBeIn reads all events of the load, in order, and looks up all their ids.
func (l *benchLoad) mustBeIn(t *testing.T, s *Store, events int) {
	t.Helper()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var ids []ingest.ID
	for _, name := range l.names {
		last := int64(0)
		err := snapshot.Events(context.Background(), name, always, func(e *Event) error {
			if e.Timestamp < last || len(e.Properties) != 3 || string(e.Properties[1].Text) != "eu-west-1" {
				t.Fatalf("event is %+v, after the time %d", e, last)
			}
			last = e.Timestamp
			ids = append(ids, ingest.IDKey(org, e.Subscription, e.TransactionID))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	if err := s.Lookup(ids, func(int, Seen) { found++ }); err != nil || len(ids) != events || found != events {
		t.Errorf("%d events are read and %d ids found (%v), want %d", len(ids), found, err, events)
	}
}
