package worker

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"weir/ingest"
)

// idIndex finds ids in recentIDs by their hashes: a table of open addressing, cut into shards that
// grow by themselves, so that growing never holds anybody up. An entry is 8 bytes: 32 bits
// of the hash, which also say where in its shard it lies, so that a shard is made anew from its
// entries alone, in one pass from end to end; and the number of the id's slot.
//
// An entry lies in the line of the processor's cache that its hash says, anywhere in it, or in one of the next if it
// was full: nearly always one line is all that is looked at, and without a branch for each entry.
//
// An entry whose slot was let go of counts for nothing. Another may take its place, and when its shard has no room left,
// all such go that are in nobody's way.
type idIndex struct {
	shards []idShard // a power of two of them
	shift  uint      // 64 - log2(len(shards))
	seed   uint64    // odd: no sender can choose where ids go
	final  int       // size of a shard when there are as many ids as there may be; 0 = nobody knows
	spare  []uint64  // memory of a shard that was made anew
	sum    uint64    // keeps touch from being optimised away
}

type idShard struct {
	entries []uint64 // 0 = empty
	used    int      // with those that count for nothing
	room    int      // how many there may be before room is made
	first   uint32   // the first slot that lived when that was last done
}

// Bounds of an idIndex.
const (
	// idsPerShard is about how many ids a shard has in the end: 20 microseconds to make it anew.
	idsPerShard = 4096
	idShardsMax = 4096
	// Of a shard's entries at most idFullMax of idFullOf are used; when there are as many ids as there
	// may be, at least three of five.
	idFullMax, idFullOf = 3, 4
	// idFinalOf: a shard that would get more than this part of its size in the end gets all of it.
	idFinalOf = 3
	// idLine is how many entries a line has. A shard has whole lines.
	idLine = 8
)

// newIDIndex returns an index for about so many ids; 0 = nobody knows.
func newIDIndex(ids int) idIndex {
	shards := 1
	for shards < idShardsMax && shards*idsPerShard < ids || ids == 0 && shards < 64 {
		shards *= 2
	}
	return idIndex{
		shards: make([]idShard, shards),
		shift:  uint(64 - bits.TrailingZeros(uint(shards))),
		seed:   rand.Uint64() | 1,
		final:  wholeLines(ids / shards * 5 / 3),
	}
}

// wholeLines rounds a number of entries up.
func wholeLines(entries int) int { return (entries + idLine - 1) &^ (idLine - 1) }

// hash returns where an id belongs: its shard, and the front of its entry. Ids are hashes
// themselves, but their senders know which.
func (x *idIndex) hash(id *ingest.ID) (shard *idShard, front uint32) {
	hash := binary.LittleEndian.Uint64(id[8:]) * x.seed
	// The lowest bit, set in all, tells an entry from none.
	return &x.shards[hash>>x.shift], uint32(hash<<(64-x.shift)>>32) | 1
}

func entryOf(front, slot uint32) uint64 { return uint64(front)<<32 | uint64(slot) }
func frontOf(entry uint64) uint32       { return uint32(entry >> 32) }
func slotOf(entry uint64) uint32        { return uint32(entry) }

// home is the number of the line that entries with a front belong into.
func (t *idShard) home(front uint32) int {
	return int(uint64(front) * uint64(len(t.entries)/idLine) >> 32)
}

// line returns a line of the shard.
func (t *idShard) line(number int) *[idLine]uint64 {
	return (*[idLine]uint64)(t.entries[number*idLine:])
}

// next is the number of the line behind one.
func (t *idShard) next(number int) int {
	if number++; number == len(t.entries)/idLine {
		return 0
	}
	return number
}

// scan looks at the entries of a line, a bit for each: those with the front, and those that are empty.
func scan(line *[idLine]uint64, front uint32) (same, empty uint32) {
	f := uint64(front)
	same = isZero(line[0]>>32^f) | isZero(line[1]>>32^f)<<1 | isZero(line[2]>>32^f)<<2 | isZero(line[3]>>32^f)<<3 |
		isZero(line[4]>>32^f)<<4 | isZero(line[5]>>32^f)<<5 | isZero(line[6]>>32^f)<<6 | isZero(line[7]>>32^f)<<7
	// The lowest bit of a front is set.
	full := uint32(line[0]>>32)&1 | uint32(line[1]>>31)&2 | uint32(line[2]>>30)&4 | uint32(line[3]>>29)&8 |
		uint32(line[4]>>28)&16 | uint32(line[5]>>27)&32 | uint32(line[6]>>26)&64 | uint32(line[7]>>25)&128
	return same, full ^ (1<<idLine - 1)
}

