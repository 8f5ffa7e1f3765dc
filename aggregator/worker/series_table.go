package worker

import (
	"hash/maphash"
	"iter"
	"math/bits"
)

// seriesTable holds the series in memory by their names: an open-addressing table of
// their hashes, so that finding one looks at its own memory only. The zero value is empty.
type seriesTable struct {
	// slots are in the order of the hashes, but for what collisions have moved on: a larger
	// table is made in one pass from end to end.
	slots []seriesSlot
	used  int
	asked int // slot where keep goes on
}

type seriesSlot struct {
	hash   uint64
	series *series // nil = empty
}

// Bounds of a seriesTable: of its slots, at most fullMax of fullOf are used.
const (
	seriesSlotsMin = 64
	seriesFullMax  = 5
	seriesFullOf   = 8
)

// hashSeed makes hashes of names that no sender can aim at. They are not for keeping.
var hashSeed = maphash.MakeSeed()

// hashSeries returns the hash by which a series is found in memory.
func hashSeries(organization [16]byte, subscription, code string) uint64 {
	return joinHashes(maphash.Bytes(hashSeed, organization[:]), maphash.String(hashSeed, subscription), maphash.String(hashSeed, code))
}

// hashCode is the part of hashSeries that many events have in common; hashSubscription adds the rest.
func hashCode(organization [16]byte, code []byte) uint64 {
	return joinHashes(maphash.Bytes(hashSeed, organization[:]), 0, maphash.Bytes(hashSeed, code))
}

func hashSubscription(code uint64, subscription []byte) uint64 {
	return code ^ joinHashes(0, maphash.Bytes(hashSeed, subscription), 0)
}

func joinHashes(organization, subscription, code uint64) uint64 {
	return bits.RotateLeft64(organization, 21) ^ subscription ^ bits.RotateLeft64(code, 42)
}

// home is the slot that a hash belongs into.
func (t *seriesTable) home(hash uint64) int {
	at, _ := bits.Mul64(hash, uint64(len(t.slots)))
	return int(at)
}

// next is the slot behind one.
func (t *seriesTable) next(at int) int {
	if at++; at == len(t.slots) {
		return 0
	}
	return at
}

// get returns the series with the hash and the name, nil if it is not there.
func getSeries[S ~string | ~[]byte](t *seriesTable, hash uint64, organization [16]byte, subscription, code S) *series {
	if t.used == 0 {
		return nil
	}
	for at := t.home(hash); t.slots[at].series != nil; at = t.next(at) {
		if slot := &t.slots[at]; slot.hash == hash {
			if s := slot.series; s.name.Subscription == string(subscription) && s.name.Code == string(code) && s.name.Organization == organization {
				return s
			}
		}
	}
	return nil
}

// find is getSeries for a name.
func (t *seriesTable) find(organization [16]byte, subscription, code string) *series {
	return getSeries(t, hashSeries(organization, subscription, code), organization, subscription, code)
}

// likely returns the first series with the hash: nearly always the one that getSeries finds.
func (t *seriesTable) likely(hash uint64) *series {
	if t.used == 0 {
		return nil
	}
	for at := t.home(hash); t.slots[at].series != nil; at = t.next(at) {
		if t.slots[at].hash == hash {
			return t.slots[at].series
		}
	}
	return nil
}

// touch looks at where a hash belongs.
func (t *seriesTable) touch(hash uint64) uint64 {
	if t.used == 0 {
		return 0
	}
	return t.slots[t.home(hash)].hash
}

// put adds a series that is not there.
func (t *seriesTable) put(s *series) {
	if t.used >= len(t.slots)/seriesFullOf*seriesFullMax {
		old := t.slots
		t.slots = make([]seriesSlot, max(seriesSlotsMin, len(old)+len(old)/2))
		for _, slot := range old {
			if slot.series != nil {
				t.place(slot)
			}
		}
	}
	t.place(seriesSlot{hashSeries(s.name.Organization, s.name.Subscription, s.name.Code), s})
	t.used++
}

func (t *seriesTable) place(slot seriesSlot) {
	at := t.home(slot.hash)
	for t.slots[at].series != nil {
		at = t.next(at)
	}
	t.slots[at] = slot
}

// all returns the series, in no order. They must not be put or removed meanwhile.
func (t *seriesTable) all() iter.Seq[*series] {
	return func(yield func(*series) bool) {
		for i := range t.slots {
			if s := t.slots[i].series; s != nil && !yield(s) {
				return
			}
		}
	}
}

// keep removes the series that f does not want to keep, until f wants no more. It begins about where
// it ended the last time.
func (t *seriesTable) keep(f func(s *series) (keep, more bool)) {
	if t.used == 0 {
		return
	}
	at := t.asked % len(t.slots)
	for t.slots[at].series != nil { // no run of collisions goes over an empty slot
		at = t.next(at)
	}
	more := true
	for n := len(t.slots); n > 0 && more; n-- {
		// Backwards, so that what a removal moves has been asked about before.
		if at--; at < 0 {
			at = len(t.slots) - 1
		}
		s := t.slots[at].series
		if s == nil {
			continue
		}
		var keep bool
		if keep, more = f(s); !keep {
			t.remove(at)
		}
	}
	t.asked = at
}

// remove empties a slot and moves into it what would else not be found any more.
func (t *seriesTable) remove(at int) {
	t.used--
	for from := t.next(at); t.slots[from].series != nil; from = t.next(from) {
		// A slot may move back to at unless its home lies behind at, going round.
		home := t.home(t.slots[from].hash)
		if behind := (home-at+len(t.slots)-1)%len(t.slots) < (from-at+len(t.slots))%len(t.slots); !behind {
			t.slots[at] = t.slots[from]
			at = from
		}
	}
	t.slots[at] = seriesSlot{}
}
