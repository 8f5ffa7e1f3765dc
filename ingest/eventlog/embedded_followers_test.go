package eventlog

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const followedTailBytes = 64 << 10

// followed opens a log with a small tail, and a reader that has taken its first record.
func followed(t *testing.T, patience time.Duration) (*Embedded, *embeddedReader) {
	t.Helper()
	log, err := OpenEmbedded("log", EmbeddedOptions{
		Partitions: 2, FS: vfs.NewMem(), tailBytes: followedTailBytes, tailDropped: untouched(t), patience: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	mustAppend(t, log, 0, followedValue(0))
	reader, err := log.Read(testContext(t), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	if list, err := reader.Next(testContext(t)); err != nil || len(list) != 1 {
		t.Fatalf("%d records, error %v", len(list), err)
	}
	return log, reader.(*embeddedReader)
}

func followedValue(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 4<<10) }

// untilHeld appends one record after the other until one is held, and returns its answer
// and its offset. Half a tail and two records are enough.
func untilHeld(t *testing.T, log *Embedded) (held <-chan answer, offset int64) {
	t.Helper()
	for offset = 1; offset < followedTailBytes/2/(4<<10)+2; offset++ {
		held = appendAsync(log, 0, followedValue(int(offset)))
		for len(held) == 0 {
			if log.followers.waited.Load() {
				return held, offset
			}
			runtime.Gosched()
		}
		if a := wait(t, held); a.err != nil {
			t.Fatal(a.err)
		}
	}
	t.Fatal("no append is held")
	return nil, 0
}

// readFollowed reads the records behind the first up to last, and compares them.
func readFollowed(t *testing.T, r *embeddedReader, last int64) {
	t.Helper()
	for next := int64(1); next <= last; {
		list, err := r.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range list {
			if record.Offset != next || !bytes.Equal(record.Value, followedValue(int(next))) {
				t.Fatalf("record %d begins with %x, want record %d", record.Offset, record.Value[:1], next)
			}
			next++
		}
	}
}

// TestEmbeddedFollower: what is appended waits for a reader at the end that falls behind,
// and goes on with it, or when it ends.
func TestEmbeddedFollower(t *testing.T) {
	t.Parallel()
	for name, goOn := range map[string]func(t *testing.T, r *embeddedReader, last int64){
		"reads":  readFollowed,
		"closes": func(_ *testing.T, r *embeddedReader, _ int64) { r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, reader := followed(t, time.Hour)
			held, offset := untilHeld(t, log)
			if _, end := mustRange(t, log, 0); end != offset || len(held) > 0 {
				t.Fatalf("record %d is held, and the log ends at %d", offset, end)
			}
			goOn(t, reader, offset)
			if a := wait(t, held); a.err != nil || a.offset != offset {
				t.Errorf("record %d is answered with %d, %v", offset, a.offset, a.err)
			}
		})
	}
}

// TestEmbeddedFollowerStands: a reader that takes nothing is not waited for any more, and
// is waited for again when it is back at the tail.
func TestEmbeddedFollowerStands(t *testing.T) {
	t.Parallel()
	log, reader := followed(t, 20*time.Millisecond)
	var offset int64
	var held <-chan answer
	held, offset = untilHeld(t, log)
	if a := wait(t, held); a.err != nil {
		t.Fatal(a.err)
	}
	const more = 100
	for range more {
		offset++
		mustAppend(t, log, 0, followedValue(int(offset)))
	}
	if n := len(log.followers.readers); n != 0 { // nobody else is about
		t.Fatalf("%d followers, and the only one stands", n)
	}
	readFollowed(t, reader, offset)
	mustAppend(t, log, 0, nil)
	if list, err := reader.Next(testContext(t)); err != nil || len(list) != 1 {
		t.Fatalf("%d records, error %v", len(list), err)
	}
	if n := len(log.followers.readers); n != 1 {
		t.Errorf("%d followers, and one reader is at the end", n)
	}
}

// TestEmbeddedFrameInUse: the memory of a frame is used again, but not before the last
// reader has let go of it.
func TestEmbeddedFrameInUse(t *testing.T) {
	t.Parallel()
	log, reader := followed(t, time.Nanosecond)
	first := reader.records[0]
	inUse := reader.frames[0]
	appended := map[*frame]bool{}
	log.tail.mu.Lock()
	log.tail.dropped = func(f *frame) { appended[f] = true }
	log.tail.mu.Unlock()
	const records = 100
	for i := range records {
		mustAppend(t, log, 1, followedValue(i))
	}
	if !appended[inUse] {
		t.Fatal("the frame is still in the tail")
	}
	if n := len(appended); n > records/2 {
		t.Errorf("%d frames for %d records: none is used again", n, records)
	}
	if !bytes.Equal(first.Value, followedValue(0)) {
		t.Error("a record has changed while its reader may use it")
	}
	reader.Close()
	if n := inUse.users.Load(); n != 0 {
		t.Errorf("the frame has %d users after the last", n)
	}
	log.frames.mu.Lock()
	defer log.frames.mu.Unlock()
	if log.frames.free[len(log.frames.free)-1] != inUse {
		t.Error("the frame is not used again")
	}
}
