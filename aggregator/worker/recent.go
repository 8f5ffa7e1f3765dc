package worker

import (
	"encoding/binary"

	"weir/aggregator/store"
	"weir/ingest"
)

// recentIDs remembers the newest ids of a partition exactly, with what tells a
// repeat from a conflict. It is bounded by letting go of the older half, once
// that is in a checkpoint.
type recentIDs struct {
	current, previous idTable
	// highest is the highest position in previous: when that is durable, previous may go.
	highest, highestCurrent ingest.Position
	// complete: every id that the partition ever had is here. An id that is not,
	// is new, and the disk need not be asked.
	complete bool
}

// prior is what is known of an id: its event or, before that has come, that there is a
// correction of it.
type prior struct {
	position   ingest.Position
	content    uint32
	stamp      uint32
	correction bool // content and stamp are then zero
}

// priorOf returns what an id's first entry in the store says.
func priorOf(seen *store.Seen) prior {
	if seen.Revision > 0 {
		return prior{position: seen.Position, correction: true}
	}
	return prior{position: seen.Position, content: seen.Content, stamp: stampOf(seen.Timestamp, seen.Filled)}
}

// stampOf folds an event's time into 32 bits; 0 when weir filled it in, and
// never 0 otherwise. Two stamps that are not 0 and differ are two times.
func stampOf(timestamp int64, filled bool) uint32 {
	if filled {
		return 0
	}
	const mix = 0x9e3779b97f4a7c15
	return uint32(uint64(timestamp)*mix>>32) | 1
}

// conflicts reports whether an event with this content and stamp contradicts the first.
func (p *prior) conflicts(content, stamp uint32) bool {
	return p.content != content || (p.stamp != 0 && stamp != 0 && p.stamp != stamp)
}

func (r *recentIDs) find(id *ingest.ID) (prior, bool) {
	if e := r.current.find(id); e != nil {
		return e.prior(), true
	}
	if e := r.previous.find(id); e != nil {
		return e.prior(), true
	}
	return prior{}, false
}

// add remembers an id that find does not know.
func (r *recentIDs) add(id *ingest.ID, p prior) {
	r.current.add(id, p)
	r.highestCurrent = max(r.highestCurrent, p.position)
}

// replace puts the event of an id, which find knows only a correction of, in its place.
func (r *recentIDs) replace(id *ingest.ID, p prior) {
	if e := r.current.find(id); e != nil {
		e.set(p)
		r.highestCurrent = max(r.highestCurrent, p.position)
		return
	}
	if e := r.previous.find(id); e != nil {
		e.set(p)
		r.highest = max(r.highest, p.position)
		return
	}
	r.add(id, p)
}

// trim lets go of the older ids if there are too many, and if they are below durable.
func (r *recentIDs) trim(durable ingest.Position, idsMax int) {
	if r.current.used < idsMax/2 {
		return
	}
	if r.previous.used > 0 && r.highest >= durable {
		return
	}
	if r.previous.used > 0 {
		r.complete = false
	}
	r.previous, r.highest = r.current, r.highestCurrent
	r.current = newIDTable(idsMax / 2)
	r.highestCurrent = 0
}

// idTable is an open-addressing set. Ids are hashes: their bytes are the slot.
type idTable struct {
	slots []idSlot // length 0 or a power of two
	used  int
}

type idSlot struct {
	id       ingest.ID
	position int64 // plus one; negative = of a correction; 0 = empty slot
	content  uint32
	stamp    uint32
}

func (s *idSlot) prior() prior {
	if s.position < 0 {
		return prior{position: ingest.Position(-s.position - 1), correction: true}
	}
	return prior{position: ingest.Position(s.position - 1), content: s.content, stamp: s.stamp}
}

func (s *idSlot) set(p prior) {
	s.position, s.content, s.stamp = int64(p.position)+1, p.content, p.stamp
	if p.correction {
		s.position = -s.position
	}
}

const idTableSlotsMin = 1 << 10

// newIDTable returns a table that has room for some of the ids from the start,
// so that it seldom grows.
func newIDTable(ids int) idTable {
	slots := idTableSlotsMin
	for slots < ids/8 {
		slots *= 2
	}
	return idTable{slots: make([]idSlot, slots)}
}

func slotOf(id *ingest.ID) uint64 { return binary.LittleEndian.Uint64(id[8:]) }

func (t *idTable) find(id *ingest.ID) *idSlot {
	if len(t.slots) == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for at := slotOf(id) & mask; ; at = (at + 1) & mask {
		slot := &t.slots[at]
		if slot.position == 0 {
			return nil
		}
		if slot.id == *id {
			return slot
		}
	}
}

func (t *idTable) add(id *ingest.ID, p prior) {
	if t.used >= len(t.slots)/4*3 {
		t.grow()
	}
	slot := idSlot{id: *id}
	slot.set(p)
	t.put(slot)
	t.used++
}

func (t *idTable) put(s idSlot) {
	mask := uint64(len(t.slots) - 1)
	at := slotOf(&s.id) & mask
	for t.slots[at].position != 0 {
		at = (at + 1) & mask
	}
	t.slots[at] = s
}

func (t *idTable) grow() {
	old := t.slots
	t.slots = make([]idSlot, max(idTableSlotsMin, 2*len(old)))
	for i := range old {
		if old[i].position != 0 {
			t.put(old[i])
		}
	}
}
