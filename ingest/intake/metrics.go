package intake

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are counted once for a request or a chunk of one, never for an event.
type metrics struct {
	events, duplicates, conflicts prometheus.Counter
	refused                       *prometheus.CounterVec
	duration                      [routes]prometheus.Observer // by route
	appendDuration                prometheus.Histogram
}

// durationBuckets reach from a handful of microseconds (a request that is refused)
// to the time a log may take.
var durationBuckets = prometheus.ExponentialBuckets(100e-6, 2.5, 14)

// newMetrics makes the metrics and registers them where a registerer is given.
func newMetrics(s *Server, registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		events:     newCounter("events_total", "Events acknowledged by the log."),
		duplicates: newCounter("duplicates_total", "Events that the window knew, with the same content."),
		conflicts:  newCounter("conflicts_total", "Events whose id the window knew with other content."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_ingest_refused_total",
			Help: "Requests refused whole, and lines of bulk requests (reason line).",
		}, []string{"reason"}),
		appendDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "weir_ingest_append_duration_seconds",
			Help:    "From the first append of a request to the last answer of the log.",
			Buckets: durationBuckets,
		}),
	}
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "weir_ingest_request_duration_seconds",
		Help:    "From a request's header to its answer, refused ones included.",
		Buckets: durationBuckets,
	}, []string{"route"})
	for r := range m.duration {
		m.duration[r] = duration.WithLabelValues(route(r).String())
	}
	if registerer == nil {
		return m, nil
	}
	collectors := append(s.gauges(), m.events, m.duplicates, m.conflicts, m.refused, m.appendDuration, duration)
	for _, c := range collectors {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("cannot register the intake's metrics: %w", err)
		}
	}
	return m, nil
}

// gauges read the server when they are asked.
func (s *Server) gauges() []prometheus.Collector {
	return []prometheus.Collector{
		newGauge("window_ids", "Ids remembered to answer repeats.", func() int { return s.window.IDs() }),
		newGauge("window_pending_ids", "Ids whose write is under way.", func() int { return s.window.Pending() }),
		newGauge("waiting_requests", "Requests that wait for ids whose write is under way elsewhere.",
			func() int { return int(s.waits.Load()) }),
		newGauge("in_flight_bytes", "Bodies and working memory of the requests under way.",
			func() int { return int(s.admission.bytesInFlight()) }),
		// fasthttp counts the listener, and takes it off again once too often after its end.
		newGauge("connections", "Open connections.",
			func() int { return max(0, int(s.http.GetOpenConnectionsCount())) }),
	}
}

func newCounter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_ingest_" + name, Help: help})
}

func newGauge(name, help string, value func() int) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "weir_ingest_" + name, Help: help},
		func() float64 { return float64(value()) })
}

// count adds a tally. What is zero costs nothing.
func (m *metrics) count(t tally) {
	add(m.events, t.accepted)
	add(m.duplicates, t.duplicates)
	add(m.conflicts, t.conflicts)
}

// refuse counts n refusals.
func (m *metrics) refuse(reason string, n int) {
	if n > 0 {
		m.refused.WithLabelValues(reason).Add(float64(n))
	}
}

func add(c prometheus.Counter, n int) {
	if n > 0 {
		c.Add(float64(n))
	}
}
