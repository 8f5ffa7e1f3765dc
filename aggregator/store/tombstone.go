package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"

	"weir/ingest"
)

// A tombstone says that an event or an amendment counts for nothing from a position
// on. Its key is the superseded entry's and, behind it, that position; so the two
// stand together, and the entry itself is never touched.
type tombstone struct {
	entry ingest.Position // what is superseded
	by    ingest.Position // what did it, or, of an entry that came late, the entry's own
	at    int             // of the key in the pending events' arena
	bytes int
}

const tombstoneVersion = 1

// tombstoneValue is the value of every tombstone.
var tombstoneValue = []byte{tombstoneVersion}

// appendTombstoneTail makes a tombstone's key of the key of an entry.
func appendTombstoneTail(entryKey []byte, by ingest.Position) []byte {
	return binary.BigEndian.AppendUint64(entryKey, uint64(by))
}

// appendEventKey appends the whole key of an event or amendment.
func appendEventKey(dst []byte, e *Event) []byte {
	dst = appendSeriesKey(dst, spaceEvent, e.Organization, e.Subscription, e.Code)
	return appendEventTail(dst, e.Timestamp, e.TransactionID, e.Revision, e.Position)
}

// Supersede adds a tombstone beside an entry, an event or an amendment that is pending
// or in the store: it counts no more. Of entry its identity, code, timestamp, revision and
// position are needed, as LoadEvent gives them; it stays the caller's.
//
// by is the position that is being applied: that of the correction, or of the entry
// itself when it came after a correction of its own.
func (p *Pending) Supersede(entry *Event, by ingest.Position) {
	if by < entry.Position {
		panic("BUG: an entry is superseded before it came")
	}
	at := len(p.arena)
	p.arena = appendTombstoneTail(appendEventKey(p.arena, entry), by)
	p.tombstones = append(p.tombstones, tombstone{entry.Position, by, at, len(p.arena) - at})
}

const tombstoneBytes = int(unsafe.Sizeof(tombstone{}))

// tombstoneKeys returns the keys of the pending tombstones in order, each once.
func (p *Pending) tombstoneKeys() [][]byte {
	if len(p.tombstones) == 0 {
		return nil
	}
	keys := make([][]byte, len(p.tombstones))
	for i, t := range p.tombstones {
		keys[i] = p.arena[t.at : t.at+t.bytes]
	}
	slices.SortFunc(keys, bytes.Compare)
	return slices.CompactFunc(keys, bytes.Equal)
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
