package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

// correct takes an amendment or a cancellation into the state. What it means depends on
// all entries that its id has had: the one with the highest revision counts, of equal
// revisions the later, and without corrections the event. That is the rare way, and it asks
// the store.
func (p *partition) correct(g *group, record *parsedRecord, at int, position ingest.Position) error {
	e, parsed := &g.batch.Events[at], &g.events[at]
	versions, err := p.versionsOf(parsed.id, e.Revision)
	if err != nil {
		return err
	}
	if isRetry(versions, e, parsed.content) {
		p.totals.Duplicates++
		p.metrics.unchanged.Inc()
		return nil
	}
	p.rememberCorrected(&parsed.id, versions, position)
	current, _ := store.Current(versions)
	wins := current < 0 || e.Revision >= versions[current].Revision
	if wins && current >= 0 && !versions[current].Cancelled {
		if err := p.supersede(record, e, &versions[current], position); err != nil {
			return err
		}
	}
	if e.Entry == ingest.EntryCancellation {
		p.pending.Cancel(parsed.id, e.Revision, position)
		p.totals.Cancelled++
		return nil
	}
	p.totals.Amended++
	if !wins {
		return p.keep(record, e, parsed, position, nil)
	}
	return p.keep(record, e, parsed, position, new(aggregator.Foreseen))
}

// keep takes an event or an amendment. It counts if it is the current content of its id: effect is then what is
// foreseen of what it does, which may be nothing; else nil.
func (p *partition) keep(record *parsedRecord, e *ingest.Event, parsed *parsedEvent, position ingest.Position, effect *aggregator.Foreseen) error {
	s, err := p.seriesOf(&record.header, e, parsed.series)
	if err != nil {
		return err
	}
	p.pending.Append(&s.name, parsed.id, parsed.content, e, position, record.header.ReceivedAt)
	if effect != nil {
		return p.count(s, e, record.header.ReceivedAt, position, effect)
	}
	p.pending.Supersede(&store.Event{Event: *e, Organization: record.header.Organization, Series: s.name.Number, Position: position}, position)
	return nil
}

// versionsOf returns those entries of an id, below the one that is being applied, that say what a
// correction with this revision does: its event, the last of the revision and the last of all, and
// maybe others.
func (p *partition) versionsOf(id ingest.ID, revision uint32) (versions []store.Seen, err error) {
	versions = p.versions[:0]
	if _, known := p.recent.find(&id); known || !p.recent.complete() {
		versions, err = p.store.Deciding(versions, id, revision, ingest.PositionOf(p.committed, 0))
		if err != nil {
			return nil, err
		}
		if p.writing != nil {
			versions = p.writing.content.Pending.Versions(versions, id)
		}
		versions = p.pending.Versions(versions, id)
	}
	p.versions = versions
	return versions, nil
}

// isRetry reports whether a correction says again what the last one of its revision said. An
// earlier one of the revision that said so does not make it one: of equal revisions the later counts.
func isRetry(versions []store.Seen, e *ingest.Event, content uint32) bool {
	last := -1
	for i := range versions {
		if versions[i].Revision == e.Revision && (last < 0 || versions[i].Position > versions[last].Position) {
			last = i
		}
	}
	if last < 0 {
		return false
	}
	v := &versions[last]
	if v.Cancelled || e.Entry == ingest.EntryCancellation {
		return v.Cancelled && e.Entry == ingest.EntryCancellation
	}
	return v.Content == content && v.Timestamp == e.Timestamp && v.Filled == e.Filled
}

// rememberCorrected has recent know an id that has a correction. If its event has come it
// goes on saying what that was: later ones are repeats of it, whatever it was corrected to.
func (p *partition) rememberCorrected(id *ingest.ID, versions []store.Seen, position ingest.Position) {
	if _, known := p.recent.find(id); known {
		return
	}
	first := prior{position: position, correction: true}
	for i := range versions {
		if versions[i].Revision == 0 {
			first = priorOf(&versions[i])
		}
	}
	p.recent.put(id, first)
}

// takeLate takes an event whose correction came before it. It counts for nothing.
func (p *partition) takeLate(record *parsedRecord, e *ingest.Event, parsed *parsedEvent, position ingest.Position) error {
	p.recent.replace(&parsed.id, prior{position: position, content: parsed.content, stamp: stampOf(e.Timestamp, e.Filled)})
	p.totals.Superseded++
	return p.keep(record, e, parsed, position, nil)
}

// supersede takes what was the current content of an id out of what counts.
func (p *partition) supersede(record *parsedRecord, by *ingest.Event, seen *store.Seen, position ingest.Position) error {
	old := &p.superseded
	if err := p.loadSuperseded(by.TransactionID, seen, old); err != nil {
		return err
	}
	p.pending.Supersede(old, position)
	s, err := p.seriesOf(&record.header, &old.Event, hashSubscription(hashCode(record.header.Organization, old.Code), old.Subscription))
	if err != nil {
		return err
	}
	return p.uncountEvent(s, old, position)
}

