package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
)

// A frame is what one commit writes: records of any partitions. It is one key in
// Pebble, so that a commit costs one insertion however many records it has.
// Frames are numbered without gap, and written once: the tables that hold them
// never overlap, and no compaction has anything to rewrite.
//
// A frame, version 1. Integers are uvarints unless said otherwise.
//
//	version       1 byte, 0x01
//	time          8 bytes, big end first: when the log took it, nanoseconds since the Unix epoch
//	partitions    their number, all that the log has; then for each
//	  first       offset of the next record, which is the frame's first if it has any
//	  count       of records in this frame; if it is not 0
//	  bytes       of the section
//	  stored      bytes of the section as it stands below: if fewer, it is an S2 block
//	  checksum    4 bytes, big end first: CRC-32C of the section, not compressed
//	checksum      4 bytes, big end first: CRC-32C of all before it
//	sections      of the partitions that have records, in their order
//
// A section is the partition's records in the order of offsets, each
//
//	length        of its value
//	time          varint (zigzag): nanoseconds since the frame's; 0 but after an upgrade
//	value
//
// Every frame says where all partitions stand: so the last one tells the ends,
// and a record is found by bisection.
const (
	frameVersion     = 0x01
	frameHeaderStart = 1 + 8
	checksumBytes    = 4

	// recordOverheadBytesMax is what a record takes in a section beside its value.
	recordOverheadBytesMax = 2 * binary.MaxVarintLen64
	// partBytesMax is what a partition takes in a header.
	partBytesMax = 4*binary.MaxVarintLen64 + checksumBytes
	// compressBytesMin: a shorter section is stored as it is. There is hardly
	// anything in one record that repeats.
	compressBytesMin = 160
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is the records of one commit in memory, not compressed. Once it is built
// nobody writes to it: readers of the tail share it, until the last of its users
// lets go of it (embedded_memory.go).
type frame struct {
	users    atomic.Int32 // its commit, the tail, and readers
	sequence uint64
	time     int64  // nanoseconds since the Unix epoch
	parts    []part // by partition
	raw      []byte // the sections
	notes    []byte // what came along with the records; never stored
	memory   []byte // where both are
}

// part is one partition's share of a frame.
type part struct {
	first    int64 // offset of its first record, or of the next to come if there is none
	count    int32 // records
	from, to int32 // its section in frame.raw
	sum      uint32

	// Its records' notes in frame.notes, each behind its length; nothing if the frame has none.
	notesFrom, notesTo int32
}

// end is the partition's end after the frame.
func (p *part) end() int64 { return p.first + int64(p.count) }

// section is one partition's records of a frame, or what is left of them to read.
type section struct {
	next  int64 // offset of the first record in bytes
	count int32
	time  int64 // the frame's
	bytes []byte
	notes []byte // of all its records, or empty
}

func (f *frame) section(partition int32) section {
	p := &f.parts[partition]
	return section{
		next: p.first, count: p.count, time: f.time,
		bytes: f.raw[p.from:p.to:p.to], notes: f.notes[p.notesFrom:p.notesTo:p.notesTo],
	}
}

// sumSections fills in the parts' checksums.
func (f *frame) sumSections() {
	for i := range f.parts {
		if p := &f.parts[i]; p.count > 0 {
			p.sum = crc32.Checksum(f.raw[p.from:p.to], castagnoli)
		}
	}
}

func sizeUvarint(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// recordSize is what a record with the frame's own time takes in a section.
func recordSize(value []byte) int { return sizeUvarint(len(value)) + 1 + len(value) }

// putRecord writes a record with the frame's own time into dst, whose first bytes fit, and returns how many it took.
func putRecord(dst, value []byte) int {
	n := binary.PutUvarint(dst, uint64(len(value)))
	dst[n] = 0
	return n + 1 + copy(dst[n+1:], value)
}

// noteHeadBytes is what stands in front of a note in memory: its length.
const noteHeadBytes = 4

// noteSize is what a note takes in memory.
func noteSize(note []byte) int { return noteHeadBytes + len(note) }

// putNote writes a note into dst, whose first bytes fit, and returns how many it took.
func putNote(dst, note []byte) int {
	binary.LittleEndian.PutUint32(dst, uint32(len(note)))
	return noteHeadBytes + copy(dst[noteHeadBytes:], note)
}

// appendRecord appends a record of any time to a section.
func appendRecord(dst, value []byte, sinceFrame int64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	dst = binary.AppendVarint(dst, sinceFrame)
	return append(dst, value...)
}

var errSection = errors.New("corrupt log: a section is cut short")

// take returns the section's first record, whose value points into it, and moves on.
func (s *section) take() (Record, error) {
	length, n := binary.Uvarint(s.bytes)
	if n <= 0 {
		return Record{}, errSection
	}
	since, m := binary.Varint(s.bytes[n:])
	if m <= 0 {
		return Record{}, errSection
	}
	rest := s.bytes[n+m:]
	if length > uint64(len(rest)) {
		return Record{}, errSection
	}
	r := Record{Offset: s.next, Time: s.time + since, Value: rest[:length:length], Note: s.takeNote()}
	s.bytes = rest[length:]
	s.next++
	s.count--
	if s.count == 0 && len(s.bytes) > 0 {
		return Record{}, fmt.Errorf("corrupt log: %d bytes after a section's last record", len(s.bytes))
	}
	return r, nil
}

// takeNote returns the note of the section's first record, nil when there is none.
func (s *section) takeNote() []byte {
	if len(s.notes) == 0 {
		return nil
	}
	end := noteHeadBytes + binary.LittleEndian.Uint32(s.notes)
	note := s.notes[noteHeadBytes:end:end]
	s.notes = s.notes[end:]
	if len(note) == 0 {
		return nil
	}
	return note
}

// skipTo drops the records below an offset.
func (s *section) skipTo(offset int64) error {
	for s.next < offset && s.count > 0 {
		if _, err := s.take(); err != nil {
			return err
		}
	}
	return nil
}

// frameEncoder makes a frame's stored bytes. Its memory is used again.
type frameEncoder struct {
	header []byte
	packed []byte // the sections as they are stored
}

// encode fills header and packed, which follow each other in the store, from a frame whose checksums are filled in.
func (e *frameEncoder) encode(f *frame) {
	e.header = append(e.header[:0], frameVersion)
	e.header = binary.BigEndian.AppendUint64(e.header, uint64(f.time))
	e.header = binary.AppendUvarint(e.header, uint64(len(f.parts)))
	e.packed = e.packed[:0]
	for i := range f.parts {
		p := &f.parts[i]
		e.header = binary.AppendUvarint(e.header, uint64(p.first))
		e.header = binary.AppendUvarint(e.header, uint64(p.count))
		if p.count == 0 {
			continue
		}
		stored := e.pack(f.raw[p.from:p.to])
		e.header = binary.AppendUvarint(e.header, uint64(p.to-p.from))
		e.header = binary.AppendUvarint(e.header, uint64(stored))
		e.header = binary.BigEndian.AppendUint32(e.header, p.sum)
	}
	e.header = binary.BigEndian.AppendUint32(e.header, crc32.Checksum(e.header, castagnoli))
}

// pack appends a section to packed, compressed when that saves an eighth, and returns how many bytes it took.
func (e *frameEncoder) pack(raw []byte) int {
	at := len(e.packed)
	if len(raw) >= compressBytesMin {
		e.packed = growBytes(e.packed, s2.MaxEncodedLen(len(raw)))
		block := s2.Encode(e.packed[at:cap(e.packed)], raw)
		if len(block) <= len(raw)-len(raw)/8 {
			e.packed = e.packed[:at+len(block)]
			return len(block)
		}
	}
	e.packed = append(e.packed, raw...)
	return len(raw)
}

// growBytes returns b with room for n more bytes.
func growBytes(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, max(2*cap(b), len(b)+n)), b...)
}

