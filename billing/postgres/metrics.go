package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// poolCollector shows the state of the connection pool at the time it is asked.
type poolCollector struct {
	pool        *pgxpool.Pool
	connections *prometheus.Desc
	max         *prometheus.Desc
	acquires    *prometheus.Desc
	canceled    *prometheus.Desc
	waited      *prometheus.Desc
}

// registerMetrics registers the pool's metrics and returns how to take them back.
func registerMetrics(registerer prometheus.Registerer, pool *pgxpool.Pool) (func(), error) {
	c := &poolCollector{
		pool: pool,
		connections: prometheus.NewDesc("weir_postgres_pool_connections",
			"Connections to PostgreSQL by state: in use, idle, or being made.", []string{"state"}, nil),
		max: prometheus.NewDesc("weir_postgres_pool_connections_max",
			"Connections to PostgreSQL that the pool may hold.", nil, nil),
		acquires: prometheus.NewDesc("weir_postgres_pool_acquires_total",
			"Connections taken from the pool.", nil, nil),
		canceled: prometheus.NewDesc("weir_postgres_pool_acquires_canceled_total",
			"Connections asked for and given up on.", nil, nil),
		waited: prometheus.NewDesc("weir_postgres_pool_acquire_wait_seconds_total",
			"Time that callers waited for a connection.", nil, nil),
	}
	if err := registerer.Register(c); err != nil {
		return nil, fmt.Errorf("cannot register the pool's metrics: %w", err)
	}
	return func() { registerer.Unregister(c) }, nil
}

// Describe implements prometheus.Collector.
func (c *poolCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.connections, c.max, c.acquires, c.canceled, c.waited} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *poolCollector) Collect(out chan<- prometheus.Metric) {
	stat := c.pool.Stat()
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	out <- prometheus.MustNewConstMetric(c.connections, gauge, float64(stat.AcquiredConns()), "used")
	out <- prometheus.MustNewConstMetric(c.connections, gauge, float64(stat.IdleConns()), "idle")
	out <- prometheus.MustNewConstMetric(c.connections, gauge, float64(stat.ConstructingConns()), "making")
	out <- prometheus.MustNewConstMetric(c.max, gauge, float64(stat.MaxConns()))
	out <- prometheus.MustNewConstMetric(c.acquires, counter, float64(stat.AcquireCount()))
	out <- prometheus.MustNewConstMetric(c.canceled, counter, float64(stat.CanceledAcquireCount()))
	out <- prometheus.MustNewConstMetric(c.waited, counter, stat.AcquireDuration().Seconds())
}
