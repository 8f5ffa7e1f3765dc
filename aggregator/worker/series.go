package worker

import (
	"context"
	"fmt"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

// series is what the owner has in memory of one subscription's events with one
// code. Its counters are in one of these states:
//
//   - counted: row.State is Counted, and counters holds, of the days that are loaded, every event;
//   - rebuilding: rebuild is set, row.State is not Counted, and counters holds what came since it began;
//   - overflowed or without a metric: counters is nil.
type series struct {
	name     store.SeriesName
	row      store.Series
	counters *aggregator.Series
	rebuild  *rebuild

	rowChanged  bool // row is to be written
	nameNew     bool // so is the name
	drop        bool // the store's counters are to be dropped first
	dirty       bool // it is in partition.dirty
	frozen      bool // it is in the checkpoint that is being written
	generation  uint64
	memoryBytes int // as last estimated
}

// appendSeriesMapKey appends what tells series apart in memory.
func appendSeriesMapKey[S ~string | ~[]byte](dst []byte, organization [16]byte, subscription, code S) []byte {
	dst = append(dst, organization[:]...)
	dst = append(dst, byte(len(subscription))) // at most IDBytesMax
	dst = append(dst, subscription...)
	return append(dst, code...)
}

// seriesOf returns the series that an event belongs to, from memory, from the
// store or new, with the state of its counters checked against the catalog.
func (p *partition) seriesOf(header *ingest.Header, e *ingest.Event) (*series, error) {
	p.key = appendSeriesMapKey(p.key[:0], header.Organization, e.Subscription, e.Code)
	s := p.series[string(p.key)]
	if s == nil {
		var err error
		if s, err = p.openSeries(header.Organization, string(e.Subscription), string(e.Code)); err != nil {
			return nil, err
		}
	}
	if s.generation != p.generation {
		if err := p.resolve(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// openSeries takes a series into memory for an event.
func (p *partition) openSeries(organization [16]byte, subscription, code string) (*series, error) {
	row, ok, err := p.store.Series(organization, subscription, code)
	if err != nil {
		return nil, err
	}
	s := &series{
		name: store.SeriesName{Organization: organization, Subscription: subscription, Code: code},
		row:  row,
	}
	if !ok {
		s.row.Number = p.seriesNext
		p.seriesNext++
		s.nameNew, s.rowChanged = true, true
		p.startNew(s)
		p.touch(s)
	}
	s.name.Number = s.row.Number
	p.series[string(appendSeriesMapKey(nil, organization, subscription, code))] = s
	p.estimate(s)
	return s, nil
}

// metricOf returns the catalog's metric of a series, nil when there is none.
func (p *partition) metricOf(s *series) *aggregator.Metric {
	if p.catalog == nil {
		return nil
	}
	return p.catalog.Metric(s.name.Organization, []byte(s.name.Code))
}

// startNew begins to count a series that has no event yet.
func (p *partition) startNew(s *series) {
	s.generation = p.generation
	if metric := p.metricOf(s); metric != nil {
		s.counters = aggregator.NewSeries(metric, true)
		s.row.State, s.row.Definition = store.Counted, s.counters.Definition()
	}
}

// resolve brings a series in line with the catalog: it goes on counting, loads
// what it needs to go on, or has its counters rebuilt.
func (p *partition) resolve(s *series) error {
	s.generation = p.generation
	metric := p.metricOf(s)
	switch {
	case metric == nil:
		if s.counters == nil && s.row.State == store.Counted {
			// From the store, and what it counted is not known: it can't go on.
			p.uncount(s)
		}
		return nil
	case s.row.State == store.Uncounted:
		if s.rebuild == nil || s.rebuild.definition != metric.Definition() {
			p.startRebuild(s, metric)
		}
		return nil
	case s.row.Definition != metric.Definition():
		p.uncount(s)
		p.startRebuild(s, metric)
		return nil
	case s.row.State == store.Overflowed || s.counters != nil:
		return nil
	}
	return p.loadCells(s, metric)
}

// uncount says that the series' counters hold for nothing from now on.
func (p *partition) uncount(s *series) {
	s.counters, s.rebuild = nil, nil
	s.row.State, s.row.Definition, s.row.DayMax = store.Uncounted, aggregator.Definition{}, 0
	s.rowChanged, s.drop = true, true
	p.touch(s)
}

// overflow gives up counting a series with too many cells.
func (p *partition) overflow(s *series, d aggregator.Definition) {
	p.uncount(s)
	s.row.State, s.row.Definition = store.Overflowed, d
	p.metrics.overflows.Inc()
	p.logger.Warn("too many cells: usage is read from events from now on",
		"partition", p.number, "code", s.name.Code, "cells_max", aggregator.CellsMax)
}

// touch notes that the series has something for the next checkpoint.
func (p *partition) touch(s *series) {
	if !s.dirty {
		s.dirty = true
		p.dirty = append(p.dirty, s)
	}
}

func (p *partition) loadCells(s *series, metric *aggregator.Metric) error {
	snapshot, err := p.store.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	counters := aggregator.NewSeries(metric, false)
	err = snapshot.Cells(context.Background(), s.row.Number, s.row.Definition, func(cell []byte) error {
		counters.LoadCell(cell)
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot load cells of series %d: %w", s.row.Number, err)
	}
	s.counters = counters
	p.estimate(s)
	return nil
}

// loadDay brings the counters of a day into memory, if there can be any.
func (p *partition) loadDay(s *series, day int32) error {
	if day > s.row.DayMax {
		s.counters.MarkLoaded(day)
		return nil
	}
	snapshot, err := p.store.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	hours := aggregator.Span{From: int64(day) * aggregator.HoursPerDay, To: int64(day+1) * aggregator.HoursPerDay}
	err = snapshot.Counters(context.Background(), s.row.Number, s.row.Definition, store.Hour, hours,
		func(hour int32, cell []byte, c *aggregator.Counter) error {
			if !s.counters.LoadHour(cell, hour, *c) {
				return fmt.Errorf("cell %x is not among the known ones", cell)
			}
			return nil
		})
	if err != nil {
		return fmt.Errorf("cannot load day %d of series %d: %w", day, s.row.Number, err)
	}
	s.counters.MarkLoaded(day)
	return nil
}

// count takes an event, which is not a repeat, into the counters.
func (p *partition) count(s *series, e *ingest.Event, position ingest.Position) error {
	if s.counters == nil {
		return nil
	}
	if day := aggregator.DayOfHour(aggregator.HourOf(e.Timestamp)); !s.counters.Loaded(day) {
		if err := p.loadDay(s, day); err != nil {
			return err
		}
	}
	var ok bool
	p.cell, ok = s.counters.Apply(e, position, p.cell)
	if !ok {
		p.overflow(s, s.counters.Definition())
		return nil
	}
	p.touch(s)
	return nil
}

// estimate brings the estimate of the memory that series take up to date.
func (p *partition) estimate(s *series) {
	const seriesBytes = 400
	bytes := seriesBytes + 2*len(s.name.Subscription) + 2*len(s.name.Code)
	if s.counters != nil {
		bytes += s.counters.MemoryBytes()
	}
	p.stateBytes += bytes - s.memoryBytes
	s.memoryBytes = bytes
}

// evict lets go of series that the store holds in full, until what is in
// memory is well below the bound.
func (p *partition) evict(bytesMax int) {
	if p.stateBytes <= bytesMax {
		return
	}
	for key, s := range p.series { // in no order: as good as any
		if p.stateBytes <= bytesMax/4*3 {
			return
		}
		switch {
		case s.frozen || s.rebuild != nil:
		case !s.dirty:
			p.stateBytes -= s.memoryBytes
			delete(p.series, key)
		case s.counters != nil && s.row.State == store.Counted && !s.drop:
			s.counters.Forget()
			p.estimate(s)
		}
	}
}
