package ingest

import (
	"encoding/binary"
	"math/bits"
)

// idTable finds a slot by its key: open addressing with linear probing. An
// entry is the lower half of the key's second word above the slot's number plus
// one; zero is empty. So probing and removal read the slots only where 32 bits
// of the key agree.
//
// It knows nothing of order or age, and holds no key of its own.
type idTable struct {
	entries []uint64 // a power of two of them, at most three quarters in use
	mask    uint32
	used    int
	touched uint64 // what touch read, so that it is read at all
}

// newIDTable returns a table for about ids keys; it grows when more come.
func newIDTable(ids int) idTable {
	size := 1 << bits.Len(uint(ids+ids/3))
	return idTable{entries: make([]uint64, size), mask: uint32(size - 1)}
}

// tagOf returns the bits of a key by which the table finds it. IDKey is
// already a hash, and its second word covers every part of the identity.
func tagOf(key *ID) uint32 { return binary.LittleEndian.Uint32(key[8:]) }

// touch reads the entry where the search for a key begins. A large table lies
// outside the processor's caches: to touch many keys first lets it fetch them side
// by side, and halves the time that find and remove take.
func (t *idTable) touch(key *ID) {
	t.touched ^= t.entries[tagOf(key)&t.mask]
}

// find returns the slot that holds the key.
func (t *idTable) find(slots []idSlot, key *ID) (slot uint32, found bool) {
	tag := tagOf(key)
	for i := tag & t.mask; t.entries[i] != 0; i = (i + 1) & t.mask {
		e := t.entries[i]
		if uint32(e>>32) == tag && slots[uint32(e)-1].key == *key {
			return uint32(e) - 1, true
		}
	}
	return 0, false
}

// insert adds a slot whose key is not in the table.
func (t *idTable) insert(slots []idSlot, slot uint32) {
	if (t.used+1)*4 > len(t.entries)*3 {
		t.grow()
	}
	t.place(uint64(tagOf(&slots[slot].key))<<32 | uint64(slot+1))
	t.used++
}

func (t *idTable) place(entry uint64) {
	i := uint32(entry>>32) & t.mask
	for t.entries[i] != 0 {
		i = (i + 1) & t.mask
	}
	t.entries[i] = entry
}

// grow doubles the table: more ids are pending than the window was sized for.
func (t *idTable) grow() {
	old := t.entries
	t.entries = make([]uint64, 2*len(old))
	t.mask = uint32(len(t.entries) - 1)
	for _, e := range old {
		if e != 0 {
			t.place(e)
		}
	}
}

// remove takes a slot out and closes the gap, so that no probe ends early and
// no tombstones pile up.
func (t *idTable) remove(slots []idSlot, slot uint32) {
	gap := tagOf(&slots[slot].key) & t.mask
	for uint32(t.entries[gap]) != slot+1 {
		if t.entries[gap] == 0 {
			panic("BUG: id is not in the window's table")
		}
		gap = (gap + 1) & t.mask
	}
	for i := (gap + 1) & t.mask; t.entries[i] != 0; i = (i + 1) & t.mask {
		// An entry may move back to the gap unless its home lies after it.
		home := uint32(t.entries[i]>>32) & t.mask
		if (i-home)&t.mask >= (i-gap)&t.mask {
			t.entries[gap] = t.entries[i]
			gap = i
		}
	}
	t.entries[gap] = 0
	t.used--
}
