package eventlog

import (
	"fmt"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// logMetrics are the metrics that both logs have, while open. Both logs use the
// same names: one dashboard serves either.
type logMetrics struct {
	records    prometheus.Counter
	bytes      prometheus.Counter
	failures   prometheus.Counter
	overloaded prometheus.Counter
	held       prometheus.Counter // embedded only
	latency    prometheus.Histogram

	registerer prometheus.Registerer
	registered []prometheus.Collector
}

// commitSecondsBuckets reach from a sync that the drive's cache takes to a stall of seconds.
var commitSecondsBuckets = prometheus.ExponentialBuckets(100e-6, 2, 17)

func newLogMetrics() *logMetrics {
	return &logMetrics{
		records:    counter("weir_ingest_log_records_total", "Records that were made durable in the log."),
		bytes:      counter("weir_ingest_log_record_bytes_total", "Bytes of records that were made durable in the log."),
		failures:   counter("weir_ingest_log_failures_total", "Records whose append failed or whose outcome is not known."),
		overloaded: counter("weir_ingest_log_overloaded_total", "Records refused because too many bytes waited to be made durable."),
		held:       counter("weir_ingest_log_held_seconds_total", "Time for which commits waited for readers at the end that were falling behind (embedded)."),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "weir_ingest_log_commit_seconds",
			Help:    "Time until durable: of a synced batch from being filled (embedded), of a record from its append (Kafka).",
			Buckets: commitSecondsBuckets,
		}),
	}
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

// durable counts records that were made durable together.
func (m *logMetrics) durable(records int, bytes int64, started time.Time) {
	m.records.Add(float64(records))
	m.bytes.Add(float64(bytes))
	m.latency.Observe(time.Since(started).Seconds())
}

// register puts these metrics and state into the registry, all or none; nil = nowhere.
func (m *logMetrics) register(registerer prometheus.Registerer, state prometheus.Collector) error {
	if registerer == nil {
		return nil
	}
	m.registerer = registerer
	for _, c := range []prometheus.Collector{m.records, m.bytes, m.failures, m.overloaded, m.held, m.latency, state} {
		if err := registerer.Register(c); err != nil {
			m.unregister()
			return fmt.Errorf("cannot register metrics: %w", err)
		}
		m.registered = append(m.registered, c)
	}
	return nil
}

// unregister takes the metrics out again: the same process may open the log anew.
func (m *logMetrics) unregister() {
	for _, c := range m.registered {
		m.registerer.Unregister(c)
	}
	m.registered = nil
}

// storeCollector reads the state of the log and of its store when it is asked.
type storeCollector struct{ log *Embedded }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	descEnd         = desc("weir_ingest_log_end_offset", "Durable end of the partition: the offset after its last durable record.", "partition")
	descFailed      = desc("weir_ingest_log_failed", "1 when a write or sync has failed and the log takes no more records.")
	descQueued      = desc("weir_ingest_log_queued_bytes", "Bytes of records that wait to be made durable.")
	descDisk        = desc("weir_ingest_log_disk_bytes", "Bytes on the disk that the log takes, with what is not deleted yet.")
	descTables      = desc("weir_ingest_log_tables", "Tables that hold the log.")
	descWAL         = desc("weir_ingest_log_wal_bytes", "Bytes in the write-ahead log.")
	descWritten     = desc("weir_ingest_log_written_bytes_total", "Bytes written to tables: by flushes, and again by compactions.", "by")
	descMemtable    = desc("weir_ingest_log_memtable_bytes", "Bytes of records in memory that are in the write-ahead log and not in tables yet.")
	descCompactions = desc("weir_ingest_log_compactions_total", "Compactions that were run: moved without reading, or rewritten.", "kind")
)

// Describe is prometheus.Collector's.
func (storeCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descEnd, descFailed, descQueued, descDisk, descTables, descWAL, descWritten, descMemtable, descCompactions} {
		descs <- d
	}
}

// Collect is prometheus.Collector's.
func (c storeCollector) Collect(out chan<- prometheus.Metric) {
	l := c.log
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for p := range l.partitions {
		gauge(descEnd, float64(l.partitions[p].end.Load()), strconv.Itoa(p))
	}
	l.queue.Lock()
	queued := l.queue.bytes
	l.queue.Unlock()
	gauge(descQueued, float64(queued))
	if l.Failed() != nil {
		gauge(descFailed, 1)
		return // Pebble may hold its locks for good
	}
	gauge(descFailed, 0)
	l.collectStore(out)
}

// collectStore reports what Pebble says of itself, unless it is closed.
func (l *Embedded) collectStore(out chan<- prometheus.Metric) {
	l.reading.RLock()
	defer l.reading.RUnlock()
	if !l.dbOpen {
		return
	}
	m := l.db.Metrics()
	gauge := func(d *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	count := func(d *prometheus.Desc, value float64, label string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, label)
	}
	total := m.Total()
	gauge(descDisk, float64(m.DiskSpaceUsage()))
	gauge(descTables, float64(total.TablesCount))
	gauge(descWAL, float64(m.WAL.Size))
	gauge(descMemtable, float64(m.MemTable.Size))
	flushed, compacted := tableBytesWritten(m)
	count(descWritten, float64(flushed), "flush")
	count(descWritten, float64(compacted), "compaction")
	count(descCompactions, float64(m.Compact.MoveCount), "move")
	count(descCompactions, float64(m.Compact.Count-m.Compact.MoveCount), "rewrite")
}

// tableBytesWritten is what flushes and compactions wrote. Pebble's own total
// counts the write-ahead log among what was flushed.
func tableBytesWritten(m *pebble.Metrics) (flushed, compacted uint64) {
	for level := range m.Levels {
		flushed += m.Levels[level].TableBytesFlushed
		compacted += m.Levels[level].TableBytesCompacted
	}
	return flushed, compacted
}

// bufferCollector reads how much the Kafka log has not had an answer for.
type bufferCollector struct{ log *Kafka }

// Describe is prometheus.Collector's.
func (bufferCollector) Describe(descs chan<- *prometheus.Desc) { descs <- descQueued }

// Collect is prometheus.Collector's.
func (c bufferCollector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(descQueued, prometheus.GaugeValue, float64(c.log.queue.bytes.Load()))
}
