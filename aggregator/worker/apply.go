package worker

import (
	"weir/aggregator/store"
	"weir/ingest"
)

// apply takes a group of records into the state: the step from the log to what
// is counted. After an error the state is not to be used any more.
func (p *partition) apply(g *group) error {
	p.useCatalog()
	if err := p.lookUp(g); err != nil {
		return err
	}
	before := p.totals
	touched := 0  // events of the group
	answered := 0 // events before the last look for questions
	for i := range g.records {
		record := &g.records[i]
		if record.from-answered >= eventsBetweenQuestions {
			answered = record.from
			p.next = record.offset // all records below it are counted
			p.askWaiting()
		}
		if record.err != nil {
			p.setAside(record)
			continue
		}
		for at := record.from; at < record.to; at++ {
			if at >= touched {
				touched = min(at+touchedAtATime, len(g.events))
				if p.recent.complete() { // else lookUp has touched them
					p.touchIDs(g.events[at:touched])
				}
				p.foresee(g, i, at, touched)
			}
			if g.events[at].foreign {
				p.totals.Forwarded++
				continue
			}
			position := ingest.PositionOf(record.offset, at-record.from)
			if err := p.applyEntry(g, record, at, position); err != nil {
				return err
			}
		}
	}
	p.next, p.checksum = g.next, g.checksum
	p.applied.Store(g.next)
	p.taken.Store(p.totals.Taken())
	p.appliedTime.Store(g.time)
	p.metrics.count(&before, &p.totals, &p.uncounted)
	return nil
}

// useCatalog takes the catalog that is in force now. Series find out when they are touched,
// and the sweep takes care of those that are not.
func (p *partition) useCatalog() {
	if catalog := p.options.Catalog(); catalog != p.catalog {
		p.catalog = catalog
		p.generation++
		p.definitions = definitions{}
		p.sweep.wanted = true
		p.metrics.catalog(p.number, catalog)
	}
}

func (p *partition) applyEntry(g *group, record *parsedRecord, at int, position ingest.Position) error {
	e, parsed := &g.batch.Events[at], &g.events[at]
	if e.Entry != ingest.EntryEvent {
		return p.correct(g, record, at, position)
	}
	mine := prior{position: position, content: parsed.content, stamp: stampOf(e.Timestamp, e.Filled)}
	first, known := p.foundInStore(at)
	if !known {
		first, known = p.recent.put(&parsed.id, mine)
	} else if later, ok := p.recent.find(&parsed.id); ok { // it may have come to memory in this group
		first = later
	}
	if known && first.position < position {
		if first.correction {
			return p.takeLate(record, e, parsed, position)
		}
		p.repeat(g, record, at, position, first.conflicts(mine.content, mine.stamp))
		return nil
	}
	p.totals.Events++
	return p.keep(record, e, parsed, position, p.toucher.of(at))
}

// repeat takes note of an event whose id counted before.
func (p *partition) repeat(g *group, record *parsedRecord, at int, position ingest.Position, conflict bool) {
	if !conflict {
		p.totals.Duplicates++
		return
	}
	event := g.batch.Events[at : at+1]
	p.keepAside(&store.Aside{
		Position:     position,
		Reason:       store.Conflict,
		Message:      "the transaction_id is in use by an earlier event with other content",
		Organization: record.header.Organization,
		ID:           g.events[at].id,
		ReceivedAt:   record.header.ReceivedAt,
		Record:       ingest.AppendRecord(nil, record.header, event),
	})
}

// setAside takes note of a record that can't be counted.
func (p *partition) setAside(record *parsedRecord) {
	p.keepAside(&store.Aside{
		Position: ingest.PositionOf(record.offset, 0),
		Reason:   record.reason(),
		Message:  record.err.Error(),
		Record:   append([]byte(nil), record.value[:min(len(record.value), store.AsideBytesMax)]...),
	})
}

func (p *partition) keepAside(a *store.Aside) {
	p.totals.Aside[a.Reason]++
	p.asides = append(p.asides, a)
	p.asideBytes += len(a.Record)
}
