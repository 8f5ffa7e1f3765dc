package worker_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/aggregator/worker"
)

const sweptSeries = 1500 // more than two pages

// startSwept starts a worker of one partition with many series of two events each, that are let go from memory.
func startSwept(t *testing.T, tune func(*worker.Options), catalog ...*aggregator.Metric) *rig {
	t.Helper()
	r := newRig(t, 1)
	r.tune = func(o *worker.Options) {
		o.StateBytesMax = 1
		if tune != nil {
			tune(o)
		}
	}
	r.catalog.Store(aggregator.NewCatalog(1, catalog))
	r.start()
	for from := 0; from < sweptSeries; from += 500 {
		var batch []sent
		for i := from; i < from+500; i++ {
			s := call("1", number("tokens", fmt.Sprint(i)))
			s.sub = fmt.Sprint("sub-", i)
			again := s
			again.txn = "2"
			batch = append(batch, s, again)
		}
		r.send(0, batch...)
	}
	r.checkpoint()
	return r
}

// states counts the series in the newest checkpoint of a worker that has ended, by state and metric.
func (r *rig) states(t *testing.T, metric *aggregator.Metric) map[string]int {
	t.Helper()
	s, err := store.Open(store.Dir("/stores", 0), store.Options{FS: r.fs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	rows, _, err := snapshot.SeriesPage(r.ctx(), nil, 10*sweptSeries)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for i := range rows {
		row := &rows[i].Row
		state := row.State.String()
		if row.State == store.Counted && row.Definition != metric.Definition() {
			state = "counted by another"
		}
		states[state]++
		definitions, err := snapshot.Definitions(row.Number)
		if err != nil {
			t.Fatal(err)
		}
		if counted := row.State == store.Counted; len(definitions) > 1 || counted != (len(definitions) == 1) {
			t.Fatalf("series %d is %s and has counters of %d definitions", row.Number, state, len(definitions))
		}
	}
	return states
}

// awaitSweep waits until the worker says that all is in line with its catalog.
func (r *rig) awaitSweep(version float64) {
	r.tb.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.tb.Fatalf("no end of the sweep: %v series are left", r.metric("weir_aggregator_sweep_pending_series"))
		}
		families, err := r.registry.Gather()
		if err != nil {
			r.tb.Fatalf("cannot gather metrics: %v", err)
		}
		seen := 0.0
		for _, family := range families {
			if family.GetName() == "weir_aggregator_swept_version" {
				seen = family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		if seen == version {
			return
		}
	}
}

func (r *rig) wantSweptUsage(metric *aggregator.Metric) {
	r.tb.Helper()
	for i := 0; i < sweptSeries; i += 97 {
		subscription := fmt.Sprint("sub-", i)
		answer := r.usage(orgA, subscription, base, base+day, i%2 == 0, metric)
		if got, want := lines(answer.Items[0])[0], fmt.Sprintf(" = %d of 2", 2*i); got != want {
			r.tb.Fatalf("usage of %s is %q, want %q", subscription, got, want)
		}
	}
}

// TestSweep: series that nobody touches are brought in line after a change of the
// catalog: rebuilt, and their counters dropped when the metric goes.
func TestSweep(t *testing.T) {
	t.Parallel()
	log := new(lockedBuffer)
	sum := tokensBy(aggregator.SumAgg)
	r := startSwept(t, func(o *worker.Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) }, calls)
	r.awaitSweep(1)
	r.wantMetric("weir_aggregator_rebuilds_total", 0)
	r.wantMetric("weir_aggregator_catalog_version", 1)

	r.catalog.Store(aggregator.NewCatalog(2, []*aggregator.Metric{sum}))
	r.awaitSweep(2)
	r.wantMetric("weir_aggregator_rebuilds_total", sweptSeries)
	r.wantMetric("weir_aggregator_sweep_pending_series", 0)
	r.wantMetric("weir_aggregator_catalog_version", 2)
	r.wantSweptUsage(sum)
	for _, line := range []string{"brings counters in line with it", "counters are in line with the catalog"} {
		if n := strings.Count(log.String(), line); n != 1 {
			t.Errorf("%q is in the log %d times", line, n)
		}
	}
	r.stop()
	if got := r.states(t, sum); len(got) != 1 || got["counted"] != sweptSeries {
		t.Fatalf("series are %v, want all counted", got)
	}

	r.catalog.Store(aggregator.NewCatalog(3, nil)) // while nobody runs
	r.start()
	r.awaitSweep(3)
	r.wantSweptUsage(sum)
	r.stop()
	if got := r.states(t, sum); got["not counted"] != sweptSeries {
		t.Fatalf("series are %v, want none counted", got)
	}
}

// TestSweepIsCut: a sweep that is killed again and again comes to its end, while events come.
func TestSweepIsCut(t *testing.T) {
	t.Parallel()
	sum := tokensBy(aggregator.SumAgg)
	r := startSwept(t, func(o *worker.Options) { o.CheckpointInterval = 5 * time.Millisecond }, calls)
	r.catalog.Store(aggregator.NewCatalog(2, []*aggregator.Metric{sum}))
	for i := range 6 {
		r.usage(orgA, fmt.Sprint("sub-", i), base, base+day, true, sum)
		r.crash(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: newRand(int64(i))})
		r.start()
		s := call(fmt.Sprint("new ", i), number("tokens", "0"))
		s.sub = "sub-1499"
		r.send(0, s)
	}
	r.awaitSweep(2)
	r.wantSweptUsage(sum)
	answer := r.usage(orgA, "sub-1499", base, base+day, true, sum)
	if got := lines(answer.Items[0])[0]; got != " = 2998 of 8" {
		t.Errorf("usage of sub-1499 is %q, want 2 times 1499 of 2 + 6", got)
	}
	r.stop()
	if got := r.states(t, sum); got["counted"] != sweptSeries {
		t.Fatalf("series are %v, want all counted", got)
	}
}

