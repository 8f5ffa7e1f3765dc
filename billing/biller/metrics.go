package biller

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	invoices     prometheus.Counter
	failures     prometheus.Counter
	repeated     prometheus.Counter
	tickDuration prometheus.Histogram
	oldestDue    prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		invoices: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_billing_invoices_total",
			Help: "Invoices written.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_billing_failures_total",
			Help: "Customers that could not be billed and wait for another try.",
		}),
		repeated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_billing_repeated_total",
			Help: "Invoices made and not written, because the subscription no longer was as when it was claimed.",
		}),
		tickDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "weir_billing_tick_duration_seconds",
			Help:    "How long one tick took, with all that was due.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 11), // 1 ms to 17 min
		}),
		oldestDue: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_billing_oldest_due_seconds",
			Help: "How long ago the oldest bill should have been made that is not; 0 when none is late.",
		}),
	}
	registerer.MustRegister(m.invoices, m.failures, m.repeated, m.tickDuration, m.oldestDue)
	return m
}
