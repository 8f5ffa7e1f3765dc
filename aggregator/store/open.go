package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Open opens or makes the store in dir. One of format 1 is taken away and made anew, empty, if
// Options.Remake agrees; a stop that was written down in it stays.
func Open(dir string, o Options) (*Store, error) {
	o.setDefaults()
	s := &Store{fs: o.FS, dir: dir, partition: o.Partition, options: o.pebble(), limits: checkpointLimitsDefault}
	if err := s.makeDirs(); err != nil {
		return nil, fmt.Errorf("cannot make store directory %s: %w", dir, err)
	}
	old, err := s.readFormat1(&o)
	if err != nil {
		return nil, fmt.Errorf("cannot make store %s anew: %w", dir, err)
	}
	if _, err := s.open(); err != nil {
		return nil, err
	}
	if err := s.replaceFormat1(old, o.Logger); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make store %s anew: %w", dir, err), s.Close())
	}
	return s, nil
}

// OpenReadOnly opens the store in dir for reading, as it is at its commit point: nothing is
// made, cleaned or written. No other process or Store may have it open.
func OpenReadOnly(dir string, o Options) (*Store, error) {
	o.setDefaults()
	s := &Store{fs: o.FS, dir: dir, partition: o.Partition, options: o.pebble(), readOnly: true}
	s.options.ReadOnly, s.options.ErrorIfNotExists = true, true
	if exists(s.fs, s.path(format1Dir)) {
		return nil, fmt.Errorf("cannot open store %s: %w: it is of format 1", dir, ErrOther)
	}
	return s.open()
}

func (s *Store) open() (*Store, error) {
	db, err := pebble.Open(s.path(databaseDir), s.options)
	if err != nil {
		return nil, fmt.Errorf("cannot open store %s: %w", s.dir, err)
	}
	s.db = db
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open store %s: %w", s.dir, err), db.Close())
	}
	return s, nil
}

func (s *Store) path(names ...string) string {
	return s.fs.PathJoin(append([]string{s.dir}, names...)...)
}

// makeDirs makes the directories so that a power cut leaves all or none of them.
func (s *Store) makeDirs() error {
	if err := s.fs.MkdirAll(s.path(databaseDir), 0o755); err != nil {
		return err
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

func (s *Store) load() error {
	if err := s.checkIdentity(); err != nil {
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
	if s.segments, err = openSegments(s); err != nil {
		return err
	}
	s.ids, err = openIDRuns(s)
	return err
}

// checkIdentity compares version and partition with what the store was made for.
func (s *Store) checkIdentity() error {
	want := s.identity(formatVersion)
	got, err := s.get(metaIdentity)
	if err != nil {
		return err
	}
	if got == nil && !s.readOnly {
		return s.db.Set(metaIdentity, want, pebble.Sync)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: identity is %x, not %x", ErrOther, got, want)
	}
	return nil
}

func (s *Store) identity(version byte) []byte {
	return binary.BigEndian.AppendUint32([]byte{version}, uint32(s.partition))
}
