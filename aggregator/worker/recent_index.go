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
// An entry lies in the line of the processor's cache that its hash says, round which the search for it goes
// before it goes on to the next line: nearly always one line is all that is looked at.
//
// An entry whose slot was let go of stays until its shard is made anew, and counts for nothing.
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
	room    int      // how many there may be before the shard is made anew
	first   uint32   // the first slot that lived when it was made
}

// Bounds of an idIndex.
const (
	// idsPerShard is about how many ids a shard has in the end: 20 microseconds to make it anew.
	idsPerShard = 4096
	idShardsMax = 4096
	// Of a shard's entries at most idFullMax of idFullOf are used; when there are as many ids as there
	// may be, at least three of five.
	idFullMax, idFullOf = 3, 4
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

func entryOf(front, slot uint32) uint64  { return uint64(front)<<32 | uint64(slot) }
func frontOf(entry uint64) uint32        { return uint32(entry >> 32) }
func slotOf(entry uint64) uint32         { return uint32(entry) }
func (t *idShard) home(front uint32) int { return int(uint64(front) * uint64(len(t.entries)) >> 32) }

// touch brings what is known of ids into the processor's caches, for many of them at a time: one
// after the other, each would wait for memory.
func (x *idIndex) touch(events []parsedEvent) {
	sum := uint64(0)
	for i := range events {
		if shard, front := x.hash(&events[i].id); len(shard.entries) > 0 {
			sum += shard.entries[shard.home(front)]
		}
	}
	x.sum += sum
}

// place puts an entry into a shard, which must have room.
func (t *idShard) place(entry uint64) {
	home := t.home(frontOf(entry))
	for base := home &^ (idLine - 1); ; base = t.nextLine(base) {
		line := (*[idLine]uint64)(t.entries[base:])
		for i := range idLine {
			if at := &line[(home+i)%idLine]; *at == 0 {
				*at = entry
				t.used++
				return
			}
		}
	}
}

// nextLine returns where the line behind one begins.
func (t *idShard) nextLine(base int) int {
	if base += idLine; base == len(t.entries) {
		return 0
	}
	return base
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

// renew makes a shard anew of those entries that live, with room for more.
func (x *idIndex) renew(t *idShard, live idRange) {
	kept := t.used
	if t.first != live.first { // else all live
		kept = 0
		for _, entry := range t.entries {
			if entry != 0 && live.has(slotOf(entry)) {
				kept++
			}
		}
	}
	size := len(t.entries)
	switch {
	case kept >= t.room/8*7:
		size = x.larger(size)
	case x.final > 0 && kept < size/4: // there were many for a while that no checkpoint had
		size = max(x.final, 2*kept, idEntriesMin)
	}
	size = wholeLines(size)
	old, all := t.entries, kept == t.used
	*t = idShard{entries: x.emptied(size), room: size / idFullOf * idFullMax, first: live.first}
	for _, entry := range old {
		if entry != 0 && (all || live.has(slotOf(entry))) {
			t.place(entry)
		}
	}
	x.spare = old
}

// larger returns the next size of a shard: the one that it is to have in the end, if that is not far. Empty
// entries are memory too.
func (x *idIndex) larger(size int) int {
	next := size + size/2
	if size < x.final && next > x.final-x.final/8 {
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
