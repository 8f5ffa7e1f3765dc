package store

import (
	"context"
	"encoding/binary"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/ingest"
)

// positionOfKey returns the position that the keys of conflicts end in.
func positionOfKey(key []byte) ingest.Position {
	return ingest.Position(binary.BigEndian.Uint64(key[len(key)-8:]))
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
