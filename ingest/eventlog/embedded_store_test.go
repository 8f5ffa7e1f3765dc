package eventlog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The keys on the disk. They are for ever: a change here is a change of the format.
func TestEmbeddedGoldenKeys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"setting", settingKey("id"), "006964"},
		{"start", partitionKey(keyStart, 258), "03" + "00000102"},
		{"frame", frameKey(0x0102030405060708), "66" + "0102030405060708"},
		{"first frame", frameKey(0), "66" + "0000000000000000"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(tt.got); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestEmbeddedStore pins what a new log writes, key by key.
func TestEmbeddedStore(t *testing.T) {
	t.Parallel()
	log := mustEmbedded(t, EmbeddedOptions{FS: vfs.NewMem(), Partitions: 3})
	mustAppend(t, log, 2, []byte("ab"))
	mustAppend(t, log, 1, []byte("c"))
	iter, err := log.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	var got []string
	for valid := iter.First(); valid; valid = iter.Next() {
		value := bytes.Clone(iter.Value())
		if iter.Key()[0] == keyFrame { // the time, and the header's checksum, which the time is in, are never the same
			clear(value[1:frameHeaderStart])
			clear(value[26-4 : 26])
		}
		got = append(got, hex.EncodeToString(iter.Key())+"="+hex.EncodeToString(value))
	}
	// A header of 3 partitions, one with a record, has 1 + 8 + 1 + 3 * 2 + 2 + 4 = 22 bytes, and 4 of its checksum.
	const time, checksum = "0000000000000000", "00000000"
	want := []string{
		hex.EncodeToString([]byte("\x00format")) + "=32",
		hex.EncodeToString([]byte("\x00id")) + "=" + hex.EncodeToString([]byte(log.Identity().ID)),
		hex.EncodeToString([]byte("\x00partitions")) + "=33",
		"660000000000000000=01" + time + "03" + "0000" + "0000" + "0001" + "0404e4c336a2" + checksum + "02006162",
		"660000000000000001=01" + time + "03" + "0000" + "0001" + "0303b7b35192" + "0100" + checksum + "010063",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("the store holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// storedFrames reads the headers of all frames.
func storedFrames(t *testing.T, log *Embedded) []storedFrame {
	t.Helper()
	iter, err := log.db.NewIter(frameBounds(0, math.MaxUint64))
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	var frames []storedFrame
	for valid := iter.First(); valid; valid = iter.Next() {
		var f storedFrame
		if err := f.parse(bytes.Clone(iter.Value()), len(log.partitions)); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
	return frames
}

// trim does what a later trim will do: it writes the starts, and drops the frames
// all of whose records lie below them, but never the last, which has the ends.
func trim(t *testing.T, log *Embedded, starts ...int64) {
	t.Helper()
	batch := log.db.NewBatch()
	for p, start := range starts {
		value := binary.BigEndian.AppendUint64(nil, uint64(start))
		if err := batch.Set(partitionKey(keyStart, int32(p)), value, nil); err != nil {
			t.Fatal(err)
		}
	}
	frames := storedFrames(t, log)
	below := func(f *storedFrame) bool {
		for p := range f.parts {
			if f.parts[p].end() > starts[p] {
				return false
			}
		}
		return true
	}
	n := uint64(0)
	for n < uint64(len(frames))-1 && below(&frames[n]) {
		n++
	}
	if err := errors.Join(batch.DeleteRange(frameKey(0), frameKey(n), nil), batch.Commit(pebble.Sync)); err != nil {
		t.Fatal(err)
	}
}

// TestEmbeddedTrimmed: the end is known although no record is left to read, and
// offsets go on from it.
func TestEmbeddedTrimmed(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	log := mustEmbedded(t, EmbeddedOptions{FS: fs, Partitions: 2})
	for i := range 5 { // one frame for each record
		mustAppend(t, log, 0, numbered(0, i))
		mustAppend(t, log, 1, numbered(1, i))
	}
	trim(t, log, 3, 5)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = mustEmbedded(t, EmbeddedOptions{FS: fs})
	if n := len(storedFrames(t, log)); n != 4 { // records 3 and 4 of partition 0, those of 1 between and after
		t.Fatalf("%d frames are left, want 4", n)
	}
	for partition, want := range map[int32]int64{0: 3, 1: 5} {
		if start, end := mustRange(t, log, partition); start != want || end != 5 {
			t.Errorf("partition %d: range is [%d, %d], want [%d, 5]", partition, start, end, want)
		}
		if _, err := log.Read(testContext(t), partition, want-1); !errors.Is(err, ErrOutOfRange) {
			t.Errorf("reading below the start: got %v, want ErrOutOfRange", err)
		}
		if offset := mustAppend(t, log, partition, []byte("next")); offset != 5 {
			t.Errorf("partition %d goes on at %d, want 5", partition, offset)
		}
		if got := readAll(t, log, partition, want, 6); string(got[len(got)-1]) != "next" {
			t.Errorf("partition %d: read %q", partition, got)
		}
	}
	id := log.Identity().ID
	for _, tt := range []struct {
		progress Progress
		want     MismatchField
	}{
		{Progress{}, MismatchRange},
		{Progress{id, 3, Checksum(numbered(0, 2))}, MismatchChecksum}, // nothing left to prove it
		{Progress{id, 4, Checksum(numbered(0, 3))}, ""},
	} {
		err := Verify(testContext(t), log, 0, tt.progress)
		var mismatch *MismatchError
		if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, &mismatch) || mismatch.Field != tt.want) {
			t.Errorf("%+v: got %v, want a mismatch of %q", tt.progress, err, tt.want)
		}
	}
}

// Frames that are missing at the beginning are found when the log is opened, and
// inside when they are read. The last one can't be missed: it is what says where the log ends.
func TestEmbeddedLostFrames(t *testing.T) {
	t.Parallel()
	for lose, want := range map[uint64]string{0: "partition 0 should start at 0", 2: "frame 3 where 2 should be"} {
		fs := vfs.NewMem()
		log := mustEmbedded(t, EmbeddedOptions{FS: fs, Partitions: 1})
		for i := range 5 {
			mustAppend(t, log, 0, numbered(0, i))
		}
		if err := errors.Join(log.db.Delete(frameKey(lose), pebble.Sync), log.Close()); err != nil {
			t.Fatal(err)
		}
		log, err := OpenEmbedded("log", EmbeddedOptions{FS: fs})
		if err == nil {
			t.Cleanup(func() { _ = log.Close() })
			reader, readErr := log.Read(testContext(t), 0, 0)
			if readErr != nil {
				t.Fatal(readErr)
			}
			defer reader.Close()
			_, err = reader.Next(testContext(t))
		}
		if err == nil || !strings.Contains(err.Error(), "corrupt log") || !strings.Contains(err.Error(), want) {
			t.Errorf("frame %d: got %v, want a corrupt log, %s", lose, err, want)
		}
	}
}

// TestEmbeddedNothingRewritten: frames go to the write-ahead log and into one
// table, and no compaction reads them again, however many tables there are.
func TestEmbeddedNothingRewritten(t *testing.T) {
	t.Parallel()
	// Pebble begins to compact level 0 at 500 tables. Each of these values, which do
	// not compress, is more than half a memtable and gets a table of its own.
	const values, valueBytes, memtableBytes = 700, 40 << 10, 64 << 10
	fs := vfs.NewMem()
	log := mustEmbedded(t, EmbeddedOptions{FS: fs, Partitions: 4, memtableBytes: memtableBytes})
	value := make([]byte, valueBytes)
	random := rand.NewChaCha8([32]byte{1})
	for i := range values {
		if _, err := random.Read(value); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, log, int32(i%4), value)
	}
	if err := log.db.Flush(); err != nil {
		t.Fatal(err)
	}
	m := log.db.Metrics()
	flushed, compacted := tableBytesWritten(m)
	const payload = values * valueBytes
	if written := m.WAL.BytesWritten + flushed + compacted; written > payload*21/10 {
		t.Errorf("%d bytes were written for %d", written, payload)
	}
	if err := log.Close(); err != nil { // waits for a compaction under way
		t.Fatal(err)
	}
	tables := mustEmbedded(t, EmbeddedOptions{FS: fs}).db.Metrics()
	for level := range tables.Levels {
		if n := tables.Levels[level].TablesCount; level > 0 && n > 0 || level == 0 && n <= 500 {
			t.Errorf("level %d has %d tables", level, n)
		}
	}
}

// TestScribbleNoticed: readers at the end share the frames. Whoever writes to a
// record that is not his is found out when the frame leaves the memory, which is
// what the other tests rely on.
func TestScribbleNoticed(t *testing.T) {
	t.Parallel()
	for _, scribble := range []bool{false, true} {
		noticed := 0
		log := mustEmbedded(t, EmbeddedOptions{FS: vfs.NewMem(), Partitions: 1, tailDropped: func(f *frame) {
			before := f.parts[0].sum
			if f.sumSections(); f.parts[0].sum != before {
				noticed++
			}
		}})
		mustAppend(t, log, 0, []byte("shared"))
		var values [2][]byte // of two readers
		for i := range values {
			reader, err := log.Read(testContext(t), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			records, err := reader.Next(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			values[i] = records[0].Value
		}
		if &values[0][0] != &values[1][0] {
			t.Fatal("two readers at the end have two copies: the test tests nothing")
		}
		if cap(values[0]) != len(values[0]) {
			t.Errorf("a record has room for %d bytes more: append would write over the next one", cap(values[0])-len(values[0]))
		}
		if scribble {
			values[0][0] ^= 1
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if (noticed == 1) != scribble {
			t.Errorf("scribbled: %v; noticed %d times", scribble, noticed)
		}
	}
}
