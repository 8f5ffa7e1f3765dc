package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"weir/ingest"
)

// Version is one entry of an id's history: the event, an amendment or a cancellation.
type Version struct {
	Seen
	Event *Event // its content; nil of a cancellation
}

// entry is a version that is not read yet, and where it stands.
type entry struct {
	id      ingest.ID
	seen    Seen
	pending *Pending // nil = in the store
}

// ByTransactionID calls f for the organization's events with a transaction id, of
// whatever subscription: each with its current content, and cancelled ones with their last
// (Event.Cancelled, Event.Revision).
func (v *View) ByTransactionID(ctx context.Context, organization uuid.UUID, transactionID string, f func(*Event) error) error {
	return v.Histories(ctx, organization, transactionID, func(versions []Version) error {
		last := &versions[len(versions)-1]
		for i := len(versions) - 1; i >= 0; i-- {
			if versions[i].Cancelled {
				continue
			}
			event := *versions[i].Event
			event.Revision, event.Cancelled = last.Revision, last.Cancelled
			return f(&event)
		}
		return nil // not reached: Histories leaves out ids without content
	})
}

// Histories calls f for each of the organization's ids with a transaction id, of
// whatever subscription, with all its versions ordered as Seen.Compare does: the last says
// what the id means. An id of which there are only cancellations is left out: nothing says
// whose it is. The versions are valid during the call.
func (v *View) Histories(ctx context.Context, organization uuid.UUID, transactionID string, f func([]Version) error) error {
	entries, err := v.entries(ctx, ingest.IDPrefix(organization, []byte(transactionID)))
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(bytes.Compare(a.id[:], b.id[:]), a.seen.Compare(&b.seen))
	})
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && entries[n].id == entries[0].id {
			n++
		}
		versions, err := v.versions(entries[:n], organization, transactionID)
		if err != nil {
			return err
		}
		if versions != nil {
			if err := f(versions); err != nil {
				return err
			}
		}
		entries = entries[n:]
	}
	return nil
}

// entries returns the entries of the ids that begin with prefix, stored and pending.
func (v *View) entries(ctx context.Context, prefix [ingest.IDPrefixBytes]byte) ([]entry, error) {
	var entries []entry
	lower := append([]byte{spaceSeen}, prefix[:]...)
	err := v.scan(ctx, lower, after(lower), func(key, value []byte) error {
		seen, err := decodeSeen(key, value)
		if err != nil {
			return corrupt(key, err)
		}
		if seen.Position < v.end {
			entries = append(entries, entry{id: ingest.ID(key[1:17]), seen: seen})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range v.pending {
		p := &v.pending[i]
		for at := range p.events {
			e := &p.events[at]
			if e.position >= v.end && e.position < v.cut && [ingest.IDPrefixBytes]byte(e.id[:]) == prefix {
				entries = append(entries, entry{e.id, e.seen(), p})
			}
		}
	}
	return entries, nil
}

// versions reads the contents of one id's entries. It returns nil when they are not of
// this organization and transaction id: the prefix of an id is a hash, and may be another's.
func (v *View) versions(entries []entry, organization uuid.UUID, transactionID string) ([]Version, error) {
	versions := make([]Version, len(entries))
	mine := false
	for i := range entries {
		e := &entries[i]
		versions[i].Seen = e.seen
		if e.seen.Cancelled {
			continue
		}
		event := new(Event)
		ok, err := v.load(e, transactionID, event)
		if err != nil {
			return nil, err
		}
		if !ok || event.Organization != organization || string(event.TransactionID) != transactionID {
			return nil, nil
		}
		versions[i].Event, mine = event, true
	}
	if !mine {
		return nil, nil
	}
	return versions, nil
}

func (v *View) load(e *entry, transactionID string, into *Event) (ok bool, err error) {
	if e.pending != nil {
		return e.pending.LoadEvent(&e.seen, into)
	}
	return loadEvent(v.reader, []byte(transactionID), &e.seen, into)
}

var errNoContent = errors.New("id has no event")

// LoadEvent reads the stored content of an id's entry that is no cancellation. The
// event has memory of its own. It must not run beside Close.
func (s *Store) LoadEvent(transactionID []byte, seen *Seen, into *Event) error {
	ok, err := loadEvent(s.db, transactionID, seen, into)
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
func loadEvent(r pebble.Reader, transactionID []byte, seen *Seen, into *Event) (ok bool, err error) {
	name, err := nameOf(r, seen.Series)
	if err != nil {
		return false, err
	}
	key := appendSeriesKey(nil, spaceEvent, name.Organization, name.Subscription, name.Code)
	key = appendEventTail(key, seen.Timestamp, transactionID, seen.Revision, seen.Position)
	value, err := getCopy(r, key)
	if err != nil || value == nil {
		return false, err
	}
	*into = eventOf(&name)
	tail := eventTail{
		timestamp: seen.Timestamp, transactionID: bytes.Clone(transactionID),
		revision: seen.Revision, position: seen.Position,
	}
	if err := decodeEvent(key, &tail, value, into); err != nil {
		return false, err
	}
	return true, nil
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
