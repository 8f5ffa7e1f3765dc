package ingest

import "math"

// EventsPerRecordMax is how many events one log record carries at most: an
// event's index must fit the low 16 bits of its Position.
const EventsPerRecordMax = math.MaxUint16

// Position is the place of an event in its partition of the log: the record's
// offset in the upper 48 bits, the event's index in the record in the lower 16.
// Positions order events as the log does.
type Position int64

// PositionOf returns the position of the event with the given index in the record at offset.
func PositionOf(offset int64, index int) Position {
	return Position(offset<<16 | int64(index))
}

// Offset returns the offset of the record that holds the event.
func (p Position) Offset() int64 { return int64(p) >> 16 }

// Index returns the event's index in its record.
func (p Position) Index() int { return int(p & 0xffff) }
