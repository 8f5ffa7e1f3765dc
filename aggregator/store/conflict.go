package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"weir/ingest"
)

// Conflicts stand in a space of keys of their own, by id, beside what was set aside, by
// position: they lead from an event to what contradicted it.

const conflictVersion = 1

var errCorruptConflict = errors.New("conflict is corrupt")

func appendConflictKey(dst []byte, id ingest.ID, position ingest.Position) []byte {
	dst = append(dst, spaceConflict)
	dst = append(dst, id[:]...)
	return binary.BigEndian.AppendUint64(dst, uint64(position))
}

// appendConflict appends what is kept of a conflict by its id: when it was received. The
// rest stands in what was set aside.
func appendConflict(dst []byte, receivedAt int64) []byte {
	dst = append(dst, conflictVersion)
	return binary.AppendVarint(dst, receivedAt)
}

func decodeConflict(b []byte) (receivedAt int64, err error) {
	if len(b) < 2 || b[0] != conflictVersion {
		return 0, errCorruptConflict
	}
	receivedAt, n := binary.Varint(b[1:])
	if n != len(b)-1 {
		return 0, errCorruptConflict
	}
	return receivedAt, nil
}

// putConflict makes something that was set aside as a conflict known by its id.
func (r *rows) putConflict(a *Aside) {
	at := len(r.arena)
	r.arena = appendConflictKey(r.arena, a.ID, a.Position)
	value := len(r.arena)
	r.arena = appendConflict(r.arena, a.ReceivedAt)
	r.put(at, value)
}

// Conflicts calls f for the later events of an id with other content, in the order of the
// log. receivedAt is in nanoseconds since the Unix epoch.
func (s *Snapshot) Conflicts(ctx context.Context, id ingest.ID, f func(position ingest.Position, receivedAt int64) error) error {
	lower := append([]byte{spaceConflict}, id[:]...)
	return s.scan(ctx, lower, after(lower), func(key, value []byte) error {
		receivedAt, err := decodeConflict(value)
		if err == nil && len(key) != len(lower)+8 {
			err = errCorruptKey
		}
		if err != nil {
			return corrupt(key, err)
		}
		return f(positionOfKey(key), receivedAt)
	})
}

// SeriesAfter calls f for the series of an organization, or of one of its subscriptions ("" = all), that
// come behind a name in the order of subscription and code, until it returns an error. The name
// need not be that of a series; with an empty subscription and code it is before the first.
func (s *Snapshot) SeriesAfter(ctx context.Context, name SeriesName, subscription string, f func(SeriesName) error) error {
	head := append([]byte{spaceSeries}, name.Organization[:]...)
	if subscription != "" {
		head = appendText(head, subscription)
	}
	lower := head
	if name.Subscription != "" || name.Code != "" {
		lower = append(appendSeriesKey(nil, spaceSeries, name.Organization, name.Subscription, name.Code), 0)
	}
	if bytes.Compare(lower, head) < 0 {
		lower = head
	}
	upper := after(head)
	if bytes.Compare(lower, upper) >= 0 {
		return nil
	}
	return s.scan(ctx, lower, upper, func(key, value []byte) error {
		row, err := decodeSeriesRow(key, value)
		if err != nil {
			return err
		}
		return f(row.Name)
	})
}

// conflicts compares them.
func (c *comparison) conflicts() error {
	return c.space(spaceConflict, func(key, a, b []byte) error {
		if a != nil && b != nil && bytes.Equal(a, b) {
			return nil
		}
		text := func(value []byte) (string, error) {
			receivedAt, err := decodeConflict(value)
			return "conflict received " + describeInstant(receivedAt), err
		}
		name := fmt.Sprintf("%x", key)
		if len(key) == 1+16+8 {
			name = fmt.Sprintf("of id %x at position %s", key[1:17], describePosition(positionOfKey(key)))
		}
		return c.report(OfAside, name, describe(a, text), describe(b, text))
	})
}
