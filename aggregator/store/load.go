package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
)

var errNoContent = errors.New("id has no event")

// LoadEvent reads the stored content of an id's entry that is no cancellation. The
// event has memory of its own. It must not run beside Close.
func (s *Store) LoadEvent(transactionID []byte, seen *Seen, into *Event) error {
	ok, err := s.loadEvent(s.db, transactionID, seen, into)
	if err == nil && !ok {
		err = errNoContent
	}
	if err != nil {
		return fmt.Errorf("cannot read event at position %d: %w", seen.Position, err)
	}
	return nil
}

// loadEvent reads the content of an entry; ok is false when there is none with the
// transaction id.
func (s *Store) loadEvent(r pebble.Reader, transactionID []byte, seen *Seen, into *Event) (ok bool, err error) {
	name, err := nameOf(r, seen.Series)
	if err != nil {
		return false, err
	}
	// No other block of the series and hour shares positions with the one that has it.
	hour := aggregator.HourOf(seen.Timestamp)
	prefix := appendBlocksFrom(nil, seen.Series, hour, 0)[:blockDayBytes+1]
	iter, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return false, err
	}
	defer closeInto(iter, &err)
	if !iter.SeekLT(appendBlocksFrom(nil, seen.Series, hour, seen.Position+1)) {
		return false, iter.Error()
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return false, fmt.Errorf("cannot read key %x: %w", iter.Key(), err)
	}
	key, err := readBlockKey(iter.Key())
	if err == nil {
		var buffer []byte
		value, err = s.segments.block(&buffer, bytes.Clone(value))
	}
	if err == nil {
		ok, err = findInBlock(value, &key, &name, seen, into)
	}
	if err != nil {
		return false, corrupt(iter.Key(), err)
	}
	return ok && bytes.Equal(into.TransactionID, transactionID), nil
}

// findInBlock reads the event at a position from a block, whose value it keeps.
func findInBlock(value []byte, key *blockKey, name *SeriesName, seen *Seen, into *Event) (ok bool, err error) {
	b := blockReader{event: eventOf(name)}
	if err := b.open(value, aggregator.StartOfHour(key.hour), key.lowest); err != nil {
		return false, err
	}
	for {
		if ok, err = b.next(); err != nil || !ok {
			return false, err
		}
		if b.event.Position == seen.Position {
			*into = b.event
			return into.Timestamp == seen.Timestamp && into.Revision == seen.Revision, nil
		}
	}
}

// nameOf returns the name of a series that must have one.
func nameOf(r pebble.Reader, series uint64) (SeriesName, error) {
	key := appendNumberKey(nil, spaceName, series)
	value, err := getCopy(r, key)
	if err != nil {
		return SeriesName{}, err
	}
	name, err := decodeSeriesName(series, value)
	if err != nil {
		return SeriesName{}, corrupt(key, err)
	}
	return name, nil
}
