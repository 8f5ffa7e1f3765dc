package eventlog

import (
	"context"
	"fmt"
	"log/slog"
	"math"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble's settings for a log: frames in ascending order, each written once, read
// from memory at the end and else in order.
const (
	// memtableBytes: a table is written and synced for this much. Pebble begins with a
	// small one and doubles it, so that an idle log does not take this; a busy one
	// takes it twice, and up to memtablesMax when the disk is behind. A start after
	// a crash replays them.
	memtableBytes = 16 << 20
	memtablesMax  = 4
	// tableBytes: one table for each flush. Left at 2 MB, a log of some gigabytes has
	// thousands of files.
	tableBytes = 2 * memtableBytes
	// blockBytes holds many small frames, so that single events have a small index.
	blockBytes = 32 << 10
	// cacheBytes: readers that replay together, a partition each, come upon the same frames.
	cacheBytes = 16 << 20
)

// openPebble opens the store in dir. Faults in Pebble's background work that it
// can't go on from are reported to l.fail.
func openPebble(dir string, settings EmbeddedOptions, l *Embedded) (*pebble.DB, error) {
	fs := settings.FS
	setDefault(&fs, vfs.Default)
	setDefault(&settings.memtableBytes, memtableBytes)
	opts := &pebble.Options{
		FS:                          guardFS{fs, l},
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		Logger:                      pebbleLogger{l},
		MemTableSize:                settings.memtableBytes,
		MemTableStopWritesThreshold: memtablesMax,
		CacheSize:                   cacheBytes,
		EventListener:               l.pebbleEvents(),
	}
	// Frames are compressed already.
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	opts.Levels[0].BlockSize = blockBytes
	for level := range opts.TargetFileSizes {
		opts.TargetFileSizes[level] = tableBytes
	}
	// Tables of frames follow each other, and are well where they are flushed to. By
	// default Pebble merges them once there are 500: it would rewrite the log, for nothing.
	opts.L0CompactionFileThreshold = math.MaxInt32
	// Rewriting what is read often is of no use where nothing is ever deleted.
	opts.Experimental.ReadSamplingMultiplier = -1
	db, err := pebble.Open(dir, opts)
	if err != nil && directoryInUse(dir, fs) {
		return nil, fmt.Errorf("the directory is in use, perhaps by another weir: %w", err)
	}
	return db, err
}

// directoryInUse reports whether somebody holds the directory's lock.
func directoryInUse(dir string, fs vfs.FS) bool {
	if _, err := fs.Stat(dir); err != nil {
		return false
	}
	lock, err := pebble.LockDirectory(dir, fs)
	if err != nil {
		return true
	}
	return lock.Close() != nil
}

// pebbleEvents writes down the faults in Pebble's background work that it tries
// again. Once the log has failed there is nothing to add.
func (l *Embedded) pebbleEvents() *pebble.EventListener {
	report := func(level slog.Level, message string, args ...any) {
		if l.Failed() == nil {
			l.log.Log(context.Background(), level, message, args...)
		}
	}
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			report(slog.LevelError, "background work of the log's store has failed, trying again", "error", err)
		},
		DiskSlow: func(info pebble.DiskSlowInfo) {
			report(slog.LevelWarn, "disk is slow", "path", info.Path, "operation", info.OpType.String(), "duration", info.Duration)
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			report(slog.LevelWarn, "writing to the log is stalled", "reason", info.Reason)
		},
		WriteStallEnd: func() { report(slog.LevelInfo, "writing to the log goes on") },
	}
}

// pebbleLogger takes what Pebble logs beside its events.
type pebbleLogger struct{ log *Embedded }

// Infof drops what Pebble tells of its daily work.
func (pebbleLogger) Infof(string, ...any) {}

// Errorf logs a fault.
func (p pebbleLogger) Errorf(format string, args ...any) {
	p.log.log.Error("the log's store reports an error", "error", fmt.Sprintf(format, args...))
}

// Fatalf is called where Pebble can't go on (its manifest can't be written), and
// must not return: Pebble would take the failed write for a good one. Ending the
// process is not for a package to decide while others use it, so the log fails,
// and this goroutine, with the locks it holds, stands still until somebody does.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if !p.log.serving.Load() {
		panic(err) // nobody would be told: opening or closing would hang
	}
	p.log.fail(err)
	select {}
}
