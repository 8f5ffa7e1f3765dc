package store

import (
	"cmp"

	"weir/ingest"
)

// Seen is what is kept of an entry of an id, be it the event, an amendment or a
// cancellation: enough to know a repeat, to see that its content differs, and to
// find the content (LoadEvent).
type Seen struct {
	Position  ingest.Position
	Revision  uint32 // 0 of the event as it was sent, else that of the correction
	Cancelled bool   // a cancellation; it has no content, and what follows is zero
	Content   uint32 // ingest.ContentHash32
	Filled    bool
	Series    uint64
	Timestamp int64
}

// Compare orders the entries of an id by revision, then by position. The last says
// what the id means.
func (s *Seen) Compare(other *Seen) int {
	return cmp.Or(cmp.Compare(s.Revision, other.Revision), cmp.Compare(s.Position, other.Position))
}

// Current returns which of an id's entries, in any order, says what the id means
// now, and which holds its content: the same, or, when the id is cancelled, the last that
// is no cancellation. They are -1 when there is no such entry.
func Current(versions []Seen) (current, content int) {
	current, content = -1, -1
	for i := range versions {
		v := &versions[i]
		if current < 0 || versions[current].Compare(v) < 0 {
			current = i
		}
		if !v.Cancelled && (content < 0 || versions[content].Compare(v) < 0) {
			content = i
		}
	}
	return current, content
}

// The flags of an entry, as they stand in blocks.
const (
	seenFilled    = 0x01
	seenCancelled = 0x02
)

func (s *Seen) flags() (flags byte) {
	if s.Filled {
		flags |= seenFilled
	}
	if s.Cancelled {
		flags |= seenCancelled
	}
	return flags
}

func (s *Seen) setFlags(flags byte) {
	s.Filled, s.Cancelled = flags&seenFilled != 0, flags&seenCancelled != 0
}
