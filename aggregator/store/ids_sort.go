package store

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"weir/ingest"
)

// idSorter brings pending entries in the order of idEntry.compare. Ids are hashes: their first bits spread them over
// buckets so evenly that next to nothing is left to sort. Where they do not, because somebody aimed at it, it takes as
// long as any sort.
//
// Entries are copied to buckets that fit into the processor's nearest cache, few enough that the places where they are
// being filled do so, too; in the order of each bucket they are then read from there.
type idSorter struct {
	entries []idEntry // by bucket
	order   []idOrder // of one bucket
	next    []int32   // scratch
}

// idOrder is an entry of a bucket on its way to being sorted.
type idOrder struct {
	head uint64 // of the id: enough to order nearly all
	at   int32  // in the bucket
}

const (
	// bucketIDs is about how many entries a bucket gets at the most, idBucketsMax how many buckets there are.
	bucketIDs    = 256
	idBucketsMax = 1 << 10
	// Within a bucket, entries are brought near to their places by so many further bits: about four to a place.
	placeBits = 6
)

// idSorters keep the memory of sorters.
var idSorters spares[idSorter]

// each calls f for the entries in their order, each valid during the call.
func (s *idSorter) each(p *Pending, f func(*idEntry) error) error {
	log := min(bits.Len(uint(len(p.events)/bucketIDs)), bits.Len(idBucketsMax-1))
	from := int32(0)
	for _, to := range s.fill(p, log) {
		bucket := s.entries[from:to]
		from = to
		for _, o := range s.sort(bucket, log) {
			if err := f(&bucket[o.at]); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill copies the entries to 1<<log buckets and returns where these end.
func (s *idSorter) fill(p *Pending, log int) (ends []int32) {
	shift := 64 - log
	s.next = slices.Grow(s.next[:0], 1<<log)[:1<<log]
	clear(s.next)
	for i := range p.events {
		s.next[headOf(&p.events[i].id)>>shift]++
	}
	at := int32(0)
	for i, n := range s.next {
		s.next[i] = at
		at += n
	}
	s.entries = slices.Grow(s.entries[:0], int(at))[:at]
	var pace Pace
	for i := range p.events {
		pace.Step()
		e := &p.events[i]
		next := &s.next[headOf(&e.id)>>shift]
		to := &s.entries[*next]
		to.id, to.seen = e.id, e.seen()
		*next++
	}
	return s.next
}

func headOf(id *ingest.ID) uint64 { return binary.BigEndian.Uint64(id[:]) }

// sort returns the order of a bucket, whose ids have their first bits in common; it is valid until the next call.
func (s *idSorter) sort(bucket []idEntry, bitsInCommon int) []idOrder {
	placeOf := func(head uint64) uint64 { return head << bitsInCommon >> (64 - placeBits) }
	var next [1 << placeBits]int32
	for i := range bucket {
		next[placeOf(headOf(&bucket[i].id))]++
	}
	at := int32(0)
	for i, n := range next {
		next[i] = at
		at += n
	}
	s.order = slices.Grow(s.order[:0], len(bucket))[:len(bucket)]
	for i := range bucket {
		head := headOf(&bucket[i].id)
		n := &next[placeOf(head)]
		s.order[*n] = idOrder{head, int32(i)}
		*n++
	}
	from := int32(0)
	for _, to := range next {
		sortFew(bucket, s.order[from:to])
		from = to
	}
	return s.order
}

// sortFew sorts a few entries of a bucket by insertion, and many as any sort does.
func sortFew(bucket []idEntry, order []idOrder) {
	const fewMax = 24
	compare := func(a, b idOrder) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return bucket[a.at].compare(&bucket[b.at])
	}
	if len(order) > fewMax {
		slices.SortFunc(order, compare)
		return
	}
	for i := 1; i < len(order); i++ {
		for j := i; j > 0 && compare(order[j], order[j-1]) < 0; j-- {
			order[j], order[j-1] = order[j-1], order[j]
		}
	}
}
