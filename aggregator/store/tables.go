package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// tables are written by us and taken in by Pebble as they are, all or none: what is in them goes to the disk once, where
// a batch goes into Pebble's log, and then into tables as well. Their keys come in order; those of the spaces of one
// tableGroup come together, the groups in any order.
type tables struct {
	store    *Store
	name     string // of the files, different from that of all others that are being made
	bytesMax uint64
	group    byte
	writer   *sstable.Writer // nil between tables
	paths    []string        // of all tables that are not Pebble's yet
}

// tablesDir is where tables are that are not Pebble's yet.
const tablesDir = "tables"

// tableGroup returns a number of the tables that a key may stand in. A table of blocks' keys spans the days of its
// events, and one of a run of ids the run: if there were other keys in it, all that lies between would have to be
// compacted with it.
func tableGroup(key []byte) byte {
	switch space := key[0]; {
	case space < spaceEvent:
		return 0
	case space == spaceEvent:
		return 1
	case space < spaceSeen:
		return 2
	case space == spaceSeen:
		return 3
	default:
		return 4
	}
}

// set takes a key that is not empty, and its value. Both stay the caller's.
func (t *tables) set(key, value []byte) error {
	group := tableGroup(key)
	if t.writer != nil && (group != t.group || t.writer.Raw().EstimatedSize() > t.bytesMax) {
		if err := t.finish(); err != nil {
			return err
		}
	}
	if t.writer == nil {
		if err := t.begin(); err != nil {
			return err
		}
		t.group = group
	}
	return t.writer.Set(key, value)
}

func (t *tables) begin() error {
	s := t.store
	path := s.path(tablesDir, fmt.Sprintf("%s-%d.sst", t.name, len(t.paths)))
	f, err := s.options.FS.Create(path, "weir-table")
	if err != nil {
		return err
	}
	t.paths = append(t.paths, path)
	options := s.options.MakeWriterOptions(0, s.db.TableFormat())
	options.DisableValueBlocks = true
	options.Compression = sstable.NoCompression // ids are random, and the rest is compacted again
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{NoSyncOnClose: true, BytesPerSync: s.options.BytesPerSync})
	t.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(f), options)
	return nil
}

// finish ends the table that is being written, durably.
func (t *tables) finish() error {
	if t.writer == nil {
		return nil
	}
	err := t.writer.Close()
	t.writer = nil
	return err
}

// ingest makes the finished tables a part of the store, durably, all at one time.
func (t *tables) ingest() error {
	if len(t.paths) == 0 {
		return nil
	}
	if err := t.store.db.Ingest(context.Background(), t.paths); err != nil {
		return err
	}
	t.paths = nil
	return nil
}

// abandon removes what did not become Pebble's.
func (t *tables) abandon() error {
	err := t.finish()
	for _, path := range t.paths {
		err = errors.Join(err, t.store.fs.Remove(path))
	}
	t.paths = nil
	return err
}

// cleanTables makes the directory of tables, and empties it.
func (s *Store) cleanTables() error {
	dir := s.path(tablesDir)
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	names, err := s.fs.List(dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := s.fs.Remove(s.path(tablesDir, name)); err != nil {
			return err
		}
	}
	return nil
}