// isZero returns 1 if a number of less than 64 bits is 0, else 0.
func isZero(n uint64) uint32 { return uint32((n - 1) >> 63) }

// gone returns the first entry of a line that counts for nothing, nil if there is none. None is empty.
func gone(line *[idLine]uint64, live idRange) *uint64 {
	for i, entry := range line {
		if !live.has(slotOf(entry)) {
			return &line[i]
		}
	}
	return nil
}

// touch brings what is known of ids into the processor's caches, for many of them at a time: one
// after the other, each would wait for memory.
func (x *idIndex) touch(events []parsedEvent) {
	sum := uint64(0)
	for i := range events {
		if shard, front := x.hash(&events[i].id); len(shard.entries) > 0 {
			sum += shard.line(shard.home(front))[0]
		}
	}
	x.sum += sum
}

// place puts an entry into a shard, which must have room.
func (t *idShard) place(entry uint64) {
	for number := t.home(frontOf(entry)); ; number = t.next(number) {
		line := t.line(number)
		if _, empty := scan(line, 0); empty != 0 {
			line[bits.TrailingZeros32(empty)] = entry
			t.used++
			return
		}
	}
}

// add puts in an id that is not there, which has a slot among those that live.
func (x *idIndex) add(id *ingest.ID, slot uint32, live idRange) {
	shard, front := x.hash(id)
	if shard.used >= shard.room {
		x.renew(shard, live)
	}
	shard.place(entryOf(front, slot))
}

// idRange is a range of numbers of slots, which go round.
type idRange struct{ first, n uint32 }

func (r idRange) has(number uint32) bool { return number-r.first < r.n }

// renew makes room in a shard for more: where those that count for nothing lie or, if there are few, in
// a larger one.
func (x *idIndex) renew(t *idShard, live idRange) {
	if t.first != live.first { // else all live
		t.purge(live)
	}
	size := len(t.entries)
	switch {
	case t.used >= t.room/8*7:
		size = x.larger(size)
	case x.final > 0 && t.used < size/4: // there were many for a while that no checkpoint had
		size = max(x.final, 2*t.used, idEntriesMin)
	default:
		return
	}
	size = wholeLines(size)
	old := t.entries
	*t = idShard{entries: x.emptied(size), room: size / idFullOf * idFullMax, first: live.first}
	for _, entry := range old {
		if entry != 0 && live.has(slotOf(entry)) {
			t.place(entry)
		}
	}
	x.spare = old
}

// purge takes the entries away that count for nothing, in one pass from end to end. Those stay that
// lie in the way of others: who looks for an entry goes on to the next line only if there is
// nothing empty in this one.
func (t *idShard) purge(live idRange) {
	// first is the first line that something behind the one that is looked at belongs to.
	first, last := t.wentRound(live)
	for number := len(t.entries)/idLine - 1; number >= 0; number-- {
		line, inTheWay := t.line(number), first <= number || number < last
		for i, entry := range line {
			switch {
			case entry == 0:
			case live.has(slotOf(entry)):
				if home := t.home(frontOf(entry)); home < number {
					first = min(first, home)
				}
			case !inTheWay:
				line[i] = 0
				t.used--
			}
		}
	}
	t.first = live.first
}

// wentRound looks for entries that live and lie at the front because there was no room up to the end. It returns the
// first line that one of them belongs to and the last that one lies in; if there are none, the number of
// lines and 0.
func (t *idShard) wentRound(live idRange) (first, last int) {
	first = len(t.entries) / idLine
	for number := range first {
		full := true
		for _, entry := range t.line(number) {
			if entry == 0 {
				full = false
			} else if home := t.home(frontOf(entry)); home > number && live.has(slotOf(entry)) {
				first, last = min(first, home), number
			}
		}
		if !full { // nothing has gone on from here
			break
		}
	}
	return first, last
}

// larger returns the next size of a shard: the one that it is to have in the end, as soon as a good part of
// that is used. To go there by small steps would be to place each entry three times.
func (x *idIndex) larger(size int) int {
	next := size + size/2
	if size < x.final && next > x.final/idFinalOf {
		next = x.final
	}
	return max(next, idEntriesMin)
}

// idEntriesMin is the size of the smallest shard.
const idEntriesMin = 16

// emptied returns memory for a shard: the spare one if it fits.
func (x *idIndex) emptied(size int) []uint64 {
	if had := cap(x.spare); size <= had && had <= size+size/4 {
		entries := x.spare[:size]
		clear(entries)
		return entries
	}
	return make([]uint64, size)
}
