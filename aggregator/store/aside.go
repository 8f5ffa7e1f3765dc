package store

import (
	"encoding/binary"
	"errors"

	"github.com/google/uuid"

	"weir/ingest"
)

// Reason says why something of the log was set aside and not counted. The
// numbers stand in keys.
type Reason byte

// The reasons.
const (
	// Conflict: the id is in use by an earlier event with other content.
	Conflict Reason = 1
	// Invalid: the record is JSON of an event that is not acceptable.
	Invalid Reason = 2
	// Malformed: the record is neither JSON nor one of our own.
	Malformed Reason = 3

	reasonsEnd = 4
)

// Reasons are all there are.
var Reasons = []Reason{Conflict, Invalid, Malformed}

// String returns the reason's name in metrics.
func (r Reason) String() string {
	switch r {
	case Conflict:
		return "conflict"
	case Invalid:
		return "invalid"
	case Malformed:
		return "malformed"
	default:
		return "unknown"
	}
}

// AsideBytesMax is how much of a record that was set aside is kept. The log has all of it.
const AsideBytesMax = 64 << 10

// Aside is something that was set aside.
type Aside struct {
	Position ingest.Position
	Reason   Reason
	Message  string // what was wrong
	// Organization is that of the record; zero when it could not be read.
	Organization uuid.UUID
	// ID is the id of a Conflict, ReceivedAt when it was received, nanoseconds since the Unix
	// epoch: what it is found by (Snapshot.Conflicts). Both are zero when it is read back.
	ID         ingest.ID
	ReceivedAt int64
	// Record is what was in the log, cut to AsideBytesMax: the record's bytes, or for a
	// conflict a record that holds just this event.
	Record []byte
}

const asideVersion = 1

var errCorruptAside = errors.New("entry set aside is corrupt")

func appendAside(dst []byte, a *Aside) []byte {
	dst = append(dst, asideVersion)
	dst = append(dst, a.Organization[:]...)
	dst = appendBytes(dst, a.Message)
	return append(dst, a.Record[:min(len(a.Record), AsideBytesMax)]...)
}

// decodeAside returns an entry in memory of its own.
func decodeAside(key, value []byte) (Aside, error) {
	if len(key) != 1+8+1 {
		return Aside{}, errCorruptAside
	}
	r := valueReader{b: value}
	if r.byte() != asideVersion {
		return Aside{}, errCorruptAside
	}
	a := Aside{Position: ingest.Position(binary.BigEndian.Uint64(key[1:])), Reason: Reason(key[9])}
	copy(a.Organization[:], r.fixed(16))
	a.Message = string(r.bytes())
	a.Record = append([]byte(nil), r.b...)
	if r.failed {
		return Aside{}, errCorruptAside
	}
	return a, nil
}
