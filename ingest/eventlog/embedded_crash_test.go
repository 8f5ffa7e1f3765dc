package eventlog

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var crashSeeds = flag.Int("crash-seeds", 30, "power cuts to try, for each share of unsynced data that survives")

// TestEmbeddedPowerCut cuts the power of a log under load, again and again, with
// everything unsynced lost, or a part of it in any order. What was acknowledged
// or read before a cut is there after it, at its offset and byte for byte, for
// as long as the log lives.
func TestEmbeddedPowerCut(t *testing.T) {
	t.Parallel()
	for _, percent := range []int{0, 50, -1} { // -1: by the seed
		for i := range *crashSeeds {
			seed := uint64(percent+2)<<32 | uint64(i)
			t.Run(fmt.Sprintf("unsynced %d seed %d", percent, seed), func(t *testing.T) {
				t.Parallel()
				powerCut(t, seed, percent)
			})
		}
	}
}

const (
	cutPartitions = 3
	cutRounds     = 4
)

// history is what the outside has seen of a log, over all its power cuts.
type history struct {
	mu           sync.Mutex
	blind        bool // after a cut, until the log is opened again: what is seen then is of no world
	acknowledged int
	sums         [cutPartitions]map[int64]uint64 // checksum by offset, of what was acknowledged or read
}

// saw notes that a record was acknowledged or read; the same offset can't have been another.
func (h *history) saw(t *testing.T, partition int32, offset int64, sum uint64, acknowledged bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.blind {
		return
	}
	if acknowledged {
		h.acknowledged++
	}
	if before, ok := h.sums[partition][offset]; ok && before != sum {
		t.Errorf("partition %d: offset %d has been two records", partition, offset)
	}
	h.sums[partition][offset] = sum
}

// cut runs the power cut while nothing can be seen, so that the history is from before it.
func (h *history) cut(fs *vfs.MemFS, cfg vfs.CrashCloneCfg) *vfs.MemFS {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.blind = true
	return fs.CrashClone(cfg)
}

func powerCut(t *testing.T, seed uint64, percent int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	if percent < 0 {
		percent = rng.IntN(101)
	}
	seen := &history{}
	for p := range seen.sums {
		seen.sums[p] = map[int64]uint64{}
	}
	fs := vfs.NewCrashableMem()
	// Small memtables on half of the seeds: the cut then falls into flushes as well.
	memtable := uint64(64 << 10)
	if seed%2 == 0 {
		memtable = 8 << 20
	}
	var id string
	for round := range cutRounds {
		opts := EmbeddedOptions{
			FS: fs, Partitions: cutPartitions, ID: id, memtableBytes: memtable,
			tailBytes: 1 << rng.IntN(20), tailDropped: untouched(t), // some readers are in Pebble, some in the tail
		}
		log, err := OpenEmbedded("log", opts)
		if err != nil {
			t.Fatalf("round %d: cannot open: %v", round, err)
		}
		id = log.Identity().ID
		checkHistory(t, log, seen)
		seen.blind = false
		fs = loadAndCut(t, log, fs, seen, rng, vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, uint64(round)))})
		if err := log.Close(); err != nil {
			t.Fatalf("round %d: cannot close: %v", round, err)
		}
	}
	log, err := OpenEmbedded("log", EmbeddedOptions{FS: fs, ID: id, memtableBytes: memtable})
	if err != nil {
		t.Fatalf("cannot open after the last cut: %v", err)
	}
	checkHistory(t, log, seen)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if seen.acknowledged == 0 {
		t.Fatal("nothing was acknowledged before any cut: the test tests nothing")
	}
}

