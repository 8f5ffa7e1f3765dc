package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"weir/ingest"
)

// A block holds entries of ids in order, in columns. The ids themselves come without the bytes
// that all of a block share, their contents' hashes as they are; of the other columns each has a
// base and as many bytes an entry as its values above the base need, none where all are equal. So an entry is read
// where it stands, and a look-up decodes one. Numbers are little-endian, bases included.
//
//	version 1, count 2, shared bytes of ids 1, unit of timestamps 1,
//	per column: base 8, width 1,
//	the shared bytes, the rest of each id, contents 4 each, the columns, padding 8

// idEntry is an entry of an id.
type idEntry struct {
	id   ingest.ID
	seen Seen
}

// compare orders entries as they stand in blocks: by id, revision and position.
func (e *idEntry) compare(other *idEntry) int {
	if e.id != other.id {
		return bytes.Compare(e.id[:], other.id[:])
	}
	return e.seen.Compare(&other.seen)
}

const (
	idBlockVersion = 1
	// idBlockEntries is how many entries a block has: 8 KiB of the common kind, at most 13 KiB.
	idBlockEntries   = 240
	idBlockHeadBytes = 1 + 2 + 1 + 1 + idColumns*idColumnHeadBytes
	// idBlockPadding lets every value be read by 8 bytes at once, those of no width behind the last too.
	idBlockPadding    = 8
	idColumnHeadBytes = 8 + 1
	idContentBytes    = 4
)

// The columns of a block besides ids and contents.
const (
	columnFlags = iota
	columnRevision
	columnOffset
	columnIndex
	columnSeries
	columnTimestamp
	idColumns
)

var errCorruptIDs = errors.New("block of ids is corrupt")

// idColumn is how a column is written.
type idColumn struct {
	base  uint64
	width int // bytes an entry, 0 to 8
}

// idBlockWriter is the memory for writing blocks.
type idBlockWriter struct {
	values [idColumns][idBlockEntries]uint64
}

// append appends the block of entries, at least one and at most idBlockEntries, which are in order.
func (w *idBlockWriter) append(dst []byte, entries []idEntry) []byte {
	first, last := &entries[0].id, &entries[len(entries)-1].id
	shared := 0
	for shared < len(first) && first[shared] == last[shared] {
		shared++
	}
	columns, unit := w.shape(entries)
	width := len(first) - shared + idContentBytes
	for _, column := range columns {
		width += column.width
	}
	size := idBlockHeadBytes + shared + len(entries)*width + idBlockPadding
	dst = slices.Grow(dst, size)
	dst = append(dst, idBlockVersion)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(entries)))
	dst = append(dst, byte(shared), byte(unit))
	for _, column := range columns {
		dst = binary.LittleEndian.AppendUint64(dst, column.base)
		dst = append(dst, byte(column.width))
	}
	dst = append(dst, first[:shared]...)
	for i := range entries {
		dst = append(dst, entries[i].id[shared:]...)
	}
	for i := range entries {
		dst = binary.LittleEndian.AppendUint32(dst, entries[i].seen.Content)
	}
	for c := range columns {
		dst = columns[c].append(dst, w.values[c][:len(entries)])
	}
	return append(dst, make([]byte, idBlockPadding)...)
}

// shape puts the values of entries into columns, less their bases, and says how they are to be written.
func (w *idBlockWriter) shape(entries []idEntry) (columns [idColumns]idColumn, unit int) {
	v := &w.values
	earliest := entries[0].seen.Timestamp
	unit = len(timeUnits) - 1
	for i := range entries {
		seen := &entries[i].seen
		v[columnFlags][i] = uint64(seen.flags())
		v[columnRevision][i] = uint64(seen.Revision)
		v[columnOffset][i] = uint64(seen.Position.Offset())
		v[columnIndex][i] = uint64(seen.Position.Index())
		v[columnSeries][i] = seen.Series
		v[columnTimestamp][i] = uint64(seen.Timestamp)
		earliest = min(earliest, seen.Timestamp)
		for !isWhole(seen.Timestamp, unit) {
			unit--
		}
	}
	for c := range columns {
		values := v[c][:len(entries)]
		columns[c].base = uint64(earliest) // which may be before 1970
		if c != columnTimestamp {
			columns[c].base = slices.Min(values)
		}
		base, most := columns[c].base, uint64(0)
		for i := range values {
			values[i] -= base
			most = max(most, values[i])
		}
		if c == columnTimestamp {
			step := uint64(timeUnits[unit])
			most /= step
			for i := range values {
				values[i] /= step
			}
		}
		columns[c].width = (bits.Len64(most) + 7) / 8
	}
	return columns, unit
}

