package store

import (
	"cmp"
	"encoding/binary"
	"errors"

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

// seenValueBytes is the length of a seen value: version, flags, content hash 4, series 8, timestamp 8.
const (
	seenValueBytes = 1 + 1 + 4 + 8 + 8
	seenVersion    = 1
	seenFilled     = 0x01
	seenCancelled  = 0x02
	seenFlags      = seenFilled | seenCancelled
)

var errCorruptSeen = errors.New("seen id is corrupt")

func appendSeenValue(dst []byte, s *Seen) []byte {
	flags := byte(0)
	if s.Filled {
		flags |= seenFilled
	}
	if s.Cancelled {
		flags |= seenCancelled
	}
	dst = append(dst, seenVersion, flags)
	dst = binary.BigEndian.AppendUint32(dst, s.Content)
	dst = binary.BigEndian.AppendUint64(dst, s.Series)
	return binary.BigEndian.AppendUint64(dst, uint64(s.Timestamp))
}

func decodeSeen(key, value []byte) (Seen, error) {
	if len(key) != seenKeyBytes || len(value) != seenValueBytes || value[0] != seenVersion || value[1]&^seenFlags != 0 {
		return Seen{}, errCorruptSeen
	}
	return Seen{
		Position:  ingest.Position(binary.BigEndian.Uint64(key[21:])),
		Revision:  binary.BigEndian.Uint32(key[17:]),
		Cancelled: value[1]&seenCancelled != 0,
		Content:   binary.BigEndian.Uint32(value[2:]),
		Filled:    value[1]&seenFilled != 0,
		Series:    binary.BigEndian.Uint64(value[6:]),
		Timestamp: int64(binary.BigEndian.Uint64(value[14:])),
	}, nil
}
