package store

import (
	"encoding/binary"
	"errors"

	"weir/ingest"
)

// Seen is what is kept of an id: enough to know a repeat, to see that its content
// differs, and to find the event.
type Seen struct {
	Position  ingest.Position
	Content   uint32 // ingest.ContentHash32
	Filled    bool
	Series    uint64
	Timestamp int64
}

// seenValueBytes is the length of a seen value: version, flags, content hash 4, series 8, timestamp 8.
const (
	seenValueBytes = 1 + 1 + 4 + 8 + 8
	seenVersion    = 1
	seenFilled     = 0x01
)

var errCorruptSeen = errors.New("seen id is corrupt")

func appendSeenValue(dst []byte, s *Seen) []byte {
	flags := byte(0)
	if s.Filled {
		flags = seenFilled
	}
	dst = append(dst, seenVersion, flags)
	dst = binary.BigEndian.AppendUint32(dst, s.Content)
	dst = binary.BigEndian.AppendUint64(dst, s.Series)
	return binary.BigEndian.AppendUint64(dst, uint64(s.Timestamp))
}

func decodeSeen(key, value []byte) (Seen, error) {
	if len(key) != seenKeyBytes || len(value) != seenValueBytes || value[0] != seenVersion {
		return Seen{}, errCorruptSeen
	}
	return Seen{
		Position:  ingest.Position(binary.BigEndian.Uint64(key[21:])),
		Content:   binary.BigEndian.Uint32(value[2:]),
		Filled:    value[1]&seenFilled != 0,
		Series:    binary.BigEndian.Uint64(value[6:]),
		Timestamp: int64(binary.BigEndian.Uint64(value[14:])),
	}, nil
}
