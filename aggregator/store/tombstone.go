package store

import (
	"bytes"
	"slices"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
	"weir/ingest"
)

// A tombstone says that an event or an amendment counts for nothing from a position
// on. It has a key of its own, by series and hour of the superseded entry; the entry
// itself is never touched.
type tombstone struct {
	series uint64          // of the entry
	hour   int32           // of the entry's timestamp, since the epoch
	entry  ingest.Position // what is superseded
	by     ingest.Position // what did it, or, of an entry that came late, the entry's own
}

const tombstoneVersion = 1

// tombstoneValue is the value of every tombstone.
var tombstoneValue = []byte{tombstoneVersion}

// Supersede adds a tombstone beside an entry, an event or an amendment that is pending
// or in the store: it counts no more. Of entry its series' number, timestamp and position
// are needed, as LoadEvent gives them; it stays the caller's.
//
// by is the position that is being applied: that of the correction, or of the entry
// itself when it came after a correction of its own.
func (p *Pending) Supersede(entry *Event, by ingest.Position) {
	if by < entry.Position {
		panic("BUG: an entry is superseded before it came")
	}
	if entry.Series == 0 {
		panic("BUG: an entry of an unknown series is superseded")
	}
	p.tombstones = append(p.tombstones, tombstone{entry.Series, aggregator.HourOf(entry.Timestamp), entry.Position, by})
}

const tombstoneBytes = int(unsafe.Sizeof(tombstone{}))

// putTombstones puts the pending tombstones among rows.
func (p *Pending) putTombstones(r *rows) {
	for i := range p.tombstones {
		at := len(r.arena)
		r.arena = p.tombstones[i].appendKey(r.arena)
		value := len(r.arena)
		r.arena = append(r.arena, tombstoneVersion)
		r.put(at, value)
	}
}

// superseded is a set of positions of entries that count for nothing.
type superseded map[ingest.Position]struct{}

// supersededBy returns what the pending tombstones below cut supersede; nil when there are none.
func supersededBy(cut ingest.Position, pending ...Pending) superseded {
	var set superseded
	for i := range pending {
		for _, t := range pending[i].tombstones {
			if t.by >= cut {
				break // they stand in the order of the log
			}
			if set == nil {
				set = make(superseded)
			}
			set[t.entry] = struct{}{}
		}
	}
	return set
}

func (s superseded) has(position ingest.Position) bool {
	if len(s) == 0 {
		return false
	}
	_, ok := s[position]
	return ok
}

// tombstoneReader finds the stored tombstones of a series below a position, hour by hour.
type tombstoneReader struct {
	iter   *pebble.Iterator
	series uint64
	end    ingest.Position
	none   bool // there are none in all the span

	hour    int32
	entries []ingest.Position // of the hour, in order
}

// open begins to read the tombstones of the hours in [from, to].
func (t *tombstoneReader) open(r pebble.Reader, series uint64, from, to int32, end ingest.Position) (err error) {
	t.series, t.end, t.hour, t.entries = series, end, -1, nil
	t.iter, err = r.NewIter(&pebble.IterOptions{
		LowerBound: appendTombstonesOf(nil, series, from),
		UpperBound: after(appendTombstonesOf(nil, series, to)),
	})
	if err != nil {
		return err
	}
	t.none = !t.iter.First()
	return t.iter.Error()
}

// at moves to an hour of the span.
func (t *tombstoneReader) at(hour int32) error {
	if t.none || hour == t.hour {
		return nil
	}
	t.hour, t.entries = hour, t.entries[:0]
	prefix := appendTombstonesOf(nil, t.series, hour)
	for valid := t.iter.SeekGE(prefix); valid && bytes.HasPrefix(t.iter.Key(), prefix); valid = t.iter.Next() {
		tombstone, err := readTombstoneKey(t.iter.Key())
		if err != nil {
			return corrupt(t.iter.Key(), err)
		}
		if n := len(t.entries); tombstone.by < t.end && (n == 0 || t.entries[n-1] != tombstone.entry) {
			t.entries = append(t.entries, tombstone.entry)
		}
	}
	return t.iter.Error()
}

// has reports whether an entry of the hour is superseded.
func (t *tombstoneReader) has(position ingest.Position) bool {
	if len(t.entries) == 0 {
		return false
	}
	_, ok := slices.BinarySearch(t.entries, position)
	return ok
}

func (t *tombstoneReader) Close() error {
	if t.iter == nil {
		return nil
	}
	return t.iter.Close()
}
