package store

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"runtime"

	"weir/ingest"
)

// A filter says of an id that its run has none of it, or that it may. It is a blocked Bloom filter
// (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007), split like
// Parquet's: an id sets one bit in each of the eight words of one line, so a question
// costs one line of the processor's cache. Of the ids that are not there, about 0.1 % may be at 16
// bits an id and 0.02 % at 24.
//
// Its bits come from the part of an id that is SHA-256: whoever chooses transaction ids can aim at the
// part that is not, and fill one line with all of theirs.

// filterLine is a line of a filter: what one id touches.
type filterLine [filterWords]uint64

const (
	filterWords     = 8
	filterLineBytes = 8 * filterWords
	// filterLineIDs is how many ids there are to a line in a large run: 16 bits each.
	filterLineIDs = 32
	// filterLineIDsSmall is the same in a run of at most filterSmallIDs: 24 bits. Such runs are many, and
	// hold a small part of all ids.
	filterLineIDsSmall = 21
	filterSmallIDs     = 4 << 20
	// filterPieceBytes is how much of a filter one value holds.
	filterPieceBytes = 256 << 10
	filterPieceLines = filterPieceBytes / filterLineBytes
)

type idFilter []filterLine

// filterLines returns how many lines the filter of a run has.
func filterLines(ids int) int {
	if ids <= filterSmallIDs {
		return (ids + filterLineIDsSmall - 1) / filterLineIDsSmall
	}
	return (ids + filterLineIDs - 1) / filterLineIDs
}

// idHash is what filters ask of an id.
type idHash struct {
	line uint64 // chooses the line
	bits uint64 // six bits choose each word's bit
}

func hashOf(id *ingest.ID) idHash {
	return idHash{
		line: binary.BigEndian.Uint64(id[8:]),
		bits: uint64(binary.BigEndian.Uint32(id[ingest.IDPrefixBytes:]))<<16 | uint64(binary.BigEndian.Uint16(id[14:])),
	}
}

// lineOf returns the line of a hash: the lines share its values evenly.
func (f idFilter) lineOf(h *idHash) *filterLine {
	at, _ := bits.Mul64(h.line, uint64(len(f)))
	return &f[at]
}

// add adds the ids of entries. hashes is room for theirs, and is returned. To touch all lines first lets the
// processor fetch them side by side.
func (f idFilter) add(hashes []idHash, entries []idEntry) []idHash {
	touched := uint64(0)
	for i := range entries {
		hashes = append(hashes, hashOf(&entries[i].id))
		touched |= f.lineOf(&hashes[i])[0]
	}
	for i := range hashes {
		line, b := f.lineOf(&hashes[i]), hashes[i].bits
		for word := range line {
			line[word] |= 1 << (b & 63)
			b >>= 6
		}
	}
	runtime.KeepAlive(touched)
	return hashes
}

// may reports whether an id with this hash may have been added. It has no branch, so that the processor
// asks for many lines at once.
func (f idFilter) may(h *idHash) bool {
	line := f.lineOf(h)
	b := h.bits
	all := line[0] >> (b & 63) & (line[1] >> (b >> 6 & 63)) & (line[2] >> (b >> 12 & 63)) & (line[3] >> (b >> 18 & 63)) &
		(line[4] >> (b >> 24 & 63)) & (line[5] >> (b >> 30 & 63)) & (line[6] >> (b >> 36 & 63)) & (line[7] >> (b >> 42 & 63))
	return all&1 != 0
}

// pieces calls f for the values that hold the filter, which may be overwritten after f returns.
func (f idFilter) pieces(each func(number int, value []byte) error) error {
	var value []byte
	for number := 0; len(f) > 0; number++ {
		n := min(len(f), filterPieceLines)
		value = value[:0]
		for i := range f[:n] {
			for _, word := range f[i] {
				value = binary.LittleEndian.AppendUint64(value, word)
			}
		}
		if err := each(number, value); err != nil {
			return err
		}
		f = f[n:]
	}
	return nil
}

// setPiece puts a value back where it was.
func (f idFilter) setPiece(number int, value []byte) error {
	from := number * filterPieceLines
	if from >= len(f) || len(value) != min(filterPieceLines, len(f)-from)*filterLineBytes {
		return fmt.Errorf("filter of ids is corrupt: piece %d of %d bytes in a filter of %d lines", number, len(value), len(f))
	}
	for i := range f[from:min(len(f), from+filterPieceLines)] {
		line := &f[from+i]
		for word := range line {
			line[word] = binary.LittleEndian.Uint64(value[i*filterLineBytes+8*word:])
		}
	}
	return nil
}
