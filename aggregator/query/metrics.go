package query

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// serverMetrics are of questions answered. Its route and code labels come from
// the code, never from a request.
type serverMetrics struct {
	questions *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
}

func newServerMetrics(registerer prometheus.Registerer) *serverMetrics {
	m := &serverMetrics{
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_aggregator_query_answered_total",
			Help: "Questions of other processes answered, by route and result.",
		}, []string{"route", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "weir_aggregator_query_answer_duration_seconds",
			Help:    "Time from a question's arrival to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
		}, []string{"route"}),
	}
	register(registerer, m.questions, m.seconds)
	return m
}

func (m *serverMetrics) observe(route, result string, took time.Duration) {
	m.questions.WithLabelValues(route, result).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// clientMetrics are of questions asked.
type clientMetrics struct {
	questions *prometheus.CounterVec
	retries   *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
}

func newClientMetrics(registerer prometheus.Registerer) *clientMetrics {
	m := &clientMetrics{
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_aggregator_query_asked_total",
			Help: "Questions asked of partition owners, by route and result; retries are part of one question.",
		}, []string{"route", "result"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_aggregator_query_retries_total",
			Help: "Times that a question was asked again, by reason.",
		}, []string{"reason"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_aggregator_query_owner_refreshes_total",
			Help: "Times that the owners of partitions were looked up, by result.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "weir_aggregator_query_ask_duration_seconds",
			Help:    "Time from a question to its whole answer, retries included.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
		}, []string{"route"}),
	}
	register(registerer, m.questions, m.retries, m.refreshes, m.seconds)
	return m
}

func (m *clientMetrics) observe(route string, err error, took time.Duration) {
	result := "ok"
	if err != nil {
		result = faultOf(err).code
	}
	m.questions.WithLabelValues(route, result).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

func register(registerer prometheus.Registerer, collectors ...prometheus.Collector) {
	if registerer != nil {
		registerer.MustRegister(collectors...)
	}
}