var errSupersededMissing = errors.New("event that is corrected has no content")

// loadSuperseded reads an entry's content from what is pending or from the store.
func (p *partition) loadSuperseded(transactionID []byte, seen *store.Seen, into *store.Event) error {
	if ok, err := p.pending.LoadEvent(seen, into); ok || err != nil {
		return err
	}
	if p.writing != nil {
		if ok, err := p.writing.content.Pending.LoadEvent(seen, into); ok || err != nil {
			return err
		}
	}
	if seen.Position >= ingest.PositionOf(p.committed, 0) {
		return fmt.Errorf("%w: position %d", errSupersededMissing, seen.Position)
	}
	return p.store.LoadEvent(transactionID, seen, into)
}

// uncountEvent takes an event that was counted out of the counters again, or notes that
// its hour has to be counted again. A series without counters has nothing to take it from.
func (p *partition) uncountEvent(s *series, old *store.Event, position ingest.Position) error {
	if s.running != nil {
		s.running.subtract(&old.Event, old.ReceivedAt, position)
	}
	hour := aggregator.HourOf(old.Timestamp)
	if r := s.rebuild; r != nil && r.since != nil {
		r.stale.note(hour, position)
	}
	if s.counters == nil {
		return nil
	}
	p.touch(s)
	if !s.counters.Metric().Subtracts() {
		s.stale.note(hour, position)
		return nil
	}
	if err := p.needDay(s, old.Timestamp); err != nil {
		return err
	}
	s.counters.Remove(&old.Event, old.ReceivedAt, position)
	return nil
}

// staleHours are hours of which something was taken that can't be taken out of counters,
// each with the highest position that did so. Until they are counted again, their counters hold
// what they should not.
type staleHours map[int32]ingest.Position

func (h *staleHours) note(hour int32, position ingest.Position) {
	if *h == nil {
		*h = make(staleHours)
	}
	(*h)[hour] = max((*h)[hour], position)
}

// recount counts the stale hours of series again from all that is current in them.
// It must be called before the counters are seen by anybody, or written. It reads those
// hours' events in the owner, about a microsecond each, once for however many corrections.
//
// After an error the state is not to be used any more; the loop ends with it.
func (p *partition) recount(list ...*series) (err error) {
	if !slices.ContainsFunc(list, (*series).isStale) {
		return nil
	}
	if p.failed != nil {
		return p.failed
	}
	defer func() { p.failed = err }()
	snapshot, err := p.store.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	// One view serves all: to make it takes time for each correction that is pending.
	pendings, lent := p.lendPendings()
	defer endLoans(lent)
	view := snapshot.View(pendings...)
	if staleIn(list) > recountsUnindexed {
		view.Index()
	}
	for _, s := range list {
		if s.isStale() {
			if err := p.recountSeries(s, view); err != nil {
				return err
			}
		}
	}
	return nil
}

// recountsUnindexed is up to how many hours looking through all that is pending for each costs less than
// an index of it.
const recountsUnindexed = 8

// staleIn returns how many hours of series are stale.
func staleIn(list []*series) int {
	hours := 0
	for _, s := range list {
		if s != nil {
			hours += len(s.stale)
		}
	}
	return hours
}

// isStale reports whether the counters of a series, if there is one, hold what they should not.
func (s *series) isStale() bool { return s != nil && len(s.stale) > 0 }

func (p *partition) recountSeries(s *series, view *store.View) error {
	for hour, position := range s.stale {
		ok, err := p.recountHour(s, view, hour, position)
		if err != nil {
			return fmt.Errorf("cannot count hour %d of series %d again: %w", hour, s.name.Number, err)
		}
		if !ok {
			p.overflow(s, s.counters.Definition())
			return nil
		}
	}
	p.metrics.hoursRecounted.Add(float64(len(s.stale)))
	clear(s.stale)
	p.touch(s)
	p.estimate(s)
	return nil
}

func (p *partition) recountHour(s *series, view *store.View, hour int32, position ingest.Position) (ok bool, err error) {
	span := aggregator.Span{From: aggregator.StartOfHour(hour), To: aggregator.StartOfHour(hour + 1)}
	if err := p.needDay(s, span.From); err != nil {
		return false, err
	}
	s.counters.ResetHour(hour, position)
	err = view.Events(context.Background(), &s.name, span, func(e *store.Event) error {
		if _, ok := s.counters.Apply(&e.Event, e.ReceivedAt, e.Position); !ok {
			return errOverflow
		}
		return nil
	})
	if errors.Is(err, errOverflow) {
		return false, nil
	}
	return true, err
}
