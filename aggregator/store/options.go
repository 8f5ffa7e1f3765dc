package store

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
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
}

const (
	memTableBytes      = 8 << 20
	filterBitsPerKey   = 16 // about 0.05 % of never-seen ids cost a read
	openTablesMax      = 512
	l0TablesToCompact  = 8
	l0TablesToStopAt   = 200
	tableBytes         = 16 << 20
	blockBytes         = 8 << 10
	compactionsMax     = 2
	formatMajorVersion = pebble.FormatTableFormatV6
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
		FS:                        o.FS,
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
	opts.Experimental.SpanPolicyFunc = func([]byte) (pebble.SpanPolicy, []byte, error) {
		return pebble.SpanPolicy{DisableValueSeparationBySuffix: true}, nil, nil
	}
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = blockBytes
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBitsPerKey)
	}
	opts.TargetFileSizes[0] = tableBytes
	opts.EnsureDefaults()
	return opts
}

// writerOptions returns the options of a checkpoint's tables. Keys that share a prefix
// are not versions of one thing, here and in the span policy above: their values stand beside them.
func writerOptions(opts *pebble.Options, format sstable.TableFormat) sstable.WriterOptions {
	w := opts.MakeWriterOptions(0, format)
	w.DisableValueBlocks = true
	return w
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
