package store

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"

	"weir/aggregator"
	"weir/ingest"
)

// View is a partition between two records: a snapshot, and the pending entries that
// came after its checkpoint. Its readers leave out what is superseded, wherever the entry and
// its tombstone stand. It may be used by any goroutine, by several at a time.
//
// What the embedded Snapshot says of series, counters and what was set aside is that of
// its checkpoint; so is what Newest finds.
type View struct {
	*Snapshot
	cut        ingest.Position // entries and tombstones from here on do not exist
	end        ingest.Position // the same of what is stored, and where what is pending begins
	pending    []Pending       // none has an entry that another has
	superseded superseded
	bySeries   map[uint64][]pendingRef // what is pending and seen, once Index was called
}

// View returns what the snapshot and the pending entries make together. Entries below
// the snapshot's end are left out of what is pending: they are in the snapshot.
func (s *Snapshot) View(pending ...Pending) *View { return s.ViewAt(math.MaxInt64, pending...) }

// ViewAt returns what they made when the log ended at a position: entries and tombstones from there on
// do not exist. Counters know no past: those of the view are the snapshot's.
func (s *Snapshot) ViewAt(cut ingest.Position, pending ...Pending) *View {
	return &View{
		Snapshot: s, cut: cut, end: min(s.end, cut),
		pending: pending, superseded: supersededBy(cut, pending...),
	}
}

// Index makes Events fast where it is called for many series or spans: each call looks through all
// that is pending otherwise. It must not run beside other calls.
func (v *View) Index() {
	v.bySeries = make(map[uint64][]pendingRef)
	for _, ref := range v.pendingEvents(func(*Pending, int) bool { return true }) {
		series := ref.entry().series
		v.bySeries[series] = append(v.bySeries[series], ref)
	}
}

// pendingOf returns the pending events of a series with a timestamp in span, as pendingEvents does.
func (v *View) pendingOf(series uint64, span aggregator.Span) []pendingRef {
	if v.bySeries == nil {
		return v.pendingEvents(func(p *Pending, at int) bool {
			return p.events[at].series == series && span.Contains(p.events[at].timestamp)
		})
	}
	var refs []pendingRef
	for _, ref := range v.bySeries[series] {
		if span.Contains(ref.entry().timestamp) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// Events calls f for the events of a series with a timestamp in span (nanoseconds), stored
// and pending, ordered by (timestamp, transaction id), until it returns an error. The series is
// known by its number, which name must have.
func (v *View) Events(ctx context.Context, name *SeriesName, span aggregator.Span, f func(*Event) error) error {
	if span.Empty() {
		return nil
	}
	waiting := waitingEvents{f: f, refs: v.pendingOf(name.Number, span), event: eventOf(name)}
	if len(waiting.refs) == 0 {
		return v.events(ctx, name, span, false, f)
	}
	slices.SortFunc(waiting.refs, func(a, b pendingRef) int { return comparePending(a.in, a.entry(), b.in, b.entry()) })
	err := v.events(ctx, name, span, false, func(e *Event) error {
		if err := waiting.before(e); err != nil {
			return err
		}
		return f(e)
	})
	if err == nil {
		err = waiting.rest()
	}
	return err
}

// Find calls f for the pending events and amendments that match, by series and
// timestamp, in the order of the log.
func (v *View) Find(match func(series *SeriesName, timestamp int64) bool, f func(*Event) error) error {
	var event Event
	for _, ref := range v.pendingEvents(func(p *Pending, at int) bool { return match(p.names[at], p.events[at].timestamp) }) {
		ref.in.load(int(ref.at), &event)
		if err := f(&event); err != nil {
			return err
		}
	}
	return nil
}

// pendingEvents returns the pending events and amendments that match, and are neither in the
// snapshot nor superseded.
func (v *View) pendingEvents(match func(p *Pending, at int) bool) []pendingRef {
	var refs []pendingRef
	for i := range v.pending {
		p := &v.pending[i]
		for at := range p.events {
			e := &p.events[at]
			if e.position < v.cut && !e.cancelled && e.position >= v.end && match(p, at) && !v.superseded.has(e.position) {
				refs = append(refs, pendingRef{p, int32(at)})
			}
		}
	}
	return refs
}

// pendingRef is a pending entry and where it stands.
type pendingRef struct {
	in *Pending
	at int32
}

func (r *pendingRef) entry() *pendingEvent { return &r.in.events[r.at] }

// waitingEvents are pending events of a series that wait for their turn among stored ones.
type waitingEvents struct {
	refs  []pendingRef
	event Event
	f     func(*Event) error
}

// before gives out those that come before a stored event.
func (w *waitingEvents) before(stored *Event) error {
	for len(w.refs) > 0 {
		next := &w.refs[0]
		e := next.entry()
		if e.timestamp > stored.Timestamp ||
			e.timestamp == stored.Timestamp && bytes.Compare(next.in.transactionID(e), stored.TransactionID) > 0 {
			return nil
		}
		if err := w.next(); err != nil {
			return err
		}
	}
	return nil
}

func (w *waitingEvents) rest() error {
	for len(w.refs) > 0 {
		if err := w.next(); err != nil {
			return err
		}
	}
	return nil
}

func (w *waitingEvents) next() error {
	next := &w.refs[0]
	w.refs = w.refs[1:]
	next.in.loadContent(next.entry(), &w.event)
	return w.f(&w.event)
}

// EventKey is what tells an event from others, and a way to the rest. It is valid during the call.
type EventKey struct {
	Timestamp     int64
	TransactionID []byte
	Revision      uint32
	Position      ingest.Position
	event         *Event
}

// Load reads the event, which is valid as long as the key is.
func (k *EventKey) Load(into *Event) error {
	*into = *k.event
	return nil
}

// Newest calls f for the stored events of a series with a timestamp in span that nothing
// supersedes, the newest first, those of one timestamp by descending transaction id,
// until it returns false.
func (v *View) Newest(ctx context.Context, name *SeriesName, span aggregator.Span, f func(*EventKey) (bool, error)) error {
	if span.Empty() {
		return nil
	}
	err := v.events(ctx, name, span, true, func(e *Event) error {
		more, err := f(&EventKey{e.Timestamp, e.TransactionID, e.Revision, e.Position, e})
		if err == nil && !more {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
