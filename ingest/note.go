package ingest

import (
	"encoding/binary"
	"slices"
)

// Note is what one part of a process tells another of a record's events beside the record
// itself, so that the work is not done twice: who each of them is and what its content
// hashes to. It also says that the events all belong to the record's own partition, if the log
// has as many as the note was made for. It never leaves the process, and has no version.
//
// Its bytes are the number of partitions (4), then for each event ID (16) and
// ContentHash32 (4).
type Note []byte

const (
	noteHeadBytes  = 4
	noteEventBytes = len(ID{}) + 4
)

// AppendNote appends the note on the record that AppendRecordOf makes of the events with the
// given indexes: those that sightings, one for each event, and partitions, how many the
// log has, were made for.
func AppendNote(dst []byte, partitions int32, sightings []Sighting, indexes []int32) Note {
	dst = slices.Grow(dst, noteHeadBytes+len(indexes)*noteEventBytes)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(partitions))
	for _, i := range indexes {
		s := &sightings[i]
		// Word by word: a copy of 16 bytes would be a call.
		dst = binary.LittleEndian.AppendUint64(dst, binary.LittleEndian.Uint64(s.Key[:]))
		dst = binary.LittleEndian.AppendUint64(dst, binary.LittleEndian.Uint64(s.Key[8:]))
		dst = binary.LittleEndian.AppendUint32(dst, s.Content)
	}
	return dst
}

// Tells reports whether the note is one on so many events in a log of so many partitions.
// No note, nil, tells nothing.
func (n Note) Tells(events int, partitions int32) bool {
	return len(n) == noteHeadBytes+events*noteEventBytes && binary.LittleEndian.Uint32(n) == uint32(partitions)
}

// Event returns what the note says of the record's i-th event.
func (n Note) Event(i int) (id ID, content uint32) {
	of := n[noteHeadBytes+i*noteEventBytes:][:noteEventBytes]
	return ID(of), binary.LittleEndian.Uint32(of[len(id):])
}
