package worker

import (
	"context"
	"fmt"
	"slices"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

// series is what the owner has in memory of one subscription's events with one
// code.
//
// Its counters hold, of the days that are loaded, every event. They are not nil only if
// row.State is Counted, and are then of row.Definition. A series without counters
// overflowed, has no metric, or waits for its first rebuild. While a rebuild makes counters of
// another definition, those that are there are kept up for whoever still asks by theirs.
//
// What each event needs stands in front: 128 bytes, which are two lines of the processor's cache.
type series struct {
	name     store.SeriesName
	counters *aggregator.Series

	generation    uint64   // of the catalog that it was brought in line with
	running       *running // nil while nobody asks
	rebuild       *rebuild // what makes other counters; nil = nothing
	dirty         bool     // it is in partition.dirty
	unknown       bool     // the catalog has no metric with the code
	rowChanged    bool     // row is to be written
	nameNew       bool     // so is the name
	frozen        bool     // it is in the checkpoint that is being written
	reading       bool     // a rebuild of it, wanted or not, has not ended yet
	runningListed bool     // it is in partition.runningSeries
	memoryBytes   int      // as last estimated

	row   store.Series
	stale staleHours              // of counters
	drops []aggregator.Definition // whose counters the store is to drop
}

// seriesOf returns the series that an event belongs to, from memory, from the
// store or new, with the state of its counters checked against the catalog. hash is that of
// its name (hashSeries).
func (p *partition) seriesOf(header *ingest.Header, e *ingest.Event, hash uint64) (*series, error) {
	s := getSeries(&p.series, hash, header.Organization, e.Subscription, e.Code)
	if s == nil {
		var err error
		if s, err = p.openSeries(header.Organization, string(e.Subscription), string(e.Code)); err != nil {
			return nil, err
		}
	}
	if s.generation == p.generation {
		return s, nil
	}
	return s, p.resolve(s)
}

// inLine brings a series in line with the catalog, if another one has come into force since
// that was last done.
func (p *partition) inLine(s *series) error {
	if s.generation == p.generation {
		return nil
	}
	return p.resolve(s)
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
	if metric := p.metricOf(s); metric != nil {
		s.name.Code = metric.Code // which all have in common
	}
	if !ok {
		s.row.Number = p.seriesNext
		p.seriesNext++
		s.nameNew, s.rowChanged = true, true
		p.startNew(s)
		p.touch(s)
	}
	s.name.Number = s.row.Number
	p.series.put(s)
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
	metric := p.metricOf(s)
	s.unknown = metric == nil && p.catalog != nil
	if metric != nil {
		s.counters = p.definitions.counting(metric).NewSeries(true)
		s.row.State, s.row.Definition = store.Counted, s.counters.Definition()
	}
}

// resolve brings a series in line with the catalog: it goes on counting, loads
// what it needs to go on, has its counters rebuilt, or lets go of them.
func (p *partition) resolve(s *series) error {
	s.generation = p.generation
	metric := p.metricOf(s)
	s.unknown = metric == nil && p.catalog != nil
	if metric == nil {
		p.abandon(s)
		if s.row.State != store.Uncounted && (s.counters == nil || p.catalog != nil) {
			p.uncount(s)
		}
		return nil
	}
	definition := p.definitions.of(metric)
	if s.rebuild != nil && s.rebuild.definition != definition {
		p.abandon(s)
	}
	if s.row.State != store.Uncounted && s.row.Definition == definition {
		p.abandon(s)
		if s.row.State == store.Overflowed || s.counters != nil {
			return nil
		}
		return p.loadCells(s, metric)
	}
	if s.row.State == store.Counted && s.counters == nil {
		// By a metric that is not known any more: it can't go on.
		p.uncount(s)
	}
	if s.rebuild == nil {
		p.startRebuild(s, metric, definition)
	}
	return nil
}

// uncount says that the series' counters hold for nothing from now on.
func (p *partition) uncount(s *series) {
	if s.row.State == store.Counted {
		s.dropLater(s.row.Definition)
	}
	s.counters, s.stale = nil, nil
	s.row.State, s.row.Definition, s.row.DayMax = store.Uncounted, aggregator.Definition{}, 0
	s.rowChanged = true
	p.touch(s)
}

// dropLater has the next checkpoint drop the counters of a definition.
func (s *series) dropLater(d aggregator.Definition) {
	if !slices.Contains(s.drops, d) {
		s.drops = append(s.drops, d)
	}
}

// overflow gives up counting a series, which has too many cells by this definition.
func (p *partition) overflow(s *series, d aggregator.Definition) {
	p.uncount(s)
	s.row.State, s.row.Definition = store.Overflowed, d
	p.metrics.overflows.Inc()
	p.logger.Warn("too many cells: usage is read from events from now on",
		"partition", p.number, "code", s.name.Code)
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
	counters := p.definitions.counting(metric).NewSeries(false)
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

// count takes an event, which counts from now on, into the counters. effect is what is foreseen of what it
// does there, which may be nothing.
func (p *partition) count(s *series, e *ingest.Event, receivedAt int64, position ingest.Position, effect *aggregator.Foreseen) error {
	if s.running != nil {
		s.running.add(e, receivedAt, position)
	}
	if s.counters != nil {
		if err := p.needDay(s, e.Timestamp); err != nil {
			return err
		}
		reason, ok := s.counters.ApplyForeseen(effect, e, receivedAt, position)
		p.uncounted[reason]++
		if ok {
			p.touch(s)
		} else {
			p.overflow(s, s.counters.Definition())
		}
	} else if s.unknown {
		p.uncounted[unknownCode]++
	}
	if s.rebuild != nil {
		p.countSince(s, e, receivedAt, position)
	}
	return nil
}

// needDay loads the day of a timestamp into the series' counters, if it is not there.
func (p *partition) needDay(s *series, timestamp int64) error {
	day := aggregator.DayOfHour(aggregator.HourOf(timestamp))
	if s.counters.Loaded(day) {
		return nil
	}
	return p.loadDay(s, day)
}

// estimate brings the estimate of the memory that series take up to date.
func (p *partition) estimate(s *series) {
	const seriesBytes = 400
	bytes := seriesBytes + 2*len(s.name.Subscription) + 2*len(s.name.Code)
	if s.counters != nil {
		bytes += s.counters.MemoryBytes()
	}
	bytes += s.running.memoryBytes()
	if s.rebuild != nil && s.rebuild.since != nil {
		bytes += s.rebuild.since.MemoryBytes()
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
	p.series.keep(func(s *series) (keep, more bool) { // in no order: as good as any
		if p.stateBytes <= bytesMax/4*3 {
			return true, false
		}
		switch {
		case s.frozen || s.reading || s.rebuild != nil:
		case !s.dirty:
			p.dropRunning(s)
			p.stateBytes -= s.memoryBytes
			return false, true
		case s.counters != nil:
			s.counters.Forget()
			p.dropRunning(s)
			p.estimate(s)
		}
		return true, true
	})
}
