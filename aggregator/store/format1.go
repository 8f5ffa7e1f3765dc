package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"

	"weir/ingest/eventlog"
)

// A store of format 1 is not converted: all that it holds comes from the log again. It goes in this order:
//
//  1. Its progress and its stop are read, and Options.Remake is asked.
//  2. The new store is made, with that stop, and the log that it was of.
//  3. The old database gets another name. From here on there is no store of format 1.
//  4. What is left of it is removed.
//
// After a crash before the third step all is done again, and after it only the fourth.
const (
	format1Dir     = "db"
	format1Tables  = "building" // where it made tables
	format1Removed = "db-1-removed"
)

// format1 is what is taken over from a store of format 1.
type format1 struct {
	progress eventlog.Progress
	stop     []byte
}

// format1Comparer is the comparer of format 1. That store is only asked for single keys, of which
// the whole is the prefix.
var format1Comparer = func() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "weir.aggregator.1"
	c.Split = func(key []byte) int {
		switch {
		case len(key) == 0:
			return 0
		case key[0] == 's' || key[0] == 'e':
			return min(len(key), 1+16)
		case key[0] == 'c' || key[0] == 'k':
			return min(len(key), 1+8)
		default:
			return len(key)
		}
	}
	return &c
}()

func exists(fs FS, path string) bool {
	_, err := fs.Stat(path)
	return err == nil
}

// readFormat1 reads what is taken over from a store of format 1, and asks whether it may be taken
// away; nil when there is none.
func (s *Store) readFormat1(o *Options) (_ *format1, err error) {
	if !exists(s.fs, s.path(format1Dir)) {
		return nil, nil
	}
	options := &pebble.Options{
		Comparer: format1Comparer, FS: s.fs, Logger: pebbleLogger{o.Logger}, ReadOnly: true, ErrorIfNotExists: true,
	}
	db, err := pebble.Open(s.path(format1Dir), options)
	if err != nil {
		return nil, fmt.Errorf("cannot open store of format 1: %w", err)
	}
	defer closeInto(db, &err)
	identity, err := getCopy(db, metaIdentity)
	if err != nil {
		return nil, err
	}
	if want := s.identity(1); identity != nil && !bytes.Equal(identity, want) {
		return nil, fmt.Errorf("%w: identity is %x, not %x", ErrOther, identity, want)
	}
	old := new(format1)
	value, err := getCopy(db, metaProgress)
	if err == nil && value != nil {
		var progress Progress
		if progress, err = decodeProgress(value); err != nil {
			err = corrupt(metaProgress, err)
		}
		old.progress = progress.Progress
	}
	if err != nil {
		return nil, err
	}
	if old.stop, err = getCopy(db, metaStop); err != nil {
		return nil, err
	}
	if old.stop != nil { // what it says has to be settled first
		return old, nil
	}
	if o.Remake == nil {
		return nil, fmt.Errorf("%w: it is of format 1", ErrOther)
	}
	if err := o.Remake(old.progress); err != nil {
		return nil, fmt.Errorf("%w: it is of format 1: %w", ErrOther, err)
	}
	return old, nil
}

// replaceFormat1 takes a store of format 1 away, when the new one is there.
func (s *Store) replaceFormat1(old *format1, logger *slog.Logger) error {
	if old != nil {
		if err := s.takeOver(old); err != nil {
			return err
		}
		if err := s.fs.Rename(s.path(format1Dir), s.path(format1Removed)); err != nil {
			return err
		}
		if err := syncDir(s.fs, s.dir); err != nil {
			return err
		}
		logger.Info("store of format 1 is made anew from the log", "partition", s.partition, "records", old.progress.Next)
	}
	return errors.Join(s.fs.RemoveAll(s.path(format1Removed)), s.fs.RemoveAll(s.path(format1Tables)))
}

// takeOver writes down what the new store begins with.
func (s *Store) takeOver(old *format1) error {
	if s.Progress().Next > 0 {
		return fmt.Errorf("%w: there is one of format 1 beside it", ErrOther)
	}
	if len(old.stop) > 0 {
		if err := s.Stop(string(old.stop)); err != nil {
			return err
		}
	}
	progress := Progress{SeriesNext: 1}
	progress.LogID = old.progress.LogID
	if err := s.db.Set(metaProgress, appendProgress(nil, &progress), pebble.Sync); err != nil {
		return err
	}
	s.progress.Store(&progress)
	return nil
}
