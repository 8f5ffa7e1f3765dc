package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"weir/aggregator"
	"weir/ingest"
)

// positionOfKey returns the position that event and seen keys end in.
func positionOfKey(key []byte) ingest.Position {
	return ingest.Position(binary.BigEndian.Uint64(key[len(key)-8:]))
}

// seriesRange returns the bounds of a series' events in a span, and how long their common head is.
func seriesRange(name *SeriesName, span aggregator.Span) (lower, upper []byte, head int) {
	lower = appendSeriesKey(nil, spaceEvent, name.Organization, name.Subscription, name.Code)
	head = len(lower)
	upper = binary.BigEndian.AppendUint64(bytes.Clone(lower), uint64(span.To))
	lower = binary.BigEndian.AppendUint64(lower, uint64(span.From))
	return lower, upper, head
}

// Events calls f for the events of a series with a timestamp in span (nanoseconds), ordered by
// (timestamp, transaction id), until it returns an error.
func (s *Snapshot) Events(ctx context.Context, name *SeriesName, span aggregator.Span, f func(*Event) error) error {
	if span.Empty() {
		return nil
	}
	lower, upper, head := seriesRange(name, span)
	event := eventOf(name)
	return s.scan(ctx, lower, upper, func(key, value []byte) error {
		if positionOfKey(key) >= s.end {
			return nil
		}
		if err := decodeEvent(key, head, value, &event); err != nil {
			return err
		}
		return f(&event)
	})
}

func eventOf(name *SeriesName) Event {
	return Event{
		Event:        ingest.Event{Subscription: []byte(name.Subscription), Code: []byte(name.Code)},
		Organization: name.Organization,
	}
}

func decodeEvent(key []byte, head int, value []byte, into *Event) error {
	timestamp, transactionID, _, position, err := readEventTail(key[head:])
	if err != nil {
		return corrupt(key, err)
	}
	into.Timestamp, into.TransactionID, into.Position = timestamp, transactionID, position
	if err := decodeEventValue(value, into); err != nil {
		return corrupt(key, err)
	}
	return nil
}

// EventKey is what stands in an event's key; Load reads the rest. Both are valid during the call.
type EventKey struct {
	Timestamp     int64
	TransactionID []byte
	Position      ingest.Position
	load          func(*Event) error
}

// Load reads the event.
func (k *EventKey) Load(into *Event) error { return k.load(into) }

// Newest calls f for the events of a series with a timestamp in span, the newest
// first, those of one timestamp by descending transaction id, until it returns false.
func (s *Snapshot) Newest(ctx context.Context, name *SeriesName, span aggregator.Span, f func(*EventKey) (bool, error)) (err error) {
	if span.Empty() {
		return nil
	}
	lower, upper, head := seriesRange(name, span)
	iter, err := s.reader.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("cannot scan from key %x: %w", lower, err)
	}
	defer closeInto(iter, &err)
	key := EventKey{load: func(into *Event) error {
		value, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("cannot read key %x: %w", iter.Key(), err)
		}
		*into = eventOf(name)
		return decodeEvent(iter.Key(), head, value, into)
	}}
	pace := pacer{ctx: ctx, store: s.store}
	for iter.Last(); iter.Valid(); iter.Prev() {
		if err := pace.check(); err != nil {
			return err
		}
		if positionOfKey(iter.Key()) >= s.end {
			continue
		}
		key.Timestamp, key.TransactionID, _, key.Position, err = readEventTail(iter.Key()[head:])
		if err != nil {
			return corrupt(iter.Key(), err)
		}
		if more, err := f(&key); err != nil || !more {
			return err
		}
	}
	return iter.Error()
}

// ByTransactionID calls f for the organization's events with a transaction id, of whatever subscription.
func (s *Snapshot) ByTransactionID(ctx context.Context, organization uuid.UUID, transactionID string, f func(*Event) error) error {
	prefix := ingest.IDPrefix(organization, []byte(transactionID))
	lower := append([]byte{spaceSeen}, prefix[:]...)
	return s.scan(ctx, lower, after(lower), func(key, value []byte) error {
		seen, err := decodeSeen(key, value)
		if err != nil {
			return corrupt(key, err)
		}
		if seen.Position >= s.end {
			return nil
		}
		return s.eventOfSeen(&seen, organization, transactionID, f)
	})
}

// eventOfSeen calls f for the event of a seen id, if it is of this organization
// and transaction id: the prefix of an id is a hash, and may be another's.
func (s *Snapshot) eventOfSeen(seen *Seen, organization uuid.UUID, transactionID string, f func(*Event) error) error {
	nameKey := appendNumberKey(nil, spaceName, seen.Series)
	value, err := getCopy(s.reader, nameKey)
	if err != nil {
		return err
	}
	name, err := decodeSeriesName(seen.Series, value)
	if err != nil {
		return corrupt(nameKey, err)
	}
	if name.Organization != organization {
		return nil
	}
	key := appendSeriesKey(nil, spaceEvent, name.Organization, name.Subscription, name.Code)
	head := len(key)
	key = appendEventTail(key, seen.Timestamp, []byte(transactionID), 0, seen.Position)
	value, err = getCopy(s.reader, key)
	if err != nil || value == nil {
		return err
	}
	event := eventOf(&name)
	if err := decodeEvent(key, head, value, &event); err != nil {
		return err
	}
	return f(&event)
}
