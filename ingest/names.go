package ingest

import (
	"hash/maphash"
	"strconv"
)

// names finds duplicate member names in the objects that are open while input is
// scanned. Objects open and close like brackets, so their names are a stack.
//
// The few names of a usual object are compared one by one. Those of a larger
// object are also chained from buckets: without that, one body of short names
// would cost the square of its length. Since the stack only ever loses its top,
// leaving a bucket is as cheap as entering it.
type names struct {
	stack   []memberName
	buckets []uint32 // index in stack of the newest name with that hash, plus one; 0 = none
	chained int      // names of the stack that are in buckets
}

// memberName is one decoded name. Its text belongs to the scanner or its input.
type memberName struct {
	text []byte
	hash uint32
	next uint32 // the next older name of its bucket, like buckets
}

const (
	namesComparedMax = 16      // names of one object that are compared one by one
	namesBuckets     = 1 << 13 // a power of two
	namesKeptMax     = 1 << 10 // names whose memory reset keeps
)

var namesSeed = maphash.MakeSeed()

const (
	reasonDuplicateName  = "duplicate name in an object"
	reasonTooManyMembers = "more than 10000 members in an object"
)

func init() {
	if reasonTooManyMembers != "more than "+strconv.Itoa(ObjectMembersMax)+" members in an object" {
		panic("BUG: reasonTooManyMembers does not say the limit")
	}
}

// open begins an object inside those that are open. It returns the object's
// place, which add and close want.
func (n *names) open() int { return len(n.stack) }

// add enters a name of the innermost object. It returns "", or why it can't.
func (n *names) add(object int, text []byte) string {
	own := n.stack[object:]
	if len(own) < namesComparedMax {
		for i := range own {
			if string(own[i].text) == string(text) {
				return reasonDuplicateName
			}
		}
		n.stack = append(n.stack, memberName{text: text})
		return ""
	}
	if len(own) == ObjectMembersMax {
		return reasonTooManyMembers
	}
	if len(own) == namesComparedMax {
		for i := range own {
			n.chain(object + i)
		}
	}
	hash := uint32(maphash.Bytes(namesSeed, text))
	for i := n.buckets[hash%namesBuckets]; int(i) > object; i = n.stack[i-1].next {
		if m := &n.stack[i-1]; m.hash == hash && string(m.text) == string(text) {
			return reasonDuplicateName
		}
	}
	n.stack = append(n.stack, memberName{text: text})
	n.chain(len(n.stack) - 1)
	return ""
}

// chain enters the i-th name of the stack, above all that are chained, in its bucket.
func (n *names) chain(i int) {
	if n.buckets == nil {
		n.buckets = make([]uint32, namesBuckets)
	}
	m := &n.stack[i]
	m.hash = uint32(maphash.Bytes(namesSeed, m.text))
	bucket := &n.buckets[m.hash%namesBuckets]
	m.next, *bucket = *bucket, uint32(i+1)
	n.chained++
}

// close ends the innermost object and forgets its names.
func (n *names) close(object int) {
	if len(n.stack)-object > namesComparedMax {
		for i := len(n.stack) - 1; i >= object; i-- {
			m := &n.stack[i]
			n.buckets[m.hash%namesBuckets] = m.next
			n.chained--
		}
	}
	n.stack = n.stack[:object]
}

// abandon forgets all objects, in the middle of input that turned out to be bad.
func (n *names) abandon() {
	if n.chained > 0 {
		clear(n.buckets)
		n.chained = 0
	}
	n.stack = n.stack[:0]
}

// reset is abandon, and lets go of the names' memory.
func (n *names) reset() {
	n.abandon()
	if cap(n.stack) > namesKeptMax {
		n.stack = nil
	}
	clear(n.stack[:cap(n.stack)])
}
