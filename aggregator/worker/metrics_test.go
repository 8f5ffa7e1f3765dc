package worker

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator"
	"weir/ingest/eventlog"
)

// endLog is a log whose end is at 10.
type endLog struct{ oneLog }

func (endLog) Range(context.Context, int32) (start, end int64, err error) { return 0, 10, nil }

func TestLag(t *testing.T) {
	t.Parallel()
	w, err := New(Options{
		Log: endLog{}, Assignor: eventlog.AllPartitions(1), Dir: "/s",
		Catalog: func() *aggregator.Catalog { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPartition(w, 3, nil)
	close(p.ready)
	f := func(applied, taken int64, age time.Duration, wantRecords, wantEvents float64, wantSeconds func(float64) bool) {
		t.Helper()
		p.applied.Store(applied)
		p.taken.Store(taken)
		p.appliedTime.Store(time.Now().Add(-age).UnixNano())
		w.metrics.lag(context.Background(), p)
		if got := gaugeOf(t, w.metrics.lagRecords); got != wantRecords {
			t.Errorf("lag is %v records, want %v", got, wantRecords)
		}
		if got := gaugeOf(t, w.metrics.lagEvents); got != wantEvents {
			t.Errorf("lag is %v events, want %v", got, wantEvents)
		}
		if got := gaugeOf(t, w.metrics.lagSeconds); !wantSeconds(got) {
			t.Errorf("lag is %v s", got)
		}
	}
	old := func(s float64) bool { return s >= 60 && s < 120 }
	f(0, 0, time.Minute, 10, 10, old)
	f(4, 10, time.Minute, 6, 15, old) // 2.5 events a record
	f(4, 3, time.Minute, 6, 6, old)   // one of the four was the log's own
	f(10, 25, time.Minute, 0, 0, func(s float64) bool { return s == 0 })

	w.metrics.lost(3)
	metrics := make(chan prometheus.Metric, 2)
	w.metrics.lagEvents.Collect(metrics)
	w.metrics.lagRecords.Collect(metrics)
	if len(metrics) != 0 {
		t.Error("a lost partition still has a lag")
	}
}

func gaugeOf(t *testing.T, v *prometheus.GaugeVec) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(v)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || len(families[0].GetMetric()) != 1 {
		t.Fatalf("gathered %v, %v", families, err)
	}
	return families[0].GetMetric()[0].GetGauge().GetValue()
}
