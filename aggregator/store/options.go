package store

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest/eventlog"
)

// FS is the file system that a store lies on.
type FS = vfs.FS

// Cache is a block cache that stores share.
type Cache = pebble.Cache

// NewCache returns a cache of the given size. Call Unref when the stores that use it are closed.
func NewCache(bytes int64) *Cache { return pebble.NewCache(bytes) }

// Options say how a store is opened.
type Options struct {
	Partition int32
	FS        FS           // nil = the disk
	Cache     *Cache       // nil = a small one of its own
	Logger    *slog.Logger // nil = silence
	// Remake is asked before a store of format 1 is taken away, whose records the log has to give
	// again from the first. It gets how far that store had come, and says why not. nil = never.
	Remake func(old eventlog.Progress) error
}

const (
	memTableBytes      = 8 << 20
	filterBitsPerKey   = 10
	openTablesMax      = 512
	l0TablesToCompact  = 8
	l0TablesToStopAt   = 200
	tableBytes         = 16 << 20
	blockBytes         = 16 << 10
	compactionsMax     = 2
	formatMajorVersion = pebble.FormatValueSeparation

	// Blocks of events of this size or more lie in files of values: compactions move their keys and leave
	// them where they are, until a table refers to so many files.
	separatedBytesMin = 64
	valueFilesMax     = 500
	// valueGarbageMax is what part of the values may be garbage before they are written again. Events
	// are never deleted.
	valueGarbageMax = 0.5
)

func (o *Options) setDefaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func (o *Options) pebble() *pebble.Options {
	opts := &pebble.Options{
		Cache:                     o.Cache,
		Comparer:                  comparer,
		FS:                        bufferedFS{o.FS},
		FormatMajorVersion:        formatMajorVersion,
		Logger:                    pebbleLogger{o.Logger},
		MaxOpenFiles:              openTablesMax,
		MemTableSize:              memTableBytes,
		L0CompactionThreshold:     l0TablesToCompact,
		L0CompactionFileThreshold: l0TablesToStopAt,
		// A checkpoint adds its tables to level 0. It must not wait there for compactions:
		// reads get slower before writes do.
		L0StopWritesThreshold:      l0TablesToStopAt,
		CompactionConcurrencyRange: func() (int, int) { return 1, compactionsMax },
	}
	opts.Experimental.SpanPolicyFunc = spanPolicy
	opts.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled: true, MinimumSize: separatedBytesMin, MaxBlobReferenceDepth: valueFilesMax,
			RewriteMinimumAge: time.Hour, TargetGarbageRatio: valueGarbageMax,
		}
	}
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = blockBytes
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBitsPerKey)
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	}
	// What is in level 0 is compacted soon, but for blocks of events, which are compact.
	opts.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	opts.TargetFileSizes[0] = tableBytes
	opts.EnsureDefaults()
	return opts
}

// spanPolicy makes each space of keys have tables of its own, so that what rarely overlaps is
// not compacted together with what always does, and has the values of blocks of events lie apart. Keys
// that share a prefix are not versions of one thing: their values stand beside them.
func spanPolicy(key []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	policy.DisableValueSeparationBySuffix = true
	if len(key) == 0 || key[0] != spaceEvent {
		policy.ValueStoragePolicy = pebble.ValueStorageLowReadLatency
	}
	if len(key) > 0 && key[0] < math.MaxUint8 {
		end = []byte{key[0] + 1}
	}
	return policy, end, nil
}

// pebbleLogger passes Pebble's faults on and drops its chatter.
type pebbleLogger struct{ logger *slog.Logger }

func (l pebbleLogger) Infof(string, ...any) {}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.logger.LogAttrs(context.Background(), slog.LevelError, "store: "+fmt.Sprintf(format, args...))
}

// Fatalf is how Pebble reports that a write can't be made durable. What is in
// memory may not be acted on any more, so the process ends.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	panic("store: " + fmt.Sprintf(format, args...))
}