// TestCatalogChangesDuringASweep: the last catalog counts, and events are counted all the while.
func TestCatalogChangesDuringASweep(t *testing.T) {
	t.Parallel()
	sum, highest := tokensBy(aggregator.SumAgg), tokensBy(aggregator.MaxAgg)
	r := startSwept(t, func(o *worker.Options) { o.CheckpointInterval = time.Millisecond }, calls)
	for version := int64(2); version <= 12; version++ {
		metric := []*aggregator.Metric{calls, sum, highest}[version%3]
		r.catalog.Store(aggregator.NewCatalog(version, []*aggregator.Metric{metric}))
		s := call(fmt.Sprint("new ", version), number("tokens", "-1"))
		s.sub = fmt.Sprint("sub-", version)
		r.send(0, s)
		if _, err := r.worker.Usage(r.ctx(), query.UsageRequest{
			Organization: orgA, Subscription: s.sub, From: time.Unix(0, base), To: time.Unix(0, base+day), Items: itemsOf(metric), AtLeast: r.end(0),
		}); err != nil {
			t.Fatal(err)
		}
	}
	r.catalog.Store(aggregator.NewCatalog(13, []*aggregator.Metric{sum}))
	r.awaitSweep(13)
	r.wantMetric("weir_aggregator_catalog_version", 13)
	answer := r.usage(orgA, "sub-12", base, base+day, true, sum)
	if got := lines(answer.Items[0])[0]; got != " = 23 of 3" { // 12 + 12 − 1
		t.Errorf("usage of sub-12 is %q", got)
	}
	r.stop()
	if got := r.states(t, sum); got["counted"] != sweptSeries {
		t.Fatalf("series are %v, want all counted", got)
	}
}

// TestSweepKnowsWhatMemoryKnows: a series was rebuilt and no checkpoint has it yet when the
// catalog goes back to what the store says. The sweep finds that it is not so any more.
func TestSweepKnowsWhatMemoryKnows(t *testing.T) {
	t.Parallel()
	sum := tokensBy(aggregator.SumAgg)
	r := startCounting(t)
	r.send(0, call("1", number("tokens", "5")))
	r.checkpoint()
	r.catalog.Store(aggregator.NewCatalog(2, []*aggregator.Metric{sum}))
	r.awaitSweep(2)
	r.wantMetric("weir_aggregator_rebuilds_total", 1)
	r.catalog.Store(aggregator.NewCatalog(3, []*aggregator.Metric{calls}))
	r.awaitSweep(3)
	r.wantMetric("weir_aggregator_rebuilds_total", 2)
	r.wantUsage(calls, " = 1 of 1")
	r.wantUsage(sum, " = 5 of 1")
	r.stop()
	r.wantOnlyCounters(t, "at the end", calls)
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
