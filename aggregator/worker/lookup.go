package worker

import (
	"weir/aggregator/store"
	"weir/ingest"
)

// lookup is the memory for asking the store about a group's ids: those that
// memory does not know, while it does not know all. On a fresh store it knows all.
type lookup struct {
	ids   []ingest.ID
	at    []int32 // index in the group, of each id
	found []foundID
	taken int // of found
}

type foundID struct {
	at   int32
	seen store.Seen
}

// lookUp asks the store, once for the group, about the ids that memory can't answer for.
func (p *partition) lookUp(g *group) error {
	l := &p.lookup
	l.found, l.taken = l.found[:0], 0
	if p.recent.complete() {
		return nil
	}
	l.at, l.ids = l.at[:0], l.ids[:0]
	for i := range g.events {
		if i%touchedAtATime == 0 {
			p.touchIDs(g.events[i:min(i+touchedAtATime, len(g.events))])
		}
		if g.events[i].foreign || g.batch.Events[i].Entry != ingest.EntryEvent {
			continue
		}
		// What is below the floor may go from memory before this group is done.
		if first, known := p.recent.find(&g.events[i].id); !known || first.position < p.recent.floor {
			l.at, l.ids = append(l.at, int32(i)), append(l.ids, g.events[i].id)
		}
	}
	return p.store.LookupBelow(l.ids, p.recent.floor, func(i int, seen store.Seen) {
		l.found = append(l.found, foundID{l.at[i], seen})
	})
}

// foundInStore returns what lookUp found for the event at an index of the group. The indexes it is
// asked for ascend.
func (p *partition) foundInStore(at int) (prior, bool) {
	l := &p.lookup
	for l.taken < len(l.found) && int(l.found[l.taken].at) < at {
		l.taken++
	}
	if l.taken == len(l.found) || int(l.found[l.taken].at) != at {
		return prior{}, false
	}
	return priorOf(&l.found[l.taken].seen), true
}

// fillRecent loads the newest ids of the store into memory. If those are all, memory knows all.
func (p *partition) fillRecent(idsMax int) error {
	p.recent = recentIDs{max: max(1, idsMax)}
	return p.recent.fill(func(f func(ingest.ID, store.Seen)) (ingest.Position, error) {
		return p.store.NewestIDs(idsMax/4*3, f)
	})
}
