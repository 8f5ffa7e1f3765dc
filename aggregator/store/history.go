package store

import (
	"bytes"
	"cmp"
	"context"
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
	entries, err := v.entries(ingest.IDPrefix(organization, []byte(transactionID)))
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
func (v *View) entries(prefix [ingest.IDPrefixBytes]byte) ([]entry, error) {
	entries, err := v.storedEntries(prefix)
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

// storedEntries returns those that are stored. Filters know whole ids, so each run is asked.
func (v *View) storedEntries(prefix [ingest.IDPrefixBytes]byte) (entries []entry, err error) {
	runs, err := runsIn(v.reader)
	if err != nil {
		return nil, err
	}
	iter, err := v.reader.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceSeen}, UpperBound: []byte{spaceSeen + 1}})
	if err != nil {
		return nil, fmt.Errorf("cannot read ids: %w", err)
	}
	defer closeInto(iter, &err)
	for i := range runs {
		if runs[i].low >= v.end {
			continue
		}
		err := eachEntry(iter, runs[i].number, prefix[:], func(id ingest.ID, seen Seen) {
			if seen.Position < v.end {
				entries = append(entries, entry{id: id, seen: seen})
			}
		})
		if err != nil {
			return nil, err
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
	return v.store.loadEvent(v.reader, []byte(transactionID), &e.seen, into)
}
