package eventlog

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble's settings for a log. A log is written once, in the order of its
// partitions, read mostly at its end, and never changed.
const (
	// memtableBytes: what is read within about this many bytes of the end comes from
	// memory. A flush makes a table for each partition, so a small memtable makes
	// small tables. Up to memtablesMax of them exist under load, and are replayed by
	// a start after a crash.
	memtableBytes = 32 << 20
	memtablesMax  = 4
	// blockBytes is large because reads are sequential: a smaller index, fewer seeks.
	blockBytes = 32 << 10
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
	// Compression costs nothing before the acknowledgement: flushes do it, behind.
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	opts.Levels[0].BlockSize = blockBytes
	// No table spans two partitions: see tableSpan.
	opts.Experimental.SpanPolicyFunc = tableSpan
	// Rewriting what is read often is of no use where nothing is ever deleted.
	opts.Experimental.ReadSamplingMultiplier = -1
	db, err := pebble.Open(dir, opts)
	if err != nil && directoryInUse(dir, fs) {
		return nil, fmt.Errorf("the directory is in use, perhaps by another weir: %w", err)
	}
	return db, err
}

// tableSpan tells Pebble to begin a new table with each partition. Tables of one
// partition follow each other without overlap, in every flush and level, so that
// a compaction can move them down without reading them. Left alone, each flush
// makes tables across all partitions, and compactions rewrite large parts of the
// log for nothing: of the first 1.4 GB of a log with 16 partitions 1.0 GB were
// rewritten, and 0.2 GB with this.
func tableSpan(start []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	if len(start) < partitionKeyBytes || start[0] != keyRecord {
		return policy, nextPrefix(start), nil
	}
	return policy, binary.BigEndian.AppendUint32([]byte{keyRecord}, binary.BigEndian.Uint32(start[1:])+1), nil
}

// nextPrefix is where the keys of the next kind begin.
func nextPrefix(key []byte) []byte {
	if len(key) == 0 {
		return []byte{keyRecord}
	}
	return []byte{key[0] + 1}
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
