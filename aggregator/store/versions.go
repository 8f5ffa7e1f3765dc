package store

import (
	"cmp"
	"encoding/binary"
	"slices"

	"weir/ingest"
)

// Versions appends to dst every pending entry of the id, ordered as Seen.Compare
// does. It may be called by the goroutine that appends, and by no other.
//
// The first call indexes what is pending, and each later one what has come since:
// where there are no corrections, nothing is indexed.
func (p *Pending) Versions(dst []Seen, id ingest.ID) []Seen {
	if p.ids == nil {
		p.ids = new(idIndex)
	}
	p.ids.extend(p.events)
	from := len(dst)
	dst = p.ids.appendVersions(dst, p.events, &id)
	slices.SortFunc(dst[from:], func(a, b Seen) int { return a.Compare(&b) })
	return dst
}

// LoadEvent reads the pending content of an id's entry; ok is false when it is not
// pending here. The event's slices are valid as long as p is.
func (p *Pending) LoadEvent(seen *Seen, into *Event) (ok bool, err error) {
	at, ok := slices.BinarySearchFunc(p.events, seen.Position, func(e pendingEvent, position ingest.Position) int {
		return cmp.Compare(e.position, position)
	})
	if !ok || p.events[at].cancelled {
		return false, nil
	}
	p.load(at, into)
	return true, nil
}

// idIndex finds the pending entries of an id: an open-addressing table of indexes
// into Pending.events, in which an id has as many slots as entries. Ids are
// hashes: their bytes are the slot.
type idIndex struct {
	slots   []int32 // index plus one, 0 = empty; the length is a power of two
	indexed int     // of the events
}

const idIndexSlotsMin = 1 << 8

// extend indexes the events that have come since the last call.
func (x *idIndex) extend(events []pendingEvent) {
	if len(x.slots) < 2*len(events) {
		slots := idIndexSlotsMin
		for slots < 4*len(events) {
			slots *= 2
		}
		x.slots, x.indexed = make([]int32, slots), 0
	}
	mask := uint64(len(x.slots) - 1)
	for ; x.indexed < len(events); x.indexed++ {
		at := indexSlot(&events[x.indexed].id) & mask
		for x.slots[at] != 0 {
			at = (at + 1) & mask
		}
		x.slots[at] = int32(x.indexed) + 1
	}
}

func (x *idIndex) appendVersions(dst []Seen, events []pendingEvent, id *ingest.ID) []Seen {
	if len(x.slots) == 0 {
		return dst
	}
	mask := uint64(len(x.slots) - 1)
	for at := indexSlot(id) & mask; x.slots[at] != 0; at = (at + 1) & mask {
		if e := &events[x.slots[at]-1]; e.id == *id {
			dst = append(dst, e.seen())
		}
	}
	return dst
}

func indexSlot(id *ingest.ID) uint64 { return binary.LittleEndian.Uint64(id[8:]) }
