package eventlog

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// XXH64's published test vectors, seed 0.
func TestChecksumGolden(t *testing.T) {
	t.Parallel()
	tests := map[string]uint64{
		"":    0xef46db3751d8e999,
		"a":   0xd24ec4f1a98c6e5b,
		"abc": 0x44bc2cf5ad770999,
	}
	for value, want := range tests {
		if got := Checksum([]byte(value)); got != want {
			t.Errorf("Checksum(%q) is %#x, want %#x", value, got, want)
		}
	}
}

func mustEmbedded(t testing.TB, opts EmbeddedOptions) *Embedded {
	t.Helper()
	log, err := OpenEmbedded("log", opts)
	if err != nil {
		t.Fatalf("cannot open: %v", err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func TestEmbeddedSecondOpening(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]EmbeddedOptions{"memory": {FS: vfs.NewMem()}, "disk": {}} {
		dir := filepath.Join(t.TempDir(), "log")
		first, err := OpenEmbedded(dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenEmbedded(dir, opts); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("%s: second opening: got %v, want an error that says the directory is in use", name, err)
		}
		mustAppend(t, first, 0, []byte("still works"))
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := OpenEmbedded(dir, opts)
		if err != nil {
			t.Fatalf("%s: opening after Close: %v", name, err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A store that is something else is not overwritten.
func TestEmbeddedForeignStore(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	db, err := pebble.Open("log", &pebble.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("theirs"), nil, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEmbedded("log", EmbeddedOptions{FS: fs}); err == nil || !strings.Contains(err.Error(), "not a log") {
		t.Fatalf("got %v, want a refusal", err)
	}
}

// isWALSync tells whether Pebble is about to sync its write-ahead log.
func isWALSync(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return strings.HasSuffix(op.Path, ".log")
	}
	return false
}

// TestEmbeddedDurableEnd holds a sync up: until it has returned, nobody sees the
// record, although Pebble itself shows it.
func TestEmbeddedDurableEnd(t *testing.T) {
	t.Parallel()
	var hold atomic.Bool
	syncing, release := make(chan struct{}, 16), make(chan struct{})
	goOn := sync.OnceFunc(func() { hold.Store(false); close(release) })
	defer goOn()
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if hold.Load() && isWALSync(op) {
			syncing <- struct{}{}
			<-release
		}
		return nil
	}))
	log := mustEmbedded(t, EmbeddedOptions{FS: fs, Partitions: 1})
	mustAppend(t, log, 0, []byte("durable"))
	reader, err := log.Read(testContext(t), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()

	hold.Store(true)
	answers := appendAsync(log, 0, []byte("not yet"))
	<-syncing
	if _, closer, err := log.db.Get(frameKey(1)); err != nil {
		t.Fatalf("Pebble does not show the unsynced record, so this tests nothing: %v", err)
	} else if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
	defer cancel()
	if records, err := reader.Next(short); err != nil || len(records) != 1 {
		t.Errorf("reader got %d records, %v, want the durable one", len(records), err)
	}
	if records, err := reader.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reader got %d records that are not durable, %v", len(records), err)
	}
	if _, end := mustRange(t, log, 0); end != 1 {
		t.Errorf("end is %d while the second record is being synced, want 1", end)
	}
	if _, err := log.Read(testContext(t), 0, 2); !errors.Is(err, ErrOutOfRange) {
		t.Errorf("reading beyond the durable end: got %v, want ErrOutOfRange", err)
	}
	select {
	case a := <-answers:
		t.Errorf("acknowledged before the sync returned: %+v", a)
	default:
	}
	goOn()
	if a := wait(t, answers); a.err != nil || a.offset != 1 {
		t.Fatalf("after the sync: %+v", a)
	}
	if records, err := reader.Next(testContext(t)); err != nil || string(records[0].Value) != "not yet" {
		t.Fatalf("after the sync the reader got %v", err)
	}
}

// TestEmbeddedFaults breaks the disk in several places under load: nothing is
// acknowledged that is not there after a power cut, the log says that it has
// failed, every append is answered, and reading what was durable goes on.
func TestEmbeddedFaults(t *testing.T) {
	t.Parallel()
	isWAL := func(op errorfs.Op) bool { return strings.HasSuffix(op.Path, ".log") }
	faults := map[string]func(op errorfs.Op) bool{
		"WAL sync":     isWALSync,
		"WAL write":    func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite && isWAL(op) },
		"WAL creation": func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate && isWAL(op) },
		"everything":   func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite },
	}
	for name, hits := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			breakDisk(t, hits)
		})
	}
}

