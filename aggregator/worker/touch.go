package worker

import (
	"weir/aggregator"
	"weir/ingest"
)

// Each event of many subscriptions is in another place in memory, and one that is in none of the
// processor's caches takes a quarter of a microsecond to get at: more than all that is done
// with it. Ids and series are therefore touched for many events at a time before they are counted, one step of
// the way after the other: what does not depend on each other the processor gets side by side. On the way it is made out
// which cell each event will fall into, so that of a series' counters only the one that is needed is fetched.

// touchedAtATime is for how many events a step is taken: what they need must stay in the caches until it is used.
const touchedAtATime = 64

// toucher is the memory for it.
type toucher struct {
	from     int // index in the group of the first event
	series   [touchedAtATime]*series
	foreseen [touchedAtATime]aggregator.Foreseen
	sum      uint64 // keeps the loads from being optimised away
}

// of returns what was foreseen for the event at an index of the group.
func (t *toucher) of(at int) *aggregator.Foreseen { return &t.foreseen[at-t.from] }

// touchIDs touches what is known of the ids of a group's next events.
func (p *partition) touchIDs(events []parsedEvent) {
	if p.recent.used > 0 {
		p.recent.index.touch(events)
	}
}

// foresee touches the series of a group's events in a range, and makes out what they will do to the counters.
// record is the index of the first one's record.
func (p *partition) foresee(g *group, record, from, to int) {
	t := &p.toucher
	t.from = from
	list := t.series[:to-from]
	p.touchSeries(g.events[from:to], list)
	for i, s := range list {
		for from+i >= g.records[record].to {
			record++
		}
		t.foreseen[i] = aggregator.Foreseen{}
		if e := &g.batch.Events[from+i]; s != nil && s.counters != nil && e.Entry == ingest.EntryEvent {
			s.counters.Foresee(e, g.records[record].header.ReceivedAt, &t.foreseen[i])
		}
	}
	sum := uint64(0)
	for i := range list {
		sum += t.foreseen[i].TouchCell()
	}
	for i := range list {
		sum += t.foreseen[i].TouchCounter()
	}
	t.sum += sum
}

// touchSeries touches the series of events up to their lists of cells. It leaves them in list; those that are not
// in memory are nil.
func (p *partition) touchSeries(events []parsedEvent, list []*series) {
	sum := uint64(0)
	for i := range events {
		sum += p.series.touch(events[i].series)
	}
	for i := range events {
		list[i] = p.series.likely(events[i].series)
		if s := list[i]; s != nil {
			sum += s.name.Number + s.generation + uint64(s.memoryBytes) // what is needed of it lies in up to three lines
		}
	}
	for _, s := range list {
		if s != nil && s.counters != nil {
			sum += s.counters.Touch() + uint64(s.name.Subscription[0])
		}
	}
	for _, s := range list {
		if s != nil && s.counters != nil {
			sum += s.counters.TouchCells()
		}
	}
	p.toucher.sum += sum
}
