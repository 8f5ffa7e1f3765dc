package worker

import (
	"bytes"
	"slices"

	"weir/aggregator/store"
	"weir/ingest"
)

// lookup is the memory for asking the store about a group's ids: those that
// memory does not know, while it does not know all. On a fresh store it knows all.
type lookup struct {
	ids   []ingest.ID
	at    []int32 // index in the group, of each id
	found []foundID
}

type foundID struct {
	at   int32
	seen store.Seen
}

// lookUp asks the store, once for the group, about the ids that memory can't answer for.
func (p *partition) lookUp(g *group) error {
	l := &p.lookup
	l.found = l.found[:0]
	if p.recent.complete {
		return nil
	}
	l.at = l.at[:0]
	for i := range g.events {
		if g.events[i].foreign || g.batch.Events[i].Entry != ingest.EntryEvent {
			continue
		}
		if _, known := p.recent.find(&g.events[i].id); !known {
			l.at = append(l.at, int32(i))
		}
	}
	slices.SortFunc(l.at, func(a, b int32) int {
		return bytes.Compare(g.events[a].id[:], g.events[b].id[:])
	})
	l.ids = l.ids[:0]
	for _, at := range l.at {
		l.ids = append(l.ids, g.events[at].id)
	}
	err := p.store.Lookup(l.ids, func(i int, seen store.Seen) {
		l.found = append(l.found, foundID{l.at[i], seen})
	})
	slices.SortFunc(l.found, func(a, b foundID) int { return int(a.at - b.at) })
	return err
}

// foundInStore returns what lookUp found for the event at an index of the group.
func (p *partition) foundInStore(at int) (prior, bool) {
	if len(p.lookup.found) == 0 {
		return prior{}, false
	}
	i, ok := slices.BinarySearchFunc(p.lookup.found, int32(at), func(f foundID, at int32) int { return int(f.at - at) })
	if !ok {
		return prior{}, false
	}
	return priorOf(&p.lookup.found[i].seen), true
}

// fillRecent loads all ids into memory if there are few enough: then memory knows all.
func (p *partition) fillRecent(idsMax int) error {
	t := &p.totals
	if t.Events+t.Superseded+t.Amended+t.Cancelled > int64(idsMax)/2 {
		return nil
	}
	p.recent.complete = true
	var last ingest.ID
	return p.store.SeenIDs(func(id ingest.ID, seen store.Seen) {
		if id != last { // the first entry of an id says all; no id is zero
			last = id
			p.recent.add(&id, priorOf(&seen))
		}
	})
}