// loadAndCut appends and reads from several goroutines and returns what a power cut in the middle leaves.
func loadAndCut(t *testing.T, log *Embedded, fs *vfs.MemFS, seen *history, rng *rand.Rand, cfg vfs.CrashCloneCfg) *vfs.MemFS {
	ctx, cancel := context.WithCancel(testContext(t))
	acks := make(chan struct{}, 1<<16)
	var running sync.WaitGroup
	for range 4 {
		appender := rand.New(rand.NewPCG(rng.Uint64(), 2))
		running.Go(func() { appendUntil(ctx, t, log, appender, seen, acks) })
	}
	for partition := range int32(cutPartitions) {
		from := rng.Int64N(log.partitions[partition].end.Load() + 1)
		running.Go(func() { readUntil(ctx, t, log, partition, from, seen) })
	}
	for range 1 + rng.IntN(300) {
		select {
		case <-acks:
		case <-ctx.Done():
			t.Error("appends are not acknowledged")
		}
	}
	left := seen.cut(fs, cfg)
	cancel()
	running.Wait()
	return left
}

// appendUntil appends random records, a few under way at a time, until ctx ends.
func appendUntil(ctx context.Context, t *testing.T, log Log, rng *rand.Rand, seen *history, acks chan<- struct{}) {
	underWay := make(chan struct{}, 8)
	for {
		select {
		case <-ctx.Done():
			for range cap(underWay) {
				underWay <- struct{}{}
			}
			return
		case underWay <- struct{}{}:
		}
		partition := int32(rng.IntN(cutPartitions))
		value := seeded(rng.Uint64(), 0, 1<<rng.IntN(13))
		log.Append(partition, value, nil, func(offset int64, err error) {
			defer func() { <-underWay }()
			if err != nil {
				t.Errorf("cannot append: %v", err)
				return
			}
			seen.saw(t, partition, offset, Checksum(value), true)
			select {
			case acks <- struct{}{}:
			default:
			}
		})
	}
}

func readUntil(ctx context.Context, t *testing.T, log Log, partition int32, from int64, seen *history) {
	reader, err := log.Read(ctx, partition, from)
	if err != nil {
		t.Errorf("cannot read: %v", err)
		return
	}
	defer reader.Close()
	for {
		records, err := reader.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Errorf("cannot read: %v", err)
			return
		}
		for _, r := range records {
			seen.saw(t, partition, r.Offset, Checksum(r.Value), false)
		}
	}
}

// checkHistory compares what was seen with what the log holds.
func checkHistory(t *testing.T, log *Embedded, seen *history) {
	t.Helper()
	for partition := range int32(cutPartitions) {
		_, end := mustRange(t, log, partition)
		values := readAll(t, log, partition, 0, end)
		for offset, sum := range seen.sums[partition] {
			if offset >= end {
				t.Fatalf("partition %d: record %d was acknowledged or read, the log ends at %d", partition, offset, end)
			}
			if Checksum(values[offset]) != sum {
				t.Fatalf("partition %d: record %d is another one after the power cut", partition, offset)
			}
		}
	}
}

// noLockFS lets a second log open the directory of one that was killed.
type noLockFS struct{ vfs.FS }

func (noLockFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// TestEmbeddedKillThenPowerCut: kill -9 leaves a record that was written and not
// synced. The next process finds it in the kernel's memory and shows it; a power
// cut after that must not take it back.
func TestEmbeddedKillThenPowerCut(t *testing.T) {
	t.Parallel()
	disk := vfs.NewCrashableMem()
	var hold atomic.Bool
	syncing, killed := make(chan struct{}, 1), make(chan struct{})
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if hold.Load() && isWALSync(op) {
			syncing <- struct{}{}
			<-killed
			return errorfs.ErrInjected
		}
		return nil
	}))
	first, err := OpenEmbedded("log", EmbeddedOptions{FS: fs, Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { close(killed); _ = first.Close() }()
	mustAppend(t, first, 0, []byte("acknowledged"))
	hold.Store(true)
	first.Append(0, []byte("written"), nil, func(int64, error) {})
	<-syncing

	second, err := OpenEmbedded("log", EmbeddedOptions{FS: noLockFS{disk}})
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, second, 0, 0, 2); string(got[1]) != "written" {
		t.Fatalf("the next process finds %q", got)
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, mustEmbedded(t, EmbeddedOptions{FS: left}), 0, 0, 2); string(got[1]) != "written" {
		t.Fatalf("after the power cut there is %q", got)
	}
}
