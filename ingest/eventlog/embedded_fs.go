package eventlog

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS stands between Pebble and the file system, for the sake of Pebble's
// write-ahead log. When that can't be written or synced, Pebble tells who waits
// for the sync; but when it happens while it changes from one file to the next,
// it panics with a lock in a state that ends the process, and no words about
// why. Here the first such error fails the log, which answers every append and
// turns readiness red, and the call does not return: Pebble stands still where
// it is. Reading what was durable goes on.
//
// While the log is being opened or closed nobody is waiting, and errors go their
// ordinary way.
type guardFS struct {
	vfs.FS
	log *Embedded
}

// walSuffix is how the names of Pebble's write-ahead log files end.
const walSuffix = ".log"

// Create is vfs.FS's.
func (g guardFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := g.FS.Create(name, category)
	return g.guard(name, file, err)
}

// ReuseForWrite is vfs.FS's.
func (g guardFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := g.FS.ReuseForWrite(from, to, category)
	return g.guard(to, file, err)
}

// OpenDir is vfs.FS's. A directory is synced for the files that are created in
// it, the write-ahead log's among them.
func (g guardFS) OpenDir(name string) (vfs.File, error) {
	file, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return guardFile{file, name, g.log}, nil
}

// Unwrap is vfs.FS's.
func (g guardFS) Unwrap() vfs.FS { return g.FS }

func (g guardFS) guard(name string, file vfs.File, err error) (vfs.File, error) {
	if !strings.HasSuffix(name, walSuffix) {
		return file, err
	}
	if err != nil {
		return nil, g.log.standStill("create", name, err)
	}
	return guardFile{file, name, g.log}, nil
}

// guardFile is a file of the write-ahead log, or the directory.
type guardFile struct {
	vfs.File
	name string
	log  *Embedded
}

// Write is vfs.File's.
func (f guardFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.log.standStill("write", f.name, err)
}

// WriteAt is vfs.File's.
func (f guardFile) WriteAt(p []byte, offset int64) (int, error) {
	n, err := f.File.WriteAt(p, offset)
	return n, f.log.standStill("write", f.name, err)
}

// Preallocate is vfs.File's.
func (f guardFile) Preallocate(offset, length int64) error {
	return f.log.standStill("preallocate", f.name, f.File.Preallocate(offset, length))
}

// Sync is vfs.File's.
func (f guardFile) Sync() error {
	return f.log.standStill("sync", f.name, f.File.Sync())
}

// SyncData is vfs.File's.
func (f guardFile) SyncData() error {
	return f.log.standStill("sync", f.name, f.File.SyncData())
}

// SyncTo is vfs.File's.
func (f guardFile) SyncTo(length int64) (fullSync bool, err error) {
	fullSync, err = f.File.SyncTo(length)
	return fullSync, f.log.standStill("sync", f.name, err)
}

// Close is vfs.File's.
func (f guardFile) Close() error {
	return f.log.standStill("close", f.name, f.File.Close())
}

// standStill returns nil for nil. Any other error fails the log and does not
// return, unless the log is being opened or closed.
func (l *Embedded) standStill(doing, name string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("cannot %s %s: %w", doing, name, err)
	if !l.serving.Load() {
		return err
	}
	l.fail(err)
	select {}
}
