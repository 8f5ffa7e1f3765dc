package store

import (
	"encoding/binary"
	"errors"

	"github.com/google/uuid"

	"weir/aggregator"
)

// SeriesName names the events of one subscription with one code. A store
// gives each a number, dense from 1, in the order in which they first appear in the log.
type SeriesName struct {
	Number       uint64
	Organization uuid.UUID
	Subscription string
	Code         string
}

// SeriesState says what the counters of a series are worth. The numbers stand in values.
type SeriesState byte

// The states of a series.
const (
	// Uncounted: there are no counters, or they lack events.
	Uncounted SeriesState = 0
	// Counted: the counters of Definition hold every event of the series.
	Counted SeriesState = 1
	// Overflowed: by Definition there would be too many cells; there are no counters.
	Overflowed SeriesState = 2
)

// String returns the state's name.
func (s SeriesState) String() string {
	switch s {
	case Uncounted:
		return "not counted"
	case Counted:
		return "counted"
	case Overflowed:
		return "overflowed"
	default:
		return "unknown"
	}
}

// Series is what a store knows of a series besides its name.
type Series struct {
	Number     uint64
	State      SeriesState
	Definition aggregator.Definition // zero when Uncounted
	// DayMax is the highest day that has counters: none above it need to be looked for.
	DayMax int32
}

const seriesVersion = 1

var errCorruptSeries = errors.New("series is corrupt")

func appendSeries(dst []byte, s *Series) []byte {
	dst = append(dst, seriesVersion, byte(s.State))
	dst = binary.AppendUvarint(dst, s.Number)
	dst = append(dst, s.Definition[:]...)
	return binary.AppendUvarint(dst, uint64(s.DayMax))
}

func decodeSeries(b []byte) (Series, error) {
	r := valueReader{b: b}
	if r.byte() != seriesVersion {
		return Series{}, errCorruptSeries
	}
	s := Series{State: SeriesState(r.byte()), Number: r.uvarint()}
	copy(s.Definition[:], r.fixed(len(s.Definition)))
	s.DayMax = int32(r.uvarint())
	if !r.done() || s.State > Overflowed {
		return Series{}, errCorruptSeries
	}
	return s, nil
}

func appendSeriesName(dst []byte, n *SeriesName) []byte {
	dst = append(dst, seriesVersion)
	dst = append(dst, n.Organization[:]...)
	dst = appendBytes(dst, n.Subscription)
	return appendBytes(dst, n.Code)
}

func decodeSeriesName(number uint64, b []byte) (SeriesName, error) {
	r := valueReader{b: b}
	if r.byte() != seriesVersion {
		return SeriesName{}, errCorruptSeries
	}
	n := SeriesName{Number: number}
	copy(n.Organization[:], r.fixed(16))
	n.Subscription = string(r.bytes())
	n.Code = string(r.bytes())
	if !r.done() {
		return SeriesName{}, errCorruptSeries
	}
	return n, nil
}
