package store

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Errors of a store; test with errors.Is.
var (
	// ErrClosed: the store is closed or closing.
	ErrClosed = errors.New("store is closed")
	// ErrOther: the directory holds the store of another partition, or of another version.
	ErrOther = errors.New("store is another one")
	// ErrReadOnly: the store was opened by OpenReadOnly and can't be written.
	ErrReadOnly = errors.New("store is open for reading only")
)

// databaseDir is Pebble's directory, named after the format: one of another is not even opened.
const databaseDir = "db-2"

// Store keeps what the aggregator knows of one partition. One goroutine at a
// time writes checkpoints; any may write parts of rebuilds (WriteCounters) and read.
type Store struct {
	db        *pebble.DB
	options   *pebble.Options
	fs        vfs.FS
	dir       string
	partition int32
	readOnly  bool
	ids       *idRuns
	segments  *segments
	limits    checkpointLimits
	progress  atomic.Pointer[Progress]
	stopped   string // reason; "" = not stopped

	closing   atomic.Bool
	mu        sync.Mutex // guards closed against new readers
	closed    bool
	readers   sync.WaitGroup
	afterStep func(step) // for tests: called after each step of a checkpoint
}

// Dir returns the directory of a partition's store below root.
func Dir(root string, partition int32) string {
	return filepath.Join(root, fmt.Sprintf("partition-%05d", partition))
}

// get returns a copy of a value, nil when there is none.
func (s *Store) get(key []byte) ([]byte, error) { return getCopy(s.db, key) }

func getCopy(r pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read key %x: %w", key, err)
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}

// Progress returns the commit point: how far the newest checkpoint goes.
func (s *Store) Progress() Progress { return *s.progress.Load() }

// Stopped returns why the partition was stopped for good, "" when it was not.
func (s *Store) Stopped() string { return s.stopped }

// Stop writes down that the partition is stopped, durably. reason is not empty.
func (s *Store) Stop(reason string) error {
	if s.readOnly {
		return ErrReadOnly
	}
	if err := s.db.Set(metaStop, []byte(reason), pebble.Sync); err != nil {
		return fmt.Errorf("cannot write stop: %w", err)
	}
	s.stopped = reason
	return nil
}

// ClearStop lets the partition of the store in dir (see Dir) run again. The store must not
// be open. It is an operator's decision: what stopped the partition is checked again
// and stops it again if it still holds.
func ClearStop(dir string, partition int32) error { return clearStop(vfs.Default, dir, partition) }

func clearStop(fs vfs.FS, dir string, partition int32) error {
	s, err := Open(dir, Options{FS: fs, Partition: partition})
	if err != nil {
		return err
	}
	if err := s.db.Delete(metaStop, pebble.Sync); err != nil {
		return errors.Join(fmt.Errorf("cannot clear stop: %w", err), s.Close())
	}
	return s.Close()
}

// Stats are the store's own figures.
type Stats struct {
	DiskBytes         int64
	Tables            int64
	MemTableBytes     int64
	WALBytes          int64
	ReadAmplification int64
	CompactionDebt    int64 // bytes
}

// Stats returns the store's figures; ok is false when it is closed.
func (s *Store) Stats() (stats Stats, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Stats{}, false
	}
	m := s.db.Metrics()
	return Stats{
		DiskBytes:         int64(m.DiskSpaceUsage()) + s.segments.total.Load(),
		Tables:            m.Total().TablesCount,
		MemTableBytes:     int64(m.MemTable.Size),
		WALBytes:          int64(m.WAL.PhysicalSize),
		ReadAmplification: int64(m.ReadAmp()),
		CompactionDebt:    int64(m.Compact.EstimatedDebt),
	}, true
}

// Close waits for open snapshots, whose scans it ends, and closes the store. It
// writes nothing: what is in no checkpoint comes from the log again.
func (s *Store) Close() error {
	s.closing.Store(true)
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.readers.Wait()
	s.ids.close()
	if err := errors.Join(s.segments.close(), s.db.Close()); err != nil {
		return fmt.Errorf("cannot close store %s: %w", s.dir, err)
	}
	return nil
}

func closeInto(c io.Closer, err *error) {
	if closeErr := c.Close(); *err == nil {
		*err = closeErr
	}
}
