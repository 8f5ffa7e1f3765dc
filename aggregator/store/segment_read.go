package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// blockPlace is where a block lies: what stands under its key in its stead.
//
//	version 2, number of the segment, offset, length as varints; checksum 4 (CRC-32C, little-endian)
type blockPlace struct {
	segment  uint32
	at       int64
	bytes    int
	checksum uint32
}

// blockElsewhere is the first byte of the value of a block that lies in a segment; it is never that of a block.
const blockElsewhere = 2

func (p *blockPlace) append(dst []byte) []byte {
	dst = append(dst, blockElsewhere)
	dst = binary.AppendUvarint(dst, uint64(p.segment))
	dst = binary.AppendUvarint(dst, uint64(p.at))
	dst = binary.AppendUvarint(dst, uint64(p.bytes))
	return binary.LittleEndian.AppendUint32(dst, p.checksum)
}

func decodePlace(value []byte) (p blockPlace, err error) {
	r := valueReader{b: value[1:]}
	segment, at, bytes, checksum := r.uvarint(), r.uvarint(), r.uvarint(), r.fixed(4)
	if !r.done() || segment == 0 || segment > math.MaxUint32 || at > math.MaxInt64/2 || bytes == 0 || bytes > placeBytesMax {
		return p, fmt.Errorf("%w: place of a block", errCorruptSegment)
	}
	return blockPlace{uint32(segment), int64(at), int(bytes), binary.LittleEndian.Uint32(checksum)}, nil
}

// placeBytesMax is above the length of every block: an event at most is larger than blockBytesMax.
const placeBytesMax = 64 << 20

// segmentReader is a segment that is open for reading.
type segmentReader struct {
	number uint32
	file   vfs.File
	users  int
}

// block returns the block that a value of spaceEvent stands for: the value itself, or what lies in a segment, in buffer's
// memory. Where that is corrupt, the error is errCorruptSegment.
func (x *segments) block(buffer *[]byte, value []byte) ([]byte, error) {
	if len(value) == 0 || value[0] != blockElsewhere {
		return value, nil
	}
	place, err := decodePlace(value)
	if err != nil {
		return nil, err
	}
	*buffer = slices.Grow((*buffer)[:0], place.bytes)[:place.bytes]
	return *buffer, x.read(*buffer, &place)
}

// read reads a block into dst.
func (x *segments) read(dst []byte, place *blockPlace) error {
	r, err := x.acquire(place.segment)
	if err != nil {
		return fmt.Errorf("cannot open segment of events: %w", err)
	}
	defer x.release(r)
	n, err := r.file.ReadAt(dst, place.at)
	if n < len(dst) && (err == nil || errors.Is(err, io.EOF)) {
		return fmt.Errorf("%w: %s ends before %d", errCorruptSegment, x.path(place.segment), place.at+int64(place.bytes))
	}
	if n < len(dst) {
		return fmt.Errorf("cannot read segment of events: %w", err)
	}
	if checksumOf(dst) != place.checksum {
		return fmt.Errorf("%w: checksum of %s at %d", errCorruptSegment, x.path(place.segment), place.at)
	}
	return nil
}

// acquire returns a segment to be read until it is released.
func (x *segments) acquire(number uint32) (*segmentReader, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.open {
		if r.number == number {
			r.users++
			return r, nil
		}
	}
	f, err := x.fs.Open(x.path(number), vfs.RandomReadsOption)
	if err != nil {
		return nil, err
	}
	r := &segmentReader{number: number, file: f, users: 1}
	x.open = append(x.open, r)
	return r, nil
}

// release ends the use of a segment, and closes one that nobody uses if many are open: the one that was opened first.
func (x *segments) release(r *segmentReader) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r.users--
	if len(x.open) <= segmentsOpenMax {
		return
	}
	if at := slices.IndexFunc(x.open, func(r *segmentReader) bool { return r.users == 0 }); at >= 0 {
		_ = x.open[at].file.Close() // nothing was written to it
		x.open = slices.Delete(x.open, at, at+1)
	}
}