// append appends a column. Each value is written whole, and what is too much of it overwritten by the next.
func (c *idColumn) append(dst []byte, values []uint64) []byte {
	if c.width == 0 {
		return dst
	}
	at, end := len(dst), len(dst)+c.width*len(values)
	dst = slices.Grow(dst, end-at+8)[:end+8]
	for _, value := range values {
		binary.LittleEndian.PutUint64(dst[at:], value)
		at += c.width
	}
	return dst[:end]
}

// idBlock is a block that is being read. Its slices point into what it was read from.
type idBlock struct {
	count    int
	shared   []byte
	ids      []byte // what is not shared, one after the other
	contents []byte
	columns  [idColumns]idColumnReader
}

type idColumnReader struct {
	idColumn
	mask uint64 // of the bytes of a value
	unit uint64
	data []byte // the column and at least 8 bytes behind it
}

func (c *idColumnReader) at(i int) uint64 {
	return c.base + (binary.LittleEndian.Uint64(c.data[i*c.width:])&c.mask)*c.unit
}

// readIDBlock reads what idBlockWriter wrote, which stays the caller's.
func readIDBlock(b []byte) (block idBlock, err error) {
	if len(b) < idBlockHeadBytes+idBlockPadding || b[0] != idBlockVersion {
		return idBlock{}, errCorruptIDs
	}
	block.count = int(binary.LittleEndian.Uint16(b[1:]))
	shared, unit := int(b[3]), int(b[4])
	if block.count == 0 || block.count > idBlockEntries || shared > len(ingest.ID{}) || unit >= len(timeUnits) {
		return idBlock{}, errCorruptIDs
	}
	stride := len(ingest.ID{}) - shared
	width := stride + idContentBytes
	for c := range block.columns {
		head := b[idBlockHeadBytes-(idColumns-c)*idColumnHeadBytes:]
		column := idColumn{base: binary.LittleEndian.Uint64(head), width: int(head[8])}
		if column.width > 8 {
			return idBlock{}, errCorruptIDs
		}
		block.columns[c] = idColumnReader{idColumn: column, mask: ^uint64(0) >> (64 - 8*column.width), unit: 1}
		width += column.width
	}
	block.columns[columnTimestamp].unit = uint64(timeUnits[unit])
	if len(b) != idBlockHeadBytes+shared+block.count*width+idBlockPadding {
		return idBlock{}, errCorruptIDs
	}
	rest := b[idBlockHeadBytes:]
	block.shared, rest = rest[:shared], rest[shared:]
	block.ids, rest = rest[:block.count*stride], rest[block.count*stride:]
	block.contents, rest = rest[:block.count*idContentBytes], rest[block.count*idContentBytes:]
	for c := range block.columns {
		block.columns[c].data = rest
		rest = rest[block.count*block.columns[c].width:]
	}
	return block, nil
}

// id returns the id of an entry.
func (b *idBlock) id(i int) (id ingest.ID) {
	b.readID(i, &id)
	return id
}

func (b *idBlock) readID(i int, id *ingest.ID) {
	stride := len(id) - len(b.shared)
	copy(id[:], b.shared)
	copy(id[len(b.shared):], b.ids[i*stride:(i+1)*stride])
}

// seen returns what is kept of an entry.
func (b *idBlock) seen(i int) (seen Seen) {
	b.readSeen(i, &seen)
	return seen
}

func (b *idBlock) readSeen(i int, seen *Seen) {
	c := &b.columns
	seen.Position = ingest.PositionOf(int64(c[columnOffset].at(i)), int(c[columnIndex].at(i)&0xffff))
	seen.Revision = uint32(c[columnRevision].at(i))
	seen.Content = binary.LittleEndian.Uint32(b.contents[i*idContentBytes:])
	seen.setFlags(byte(c[columnFlags].at(i)))
	seen.Series = c[columnSeries].at(i)
	seen.Timestamp = int64(c[columnTimestamp].at(i))
}

// appendEntries appends all entries.
func (b *idBlock) appendEntries(dst []idEntry) []idEntry {
	from := len(dst)
	dst = slices.Grow(dst, b.count)[:from+b.count]
	for i := range b.count {
		e := &dst[from+i]
		b.readID(i, &e.id)
		b.readSeen(i, &e.seen)
	}
	return dst
}

// search returns the first entry that is not below one of an id with a revision and position; count when there is none.
func (b *idBlock) search(id *ingest.ID, revision uint32, position ingest.Position) int {
	stride := len(id) - len(b.shared)
	if c := bytes.Compare(b.shared, id[:len(b.shared)]); c != 0 {
		return max(0, -c) * b.count
	}
	want := id[len(b.shared):]
	from, to := 0, b.count
	for from < to {
		at := int(uint(from+to) / 2)
		c := bytes.Compare(b.ids[at*stride:(at+1)*stride], want)
		if c == 0 {
			seen := b.seen(at)
			c = cmp.Or(cmp.Compare(seen.Revision, revision), cmp.Compare(seen.Position, position))
		}
		if c < 0 {
			from = at + 1
		} else {
			to = at
		}
	}
	return from
}
