// Package crashfs is, for tests, Pebble's crashable file system in memory, made
// safe to clone while it is in use.
//
// What has gone wrong here: vfs.MemFS has a lock that changes share and a clone
// wants alone, and one of its own. A file's Sync, and Remove, take the first and then
// the second, Create and Link the other way round, and Lock takes the first twice; a
// clone that waits for the first in between lets nobody finish. Here a clone
// waits until no change is under way, and none begins while it is made.
package crashfs

import (
	"io"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system in memory that knows what of it was synced. It may be used
// from any goroutine.
type FS struct {
	vfs.FS
	memory *vfs.MemFS
	clone  *sync.RWMutex // held shared during a change
}

// New returns an empty file system.
func New() *FS { return wrap(vfs.NewCrashableMem()) }

func wrap(memory *vfs.MemFS) *FS {
	return &FS{FS: memory, memory: memory, clone: &sync.RWMutex{}}
}

// CrashClone returns what a crash at this moment could leave: everything that was
// synced, and as much of the rest as cfg says.
func (fs *FS) CrashClone(cfg vfs.CrashCloneCfg) *FS {
	fs.clone.Lock()
	defer fs.clone.Unlock()
	return wrap(fs.memory.CrashClone(cfg))
}

// Unwrap implements vfs.FS.
func (fs *FS) Unwrap() vfs.FS { return fs.memory }

// Create implements vfs.FS.
func (fs *FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.file(fs.FS.Create(name, category))
}

// Open implements vfs.FS.
func (fs *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return fs.file(fs.FS.Open(name, opts...))
}

// OpenReadWrite implements vfs.FS.
func (fs *FS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.file(fs.FS.OpenReadWrite(name, category, opts...))
}

// OpenDir implements vfs.FS.
func (fs *FS) OpenDir(name string) (vfs.File, error) { return fs.file(fs.FS.OpenDir(name)) }

// ReuseForWrite implements vfs.FS.
func (fs *FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.file(fs.FS.ReuseForWrite(oldname, newname, category))
}

// Link implements vfs.FS.
func (fs *FS) Link(oldname, newname string) error {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.FS.Link(oldname, newname)
}

// Remove implements vfs.FS.
func (fs *FS) Remove(name string) error {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.FS.Remove(name)
}

// RemoveAll implements vfs.FS.
func (fs *FS) RemoveAll(name string) error {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.FS.RemoveAll(name)
}

// Rename implements vfs.FS.
func (fs *FS) Rename(oldname, newname string) error {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.FS.Rename(oldname, newname)
}

// MkdirAll implements vfs.FS.
func (fs *FS) MkdirAll(dir string, mode os.FileMode) error {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.FS.MkdirAll(dir, mode)
}

// Lock implements vfs.FS.
func (fs *FS) Lock(name string) (io.Closer, error) {
	fs.clone.RLock()
	defer fs.clone.RUnlock()
	return fs.FS.Lock(name)
}

func (fs *FS) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{File: f, clone: fs.clone}, nil
}

// file is a vfs.File whose syncs and the file system's clones exclude each other.
type file struct {
	vfs.File
	clone *sync.RWMutex
}

// Sync implements vfs.File.
func (f *file) Sync() error {
	f.clone.RLock()
	defer f.clone.RUnlock()
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f *file) SyncData() error {
	f.clone.RLock()
	defer f.clone.RUnlock()
	return f.File.SyncData()
}
