package ingest

import (
	"encoding/binary"
	"math/bits"
)

// idTable finds ids: a hash table whose entries grow old by themselves. It is made of
// lines as large as those of the processor's cache, and an id's entry is in the line
// of its home, or rarely in one that follows. So to look an id up, to hold it, and to
// remember it wait for memory once, and to forget it costs nothing: its entry is dead
// once it is too old, and the next one takes its place.
//
// An entry is 32 bits of the key (tagOf) above an idRef; zero is nothing. The table
// holds no key of its own: it reads a slot where the tags agree.
//
// The sequence numbers of remembered ids begin again after 2^30. An entry that is that
// old, and so long in a line where no other came, looks alive again. That takes
// room and time, and is no fault: its slot is another id's by then, and keys are compared.
type idTable struct {
	lines   []idLine // a power of two of them
	mask    uint32   // of an index of lines
	next    uint32   // the sequence number of the next id to be remembered
	ids     uint32   // remembered: those with the ids numbers before next
	touched uint64   // what touch read, so that it is read at all
}

// idLine is 64 bytes, and begins at a multiple of 64.
type idLine struct {
	// An id is beyond a line if that is full and on the way from the id's home to its
	// entry: who looks for ids reads on as long as one may be beyond.
	latest  idRef  // of the remembered ids beyond; 0 if there never was one
	pending uint32 // ids beyond that are pending
	entries [lineEntries]uint64
}

const (
	lineEntries    = 7
	lineEntriesAim = 5 // of a new table's lines, at most
)

// idRef tells where an id's slot is: with refPending, the lower bits are its index in
// Window.held; with refRemembered, its sequence number.
type idRef uint32

const (
	refPending    idRef = 1 << 31
	refRemembered idRef = 1 << 30
	refNumber           = refRemembered - 1
)

// newIDTable returns a table for so many ids and an eighth more that are pending.
func newIDTable(ids int) idTable {
	return idTableOf(1 << bits.Len(uint(ids+ids/8)/lineEntriesAim))
}

func idTableOf(lines int) idTable {
	return idTable{lines: make([]idLine, lines), mask: uint32(lines - 1)}
}

// tagOf returns the bits of a key by which the table finds it. IDKey is
// already a hash, and its second word covers every part of the identity.
func tagOf(key *ID) uint32 { return binary.LittleEndian.Uint32(key[8:]) }

func entryOf(tag uint32, ref idRef) uint64 { return uint64(tag)<<32 | uint64(ref) }

// touch reads the line of a key. A large table lies outside the processor's caches: to
// touch many keys first lets it fetch their lines side by side.
func (t *idTable) touch(key *ID) {
	t.touched ^= t.lines[tagOf(key)&t.mask].entries[0]
}

// alive is 1 if ref is a pending id's or that of one that is remembered, else 0. It has
// no branch: which entries of a line are dead, nobody can predict.
func (t *idTable) alive(ref idRef) uint32 {
	age := (t.next - 1 - uint32(ref)) & uint32(refNumber)
	return uint32(ref)>>31 | uint32(ref)>>30&((age-t.ids)>>31)
}

// readsOn reports whether an id may be beyond the line.
func (t *idTable) readsOn(line *idLine) bool {
	return line.pending > 0 || t.alive(line.latest) == 1
}

// find returns the slot of the window's id with the key, nil when there is none.
func (t *idTable) find(w *Window, key *ID) (slot *idSlot, pending bool) {
	tag := tagOf(key)
	at := tag & t.mask
	for range t.lines {
		line := &t.lines[at]
		for _, e := range &line.entries {
			if uint32(e>>32) != tag {
				continue
			}
			if ref := idRef(e); t.alive(ref) == 1 {
				if slot := w.slot(ref); slot.key == *key {
					return slot, ref&refPending != 0
				}
			}
		}
		if !t.readsOn(line) {
			return nil, false
		}
		at = (at + 1) & t.mask
	}
	return nil, false
}

// insert enters an id that is not in the table. It returns false if there is no room.
func (t *idTable) insert(tag uint32, ref idRef) bool {
	at := tag & t.mask
	for range t.lines {
		line := &t.lines[at]
		var dead uint32 // a bit for each entry
		for i, e := range &line.entries {
			dead |= (t.alive(idRef(e)) ^ 1) << i
		}
		if dead != 0 {
			line.entries[bits.TrailingZeros32(dead)%lineEntries] = entryOf(tag, ref)
			t.mark(tag, at, 0, ref)
			return true
		}
		at = (at + 1) & t.mask
	}
	return false
}

// replace puts ref in the place of a pending id's; zero takes it out.
func (t *idTable) replace(tag uint32, pending, ref idRef) {
	at := tag & t.mask
	want := entryOf(tag, pending)
	for range t.lines {
		entries := &t.lines[at].entries
		for i, e := range entries {
			if e != want {
				continue
			}
			entries[i] = 0
			if ref != 0 {
				entries[i] = entryOf(tag, ref)
			}
			t.mark(tag, at, pending, ref)
			return
		}
		at = (at + 1) & t.mask
	}
	panic("BUG: id is not in the window's table")
}

// mark tells the lines before the one at, from the tag's home on, that an id beyond them is no
// longer what was, but ref; zero is nothing.
func (t *idTable) mark(tag, at uint32, was, ref idRef) {
	for i := tag & t.mask; i != at; i = (i + 1) & t.mask {
		line := &t.lines[i]
		if was&refPending != 0 {
			line.pending--
		}
		if ref&refPending != 0 {
			line.pending++
		}
		if ref&refRemembered != 0 {
			line.latest = ref
		}
	}
}

// crowded reports whether the table should grow before it takes one more id, with so
// many pending.
func (t *idTable) crowded(pending int) bool {
	return (int(t.ids)+pending+1)*4 > len(t.lines)*lineEntries*3
}
