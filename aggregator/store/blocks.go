package store

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
	"weir/ingest"
)

const (
	hourNanos  = uint64(time.Hour)
	milliNanos = int64(time.Millisecond)
	// blockBytesMax bounds the texts that go into a block, but for the first event's. The
	// block is about half of that.
	blockBytesMax = 24 << 10
)

// packer puts pending events into blocks and these into a batch.
//
// Events of one series lie far from each other in what is pending, and to fetch them one by one
// would take longer than all the rest. So they are first copied, in the order of the log, to where
// those of their series and hour lie together.
type packer struct {
	p       *Pending
	grouped Pending // the same events, by group; the shapes are in p
	groups  []eventGroup
	slots   []int32    // open addressing: index into groups, plus one; the length is a power of two
	of      []int32    // the group of each pending event; -1 = none
	order   []int32    // scratch
	runs    []eventRun // scratch
	writer  blockWriter
	key     []byte
	pace    Pace
}

// eventGroup are the events of one series in one hour.
type eventGroup struct {
	series       uint64
	hour         int32
	count, bytes int // of the events, and of what they have in the arena
	at, arenaAt  int // where the next goes, then where they end
}

// packers keeps the memory of packers. Those of large checkpoints are dropped.
var packers = sync.Pool{New: func() any { return new(packer) }}

// packerEventsMax is for how many events memory is kept.
const packerEventsMax = 1 << 17

// writeEvents puts the pending events into a batch.
func (p *Pending) writeEvents(batch *pebble.Batch) error {
	if len(p.events) == 0 {
		return nil
	}
	k := packers.Get().(*packer)
	k.p, k.pace = p, Pace{}
	order := k.group()
	k.gather(order)
	for _, i := range order {
		if err := k.write(batch, &k.groups[i]); err != nil {
			return err
		}
	}
	if len(p.events) <= packerEventsMax {
		k.p, k.writer.p = nil, nil
		packers.Put(k)
	}
	return nil
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
		to := &q.events[g.at]
		*to = *e
		to.at = uint32(g.arenaAt)
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

// write puts the events of a group into blocks of ranges of positions.
func (k *packer) write(batch *pebble.Batch, g *eventGroup) error {
	all := k.grouped.events
	for from := g.at - g.count; from < g.at; {
		to, size := from+1, int(all[from].bytes)
		for ; to < g.at; to++ {
			if size += int(all[to].bytes); size > blockBytesMax {
				break
			}
		}
		if err := k.writeBlock(batch, g, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (k *packer) writeBlock(batch *pebble.Batch, g *eventGroup, from, to int) error {
	all := k.grouped.events
	start := aggregator.StartOfHour(g.hour)
	order := k.sort(from, to)
	first, last := all[order[0]].timestamp, all[order[len(order)-1]].timestamp
	key := blockKey{
		series: g.series, hour: g.hour, lowest: all[from].position,
		first: int32((first - start) / milliNanos), last: int32((last - start) / milliNanos),
	}
	k.pace.Rest()
	k.key = key.append(k.key[:0])
	value := k.writer.write(&k.grouped, k.p.arena, order, start, all[from].position, all[to-1].position)
	return batch.Set(k.key, value, nil)
}

// sort returns the grouped events of a range in the order that a block has them. Those of one request mostly
// come so, and requests rarely overlap but may have overtaken each other: then it is enough to put the
// runs in order.
func (k *packer) sort(from, to int) []int32 {
	k.findRuns(from, to)
	sorted := len(k.runs) <= 1+(to-from)/runEventsMin
	if sorted && len(k.runs) > 1 {
		slices.SortFunc(k.runs, func(a, b eventRun) int { return k.compare(a.from, b.from) })
	}
	k.order = k.order[:0]
	for i, run := range k.runs {
		sorted = sorted && (i == 0 || k.compare(k.runs[i-1].to-1, run.from) < 0)
		for at := run.from; at < run.to; at++ {
			k.order = append(k.order, int32(at))
		}
	}
	if !sorted {
		slices.SortFunc(k.order, func(a, b int32) int { return k.compare(int(a), int(b)) })
	}
	return k.order
}

// eventRun is a range of grouped events that are in order.
type eventRun struct{ from, to int }

// runEventsMin is how long runs must be, on average, for it to be worth sorting them.
const runEventsMin = 4

// findRuns cuts a range of the grouped events into runs.
func (k *packer) findRuns(from, to int) {
	all := k.grouped.events
	k.runs = k.runs[:0]
	begin := from
	for i := from + 1; i < to; i++ {
		if all[i-1].timestamp < all[i].timestamp || k.compare(i-1, i) < 0 {
			continue
		}
		k.runs = append(k.runs, eventRun{begin, i})
		begin = i
	}
	k.runs = append(k.runs, eventRun{begin, to})
}

// compare orders grouped events as comparePending does.
func (k *packer) compare(a, b int) int {
	all := k.grouped.events
	return comparePending(&k.grouped, &all[a], &k.grouped, &all[b])
}

// comparePending orders entries of one series by timestamp, transaction id, revision and position.
func comparePending(p *Pending, a *pendingEvent, q *Pending, b *pendingEvent) int {
	if a.timestamp != b.timestamp {
		return cmp.Compare(a.timestamp, b.timestamp)
	}
	if c := bytes.Compare(p.transactionID(a), q.transactionID(b)); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.revision, b.revision), cmp.Compare(a.position, b.position))
}

// blockKey is the key of a block.
type blockKey struct {
	series uint64
	hour   int32           // since the epoch
	lowest ingest.Position // of its events
	// The times of the first and the last event, milliseconds from the beginning of the
	// hour, cut off: what a reader has to know of blocks that it need not read.
	first, last int32
}
