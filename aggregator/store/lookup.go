package store

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"weir/ingest"
)

// Lookup finds which of the ids, in any order, are in the store; found is called in the order of
// their indexes, with the index of each that is there and its first entry: the one of the
// lowest revision, and of those the first in the log. An entry with a revision says that no event
// with this id has come, but a correction of it. Lookup must not run beside Close.
func (s *Store) Lookup(ids []ingest.ID, found func(i int, seen Seen)) error {
	return s.LookupBelow(ids, math.MaxInt64, found)
}

// LookupBelow is Lookup for one who knows all entries from a position on: it asks no run
// that has none below. What it finds may lie above nevertheless.
func (s *Store) LookupBelow(ids []ingest.ID, below ingest.Position, found func(i int, seen Seen)) error {
	l := s.ids.lookup.Swap(nil)
	if l == nil {
		l = new(idLookup)
	}
	defer s.ids.lookup.Store(l)
	l.hash(ids)
	for again := true; again; {
		list := s.ids.list.Load()
		l.probe(*list, below)
		if len(l.hits) == 0 {
			return nil
		}
		var err error
		again, err = s.ids.readOnce(list, func(runs []idRun, iter *pebble.Iterator) error {
			return l.readHits(ids, runs, iter)
		})
		if err != nil {
			return err
		}
	}
	l.give(found)
	return nil
}

// idLookup is the memory of a look-up.
type idLookup struct {
	hashes  []idHash
	hits    []idHit
	touched uint64 // what probe read ahead, so that it is read at all
	key     [idBlockKeyBytes]byte
}

// idHit is an id that a run may have.
type idHit struct {
	run  int32 // in the list
	at   int32 // of the ids
	seen Seen  // once it is read
}

func (l *idLookup) hash(ids []ingest.ID) {
	l.hashes = l.hashes[:0]
	for i := range ids {
		l.hashes = append(l.hashes, hashOf(&ids[i]))
	}
}

// probeIDs is how many ids are asked for at once: their lines stay in the nearest cache.
const probeIDs = 128

// probe asks the filters of the runs that have entries below a position.
func (l *idLookup) probe(runs []idRun, below ingest.Position) {
	l.hits = l.hits[:0]
	for n := range runs {
		if runs[n].low >= below {
			runs = runs[:n] // and so have all that follow
			break
		}
	}
	for from := 0; from < len(l.hashes); from += probeIDs {
		hashes := l.hashes[from:min(len(l.hashes), from+probeIDs)]
		for n := range runs {
			l.probeRun(int32(n), runs[n].filter, hashes, int32(from))
		}
	}
}

// probeRun asks one filter. To touch all lines first lets the processor fetch them side by side.
func (l *idLookup) probeRun(run int32, filter idFilter, hashes []idHash, from int32) {
	if filter == nil {
		for i := range hashes {
			l.hits = append(l.hits, idHit{run: run, at: from + int32(i)})
		}
		return
	}
	touched := uint64(0)
	for i := range hashes {
		touched ^= filter.lineOf(&hashes[i])[0]
	}
	l.touched ^= touched
	for i := range hashes {
		if filter.may(&hashes[i]) {
			l.hits = append(l.hits, idHit{run: run, at: from + int32(i)})
		}
	}
}

// readHits reads the first entries of the ids in the runs that may have them, in the order in which they
// stand, and lets go of hits that were none.
func (l *idLookup) readHits(ids []ingest.ID, runs []idRun, iter *pebble.Iterator) error {
	slices.SortFunc(l.hits, func(a, b idHit) int {
		return cmp.Or(cmp.Compare(runs[a.run].number, runs[b.run].number), bytes.Compare(ids[a.at][:], ids[b.at][:]))
	})
	read := l.hits[:0]
	for _, hit := range l.hits {
		id := &ids[hit.at]
		block, at, ok, err := seekEntry(iter, l.key[:0], runs[hit.run].number, id, 0, 0)
		if err != nil {
			return err
		}
		if ok && block.id(at) == *id {
			hit.seen = block.seen(at)
			read = append(read, hit)
		}
	}
	l.hits = read
	return nil
}

// give calls found with the first entry of each id that was read.
func (l *idLookup) give(found func(i int, seen Seen)) {
	slices.SortFunc(l.hits, func(a, b idHit) int { return cmp.Or(cmp.Compare(a.at, b.at), a.seen.Compare(&b.seen)) })
	last := int32(-1)
	for _, hit := range l.hits {
		if hit.at != last {
			last = hit.at
			found(int(hit.at), hit.seen)
		}
	}
}