// storedFrame is a frame as it stands in the store. Its bytes belong to whom they were read from.
type storedFrame struct {
	time  int64
	parts []storedPart // by partition; used again by the next parse
}

type storedPart struct {
	first  int64
	count  int32
	bytes  int // of the section, not compressed
	packed int // bytes of stored
	sum    uint32
	stored []byte // the section as it is stored
}

func (p *storedPart) end() int64 { return p.first + int64(p.count) }

// frameParser reads a frame's header; the first error stays.
type frameParser struct {
	rest []byte
	err  error
}

func (p *frameParser) fail(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("corrupt log: %s in a frame's header", what)
	}
	p.rest = nil
}

// uvarint returns a number up to limit.
func (p *frameParser) uvarint(limit uint64) uint64 {
	n, size := binary.Uvarint(p.rest)
	if size <= 0 || n > limit {
		p.fail("a bad number")
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *frameParser) uint32() uint32 {
	if len(p.rest) < checksumBytes {
		p.fail("too few bytes")
		return 0
	}
	n := binary.BigEndian.Uint32(p.rest)
	p.rest = p.rest[checksumBytes:]
	return n
}

const (
	offsetMax       = 1<<63 - 1
	sectionBytesMax = commitBytesMax + RecordBytesMax + recordOverheadBytesMax
)

// parse reads the header of a stored frame with the given number of partitions. The parts point into value.
func (f *storedFrame) parse(value []byte, partitions int) error {
	if len(value) < frameHeaderStart || value[0] != frameVersion {
		return fmt.Errorf("corrupt log: a frame of %d bytes begins with %x", len(value), value[:min(1, len(value))])
	}
	f.time = int64(binary.BigEndian.Uint64(value[1:]))
	p := frameParser{rest: value[frameHeaderStart:]}
	if n := p.uvarint(PartitionsMax); p.err == nil && n != uint64(partitions) {
		return fmt.Errorf("corrupt log: a frame of %d partitions, the log has %d", n, partitions)
	}
	if cap(f.parts) < partitions {
		f.parts = make([]storedPart, partitions)
	}
	f.parts = f.parts[:partitions]
	for i := range f.parts {
		part := storedPart{first: int64(p.uvarint(offsetMax))}
		part.count = int32(p.uvarint(sectionBytesMax))
		if part.count > 0 {
			part.bytes = int(p.uvarint(sectionBytesMax))
			part.packed = int(p.uvarint(uint64(part.bytes)))
			part.sum = p.uint32()
		}
		f.parts[i] = part
	}
	headerBytes := len(value) - len(p.rest)
	if sum := p.uint32(); p.err == nil && sum != crc32.Checksum(value[:headerBytes], castagnoli) {
		p.fail("another checksum")
	}
	if p.err != nil {
		return p.err
	}
	return f.slice(p.rest)
}

// slice gives each part its section of what follows the header.
func (f *storedFrame) slice(sections []byte) error {
	for i := range f.parts {
		n := f.parts[i].packed
		if n > len(sections) {
			return errors.New("corrupt log: a frame's sections are cut short")
		}
		f.parts[i].stored, sections = sections[:n:n], sections[n:]
	}
	if len(sections) > 0 {
		return fmt.Errorf("corrupt log: %d bytes after a frame's sections", len(sections))
	}
	return nil
}

// unpack writes the part's section into dst, whose length is part.bytes, and checks it.
func (p *storedPart) unpack(dst []byte) error {
	if len(p.stored) == p.bytes {
		copy(dst, p.stored)
	} else {
		n, err := s2.DecodedLen(p.stored)
		if err == nil && n != p.bytes {
			err = fmt.Errorf("%d bytes, want %d", n, p.bytes)
		}
		if err == nil {
			_, err = s2.Decode(dst, p.stored)
		}
		if err != nil {
			return fmt.Errorf("corrupt log: cannot decompress a section: %w", err)
		}
	}
	if crc32.Checksum(dst, castagnoli) != p.sum {
		return errors.New("corrupt log: a section has another checksum")
	}
	return nil
}
