package store

import (
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeBytes is how much of a table is given to the file system at once, and where its pieces begin: a page at a
// time, or in pieces that end within pages, the kernel takes three times as long for each byte.
const writeBytes = 256 << 10

// bufferedFS gathers what is written to tables and files of values. Pebble writes them by blocks of some KiB.
type bufferedFS struct{ vfs.FS }

// Create makes a file; see vfs.FS.
func (fs bufferedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || !strings.HasSuffix(name, ".sst") && !strings.HasSuffix(name, ".blob") {
		return f, err
	}
	return &bufferedFile{File: f}, nil
}

// Unwrap returns what it is made of; see vfs.FS.
func (fs bufferedFS) Unwrap() vfs.FS { return fs.FS }

// bufferedFile gathers what is written to a file from its beginning. What was written is in the file after Sync,
// SyncData or Close, and not before; all other methods know only what is in the file. It is for one goroutine.
type bufferedFile struct {
	vfs.File
	buffer  *[writeBytes]byte // nil while it is empty
	n       int               // bytes in the buffer
	written int64             // bytes in the file
	err     error             // of a write: nothing is written behind a gap
}

// writeBuffers keeps the memory of buffers.
var writeBuffers = sync.Pool{New: func() any { return new([writeBytes]byte) }}

// Write takes p, which stays the caller's.
func (f *bufferedFile) Write(p []byte) (int, error) {
	size := len(p)
	for len(p) > 0 {
		if f.err != nil {
			return 0, f.err
		}
		if f.buffer == nil {
			f.buffer = writeBuffers.Get().(*[writeBytes]byte)
		}
		room := writeBytes - int(f.written%writeBytes) // so that pieces begin at multiples of writeBytes
		n := copy(f.buffer[f.n:room], p)
		f.n += n
		p = p[n:]
		if f.n == room {
			f.flush()
		}
	}
	return size, f.err
}

func (f *bufferedFile) flush() {
	if f.n > 0 && f.err == nil {
		_, f.err = f.File.Write(f.buffer[:f.n])
		f.written += int64(f.n)
		f.n = 0
	}
	if f.buffer != nil {
		writeBuffers.Put(f.buffer)
		f.buffer = nil
	}
}

// Sync writes what was gathered and syncs the file.
func (f *bufferedFile) Sync() error {
	if f.flush(); f.err != nil {
		return f.err
	}
	return f.File.Sync()
}

// SyncData does what Sync does, but for the file's attributes.
func (f *bufferedFile) SyncData() error {
	if f.flush(); f.err != nil {
		return f.err
	}
	return f.File.SyncData()
}

// SyncTo lets the file system begin to sync what is in the file. It never says that all is synced.
func (f *bufferedFile) SyncTo(length int64) (fullSync bool, err error) {
	_, err = f.File.SyncTo(min(length, f.written))
	return false, err
}

// Close writes what was gathered and closes the file.
func (f *bufferedFile) Close() error {
	f.flush()
	err := f.File.Close()
	if f.err != nil {
		return f.err
	}
	return err
}
