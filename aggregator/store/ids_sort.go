package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// idOrder is a pending entry on its way to being sorted.
type idOrder struct {
	head uint64 // of the id: enough to order nearly all
	at   int32  // in Pending.events
}

// bucketIDs is about how many entries a bucket gets.
const bucketIDs = 4

// orderOfIDs returns the pending entries in the order of idEntry.compare. Ids are hashes: their
// first bits spread them over buckets so evenly that next to nothing is left to sort. Where they do not,
// because somebody aimed at it, it takes as long as any sort.
func (p *Pending) orderOfIDs() []idOrder {
	n := len(p.events)
	log := bits.Len(uint(n / bucketIDs))
	shift := 64 - log
	starts := make([]int32, 1<<log+1)
	for i := range p.events {
		starts[headOf(&p.events[i])>>shift+1]++
	}
	for i := range len(starts) - 1 {
		starts[i+1] += starts[i]
	}
	order := make([]idOrder, n)
	next := slices.Clone(starts)
	for i := range p.events {
		head := headOf(&p.events[i])
		at := &next[head>>shift]
		order[*at] = idOrder{head, int32(i)}
		*at++
	}
	for i := range len(starts) - 1 {
		p.sortBucket(order[starts[i]:starts[i+1]])
	}
	return order
}

func headOf(e *pendingEvent) uint64 { return binary.BigEndian.Uint64(e.id[:]) }

// sortBucket sorts a few entries by insertion, and many as any sort does.
func (p *Pending) sortBucket(bucket []idOrder) {
	const fewMax = 24
	if len(bucket) > fewMax {
		slices.SortFunc(bucket, p.compareIDs)
		return
	}
	for i := 1; i < len(bucket); i++ {
		for j := i; j > 0 && p.compareIDs(bucket[j], bucket[j-1]) < 0; j-- {
			bucket[j], bucket[j-1] = bucket[j-1], bucket[j]
		}
	}
}

func (p *Pending) compareIDs(a, b idOrder) int {
	if a.head != b.head {
		return cmp.Compare(a.head, b.head)
	}
	x, y := &p.events[a.at], &p.events[b.at]
	return cmp.Or(
		bytes.Compare(x.id[:], y.id[:]),
		cmp.Compare(x.revision, y.revision),
		cmp.Compare(x.position, y.position),
	)
}

// entriesTouchedAtATime is how many entries touch is to be given: they must stay in the caches until they are used.
const entriesTouchedAtATime = 64

// touch brings entries, which lie far from each other, into the processor's caches: side by side, where reading
// one after the other would wait for each. What it returns is of no use.
//
//go:noinline
func (p *Pending) touch(order []idOrder) (sum uint64) {
	for i := range order {
		e := &p.events[order[i].at]
		sum += uint64(e.id[0]) + uint64(e.revision) // its two ends, which may be in two lines
	}
	return sum
}
