package store

import (
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest/eventlog"
	"weir/ingest/eventlog/crashfs"
)

// makeFormat1 makes what a store of format 1 has left on the disk, as far as it is read.
func makeFormat1(t *testing.T, fs FS, stop string) {
	t.Helper()
	for _, sub := range []string{format1Dir, format1Tables} {
		if err := fs.MkdirAll(fs.PathJoin(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	db, err := pebble.Open(fs.PathJoin(dir, format1Dir), &pebble.Options{
		FS: fs, Comparer: format1Comparer, FormatMajorVersion: pebble.FormatTableFormatV6,
		Logger: pebbleLogger{slog.New(slog.DiscardHandler)},
	})
	if err != nil {
		t.Fatal(err)
	}
	// The bytes are those that it wrote: its version and partition; and log "log", next offset 300, checksum, next series 4, totals.
	progress, err := hex.DecodeString("02" + "036c6f67" + "ac02" + "0102030405060708" + "04" + "05" + "06" + "07" + "00" + "00" + "00" + "03" + "0100" + "0200" + "0300")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		db.Set([]byte{'m', 1}, []byte{1, 0, 0, 0, 3}, pebble.Sync),
		db.Set([]byte{'m', 2}, progress, pebble.Sync),
		db.Set(append([]byte("e0123456789abcdef"), "sub"...), []byte{1}, pebble.Sync),
	)
	if stop != "" {
		err = errors.Join(err, db.Set([]byte{'m', 3}, []byte(stop), pebble.Sync))
	}
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/", "/data", dir} {
		if err := syncDir(fs, name); err != nil {
			t.Fatal(err)
		}
	}
}

// mustBeGone looks whether anything of format 1 is left.
func mustBeGone(t *testing.T, fs FS) {
	t.Helper()
	for _, name := range []string{format1Dir, format1Tables, format1Removed} {
		if exists(fs, fs.PathJoin(dir, name)) {
			t.Errorf("%s is left", name)
		}
	}
}

// TestFormat1: a store of format 1 is made anew if the one who knows the log agrees, and refused if not.
func TestFormat1(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	makeFormat1(t, fs, "")
	no := errors.New("no")
	var asked []eventlog.Progress
	remake := func(err error) func(eventlog.Progress) error {
		return func(old eventlog.Progress) error {
			asked = append(asked, old)
			return err
		}
	}
	if _, err := Open(dir, Options{FS: fs, Partition: 3}); !errors.Is(err, ErrOther) {
		t.Errorf("nobody was asked: %v", err)
	}
	if _, err := Open(dir, Options{FS: fs, Partition: 3, Remake: remake(no)}); !errors.Is(err, ErrOther) || !errors.Is(err, no) {
		t.Errorf("it was not to be made anew: %v", err)
	}
	if _, err := Open(dir, Options{FS: fs, Partition: 4, Remake: remake(nil)}); !errors.Is(err, ErrOther) {
		t.Errorf("it is another partition's: %v", err)
	}
	if _, err := OpenReadOnly(dir, Options{FS: fs, Partition: 3, Remake: remake(nil)}); !errors.Is(err, ErrOther) {
		t.Errorf("it was only to be read: %v", err)
	}
	s, err := Open(dir, Options{FS: fs, Partition: 3, Remake: remake(nil)})
	if err != nil {
		t.Fatal(err)
	}
	want := eventlog.Progress{LogID: "log", Next: 300, Checksum: 0x0102030405060708}
	if len(asked) != 2 || asked[0] != want || asked[1] != want {
		t.Errorf("asked for %+v, want twice %+v", asked, want)
	}
	// The log that it was of is known, the rest comes from there.
	if got := s.Progress(); got.LogID != "log" || got.Next != 0 || got.Checksum != 0 || got.SeriesNext != 1 || got.Totals != (Totals{}) || s.Stopped() != "" {
		t.Errorf("the new store is at %+v, stopped for %q", got, s.Stopped())
	}
	if err := s.Write(checkpointOf(0, "x", "a", "b")); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, fs) // nobody needs to be asked again
	defer closeStore(t, s)
	if got := contents(t, s); got != afterFirst {
		t.Errorf("the new store has %s", got)
	}
	mustBeGone(t, fs)
}

// TestFormat1Stopped: what stopped a partition is for an operator to settle, in whatever format.
func TestFormat1Stopped(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	makeFormat1(t, fs, "another log")
	s, err := Open(dir, Options{FS: fs, Partition: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	if s.Stopped() != "another log" || s.Progress().LogID != "log" {
		t.Errorf("stopped for %q, of log %q", s.Stopped(), s.Progress().LogID)
	}
}

// TestFormat1Twice: a store of format 1 that came to be beside one of format 2 is not for us to judge.
func TestFormat1Twice(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs)
	if err := s.Write(checkpointOf(0, "x", "a", "b")); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	makeFormat1(t, fs, "")
	_, err := Open(dir, Options{FS: fs, Partition: 3, Remake: func(eventlog.Progress) error { return nil }})
	if !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), "beside") {
		t.Errorf("two stores: %v", err)
	}
}

// TestFormat1Cut: whenever the power is cut while a store is made anew, it is made anew the next time.
func TestFormat1Cut(t *testing.T) {
	t.Parallel()
	agree := func(eventlog.Progress) error { return nil }
	cuts := 0
	for cut := 1; ; cut++ {
		fs := crashfs.New()
		makeFormat1(t, fs, "")
		cutting := &cuttingFS{FS: fs, after: cut, cut: func() *crashfs.FS {
			return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(cut), 1))})
		}}
		s, err := Open(dir, Options{FS: cutting, Partition: 3, Remake: agree})
		if err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		if cutting.clone == nil {
			break
		}
		cuts++
		s, err = Open(dir, Options{FS: cutting.clone, Partition: 3, Remake: agree})
		if err != nil {
			t.Fatalf("after the cut at change %d: %v", cut, err)
		}
		if got := s.Progress(); got.LogID != "log" || got.Next != 0 {
			t.Errorf("after the cut at change %d it is at %+v", cut, got)
		}
		if err := s.Write(checkpointOf(0, "x", "a", "b")); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, s); got != afterFirst {
			t.Errorf("after the cut at change %d it has %s", cut, got)
		}
		closeStore(t, s)
		mustBeGone(t, cutting.clone)
	}
	if cuts < 4 {
		t.Errorf("only %d cuts", cuts)
	}
}

// cuttingFS clones a file system as a power cut leaves it, before the n-th change of names.
type cuttingFS struct {
	vfs.FS
	after int
	cut   func() *crashfs.FS
	clone *crashfs.FS
}

func (f *cuttingFS) count() {
	if f.after--; f.after == 0 {
		f.clone = f.cut()
	}
}

func (f *cuttingFS) Rename(from, to string) error {
	f.count()
	return f.FS.Rename(from, to)
}

func (f *cuttingFS) Remove(name string) error {
	f.count()
	return f.FS.Remove(name)
}

func (f *cuttingFS) RemoveAll(name string) error {
	f.count()
	return f.FS.RemoveAll(name)
}
