package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator/store"
)

// metrics are what an operator sees of a worker. Labels are partitions and
// reasons, never customers; the series of lost partitions are dropped.
type metrics struct {
	worker *Worker

	events, duplicates, conflicts, forwarded prometheus.Counter
	aside                                    [len(store.Totals{}.Aside)]prometheus.Counter
	checkpoints, rebuilds, overflows         prometheus.Counter
	checkpointDuration                       prometheus.Histogram
	checkpointRunning, cellsMax              prometheus.Gauge
	replayed                                 prometheus.Counter
	resumeOffset                             *prometheus.GaugeVec
	lagRecords, lagEvents, lagSeconds        *prometheus.GaugeVec
	stoppedPartitions                        *prometheus.GaugeVec

	mu    sync.Mutex // also orders what is told of a partition before its loss
	cells int        // the most that a series had
}

const namespace, subsystem = "weir", "aggregator"

func newMetrics(w *Worker, registerer prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	byPartition := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, []string{"partition"})
	}
	m := &metrics{
		worker:      w,
		events:      counter("events_total", "Events counted, each id once."),
		duplicates:  counter("duplicates_total", "Events whose id was counted before, with equal content."),
		conflicts:   counter("conflicts_total", "Events whose id was counted before, with other content; set aside."),
		forwarded:   counter("forwarded_total", "Events found in a partition that is not theirs, and sent there."),
		checkpoints: counter("checkpoints_total", "Checkpoints written."),
		rebuilds:    counter("rebuilds_total", "Counters of a subscription and metric made anew from events, because the definition changed."),
		overflows:   counter("cell_overflows_total", "Subscriptions and metrics whose counters were dropped for having too many cells."),
		replayed:    counter("replayed_records_total", "Log records between the checkpoint and the end of the log when partitions were taken."),
		checkpointDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "checkpoint_duration_seconds",
			Help: "From the copy of what changed to its commit.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 13),
		}),
		checkpointRunning: gauge("checkpoint_running", "Checkpoints being written."),
		cellsMax:          gauge("cells_max", "Most cells that a subscription and metric has had; counters end at their limit."),
		resumeOffset:      byPartition("resume_offset", "Log offset where the partition's reading began."),
		lagRecords:        byPartition("lag_records", "Log records, of one or more events, not counted yet."),
		lagEvents:         byPartition("lag_events", "Events not counted yet, estimated: lag_records times the events per record so far. 0 is exact."),
		lagSeconds:        byPartition("lag_seconds", "Age of the newest counted record while there are others, else 0."),
		stoppedPartitions: byPartition("stopped", "1 for a partition that is stopped until an operator clears it."),
	}
	aside := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "set_aside_total", Help: "Records and events kept and not counted.",
	}, []string{"reason"})
	for _, reason := range store.Reasons {
		m.aside[reason] = aside.WithLabelValues(reason.String())
	}
	if registerer == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.events, m.duplicates, m.conflicts, m.forwarded, m.checkpoints, m.rebuilds, m.overflows, m.replayed,
		m.checkpointDuration, m.checkpointRunning, m.cellsMax, m.resumeOffset, m.lagRecords, m.lagEvents, m.lagSeconds,
		m.stoppedPartitions, aside,
		storeCollector{w},
	} {
		errs = append(errs, registerer.Register(c))
	}
	return m, errors.Join(errs...)
}

// count adds what a group brought.
func (m *metrics) count(before, after *store.Totals) {
	m.events.Add(float64(after.Events - before.Events))
	m.duplicates.Add(float64(after.Duplicates - before.Duplicates))
	m.forwarded.Add(float64(after.Forwarded - before.Forwarded))
	m.conflicts.Add(float64(after.Aside[store.Conflict] - before.Aside[store.Conflict]))
	for _, reason := range store.Reasons {
		if n := after.Aside[reason] - before.Aside[reason]; n > 0 {
			m.aside[reason].Add(float64(n))
		}
	}
}

func label(partition int32) string { return strconv.Itoa(int(partition)) }

func (m *metrics) resumed(partition int32, from, end int64) {
	m.resumeOffset.WithLabelValues(label(partition)).Set(float64(from))
	m.stoppedPartitions.WithLabelValues(label(partition)).Set(0)
	m.replayed.Add(float64(end - from))
}

