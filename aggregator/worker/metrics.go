package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator"
	"weir/aggregator/store"
)

// metrics are what an operator sees of a worker. Labels are partitions and
// reasons, never customers; the series of lost partitions are dropped.
type metrics struct {
	worker *Worker

	events, duplicates, conflicts, forwarded prometheus.Counter
	aside                                    [len(store.Totals{}.Aside)]prometheus.Counter
	checkpoints, rebuilds, overflows         prometheus.Counter
	checkpointDuration, checkpointFreeze     prometheus.Histogram
	checkpointRunning, cellsMax              prometheus.Gauge
	replayed, hoursRecounted                 prometheus.Counter
	amended, cancelled, unchanged            prometheus.Counter // corrections
	superseded                               prometheus.Counter // events, by corrections that came before them
	uncounted                                [len(uncounted{})]prometheus.Counter
	runningAnswers                           [len(runningResults)]prometheus.Counter
	runningMismatches                        prometheus.Counter
	sweepPending, catalogVersion, swept      *prometheus.GaugeVec
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
		worker:         w,
		events:         counter("events_total", "Events counted, each id once."),
		duplicates:     counter("duplicates_total", "Events whose id was counted before, with equal content, and corrections that say the same again."),
		conflicts:      counter("conflicts_total", "Events whose id was counted before, with other content; set aside."),
		forwarded:      counter("forwarded_total", "Events found in a partition that is not theirs, and sent there."),
		checkpoints:    counter("checkpoints_total", "Checkpoints written."),
		rebuilds:       counter("rebuilds_total", "Counters of a subscription and metric made anew from events, because the definition changed."),
		overflows:      counter("cell_overflows_total", "Subscriptions and metrics whose counters were dropped for having too many cells."),
		hoursRecounted: counter("hours_recounted_total", "Hours of a subscription and metric counted again from events after a correction."),
		replayed:       counter("replayed_records_total", "Log records between the checkpoint and the end of the log when partitions were taken."),
		checkpointDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "checkpoint_duration_seconds",
			Help: "From the copy of what changed to its commit.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 13),
		}),
		checkpointFreeze: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "checkpoint_freeze_seconds",
			Help: "How long a partition stood still while what changed was copied for a checkpoint.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 12),
		}),
		checkpointRunning: gauge("checkpoint_running", "Checkpoints being written."),
		cellsMax:          gauge("cells_max", "Most cells that a subscription and metric has had; counters end at their limit."),
		resumeOffset:      byPartition("resume_offset", "Log offset where the partition's reading began."),
		lagRecords:        byPartition("lag_records", "Log records, of one or more events, not counted yet."),
		lagEvents:         byPartition("lag_events", "Events not counted yet, estimated: lag_records times the events per record so far. 0 is exact."),
		lagSeconds:        byPartition("lag_seconds", "Age of the newest counted record while there are others, else 0."),
		sweepPending:      byPartition("sweep_pending_series", "Subscriptions and codes whose counters are not in line with the catalog yet."),
		catalogVersion:    byPartition("catalog_version", "Version of the catalog that events are counted by."),
		swept:             byPartition("swept_version", "Version of the newest catalog that all counters were brought in line with."),
		stoppedPartitions: byPartition("stopped", "1 for a partition that is stopped until an operator clears it."),
	}
	byLabel := func(name, label, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, []string{label})
	}
	corrections := byLabel("corrections_total", "kind",
		"Amendments, cancellations, corrections that said the same again (unchanged), and events that came after their correction (superseded).")
	m.amended, m.cancelled = corrections.WithLabelValues("amended"), corrections.WithLabelValues("cancelled")
	m.unchanged, m.superseded = corrections.WithLabelValues("unchanged"), corrections.WithLabelValues("superseded")
	running := byLabel("running_answers_total", "result", "Live questions for the usage of a subscription and metric, by whether a running total answered (hit) or windows did (miss).")
	for i, result := range runningResults {
		m.runningAnswers[i] = running.WithLabelValues(result)
	}
	m.runningMismatches = counter("running_mismatches_total", "Running totals that differed from their windows. Must stay 0.")
	notCounted := byLabel("events_uncounted_total", "reason", "Events that take no part in the metric of their code, or have none (unknown_code), when they came.")
	for i := range m.uncounted {
		if reason := uncountedReason(i); reason != "" {
			m.uncounted[i] = notCounted.WithLabelValues(reason)
		}
	}
	aside := byLabel("set_aside_total", "reason", "Records and events kept and not counted.")
	for _, reason := range store.Reasons {
		m.aside[reason] = aside.WithLabelValues(reason.String())
	}
	if registerer == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.events, m.duplicates, m.conflicts, m.forwarded, m.checkpoints, m.rebuilds, m.overflows, m.replayed,
		m.checkpointDuration, m.checkpointFreeze, m.checkpointRunning, m.cellsMax, m.resumeOffset, m.lagRecords, m.lagEvents, m.lagSeconds,
		m.stoppedPartitions, m.sweepPending, m.catalogVersion, m.swept, m.hoursRecounted, aside, corrections, notCounted,
		running, m.runningMismatches,
		storeCollector{w},
	} {
		errs = append(errs, registerer.Register(c))
	}
	return m, errors.Join(errs...)
}

// uncounted counts events that take no part, by reason.
type uncounted [aggregator.ReasonsEnd + 1]int64

// unknownCode is the reason of an event whose code has no metric.
const unknownCode = aggregator.ReasonsEnd

// uncountedReason returns the name of a reason, "" for that of events that do take part.
func uncountedReason(reason int) string {
	switch reason {
	case int(aggregator.TakesPart):
		return ""
	case unknownCode:
		return "unknown_code"
	default:
		return aggregator.Reason(reason).String()
	}
}

// count adds what a group brought, and empties its uncounted.
func (m *metrics) count(before, after *store.Totals, events *uncounted) {
	for i, n := range events {
		if n > 0 && m.uncounted[i] != nil {
			m.uncounted[i].Add(float64(n))
		}
	}
	*events = uncounted{}
	m.amended.Add(float64(after.Amended - before.Amended))
	m.cancelled.Add(float64(after.Cancelled - before.Cancelled))
	m.superseded.Add(float64(after.Superseded - before.Superseded))
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

// catalog takes note of the catalog that a partition's events are counted by.
func (m *metrics) catalog(partition int32, c *aggregator.Catalog) {
	if c != nil {
		m.catalogVersion.WithLabelValues(label(partition)).Set(float64(c.Version))
	}
}

func (m *metrics) stopped(partition int32) {
	m.stoppedPartitions.WithLabelValues(label(partition)).Set(1)
}

// lost drops the series of a partition that is no longer owned.
func (m *metrics) lost(partition int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, vec := range []*prometheus.GaugeVec{m.resumeOffset, m.lagRecords, m.lagEvents, m.lagSeconds, m.stoppedPartitions, m.sweepPending, m.catalogVersion, m.swept} {
		vec.DeleteLabelValues(label(partition))
	}
}

// sawCells takes note that a series has n cells.
func (m *metrics) sawCells(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > m.cells {
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
