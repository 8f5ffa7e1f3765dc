package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"weir/aggregator"
	"weir/ingest"
)

// Snapshot is the store at one checkpoint. Entries of tables that the checkpoint
// does not cover are left out. It may be used by any goroutine, by several at a
// time; Close it soon, since it holds back the store's Close and its compactions.
type Snapshot struct {
	store    *Store
	reader   *pebble.Snapshot
	progress Progress
	end      ingest.Position // the first that is not covered
	once     sync.Once
}

// Snapshot returns the newest checkpoint, or ErrClosed.
func (s *Store) Snapshot() (*Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	// The snapshot may be newer than s.progress: what it holds is what it says.
	snap := &Snapshot{store: s, reader: s.db.NewSnapshot(), progress: Progress{SeriesNext: 1}}
	value, err := getCopy(snap.reader, metaProgress)
	if err == nil && value != nil {
		snap.progress, err = decodeProgress(value)
	}
	if err != nil {
		_ = snap.reader.Close()
		return nil, corrupt(metaProgress, err)
	}
	snap.end = ingest.PositionOf(snap.progress.Next, 0)
	s.readers.Add(1)
	return snap, nil
}

// Progress returns the commit point of the snapshot.
func (s *Snapshot) Progress() Progress { return s.progress }

// End returns the first position that the snapshot does not cover.
func (s *Snapshot) End() ingest.Position { return s.end }

// Close releases the snapshot. It may be called again.
func (s *Snapshot) Close() (err error) {
	s.once.Do(func() {
		err = s.reader.Close()
		s.store.readers.Done()
	})
	return err
}

// rowsPerCheck is after how many rows a scan looks whether it should end.
const rowsPerCheck = 1024

// pacer ends scans whose asker has gone or whose store is closing.
type pacer struct {
	ctx   context.Context
	store *Store
	rows  int
}

func (p *pacer) check() error {
	if p.rows++; p.rows%rowsPerCheck != 1 {
		return nil
	}
	if p.store.closing.Load() {
		return ErrClosed
	}
	return p.ctx.Err()
}

// scan calls f for the rows of [lower, upper) in order, until it returns an error.
func (s *Snapshot) scan(ctx context.Context, lower, upper []byte, f func(key, value []byte) error) (err error) {
	iter, err := s.reader.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("cannot scan from key %x: %w", lower, err)
	}
	defer closeInto(iter, &err)
	pace := pacer{ctx: ctx, store: s.store}
	for iter.First(); iter.Valid(); iter.Next() {
		if err := pace.check(); err != nil {
			return err
		}
		value, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("cannot read key %x: %w", iter.Key(), err)
		}
		if err := f(iter.Key(), value); err != nil {
			return err
		}
	}
	if err := iter.Error(); err != nil {
		return fmt.Errorf("cannot scan from key %x: %w", lower, err)
	}
	return nil
}

// Series returns what is known of a series; ok is false when it has no event.
func (s *Snapshot) Series(organization uuid.UUID, subscription, code string) (series Series, ok bool, err error) {
	return seriesOf(s.reader, organization, subscription, code)
}

// Series is Snapshot.Series at the newest checkpoint. It must not run beside Close.
func (s *Store) Series(organization uuid.UUID, subscription, code string) (series Series, ok bool, err error) {
	return seriesOf(s.db, organization, subscription, code)
}

func seriesOf(r pebble.Reader, organization uuid.UUID, subscription, code string) (Series, bool, error) {
	key := appendSeriesKey(nil, spaceSeries, organization, subscription, code)
	value, err := getCopy(r, key)
	if err != nil || value == nil {
		return Series{}, false, err
	}
	series, err := decodeSeries(value)
	if err != nil {
		return Series{}, false, corrupt(key, err)
	}
	return series, true, nil
}

// SeriesNames calls f for the series of an organization, or of one of its subscriptions.
func (s *Snapshot) SeriesNames(ctx context.Context, organization uuid.UUID, subscription string, f func(SeriesName) error) error {
	lower := append([]byte{spaceSeries}, organization[:]...)
	if subscription != "" {
		lower = appendText(lower, subscription)
	}
	return s.scan(ctx, lower, after(lower), func(key, value []byte) error {
		row, err := decodeSeriesRow(key, value)
		if err != nil {
			return err
		}
		return f(row.Name)
	})
}

// Counters calls f for the counters of a series whose window number lies in span,
// window by window. cell is valid during the call.
func (s *Snapshot) Counters(ctx context.Context, series uint64, d aggregator.Definition, w Window, span aggregator.Span,
	f func(number int32, cell []byte, c *aggregator.Counter) error,
) error {
	lower := appendCounterKey(nil, series, d, w, int32(span.From), "")
	upper := appendCounterKey(nil, series, d, w, int32(span.To), "")
	return s.scan(ctx, lower, upper, func(key, value []byte) error {
		counter, err := aggregator.DecodeCounter(value)
		if err != nil {
			return corrupt(key, err)
		}
		number := int32(binary.BigEndian.Uint32(key[counterHeadBytes-4:]))
		return f(number, key[counterHeadBytes:], &counter)
	})
}

// Cells calls f for the known cells of a series. cell is valid during the call.
func (s *Snapshot) Cells(ctx context.Context, series uint64, d aggregator.Definition, f func(cell []byte) error) error {
	lower := appendCellKey(nil, series, d, "")
	return s.scan(ctx, lower, after(lower), func(key, _ []byte) error { return f(key[len(lower):]) })
}

// Asides calls f for what was set aside, in the order of the log.
func (s *Snapshot) Asides(ctx context.Context, f func(Aside) error) error {
	return s.scan(ctx, []byte{spaceAside}, []byte{spaceAside + 1}, func(key, value []byte) error {
		aside, err := decodeAside(key, value)
		if err != nil {
			return corrupt(key, err)
		}
		return f(aside)
	})
}
