package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest"
)

// Errors of a store; test with errors.Is.
var (
	// ErrClosed: the store is closed or closing.
	ErrClosed = errors.New("store is closed")
	// ErrOther: the directory holds the store of another partition, or of another version.
	ErrOther = errors.New("store is another one")
)

const (
	databaseDir = "db"
	// buildingDir holds the tables of a checkpoint from before they are built until
	// it is committed: a file in it means that a checkpoint is under way, or was cut short.
	buildingDir = "building"
)

// Store keeps what the aggregator knows of one partition. One goroutine at a
// time writes; any may read.
type Store struct {
	db       *pebble.DB
	options  *pebble.Options
	fs       vfs.FS
	dir      string
	progress atomic.Pointer[Progress]
	stopped  string // reason; "" = not stopped

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

// Open opens or makes the store in dir. What an interrupted checkpoint left is taken away first.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{fs: o.FS, dir: dir, options: o.pebble()}
	if err := s.makeDirs(); err != nil {
		return nil, fmt.Errorf("cannot make store directory %s: %w", dir, err)
	}
	db, err := pebble.Open(s.path(databaseDir), s.options)
	if err != nil {
		return nil, fmt.Errorf("cannot open store %s: %w", dir, err)
	}
	s.db = db
	if err := s.load(o.Partition); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open store %s: %w", dir, err), db.Close())
	}
	return s, nil
}

func (s *Store) path(names ...string) string {
	return s.fs.PathJoin(append([]string{s.dir}, names...)...)
}

// makeDirs makes the directories so that a power cut leaves all or none of them.
func (s *Store) makeDirs() error {
	for _, dir := range []string{s.path(buildingDir), s.path(databaseDir)} {
		if err := s.fs.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	const levels = 3 // dir, the root of the stores, and where that lies
	at := s.dir
	for range levels {
		if err := syncDir(s.fs, at); err != nil {
			return err
		}
		at = s.fs.PathDir(at)
	}
	return nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) load(partition int32) error {
	if err := s.checkIdentity(partition); err != nil {
		return err
	}
	progress := Progress{SeriesNext: 1}
	value, err := s.get(metaProgress)
	if err != nil {
		return err
	}
	if value != nil {
		if progress, err = decodeProgress(value); err != nil {
			return corrupt(metaProgress, err)
		}
	}
	s.progress.Store(&progress)
	stopped, err := s.get(metaStop)
	if err != nil {
		return err
	}
	s.stopped = string(stopped)
	return s.clean()
}

// checkIdentity compares version and partition with what the store was made for.
func (s *Store) checkIdentity(partition int32) error {
	want := binary.BigEndian.AppendUint32([]byte{formatVersion}, uint32(partition))
	got, err := s.get(metaIdentity)
	if err != nil {
		return err
	}
	if got == nil {
		return s.db.Set(metaIdentity, want, pebble.Sync)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: identity is %x, not %x", ErrOther, got, want)
	}
	return nil
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

// Lookup finds which of the ids are in tables. ids are sorted; found is called with
// the index of each that is there and its first entry. It must not run beside Close.
func (s *Store) Lookup(ids []ingest.ID, found func(i int, seen Seen)) (err error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{spaceSeen}, UpperBound: []byte{spaceSeen + 1},
		UseL6Filters: true, // most ids were never seen
	})
	if err != nil {
		return fmt.Errorf("cannot look up ids: %w", err)
	}
	defer closeInto(iter, &err)
	key := make([]byte, 0, seenKeyBytes)
	for i := range ids {
		key = append(append(key[:0], spaceSeen), ids[i][:]...)
		if !iter.SeekPrefixGE(key) {
			// The next seek forgets this one's fault, and an id that can't be read is not
			// one that was never seen.
			if err := iter.Error(); err != nil {
				return fmt.Errorf("cannot look up id %x: %w", ids[i], err)
			}
			continue
		}
		seen, err := decodeSeenAt(iter)
		if err != nil {
			return err
		}
		found(i, seen)
	}
	return nil
}

// SeenIDs calls f for every id below the commit point. It must not run beside Close.
func (s *Store) SeenIDs(f func(id ingest.ID, seen Seen)) (err error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{spaceSeen}, UpperBound: []byte{spaceSeen + 1},
	})
	if err != nil {
		return fmt.Errorf("cannot read ids: %w", err)
	}
	defer closeInto(iter, &err)
	end := ingest.PositionOf(s.Progress().Next, 0)
	for iter.First(); iter.Valid(); iter.Next() {
		seen, err := decodeSeenAt(iter)
		if err != nil {
			return err
		}
		if seen.Position < end {
			f(ingest.ID(iter.Key()[1:17]), seen)
		}
	}
	return iter.Error()
}

func decodeSeenAt(iter *pebble.Iterator) (Seen, error) {
	value, err := iter.ValueAndErr()
	if err != nil {
		return Seen{}, fmt.Errorf("cannot read id: %w", err)
	}
	seen, err := decodeSeen(iter.Key(), value)
	if err != nil {
		return Seen{}, corrupt(iter.Key(), err)
	}
	return seen, nil
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
		DiskBytes:         int64(m.DiskSpaceUsage()),
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
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("cannot close store %s: %w", s.dir, err)
	}
	return nil
}

func closeInto(c io.Closer, err *error) {
	if closeErr := c.Close(); *err == nil {
		*err = closeErr
	}
}
