package store

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/ingest"
)

// positionOfKey returns the position that the keys of events, tombstones and seen
// ids end in: of a tombstone, that of what did it.
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

func eventOf(name *SeriesName) Event {
	return Event{
		Event:        ingest.Event{Subscription: []byte(name.Subscription), Code: []byte(name.Code)},
		Organization: name.Organization,
	}
}

// decodeEvent fills in what the key's tail and the value say. key is for the error.
func decodeEvent(key []byte, tail *eventTail, value []byte, into *Event) error {
	into.Timestamp, into.TransactionID, into.Position = tail.timestamp, tail.transactionID, tail.position
	into.setRevision(tail.revision)
	if err := decodeEventValue(value, into); err != nil {
		return corrupt(key, err)
	}
	return nil
}

// Events is View.Events of the snapshot alone.
func (s *Snapshot) Events(ctx context.Context, name *SeriesName, span aggregator.Span, f func(*Event) error) error {
	return s.View().Events(ctx, name, span, f)
}

// Newest is View.Newest of the snapshot alone.
func (s *Snapshot) Newest(ctx context.Context, name *SeriesName, span aggregator.Span, f func(*EventKey) (bool, error)) error {
	return s.View().Newest(ctx, name, span, f)
}

// ByTransactionID is View.ByTransactionID of the snapshot alone.
func (s *Snapshot) ByTransactionID(ctx context.Context, organization uuid.UUID, transactionID string, f func(*Event) error) error {
	return s.View().ByTransactionID(ctx, organization, transactionID, f)
}