func (m *metrics) stopped(partition int32) {
	m.stoppedPartitions.WithLabelValues(label(partition)).Set(1)
}

// lost drops the series of a partition that is no longer owned.
func (m *metrics) lost(partition int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, vec := range []*prometheus.GaugeVec{m.resumeOffset, m.lagRecords, m.lagEvents, m.lagSeconds, m.stoppedPartitions} {
		vec.DeleteLabelValues(label(partition))
	}
}

func (m *metrics) sawCells(s *series) {
	if s.counters == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := s.counters.Cells(); n > m.cells {
		m.cells = n
		m.cellsMax.Set(float64(n))
	}
}

// lagInterval is how often the log is asked for its ends.
const lagInterval = 2 * time.Second

// watchLag keeps the lag of each partition, until ctx ends.
func (w *Worker) watchLag(ctx context.Context) {
	for sleep(ctx, lagInterval) == nil {
		for _, number := range w.numbers() {
			p, err := w.partition(number)
			if err != nil {
				continue // lost meanwhile
			}
			w.metrics.lag(ctx, p)
		}
	}
}

func (m *metrics) lag(ctx context.Context, p *partition) {
	select {
	case <-p.ready:
	default:
		return
	}
	_, end, err := p.options.Log.Range(ctx, p.number)
	if err != nil {
		return // the reader reports it; the gauge stays where it was
	}
	applied := p.applied.Load()
	behind := max(0, end-applied)
	seconds := 0.0
	if newest := p.appliedTime.Load(); behind > 0 && newest > 0 {
		seconds = max(0, time.Since(time.Unix(0, newest)).Seconds())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-p.done: // lost meanwhile; its series are dropped after that
		return
	default:
	}
	m.lagRecords.WithLabelValues(label(p.number)).Set(float64(behind))
	m.lagEvents.WithLabelValues(label(p.number)).Set(float64(behind) * eventsPerRecord(p.taken.Load(), applied))
	m.lagSeconds.WithLabelValues(label(p.number)).Set(seconds)
}

// eventsPerRecord returns how many events records have had; at the log's start, and
// when few had any, one.
func eventsPerRecord(events, records int64) float64 {
	if events <= records {
		return 1
	}
	return float64(events) / float64(max(1, records))
}

// storeCollector gives the figures of the stores, summed over partitions.
type storeCollector struct{ worker *Worker }

var storeGauges = []struct {
	desc  *prometheus.Desc
	value func(*store.Stats) int64
}{
	{storeDesc("disk_bytes", "Bytes on disk."), func(s *store.Stats) int64 { return s.DiskBytes }},
	{storeDesc("tables", "Sorted tables."), func(s *store.Stats) int64 { return s.Tables }},
	{storeDesc("memtable_bytes", "Bytes in memory tables."), func(s *store.Stats) int64 { return s.MemTableBytes }},
	{storeDesc("wal_bytes", "Bytes in write-ahead logs."), func(s *store.Stats) int64 { return s.WALBytes }},
	{storeDesc("read_amplification", "Sorted runs that a read may have to look into."), func(s *store.Stats) int64 { return s.ReadAmplification }},
	{storeDesc("compaction_debt_bytes", "Bytes that compactions have yet to move."), func(s *store.Stats) int64 { return s.CompactionDebt }},
}

func storeDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(fmt.Sprintf("%s_%s_store_%s", namespace, subsystem, name), help+" Of all partitions' stores.", nil, nil)
}

// Describe implements prometheus.Collector.
func (c storeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range storeGauges {
		ch <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (c storeCollector) Collect(ch chan<- prometheus.Metric) {
	sums := make([]int64, len(storeGauges))
	for _, number := range c.worker.numbers() {
		p, err := c.worker.partition(number)
		if err != nil {
			continue // lost meanwhile
		}
		stats, ok := p.stats()
		if !ok {
			continue // not open yet, or closing
		}
		for i := range storeGauges {
			sums[i] += storeGauges[i].value(&stats)
		}
	}
	for i, g := range storeGauges {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(sums[i]))
	}
}

func (p *partition) stats() (store.Stats, bool) {
	select {
	case <-p.ready:
	default:
		return store.Stats{}, false
	}
	if p.store == nil {
		return store.Stats{}, false
	}
	return p.store.Stats()
}