func breakDisk(t *testing.T, hits func(op errorfs.Op) bool) {
	disk := vfs.NewCrashableMem()
	var broken atomic.Bool
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && hits(op) {
			return errorfs.ErrInjected
		}
		return nil
	}))
	log, err := OpenEmbedded("log", EmbeddedOptions{FS: fs, Partitions: 1, memtableBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, log, 0, 50)
	reader, err := log.Read(testContext(t), 0, 50)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if log.Failed() != nil {
		t.Fatalf("failed before the disk broke: %v", log.Failed())
	}

	broken.Store(true)
	var mu sync.Mutex
	acknowledged := map[int64][]byte{}
	var answered sync.WaitGroup
	for i := 0; log.Failed() == nil && i < 100_000; i++ {
		value := seeded(99, i, 2000)
		answered.Add(1)
		log.Append(0, value, nil, func(offset int64, err error) {
			defer answered.Done()
			if errors.Is(err, ErrOverloaded) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				acknowledged[offset] = value
			} else if !errors.Is(err, ErrFailed) {
				t.Errorf("append: got %v, want ErrFailed", err)
			}
		})
	}
	answered.Wait()
	if err := log.Failed(); !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "injected") {
		t.Fatalf("Failed is %v, want ErrFailed and its cause", err)
	}
	if a := wait(t, appendAsync(log, 0, []byte("late"))); !errors.Is(a.err, ErrFailed) {
		t.Fatalf("append to a failed log: %+v, want ErrFailed", a)
	}
	_, end := mustRange(t, log, 0)
	if got := readAll(t, log, 0, 0, 50); !bytes.Equal(got[49], numbered(0, 49)) {
		t.Fatal("what was durable can't be read any more")
	}
	for next := int64(50); next < end; {
		records, err := reader.Next(testContext(t))
		if err != nil {
			t.Fatalf("what was durable can't be read any more: %v", err)
		}
		next += int64(len(records))
	}
	if _, err := reader.Next(testContext(t)); !errors.Is(err, ErrFailed) {
		t.Fatalf("reader at the end of a failed log got %v, want ErrFailed", err)
	}
	if err := log.Close(); !errors.Is(err, ErrFailed) {
		t.Fatalf("Close of a failed log: got %v, want ErrFailed", err)
	}

	left := disk.CrashClone(vfs.CrashCloneCfg{})
	again := mustEmbedded(t, EmbeddedOptions{FS: left})
	_, endAfter := mustRange(t, again, 0)
	if endAfter < end {
		t.Fatalf("the log was readable to %d and ends at %d after the power cut", end, endAfter)
	}
	values := readAll(t, again, 0, 0, endAfter)
	for offset, value := range acknowledged {
		if offset >= endAfter || !bytes.Equal(values[offset], value) {
			t.Fatalf("record %d was acknowledged and is lost", offset)
		}
	}
}

// TestEmbeddedOverload: while a sync hangs, appends are taken up to the bound and
// no further, and refused ones leave nothing.
func TestEmbeddedOverload(t *testing.T) {
	t.Parallel()
	var hold atomic.Bool
	release := make(chan struct{})
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if hold.Load() && isWALSync(op) {
			<-release
		}
		return nil
	}))
	const queueBytes, valueBytes = 10_000, 1000 - appendOverheadBytes
	log := mustEmbedded(t, EmbeddedOptions{FS: fs, Partitions: 1, QueueBytesMax: queueBytes})
	hold.Store(true)
	var taken []<-chan answer
	for range 10 {
		taken = append(taken, appendAsync(log, 0, make([]byte, valueBytes)))
	}
	if a := wait(t, appendAsync(log, 0, nil)); !errors.Is(a.err, ErrOverloaded) || a.offset != -1 {
		t.Fatalf("append to a full queue: %+v, want ErrOverloaded", a)
	}
	hold.Store(false)
	close(release)
	for _, answers := range taken {
		if a := wait(t, answers); a.err != nil {
			t.Fatalf("an append within the bound: %v", a.err)
		}
	}
	if offset := mustAppend(t, log, 0, nil); offset != 10 {
		t.Fatalf("after 10 appends and a refused one the next has offset %d", offset)
	}
}

// TestEmbeddedMetrics: they count, and a log that is opened again can register anew.
func TestEmbeddedMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	opts := EmbeddedOptions{FS: vfs.NewMem(), Partitions: 2, Registerer: registry}
	log := mustEmbedded(t, opts)
	fill(t, log, 1, 3)
	want := `
# HELP weir_ingest_log_end_offset Durable end of the partition: the offset after its last durable record.
# TYPE weir_ingest_log_end_offset gauge
weir_ingest_log_end_offset{partition="0"} 0
weir_ingest_log_end_offset{partition="1"} 3
# HELP weir_ingest_log_records_total Records that were made durable in the log.
# TYPE weir_ingest_log_records_total counter
weir_ingest_log_records_total 3
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "weir_ingest_log_end_offset", "weir_ingest_log_records_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if families, err := registry.Gather(); err != nil || len(families) != 0 {
		t.Errorf("after Close there are %d metrics, %v", len(families), err)
	}
	mustEmbedded(t, opts)
}

func TestAllPartitions(t *testing.T) {
	t.Parallel()
	log := mustEmbedded(t, EmbeddedOptions{FS: vfs.NewMem(), Partitions: 3})
	ctx, cancel := context.WithCancel(testContext(t))
	var calls []string
	err := log.Assignor().Run(ctx,
		func(p []int32) { calls = append(calls, "assigned", string(rune('0'+len(p)))); cancel() },
		func(p []int32) { calls = append(calls, "revoked", string(rune('0'+len(p)))) })
	if got := strings.Join(calls, " "); err != nil || got != "assigned 3 revoked 3" {
		t.Fatalf("got %q, %v", got, err)
	}
}
