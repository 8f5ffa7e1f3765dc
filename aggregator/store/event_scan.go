package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
	"weir/ingest"
)

const (
	// bufferedBytesMax is up to what size the blocks of an hour are read at once.
	bufferedBytesMax = 64 << 10
	// heldBytesMax bounds the events that wait for their turn. Where more would, the hour is read
	// once more for those that come later.
	heldBytesMax = 8 << 20
)

// errEnough ends a scan that has what it wanted.
var errEnough = errors.New("enough")

// eventScan reads a series' stored events of a span, ordered by (timestamp, transaction id,
// revision, position), or the other way round.
//
// An hour has a block or more of each checkpoint; each is sorted, and where they begin and end
// stands in their keys. So the keys of an hour are read first: they say, at each block, what none of
// the blocks that follow can come before. What must wait is held, in bounded memory.
type eventScan struct {
	snapshot *Snapshot
	name     *SeriesName
	span     aggregator.Span
	from, to int32 // hours, inclusive
	end      ingest.Position
	back     bool
	heldMax  int
	live     func(ingest.Position) bool // nil = all
	f        func(*Event) error
	// fault is told of blocks that can't be read, which are passed over; nil = they end the scan.
	fault func(key, value []byte, err error) error

	iter   *pebble.Iterator
	pace   pacer
	key    []byte
	reader blockReader
	held   heldEvents

	hour   int32
	blocks []hourBlock
	buffer []byte // the values of the hour's blocks, if they are few
	block  []byte // one that lies in a segment
	lo, hi *eventPlace
}

// hourBlock is a block of the hour that is being read.
type hourBlock struct {
	lowest      ingest.Position
	first, last int32 // milliseconds of the hour
	bound       int32 // what remains is not before this one, or, backwards, not behind it
	at, bytes   int   // in the buffer
}

// events calls f for the events of a series in a span that nothing supersedes, in order or the other
// way round, until it returns an error.
func (v *View) events(ctx context.Context, name *SeriesName, span aggregator.Span, back bool, f func(*Event) error) (err error) {
	s := newEventScan(ctx, v.Snapshot, name, span, v.end, f)
	s.back = back
	var tombstones tombstoneReader
	if err := tombstones.open(v.reader, name.Number, s.from, s.to, v.end); err != nil {
		return err
	}
	defer closeInto(&tombstones, &err)
	if !tombstones.none || len(v.superseded) > 0 {
		s.live = func(p ingest.Position) bool { return !tombstones.has(p) && !v.superseded.has(p) }
	}
	return s.run(func(hour int32) error { return tombstones.at(hour) })
}

func newEventScan(ctx context.Context, snapshot *Snapshot, name *SeriesName, span aggregator.Span, end ingest.Position, f func(*Event) error) *eventScan {
	span.From, span.To = max(span.From, ingest.TimestampMin), min(span.To, ingest.TimestampMax)
	s := &eventScan{
		snapshot: snapshot, name: name, span: span, end: end, f: f, heldMax: heldBytesMax,
		from: aggregator.HourOf(span.From), to: aggregator.HourOf(max(span.To-1, span.From)),
		pace: pacer{ctx: ctx, store: snapshot.store},
	}
	s.held.reset(name)
	s.reader.event = eventOf(name)
	return s
}

// run reads hour by hour; before each it calls begin.
func (s *eventScan) run(begin func(hour int32) error) (err error) {
	if s.span.Empty() || s.name.Number == 0 {
		return nil
	}
	s.iter, err = s.snapshot.reader.NewIter(&pebble.IterOptions{
		LowerBound: appendBlocksFrom(nil, s.name.Number, s.from, 0),
		UpperBound: after(appendBlocksOf(nil, aggregator.DayOfHour(s.to), s.name.Number)),
	})
	if err != nil {
		return fmt.Errorf("cannot scan events of series %d: %w", s.name.Number, err)
	}
	defer closeInto(s.iter, &err)
	for from, to := s.from, s.to; from <= to; {
		ok, err := s.seek(from, to)
		if err != nil || !ok {
			return err
		}
		if err := begin(s.hour); err != nil {
			return err
		}
		if err := s.readHour(); err != nil {
			return err
		}
		if s.back {
			to = s.hour - 1
		} else {
			from = s.hour + 1
		}
	}
	return nil
}

// seek finds the first hour in [from, to], backwards the last, that has blocks.
func (s *eventScan) seek(from, to int32) (ok bool, err error) {
	for from <= to {
		if err := s.pace.check(); err != nil {
			return false, err
		}
		if s.back {
			ok = s.iter.SeekLT(after(s.hourPrefix(to)))
		} else {
			ok = s.iter.SeekGE(s.hourPrefix(from))
		}
		if !ok {
			return false, s.iter.Error()
		}
		k, err := readBlockKey(s.iter.Key())
		if err != nil {
			return false, corrupt(s.iter.Key(), err)
		}
		if k.series == s.name.Number {
			s.hour = k.hour
			return k.hour >= from && k.hour <= to, nil
		}
		// Another series: this one has nothing between that and where we were.
		day := aggregator.DayOfHour(k.hour)
		switch {
		case s.back && k.series > s.name.Number:
			to = (day+1)*aggregator.HoursPerDay - 1
		case s.back:
			to = day*aggregator.HoursPerDay - 1
		case k.series < s.name.Number:
			from = day * aggregator.HoursPerDay
		default:
			from = (day + 1) * aggregator.HoursPerDay
		}
	}
	return false, nil
}

// hourPrefix returns what the keys of an hour's blocks begin with, valid until the next call.
func (s *eventScan) hourPrefix(hour int32) []byte {
	s.key = appendBlocksFrom(s.key[:0], s.name.Number, hour, 0)[:blockDayBytes+1]
	return s.key
}
