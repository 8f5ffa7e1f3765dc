package store

import (
	"bytes"
	"cmp"
	"slices"
	"time"

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

// packer puts pending events into blocks.
//
// Events of one series lie far from each other in what is pending, and to fetch them one by one
// would take longer than all the rest. So they are first copied, in the order of the log, to where
// those of their series and hour lie together.
type packer struct {
	p       *Pending
	grouped groupedEvents
	groups  []eventGroup
	slots   []int32  // open addressing: index into groups, plus one; the length is a power of two
	of      []int32  // the group of each pending event; -1 = none
	order   []int32  // scratch
	keys    []uint64 // scratch
	writer  blockWriter
	key     []byte
	pace    Pace
}

// packers keep the memory of packers. Those of large checkpoints are dropped.
var packers spares[packer]

// packerEventsMax is for how many events memory is kept.
const packerEventsMax = 1 << 17

// writeEvents gives set the blocks of the pending events, in the order of their keys.
func (p *Pending) writeEvents(set setter) error {
	if len(p.events) == 0 {
		return nil
	}
	k := packers.get()
	k.p, k.pace = p, Pace{}
	order := k.group()
	k.gather(order)
	for _, i := range order {
		if err := k.write(set, &k.groups[i]); err != nil {
			return err
		}
	}
	if len(p.events) <= packerEventsMax {
		k.p = nil
		k.writer.release()
		packers.put(k)
	}
	return nil
}

// write puts the events of a group into blocks of ranges of positions.
func (k *packer) write(set setter, g *eventGroup) error {
	all := k.grouped.events
	for from := g.at - g.count; from < g.at; {
		to, size := from+1, int(all[from].bytes)
		for ; to < min(g.at, from+blockEventsMax); to++ {
			if size += int(all[to].bytes); size > blockBytesMax {
				break
			}
		}
		if err := k.writeBlock(set, g, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (k *packer) writeBlock(set setter, g *eventGroup, from, to int) error {
	all := k.grouped.events
	start := aggregator.StartOfHour(g.hour)
	order := k.sort(from, to, start)
	first, last := all[order[0]].timestamp, all[order[len(order)-1]].timestamp
	key := blockKey{
		series: g.series, hour: g.hour, lowest: all[from].position,
		first: int32((first - start) / milliNanos), last: int32((last - start) / milliNanos),
	}
	k.pace.Rest()
	k.key = key.append(k.key[:0])
	value := k.writer.write(&k.grouped, k.p.arena, order, start, all[from].position, all[to-1].position)
	return set(k.key, value)
}

// sort returns the grouped events of a range, of an hour that begins at start, in the order that a block has them. Those of one
// request mostly come so, and requests overtake each other.
func (k *packer) sort(from, to int, start int64) []int32 {
	all := k.grouped.events[from:to]
	k.keys = slices.Grow(k.keys[:0], len(all))[:len(all)]
	last, sorted := uint64(0), true
	for i := range all {
		key := uint64(all[i].timestamp-start)<<orderBits | uint64(i)
		sorted = sorted && last <= key
		last, k.keys[i] = key, key
	}
	if !sorted {
		slices.Sort(k.keys)
	}
	k.order = slices.Grow(k.order[:0], len(all))[:len(all)]
	same := 0 // where those of one timestamp begin
	for i, key := range k.keys {
		k.order[i] = int32(from) + int32(key&(1<<orderBits-1))
		if i > 0 && key>>orderBits != k.keys[i-1]>>orderBits {
			k.sortSame(k.order[same:i])
			same = i
		}
	}
	k.sortSame(k.order[same:])
	return k.order
}

// sortSame sorts events of one timestamp.
func (k *packer) sortSame(order []int32) {
	compare := func(a, b int32) int { return k.compare(int(a), int(b)) }
	if len(order) > 1 && !slices.IsSortedFunc(order, compare) {
		slices.SortFunc(order, compare)
	}
}

// orderBits are the bits that number the events of a block; the time within an hour, in nanoseconds, takes the other 42.
const orderBits = 22

// blockEventsMax is how many events go into a block.
const blockEventsMax = 1 << 16

// compare orders grouped events of one series as comparePending does.
func (k *packer) compare(a, b int) int {
	g := &k.grouped
	x, y := &g.events[a], &g.events[b]
	if x.timestamp != y.timestamp {
		return cmp.Compare(x.timestamp, y.timestamp)
	}
	if c := bytes.Compare(g.transactionID(x), g.transactionID(y)); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(x.revision, y.revision), cmp.Compare(x.position, y.position))
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