// Versions appends to dst every entry of the id at a position below end, ordered as
// Seen.Compare does. The owner gives an end at or below its commit point, and finds the
// entries from there on in what is pending (Pending.Versions). Versions must not
// run beside Close.
func (s *Store) Versions(dst []Seen, id ingest.ID, end ingest.Position) ([]Seen, error) {
	out, hash := dst, hashOf(&id)
	err := s.ids.read(func(runs []idRun, iter *pebble.Iterator) error {
		out = dst
		for i := range runs {
			if runs[i].low >= end || !runs[i].may(&hash) {
				continue
			}
			err := eachEntry(iter, runs[i].number, id[:], func(_ ingest.ID, seen Seen) {
				if seen.Position < end {
					out = append(out, seen)
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortFunc(out[len(dst):], func(a, b Seen) int { return a.Compare(&b) })
	return out, err
}

// Deciding appends to dst those of the entries that Versions gives which decide what a correction
// with a revision (at least 1) does: the event as it was sent, the last of that revision, and the
// last of all. One may come twice. However often an event was corrected, this takes equally long.
func (s *Store) Deciding(dst []Seen, id ingest.ID, revision uint32, end ingest.Position) ([]Seen, error) {
	out, hash := dst, hashOf(&id)
	err := s.ids.read(func(runs []idRun, iter *pebble.Iterator) error {
		var d deciding
		for i := range runs {
			if runs[i].low >= end || !runs[i].may(&hash) {
				continue
			}
			place := idPlace{iter: iter, run: runs[i].number, id: id}
			if err := d.look(&place, revision, end); err != nil {
				return err
			}
		}
		out = d.append(dst)
		return nil
	})
	return out, err
}

// deciding are the entries that Deciding gives, as far as they were found.
type deciding struct {
	event, last, revised *Seen
}

func (d *deciding) append(dst []Seen) []Seen {
	for _, seen := range []*Seen{d.event, d.last, d.revised} {
		if seen != nil {
			dst = append(dst, *seen)
		}
	}
	return dst
}

// look looks into one run for them. Entries at or above end, which only the newest run can have, are passed over.
func (d *deciding) look(place *idPlace, revision uint32, end ingest.Position) error {
	later := func(kept, seen *Seen) *Seen {
		if kept != nil && kept.Compare(seen) > 0 {
			return kept
		}
		return seen
	}
	first, err := place.firstBelow(end)
	if err != nil {
		return err
	}
	if first != nil && first.Revision == 0 && (d.event == nil || first.Compare(d.event) < 0) {
		d.event = first
	}
	last, err := place.lastBelow(math.MaxUint32, end)
	if err != nil || last == nil {
		return err
	}
	d.last = later(d.last, last)
	revised, err := place.lastBelow(revision, end)
	if err == nil && revised != nil && revised.Revision == revision {
		d.revised = later(d.revised, revised)
	}
	return err
}

// SeenIDs calls f for every entry of every id below the commit point, in the order of the ids, those of an
// id in the order of Seen.Compare. It must not run beside Close.
func (s *Store) SeenIDs(f func(id ingest.ID, seen Seen)) (err error) {
	snapshot, err := s.Snapshot()
	if err != nil {
		return err
	}
	defer closeInto(snapshot, &err)
	cursor, err := snapshot.idCursor(context.Background())
	if err != nil {
		return err
	}
	return cursor.each(f)
}

// NewestIDs calls f once for each id that has an entry at or above from, and maybe for others, in any order and
// with the first entry there is of that id, as Lookup does: for at most idsMax entries, those of the newest runs. from is
// 0 when these are all. Who remembers them finds the others by LookupBelow(from). It must not run beside Close.
func (s *Store) NewestIDs(idsMax int, f func(id ingest.ID, seen Seen)) (from ingest.Position, err error) {
	snapshot, err := s.Snapshot()
	if err != nil {
		return 0, err
	}
	defer closeInto(snapshot, &err)
	runs, err := runsIn(snapshot.reader)
	if err != nil {
		return 0, err
	}
	runs, from = newestRuns(runs, idsMax)
	cursor, err := newIDCursor(context.Background(), s, snapshot.reader, runs)
	if err != nil {
		return 0, err
	}
	// An id of which only corrections are here may have its event in an older run.
	var ids []ingest.ID
	var firsts []Seen
	var last ingest.ID // no id is zero
	err = cursor.each(func(id ingest.ID, seen Seen) {
		if id == last {
			return
		}
		last = id
		if seen.Revision == 0 || from == 0 {
			f(id, seen)
			return
		}
		ids, firsts = append(ids, id), append(firsts, seen)
	})
	if err != nil {
		return 0, err
	}
	err = s.LookupBelow(ids, from, func(i int, seen Seen) {
		if seen.Compare(&firsts[i]) < 0 {
			firsts[i] = seen
		}
	})
	if err != nil {
		return 0, err
	}
	for i := range ids {
		f(ids[i], firsts[i])
	}
	return from, nil
}

// newestRuns returns the runs with the newest entries that have at most a number of entries together, and the position
// from which on no other run has any.
func newestRuns(runs []idRun, entriesMax int) (newest []idRun, from ingest.Position) {
	slices.SortFunc(runs, func(a, b idRun) int { return cmp.Compare(b.high, a.high) })
	for n := range runs {
		if entriesMax -= runs[n].count; entriesMax < 0 {
			return runs[:n], runs[n].high + 1
		}
	}
	return runs, 0
}
