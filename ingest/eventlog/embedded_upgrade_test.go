package eventlog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"weir/ingest/eventlog/crashfs"
)

const formerID = "0e0f2a3c-5b7d-4e1f-8a9b-c0d1e2f30415"

// former is a log of format 1: the records of each partition from its start on.
type former struct {
	starts []int64
	values [][][]byte // by partition
	times  [][]int64
}

func (f *former) end(p int) int64 { return f.starts[p] + int64(len(f.values[p])) }

// write makes the store that format 1 had, and keeps nothing in memory.
func (f *former) write(t *testing.T, fs vfs.FS) {
	t.Helper()
	db, err := pebble.Open("log", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatTableFormatV6})
	if err != nil {
		t.Fatal(err)
	}
	set := func(key string, value []byte) {
		raw, err := hex.DecodeString(key)
		if err == nil {
			err = db.Set(raw, value, pebble.NoSync)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	setting := func(name, value string) { set("00"+hex.EncodeToString([]byte(name)), []byte(value)) }
	setting("format", "1")
	setting("id", formerID)
	setting("partitions", fmt.Sprint(len(f.values)))
	number := func(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
	for p := range f.values {
		for i, value := range f.values[p] {
			set(fmt.Sprintf("01%08x%016x", p, f.starts[p]+int64(i)), append(number(f.times[p][i]), value...))
		}
		if f.starts[p] > 0 {
			set(fmt.Sprintf("03%08x", p), number(f.starts[p]))
		}
		if f.end(p) > 0 {
			set(fmt.Sprintf("02%08x", p), number(f.end(p)))
		}
	}
	if err := errors.Join(db.Flush(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// check compares an upgraded log with it, and goes on appending.
func (f *former) check(t *testing.T, log *Embedded) {
	t.Helper()
	if got := log.Identity(); got.ID != formerID || int(got.Partitions) != len(f.values) {
		t.Fatalf("identity is %+v", got)
	}
	for p := range f.values {
		if start, end := mustRange(t, log, int32(p)); start != f.starts[p] || end != f.end(p) {
			t.Fatalf("partition %d: range is [%d, %d], want [%d, %d]", p, start, end, f.starts[p], f.end(p))
		}
		reader, err := log.Read(testContext(t), int32(p), f.starts[p])
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(f.values[p]); {
			records, err := reader.Next(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				if r.Offset != f.starts[p]+int64(i) || r.Time != f.times[p][i] || !bytes.Equal(r.Value, f.values[p][i]) {
					t.Fatalf("partition %d: record %d at %d came back as %d at %d", p, i, f.times[p][i], r.Offset, r.Time)
				}
				i++
			}
		}
		reader.Close()
	}
	for kind, until := range map[byte]byte{keyRecord: keyRecord + 1, keyEnd: keyEnd + 1} {
		iter, err := log.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{until}})
		if err != nil {
			t.Fatal(err)
		}
		if iter.First() {
			t.Errorf("the key %x is left of format 1", iter.Key())
		}
		if err := iter.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// someFormer has partitions of every kind: full ones, trimmed ones, one all of whose records were trimmed, an empty one.
func someFormer(records int) *former {
	f := &former{starts: []int64{0, 7, 40, 0}, values: make([][][]byte, 4), times: make([][]int64, 4)}
	for p, n := range []int{records, records / 2, 0, 0} {
		for i := range n {
			f.values[p] = append(f.values[p], seeded(uint64(p), i, 3000))
			f.times[p] = append(f.times[p], 1_700_000_000_000_000_000+int64(i/3)*1_000_003)
		}
	}
	return f
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	trimmed := &former{starts: []int64{0, 12}, values: make([][][]byte, 2), times: make([][]int64, 2)}
	empty := &former{starts: []int64{0}, values: make([][][]byte, 1), times: make([][]int64, 1)}
	for name, f := range map[string]*former{"some": someFormer(2000), "all trimmed": trimmed, "empty": empty} {
		fs := vfs.NewMem()
		f.write(t, fs)
		for range 2 { // the second opening has nothing to upgrade
			log := mustEmbedded(t, EmbeddedOptions{FS: fs, ID: formerID})
			f.check(t, log)
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
		log := mustEmbedded(t, EmbeddedOptions{FS: fs})
		last := len(f.values) - 1
		if got := mustAppend(t, log, int32(last), []byte("next")); got != f.end(last) {
			t.Errorf("%s: the next record has offset %d, want %d", name, got, f.end(last))
		}
	}
}

// A log of format 1 with a hole, or another end than its records have, is not upgraded.
func TestUpgradeCorrupt(t *testing.T) {
	t.Parallel()
	for name, key := range map[string][]byte{
		"first": recordKey(1, 7), "middle": recordKey(0, 3), "last": recordKey(0, 9), "end": partitionKey(keyEnd, 0),
	} {
		fs := vfs.NewMem()
		someFormer(10).write(t, fs)
		db, err := pebble.Open("log", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatTableFormatV6})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Delete(key, pebble.Sync), db.Close()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := OpenEmbedded("log", EmbeddedOptions{FS: fs}); err == nil || !strings.Contains(err.Error(), "corrupt log") {
				t.Errorf("%s: got %v, want a corrupt log", name, err)
			}
		}
	}
}

// TestUpgradePowerCut cuts the power at every write and sync of an upgrade: what
// is left is a whole log, in either form.
func TestUpgradePowerCut(t *testing.T) {
	t.Parallel()
	f := someFormer(300)
	former, upgraded := 0, 0
	for at := int64(0); ; at++ {
		disk := crashfs.New()
		f.write(t, disk)
		var operations atomic.Int64
		var left *crashfs.FS
		fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && operations.Add(1) == at+1 {
				left = disk.CrashClone(vfs.CrashCloneCfg{})
			}
			return nil
		}))
		log, err := OpenEmbedded("log", EmbeddedOptions{FS: fs, memtableBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // cuts after the upgrade, whatever Pebble writes by then
			if err := fs.MkdirAll("beside", 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if left == nil {
			break // there are not as many operations
		}
		switch format := storedFormat(t, left); format {
		case "1":
			former++
		case "2":
			upgraded++
		default:
			t.Fatalf("after a cut before operation %d the format is %q", at, format)
		}
		f.check(t, mustEmbedded(t, EmbeddedOptions{FS: left, memtableBytes: 64 << 10}))
	}
	if former < 10 || upgraded < 2 {
		t.Fatalf("%d cuts left the old form, %d the new one: the test tests little", former, upgraded)
	}
}

func storedFormat(t *testing.T, fs vfs.FS) string {
	t.Helper()
	db, err := pebble.Open("log", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatTableFormatV6})
	if err != nil {
		t.Fatal(err)
	}
	value, closer, err := db.Get(settingKey(settingFormat))
	if err != nil {
		t.Fatal(err)
	}
	format := string(value)
	if err := errors.Join(closer.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return format
}
