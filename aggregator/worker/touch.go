package worker

// Each event of many subscriptions is in another place in memory, and one that is in none of the
// processor's caches takes a quarter of a microsecond to get at: more than all that is done
// with it. Ids and series are therefore touched for many events at a time before they are counted, one step of
// the way after the other: what does not depend on each other the processor gets side by side.

// touchedAtATime is for how many events a step is taken: what they need must stay in the caches until it is used.
const touchedAtATime = 64

// toucher is the memory for it.
type toucher struct {
	series [touchedAtATime]*series
	sum    uint64 // keeps the loads from being optimised away
}

// touchIDs touches what is known of the ids of a group's next events.
func (p *partition) touchIDs(events []parsedEvent) {
	if p.recent.used > 0 {
		p.recent.index.touch(events)
	}
}

// touchSeries touches the series of a group's next events, and the counters that they are likely to move.
func (p *partition) touchSeries(events []parsedEvent) {
	t := &p.toucher
	sum := uint64(0)
	for i := range events {
		sum += p.series.touch(events[i].series)
	}
	list := t.series[:len(events)]
	for i := range events {
		list[i] = p.series.likely(events[i].series)
		if s := list[i]; s != nil {
			sum += s.generation
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
	t.sum += sum
}
