package worker

import (
	"math/bits"
	"sort"

	"weir/aggregator/store"
	"weir/ingest"
)

// recentIDs remembers the newest ids of a partition exactly, with what tells a
// repeat from a conflict. It is bounded: when there are too many, the oldest may go that
// are in a checkpoint. What is left covers the log from a position on (floor); an id
// that is not here may have come before that.
//
// Ids lie in chunks, in the order in which they came, and an index finds them (idIndex): a new
// id is written behind the others, and moves one entry of the index. The oldest chunk is let go of
// whole. The zero value knows all of a log of which nothing was read, and is not bounded.
type recentIDs struct {
	index  idIndex
	chunks []idChunk
	first  uint32     // number of the first slot in chunks; numbers go round
	used   int        // slots in chunks; the last chunk is full up to it
	spare  [][]idSlot // memory of the chunks that were let go of last
	max    int        // how many ids there may be; 0 = any number
	// floor: every id that has an entry at or above it is here. 0: every id that the partition
	// ever had; the disk need not be asked.
	floor ingest.Position
}

// idChunk is some ids that came one after the other.
type idChunk struct {
	slots   []idSlot
	highest ingest.Position // of those
}

// idChunkBits: a chunk has 1<<idChunkBits slots, 64 KB.
const (
	idChunkBits  = 11
	idChunkSlots = 1 << idChunkBits
)

type idSlot struct {
	id       ingest.ID
	position int64 // plus one; negative = of a correction
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

// complete reports whether every id that the partition ever had is here.
func (r *recentIDs) complete() bool { return r.floor == 0 }

// slot returns the slot with a number, which must live.
func (r *recentIDs) slot(number uint32) *idSlot { return r.at(int(number - r.first)) }

// at returns a slot by its place.
func (r *recentIDs) at(i int) *idSlot { return &r.chunks[i>>idChunkBits].slots[i&(idChunkSlots-1)] }

// live returns which slots there are.
func (r *recentIDs) live() idRange { return idRange{r.first, uint32(r.used)} }

// find returns what is known of an id.
func (r *recentIDs) find(id *ingest.ID) (prior, bool) {
	if r.used == 0 {
		return prior{}, false
	}
	shard, front := r.index.hash(id)
	if _, slot := r.look(shard, front, id); slot != nil {
		return slot.prior(), true
	}
	return prior{}, false
}

// look returns the entry in its shard that leads to an id, and its slot; or where an entry of it may be
// put, and nil. That is an entry that counts for nothing, if one lies on the way, else an empty one.
func (r *recentIDs) look(shard *idShard, front uint32, id *ingest.ID) (*uint64, *idSlot) {
	if len(shard.entries) == 0 {
		return nil, nil
	}
	live := r.live()
	var free *uint64
	for number := shard.home(front); ; number = shard.next(number) {
		line := shard.line(number)
		same, empty := scan(line, front)
		for ; same != 0; same &= same - 1 {
			at := &line[bits.TrailingZeros32(same)]
			if !live.has(slotOf(*at)) {
				continue
			}
			if slot := r.slot(slotOf(*at)); slot.id == *id {
				return at, slot
			}
		}
		if empty != 0 {
			if free == nil {
				free = &line[bits.TrailingZeros32(empty)]
			}
			return free, nil
		}
		if free == nil {
			free = gone(line, live)
		}
	}
}

// put remembers an id, unless it is known: then it changes nothing, and returns what is known.
func (r *recentIDs) put(id *ingest.ID, p prior) (first prior, known bool) {
	if r.index.shards == nil {
		r.index = newIDIndex(r.max)
	}
	shard, front := r.index.hash(id)
	entry, slot := r.look(shard, front, id)
	if slot != nil {
		return slot.prior(), true
	}
	number := r.append(id, p)
	switch {
	case entry != nil && *entry != 0:
		*entry = entryOf(front, number)
	case shard.used < shard.room:
		*entry = entryOf(front, number)
		shard.used++
	default:
		r.index.renew(shard, r.live())
		shard.place(entryOf(front, number))
	}
	return prior{}, false
}

// replace puts the event of an id, of which only a correction was known, in its place.
func (r *recentIDs) replace(id *ingest.ID, p prior) {
	if r.used > 0 {
		shard, front := r.index.hash(id)
		if entry, slot := r.look(shard, front, id); slot != nil {
			// A slot of its own, which stays as long as its position asks for.
			*entry = entryOf(front, r.append(id, p))
			return
		}
	}
	r.put(id, p)
}

// append adds a slot and returns its number.
func (r *recentIDs) append(id *ingest.ID, p prior) uint32 {
	at := r.used & (idChunkSlots - 1)
	if at == 0 {
		r.chunks = append(r.chunks, idChunk{slots: r.newChunk()})
	}
	chunk := &r.chunks[len(r.chunks)-1]
	slot := &chunk.slots[at]
	slot.id = *id
	slot.set(p)
	chunk.highest = max(chunk.highest, p.position)
	r.used++
	return r.first + uint32(r.used-1)
}

func (r *recentIDs) newChunk() []idSlot {
	if last := len(r.spare) - 1; last >= 0 {
		chunk := r.spare[last]
		r.spare[last] = nil
		r.spare = r.spare[:last]
		return chunk
	}
	return make([]idSlot, idChunkSlots)
}

// trim lets go of the oldest ids if there are too many, and if they are below durable. It must not be
// called while a group is being applied: the store was asked about those that memory did not know at
// the group's beginning.
func (r *recentIDs) trim(durable ingest.Position, idsMax int) {
	r.max = max(1, idsMax)
	clear(r.spare) // as many as went before and were not needed since
	r.spare = r.spare[:0]
	gone := 0
	for r.used > r.max && gone < len(r.chunks) && r.chunks[gone].highest < durable {
		chunk := &r.chunks[gone]
		slots := min(r.used, idChunkSlots)
		r.floor = max(r.floor, chunk.highest+1)
		r.used -= slots
		r.first += idChunkSlots
		r.spare = append(r.spare, chunk.slots)
		gone++
	}
	clear(r.chunks[:gone])
	r.chunks = append(r.chunks[:0], r.chunks[gone:]...)
}

// fill takes the newest ids of the store into an empty memory: newest gives each once, in any order, and
// says from which position on they are all.
func (r *recentIDs) fill(newest func(f func(ingest.ID, store.Seen)) (ingest.Position, error)) (err error) {
	r.floor, err = newest(func(id ingest.ID, seen store.Seen) { r.append(&id, priorOf(&seen)) })
	if err != nil || r.used == 0 {
		return err
	}
	sort.Sort((*byPosition)(r)) // the oldest are to go first
	r.index = newIDIndex(max(r.max, r.used))
	for i := range r.chunks {
		r.chunks[i].highest = 0
	}
	for at := range r.used {
		slot, number := r.at(at), r.first+uint32(at)
		chunk := &r.chunks[at>>idChunkBits]
		chunk.highest = max(chunk.highest, slot.prior().position)
		r.index.add(&slot.id, number, r.live())
	}
	return nil
}

// byPosition sorts the slots of a memory that has no index.
type byPosition recentIDs

func (r *byPosition) at(i int) *idSlot { return (*recentIDs)(r).at(i) }

func (r *byPosition) Len() int           { return r.used }
func (r *byPosition) Less(i, j int) bool { return r.at(i).prior().position < r.at(j).prior().position }
func (r *byPosition) Swap(i, j int)      { a, b := r.at(i), r.at(j); *a, *b = *b, *a }
