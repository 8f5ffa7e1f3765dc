package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"

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
	for _, ref := range v.pendingEvents(func(*pendingEvent) bool { return true }) {
		number := ref.entry.series.Number
		v.bySeries[number] = append(v.bySeries[number], ref)
	}
}

// pendingOf returns the pending events of a series with a timestamp in span, as pendingEvents does.
func (v *View) pendingOf(series uint64, span aggregator.Span) []pendingRef {
	if v.bySeries == nil {
		return v.pendingEvents(func(e *pendingEvent) bool {
			return e.series.Number == series && span.Contains(e.timestamp)
		})
	}
	var refs []pendingRef
	for _, ref := range v.bySeries[series] {
		if span.Contains(ref.entry.timestamp) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// Events calls f for the events of a series with a timestamp in span (nanoseconds), stored
// and pending, ordered by (timestamp, transaction id), until it returns an error. Pending
// ones are known by the number of the series, which name must have.
func (v *View) Events(ctx context.Context, name *SeriesName, span aggregator.Span, f func(*Event) error) error {
	if span.Empty() {
		return nil
	}
	waiting := waitingEvents{f: f, refs: v.pendingOf(name.Number, span)}
	slices.SortFunc(waiting.refs, comparePending)
	lower, upper, head := seriesRange(name, span)
	held := heldEvent{head: head, event: eventOf(name)}
	flush := func() error {
		if !held.live {
			return nil
		}
		if err := waiting.before(held.tail.timestamp, held.tail.transactionID); err != nil {
			return err
		}
		return held.give(f)
	}
	err := v.scan(ctx, lower, upper, func(key, value []byte) error {
		if held.live && isTombstoneOf(key, held.key) {
			held.live = positionOfKey(key) >= v.end
			return nil
		}
		if err := flush(); err != nil {
			return err
		}
		return held.hold(key, value, v)
	})
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = waiting.rest()
	}
	return err
}

// Find calls f for the pending events and amendments that match, by series and
// timestamp, in the order of the log.
func (v *View) Find(match func(series *SeriesName, timestamp int64) bool, f func(*Event) error) error {
	waiting := waitingEvents{f: f, refs: v.pendingEvents(func(e *pendingEvent) bool {
		return match(e.series, e.timestamp)
	})}
	return waiting.rest()
}

// pendingEvents returns the pending events and amendments that match, and are neither in the
// snapshot nor superseded.
func (v *View) pendingEvents(match func(*pendingEvent) bool) []pendingRef {
	var refs []pendingRef
	for i := range v.pending {
		p := &v.pending[i]
		for at := range p.events {
			e := &p.events[at]
			if e.position < v.cut && !e.cancelled && e.position >= v.end && match(e) && !v.superseded.has(e.position) {
				refs = append(refs, pendingRef{p, e})
			}
		}
	}
	return refs
}

// pendingRef is a pending entry and where it stands.
type pendingRef struct {
	in    *Pending
	entry *pendingEvent
}

func comparePending(a, b pendingRef) int {
	return cmp.Or(
		cmp.Compare(a.entry.timestamp, b.entry.timestamp),
		bytes.Compare(a.in.transactionID(a.entry), b.in.transactionID(b.entry)),
		cmp.Compare(a.entry.position, b.entry.position),
	)
}

// waitingEvents are pending events that wait for their turn among stored ones.
type waitingEvents struct {
	refs  []pendingRef
	event Event
	f     func(*Event) error
}

// before gives out those that come before a stored event.
func (w *waitingEvents) before(timestamp int64, transactionID []byte) error {
	for len(w.refs) > 0 {
		next := w.refs[0]
		order := cmp.Or(
			cmp.Compare(next.entry.timestamp, timestamp),
			bytes.Compare(next.in.transactionID(next.entry), transactionID),
		)
		if order > 0 {
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
	next := w.refs[0]
	w.refs = w.refs[1:]
	if err := next.in.decode(next.entry, &w.event); err != nil {
		return fmt.Errorf("cannot read pending event at position %d: %w", next.entry.position, err)
	}
	return w.f(&w.event)
}

// heldEvent is a stored event that waits for the key behind it: a tombstone of it may follow.
type heldEvent struct {
	head       int // bytes of the key before its tail
	key, value []byte
	tail       eventTail // points into key
	live       bool
	event      Event
}

// hold takes the row of an entry, unless nobody is to see it.
func (h *heldEvent) hold(key, value []byte, v *View) (err error) {
	h.live = false
	h.key = append(h.key[:0], key...)
	if h.tail, err = readEventTail(h.key[h.head:]); err != nil {
		return corrupt(key, err)
	}
	// A tombstone that comes here is one of an entry that nobody sees.
	if h.tail.tombstone || h.tail.position >= v.end || v.superseded.has(h.tail.position) {
		return nil
	}
	h.value = append(h.value[:0], value...)
	h.live = true
	return nil
}

// give decodes the event for f.
func (h *heldEvent) give(f func(*Event) error) error {
	h.live = false
	if err := decodeEvent(h.key, &h.tail, h.value, &h.event); err != nil {
		return err
	}
	return f(&h.event)
}

// isTombstoneOf reports whether key is that of a tombstone of the entry with entryKey.
func isTombstoneOf(key, entryKey []byte) bool {
	return len(key) == len(entryKey)+8 && bytes.HasPrefix(key, entryKey)
}

// EventKey is what stands in an event's key; Load reads the rest. Both are valid during the call.
type EventKey struct {
	Timestamp     int64
	TransactionID []byte
	Revision      uint32
	Position      ingest.Position
	load          func(*Event) error
}

// Load reads the event.
func (k *EventKey) Load(into *Event) error { return k.load(into) }

// Newest calls f for the stored events of a series with a timestamp in span that nothing
// supersedes, the newest first, those of one timestamp by descending transaction id,
// until it returns false.
func (v *View) Newest(ctx context.Context, name *SeriesName, span aggregator.Span, f func(*EventKey) (bool, error)) (err error) {
	if span.Empty() {
		return nil
	}
	lower, upper, head := seriesRange(name, span)
	iter, err := v.reader.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("cannot scan from key %x: %w", lower, err)
	}
	defer closeInto(iter, &err)
	var tail eventTail
	key := EventKey{load: func(into *Event) error {
		value, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("cannot read key %x: %w", iter.Key(), err)
		}
		*into = eventOf(name)
		return decodeEvent(iter.Key(), &tail, value, into)
	}}
	pace := pacer{ctx: ctx, store: v.store}
	gone := ingest.Position(-1) // of the last tombstone: backwards, it comes before its entry
	for iter.Last(); iter.Valid(); iter.Prev() {
		if err := pace.check(); err != nil {
			return err
		}
		if tail, err = readEventTail(iter.Key()[head:]); err != nil {
			return corrupt(iter.Key(), err)
		}
		if tail.tombstone && tail.by < v.end {
			gone = tail.position
		}
		if tail.tombstone || tail.position >= v.end || tail.position == gone || v.superseded.has(tail.position) {
			continue
		}
		key.Timestamp, key.TransactionID, key.Revision, key.Position = tail.timestamp, tail.transactionID, tail.revision, tail.position
		if more, err := f(&key); err != nil || !more {
			return err
		}
	}
	return iter.Error()
}
