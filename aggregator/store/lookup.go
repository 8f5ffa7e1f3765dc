package store

import (
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"weir/ingest"
)

// Lookup finds which of the ids are in tables. ids are sorted; found is called with
// the index of each that is there and its first entry: the one of the lowest revision,
// and of those the first in the log. An entry with a revision says that no event
// with this id has come, but a correction of it. The entry may be of a table
// that has no commit yet. Lookup must not run beside Close.
func (s *Store) Lookup(ids []ingest.ID, found func(i int, seen Seen)) (err error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{spaceSeen}, UpperBound: []byte{spaceSeen + 1},
		UseL6Filters: true, // most ids were never seen
	})
	if err != nil {
		return fmt.Errorf("cannot look up ids: %w", err)
	}
	defer closeInto(iter, &err)
	key := make([]byte, 0, seenKeyBytes)
	for i := range ids {
		key = append(append(key[:0], spaceSeen), ids[i][:]...)
		if !iter.SeekPrefixGE(key) {
			// The next seek forgets this one's fault, and an id that can't be read is not
			// one that was never seen.
			if err := iter.Error(); err != nil {
				return fmt.Errorf("cannot look up id %x: %w", ids[i], err)
			}
			continue
		}
		seen, err := decodeSeenAt(iter)
		if err != nil {
			return err
		}
		found(i, seen)
	}
	return nil
}

// Versions appends to dst every entry of the id at a position below end, ordered as
// Seen.Compare does. The owner gives an end at or below its commit point, and finds the
// entries from there on in what is pending (Pending.Versions). Versions must not
// run beside Close.
func (s *Store) Versions(dst []Seen, id ingest.ID, end ingest.Position) (out []Seen, err error) {
	prefix := append([]byte{spaceSeen}, id[:]...)
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return dst, fmt.Errorf("cannot read versions of id %x: %w", id, err)
	}
	defer closeInto(iter, &err)
	for iter.First(); iter.Valid(); iter.Next() {
		seen, err := decodeSeenAt(iter)
		if err != nil {
			return dst, err
		}
		if seen.Position < end {
			dst = append(dst, seen)
		}
	}
	if err := iter.Error(); err != nil {
		return dst, fmt.Errorf("cannot read versions of id %x: %w", id, err)
	}
	return dst, nil
}

// Deciding appends to dst those of the entries that Versions gives which decide what a correction
// with a revision (at least 1) does: the event as it was sent, the last of that revision, and the
// last of all. One may come twice. However often an event was corrected, this takes equally long.
func (s *Store) Deciding(dst []Seen, id ingest.ID, revision uint32, end ingest.Position) (out []Seen, err error) {
	prefix := append([]byte{spaceSeen}, id[:]...)
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return dst, fmt.Errorf("cannot read versions of id %x: %w", id, err)
	}
	defer closeInto(iter, &err)
	// Each takes the first below end that step leads to, if it is wanted. What a table without a commit
	// brought stands above, and is passed over.
	take := func(valid bool, step func() bool, wanted func(*Seen) bool) {
		for ; valid && err == nil; valid = step() {
			var seen Seen
			if seen, err = decodeSeenAt(iter); err != nil || seen.Position >= end {
				continue
			}
			if wanted(&seen) {
				dst = append(dst, seen)
			}
			return
		}
		if err == nil {
			err = iter.Error() // the next seek forgets it
		}
	}
	take(iter.First(), iter.Next, func(seen *Seen) bool { return seen.Revision == 0 })
	take(iter.Last(), iter.Prev, func(*Seen) bool { return true })
	last := appendSeenKey(nil, id, revision, math.MaxInt64)
	take(iter.SeekLT(last), iter.Prev, func(seen *Seen) bool { return seen.Revision == revision })
	return dst, err
}

// SeenIDs calls f for every entry of every id below the commit point, those of an
// id in the order of Seen.Compare. It must not run beside Close.
func (s *Store) SeenIDs(f func(id ingest.ID, seen Seen)) (err error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{spaceSeen}, UpperBound: []byte{spaceSeen + 1},
	})
	if err != nil {
		return fmt.Errorf("cannot read ids: %w", err)
	}
	defer closeInto(iter, &err)
	end := ingest.PositionOf(s.Progress().Next, 0)
	for iter.First(); iter.Valid(); iter.Next() {
		seen, err := decodeSeenAt(iter)
		if err != nil {
			return err
		}
		if seen.Position < end {
			f(ingest.ID(iter.Key()[1:17]), seen)
		}
	}
	return iter.Error()
}

func decodeSeenAt(iter *pebble.Iterator) (Seen, error) {
	value, err := iter.ValueAndErr()
	if err != nil {
		return Seen{}, fmt.Errorf("cannot read id: %w", err)
	}
	seen, err := decodeSeen(iter.Key(), value)
	if err != nil {
		return Seen{}, corrupt(iter.Key(), err)
	}
	return seen, nil
}
