package store

import (
	"cmp"
	"slices"

	"weir/aggregator"
	"weir/ingest"
)

// eventGroup are the events of one series in one hour.
type eventGroup struct {
	series       uint64
	hour         int32
	count, bytes int // of the events, and of what they have in the arena
	at, arenaAt  int // where the next goes, then where they end
}

// groupedEvents are pending events on their way into blocks, those of a group together. Their shapes are in what is
// pending.
type groupedEvents struct {
	events []groupedEvent
	arena  []byte // the events' own, as in Pending
}

// groupedEvent is what a block needs of a pendingEvent.
type groupedEvent struct {
	timestamp  int64
	position   ingest.Position
	receivedAt int64
	at         uint32
	bytes      uint32
	shape      uint32
	revision   uint32
	txnBytes   uint8
	filled     bool
	precise    bool
}

// transactionID returns an event's transaction id; it lies in the arena.
func (g *groupedEvents) transactionID(e *groupedEvent) []byte {
	return g.arena[e.at : e.at+uint32(e.txnBytes) : e.at+uint32(e.txnBytes)]
}

// texts returns what stands behind an event's transaction id.
func (g *groupedEvents) texts(e *groupedEvent) []byte {
	return g.arena[e.at+uint32(e.txnBytes) : e.at+e.bytes]
}

// group finds the group of each event and returns the groups' order: by day, series and hour.
func (k *packer) group() (order []int32) {
	const slotsMin = 1 << 10
	if len(k.slots) == 0 {
		k.slots = make([]int32, slotsMin)
	}
	clear(k.slots)
	k.groups = k.groups[:0]
	k.of = slices.Grow(k.of[:0], len(k.p.events))[:len(k.p.events)]
	last := int32(-1)
	for i := range k.p.events {
		e := &k.p.events[i]
		if e.cancelled {
			k.of[i] = -1
			continue
		}
		hour := aggregator.HourOf(e.timestamp)
		if last < 0 || k.groups[last].series != e.series || k.groups[last].hour != hour {
			last = k.find(e.series, hour)
		}
		g := &k.groups[last]
		g.count++
		g.bytes += int(e.bytes)
		k.of[i] = last
		k.pace.Step()
	}
	order = make([]int32, len(k.groups))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		a, b := &k.groups[i], &k.groups[j]
		return cmp.Or(
			cmp.Compare(aggregator.DayOfHour(a.hour), aggregator.DayOfHour(b.hour)),
			cmp.Compare(a.series, b.series), cmp.Compare(a.hour, b.hour),
		)
	})
	return order
}

// gather copies the events to their groups, each in the order of the log.
func (k *packer) gather(order []int32) {
	at, arenaAt := 0, 0
	for _, i := range order {
		g := &k.groups[i]
		g.at, g.arenaAt = at, arenaAt
		at += g.count
		arenaAt += g.bytes
	}
	p, q := k.p, &k.grouped
	q.events = slices.Grow(q.events[:0], at)[:at]
	q.arena = slices.Grow(q.arena[:0], arenaAt)[:arenaAt]
	for i, group := range k.of {
		if group < 0 {
			continue
		}
		g, e := &k.groups[group], &p.events[i]
		q.events[g.at] = groupedEvent{
			timestamp: e.timestamp, position: e.position, receivedAt: e.receivedAt, at: uint32(g.arenaAt), bytes: e.bytes,
			shape: e.shape, revision: e.revision, txnBytes: e.txnBytes, filled: e.filled, precise: e.precise,
		}
		copy(q.arena[g.arenaAt:], p.arena[e.at:e.at+e.bytes])
		g.at++
		g.arenaAt += int(e.bytes)
		k.pace.Step()
	}
}

// find returns the index of the group of a series and hour, which is made when there is none.
func (k *packer) find(series uint64, hour int32) int32 {
	mask := uint64(len(k.slots) - 1)
	at := groupHash(series, hour) & mask
	for ; k.slots[at] != 0; at = (at + 1) & mask {
		if g := &k.groups[k.slots[at]-1]; g.series == series && g.hour == hour {
			return k.slots[at] - 1
		}
	}
	k.groups = append(k.groups, eventGroup{series: series, hour: hour})
	k.slots[at] = int32(len(k.groups))
	if 2*len(k.groups) > len(k.slots) {
		k.rehash()
	}
	return int32(len(k.groups)) - 1
}

func (k *packer) rehash() {
	k.slots = make([]int32, 4*len(k.slots))
	mask := uint64(len(k.slots) - 1)
	for i := range k.groups {
		at := groupHash(k.groups[i].series, k.groups[i].hour) & mask
		for k.slots[at] != 0 {
			at = (at + 1) & mask
		}
		k.slots[at] = int32(i) + 1
	}
}

func groupHash(series uint64, hour int32) uint64 {
	h := (series + uint64(hour)<<40) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}
