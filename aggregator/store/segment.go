package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// segments are the files that the blocks of large checkpoints lie in, one behind the other. In Pebble, under the key of
// such a block, stands where it is (blockPlace). So the bytes of events are written once, and never again.
//
// Segments have the numbers from 1 on. A checkpoint's blocks are synced before its commit point, which also
// says how far the newest segment goes (segmentEnd). What a crash leaves behind that is no part of the store:
// Open removes the segments that begin there, and what is written next goes into a new one. So a place in a segment is
// written once only, and all that lies between two places is harmless.
type segments struct {
	fs       vfs.FS
	dir      string
	bytesMax int64 // of a segment, until the block that goes beyond it; tests make it smaller
	total    atomic.Int64

	// For the goroutine that writes checkpoints.
	end  segmentEnd
	file vfs.File // the newest; nil = the next block begins a new one

	mu   sync.Mutex
	open []*segmentReader // those that are read, and some that were
}

const (
	segmentsDir = "events"
	// segmentBytesMax is some ten million events.
	segmentBytesMax = 1 << 30
	// segmentsOpenMax is how many segments are kept open for reading, besides those that are being read.
	segmentsOpenMax = 16
	segmentEndBytes = 1 + 4 + 8
	// segmentMagic is at the beginning of each segment. Its last byte is the version.
	segmentMagic = "weirblk\x01"
	// segmentBytesPerSync is how much is written between two wishes that the file system may begin to sync it.
	segmentBytesPerSync = 512 << 10
)

var errCorruptSegment = errors.New("segment of events is corrupt")

// segmentEnd is how far the segments go.
type segmentEnd struct {
	number uint32 // of the newest segment, 0 = there is none
	length int64  // of that
}

const segmentEndVersion = 1

func (e *segmentEnd) append(dst []byte) []byte {
	dst = append(dst, segmentEndVersion)
	dst = binary.BigEndian.AppendUint32(dst, e.number)
	return binary.BigEndian.AppendUint64(dst, uint64(e.length))
}

func decodeSegmentEnd(value []byte) (e segmentEnd, err error) {
	if value == nil {
		return e, nil
	}
	if len(value) != segmentEndBytes || value[0] != segmentEndVersion {
		return e, errCorruptSegment
	}
	e.number, e.length = binary.BigEndian.Uint32(value[1:]), int64(binary.BigEndian.Uint64(value[5:]))
	if e.number == 0 || e.length < int64(len(segmentMagic)) {
		return e, errCorruptSegment
	}
	return e, nil
}

// openSegments looks what there is, and, unless the store is open for reading only, takes away what was interrupted.
func openSegments(s *Store) (*segments, error) {
	x := &segments{fs: s.fs, dir: s.path(segmentsDir), bytesMax: segmentBytesMax}
	value, err := s.get(metaSegments)
	if err != nil {
		return nil, err
	}
	if x.end, err = decodeSegmentEnd(value); err != nil {
		return nil, corrupt(metaSegments, err)
	}
	if !s.readOnly {
		if err := x.clean(); err != nil {
			return nil, fmt.Errorf("cannot remove unfinished segments of events: %w", err)
		}
	}
	for number := uint32(1); number <= x.end.number; number++ {
		info, err := x.fs.Stat(x.path(number))
		if err != nil {
			return nil, fmt.Errorf("cannot find segment of events: %w", err)
		}
		if number == x.end.number && info.Size() < x.end.length {
			return nil, fmt.Errorf("%w: %s has %d bytes and not %d", errCorruptSegment, x.path(number), info.Size(), x.end.length)
		}
		x.total.Add(info.Size())
	}
	return x, nil
}

func (x *segments) path(number uint32) string {
	return x.fs.PathJoin(x.dir, fmt.Sprintf("%08d.blocks", number))
}

// clean makes the directory so that a power cut leaves it, and removes segments that begin behind the end.
func (x *segments) clean() error {
	if !exists(x.fs, x.dir) {
		if err := cmp.Or(x.fs.MkdirAll(x.dir, 0o755), syncDir(x.fs, x.fs.PathDir(x.dir))); err != nil {
			return err
		}
	}
	names, err := x.fs.List(x.dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		var number uint32
		if _, err := fmt.Sscanf(name, "%08d.blocks", &number); err != nil || number <= x.end.number {
			continue
		}
		if err := x.fs.Remove(x.fs.PathJoin(x.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// append writes a block, which stays the caller's, and returns its place. It is durable after sync. After an error
// nothing more may be written.
func (x *segments) append(block []byte) (blockPlace, error) {
	if x.file != nil && x.end.length >= x.bytesMax {
		if err := x.finish(); err != nil {
			return blockPlace{}, err
		}
	}
	if x.file == nil {
		if err := x.begin(); err != nil {
			return blockPlace{}, err
		}
	}
	place := blockPlace{segment: x.end.number, at: x.end.length, bytes: len(block), checksum: checksumOf(block)}
	if err := x.write(block); err != nil {
		return blockPlace{}, fmt.Errorf("cannot write segment of events: %w", err)
	}
	return place, nil
}

func (x *segments) write(b []byte) error {
	_, err := x.file.Write(b)
	x.end.length += int64(len(b))
	x.total.Add(int64(len(b)))
	return err
}

// begin makes the next segment, whose name is durable then.
func (x *segments) begin() error {
	f, err := x.fs.Create(x.path(x.end.number+1), "weir-events")
	if err != nil {
		return fmt.Errorf("cannot make segment of events: %w", err)
	}
	x.file = vfs.NewSyncingFile(&bufferedFile{File: f}, vfs.SyncingFileOptions{NoSyncOnClose: true, BytesPerSync: segmentBytesPerSync})
	x.end = segmentEnd{number: x.end.number + 1}
	if err := cmp.Or(x.write([]byte(segmentMagic)), syncDir(x.fs, x.dir)); err != nil {
		return fmt.Errorf("cannot make segment of events: %w", err)
	}
	return nil
}

// sync makes what was written durable.
func (x *segments) sync() error {
	if x.file == nil {
		return nil
	}
	if err := x.file.Sync(); err != nil {
		return fmt.Errorf("cannot sync segment of events: %w", err)
	}
	return nil
}

// finish ends the newest segment.
func (x *segments) finish() error {
	if x.file == nil {
		return nil
	}
	err := errors.Join(x.sync(), x.file.Close())
	x.file = nil
	return err
}

// close closes all files. Nobody reads or writes any more.
func (x *segments) close() error {
	err := x.finish()
	for _, r := range x.open {
		err = errors.Join(err, r.file.Close())
	}
	x.open = nil
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksumOf(block []byte) uint32 { return crc32.Checksum(block, castagnoli) }
