package worker_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/aggregator/worker"
	"weir/ingest/eventlog/crashfs"
)

// cuts takes what a crash would leave of a file system, right before each change of it.
type cuts struct {
	fs *crashfs.FS

	mu     sync.Mutex
	on     bool
	clones []*crashfs.FS
}

const cutsMax = 80

// MaybeError implements errorfs.Injector.
func (c *cuts) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on && len(c.clones) < cutsMax {
		seed := int64(len(c.clones))
		c.clones = append(c.clones, c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * (len(c.clones) % 3), RNG: newRand(seed)}))
	}
	return nil
}

// String implements errorfs.Injector.
func (c *cuts) String() string { return "cuts" }

// begin has the clones taken from now on; end returns them.
func (c *cuts) begin() { c.set(true) }

func (c *cuts) end() []*crashfs.FS {
	c.set(false)
	return c.clones
}

func (c *cuts) set(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
}

// spread is events of the series over 20 days: in each hour of the first ones of a day one with 1, 2, 3 or 4 tokens.
func spread(from, to int) []sent {
	var events []sent
	for i := from; i < to; i++ {
		s := call(fmt.Sprint(i), number("tokens", fmt.Sprint(i%4+1)))
		s.timestamp = base + int64(i%20)*day + int64(i/20)*hour
		events = append(events, s)
	}
	return events
}

// TestRebuildIsCut: wherever a rebuild in chunks, and the corrections and checkpoints
// beside it, are cut, the next worker gives what the log says.
func TestRebuildIsCut(t *testing.T) {
	t.Parallel()
	for _, aggregation := range []aggregator.Aggregation{aggregator.SumAgg, aggregator.UniqueCountAgg} {
		t.Run(fmt.Sprint("aggregation ", aggregation), func(t *testing.T) {
			t.Parallel()
			before, after := tokensBy(aggregator.CountAgg), tokensBy(aggregation)
			r := newRig(t, 1)
			r.chunkMax = 1
			c := &cuts{fs: r.fs}
			r.tune = func(o *worker.Options) { o.FS = errorfs.Wrap(r.fs, c) }
			r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{before}))
			r.start()
			r.send(0, spread(0, 200)...)
			r.checkpoint()

			c.begin()
			r.catalog.Store(aggregator.NewCatalog(2, []*aggregator.Metric{after}))
			events := spread(200, 240)
			for i := range events {
				r.send(0, events[i], spread(i, i+1)[0].cancel(1))
				r.usage(orgA, "alpha", base, base+day, i%10 == 9, after)
			}
			for r.metric("weir_aggregator_rebuilds_total") == 0 {
				r.usage(orgA, "alpha", base, base+day, false, after)
			}
			r.checkpoint()
			clones := c.end()
			r.stop()
			if len(clones) < 20 {
				t.Fatalf("%d cuts: too few to show anything", len(clones))
			}
			for i, fs := range clones {
				survivor := newRig(t, 1)
				survivor.fs = fs
				survivor.wantConsistent(t, fmt.Sprint("cut ", i), before, after)
				survivor.fs, survivor.log, survivor.chunkMax = fs, r.log, 1
				survivor.catalog.Store(r.catalog.Load())
				survivor.start()
				survivor.wantTruth(fmt.Sprint("cut ", i), after)
				survivor.wantTruth(fmt.Sprint("cut ", i), before)
				survivor.awaitSweep(2)
				survivor.stop()
				survivor.wantOnlyCounters(t, fmt.Sprint("cut ", i), after)
			}
		})
	}
}

// wantTruth compares live and committed usage of alpha, for the whole time and for a part of it, with a recount.
func (r *rig) wantTruth(when string, metric *aggregator.Metric) {
	r.tb.Helper()
	truth := r.recount()
	for _, to := range []int64{base + 20*day, base + 3*day + 90*int64(time.Minute)} {
		for _, committed := range []bool{false, true} {
			answer := r.usage(orgA, "alpha", base, to, committed, metric)
			if got, want := lines(answer.Items[0]), truth.usage(metric, "alpha", base, to); !slices.Equal(got, want) {
				r.tb.Fatalf("%s: usage by aggregation %d up to %d (committed %v) is %q, want %q", when, metric.Aggregation, to, committed, got, want)
			}
		}
	}
}

// wantOnlyCounters checks that the store of a worker that has ended has counters of the
// metric for alpha's calls, and none that something has left behind.
func (r *rig) wantOnlyCounters(t *testing.T, when string, metric *aggregator.Metric) {
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
	row, ok, err := snapshot.Series(orgA, "alpha", "calls")
	if err != nil || !ok || row.State != store.Counted || row.Definition != metric.Definition() {
		t.Fatalf("%s: alpha is %+v (%v, %v), want it counted", when, row, ok, err)
	}
	definitions, err := snapshot.Definitions(row.Number)
	if err != nil || len(definitions) != 1 {
		t.Fatalf("%s: there are counters of %d definitions (%v), want of 1", when, len(definitions), err)
	}
}

// TestCatalogGoesBackAndForth: rebuilds are given up and begun again, by definitions that the
// store has had before, while events and corrections come. By whichever definition is asked, the
// answer is what the log says.
func TestCatalogGoesBackAndForth(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.chunkMax = 1
	r.tune = func(o *worker.Options) { o.CheckpointInterval = time.Millisecond }
	metrics := []*aggregator.Metric{tokensBy(aggregator.CountAgg), tokensBy(aggregator.SumAgg), tokensBy(aggregator.MaxAgg)}
	r.catalog.Store(aggregator.NewCatalog(1, metrics[:1]))
	r.start()
	r.send(0, spread(0, 200)...)
	for i := range 150 {
		r.catalog.Store(aggregator.NewCatalog(int64(i+2), metrics[i*7%3:][:1]))
		r.send(0, spread(200+i, 201+i)...)
		if i%4 == 0 {
			r.send(0, spread(i, i+1)[0].cancel(1))
		}
		if i%10 == 0 {
			for _, metric := range metrics {
				r.wantTruth(fmt.Sprint("change ", i), metric)
			}
		}
	}
	r.stop()
	r.start()
	for _, metric := range metrics {
		r.wantTruth("at the end", metric)
	}
	r.stop()
}

// TestRebuildWaitsForTheDrop: a rebuild by the definition whose counters a checkpoint is still
// to drop does not begin before: what it wrote to the store would be dropped, or be
// mixed with what was there. What a crash leaves at any time adds up.
func TestRebuildWaitsForTheDrop(t *testing.T) {
	t.Parallel()
	first, second := tokensBy(aggregator.CountAgg), tokensBy(aggregator.SumAgg)
	r := newRig(t, 1)
	r.chunkMax = 1
	c := &cuts{fs: r.fs}
	r.tune = func(o *worker.Options) { o.FS = errorfs.Wrap(r.fs, c) }
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{first}))
	r.start()
	r.send(0, spread(0, 200)...)
	r.checkpoint()
	c.begin()
	for i, metric := range []*aggregator.Metric{second, first, second, first} {
		r.catalog.Store(aggregator.NewCatalog(int64(i+2), []*aggregator.Metric{metric}))
		r.send(0, append(spread(200+i, 201+i), spread(i, i+1)[0].cancel(1))...)
		for r.metric("weir_aggregator_rebuilds_total") <= float64(i) {
			r.usage(orgA, "alpha", base, base+day, false, metric)
		}
	}
	r.wantTruth("in the end", first)
	r.checkpoint()
	clones := c.end()
	r.stop()
	r.start()
	r.wantTruth("after a restart", first)
	r.stop()
	for i, fs := range clones {
		r.fs = fs
		r.wantConsistent(t, fmt.Sprint("cut ", i), first, second)
	}
}

// TestCheckpointStaysWhole: a rebuild that begins while the store says that it counts by
// another definition leaves those counters alone, until a checkpoint says otherwise.
func TestCheckpointStaysWhole(t *testing.T) {
	t.Parallel()
	before, after := tokensBy(aggregator.CountAgg), tokensBy(aggregator.SumAgg)
	r := newRig(t, 1)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{before}))
	r.start()
	r.send(0, spread(0, 200)...)
	r.checkpoint()
	r.stop()
	r.catalog.Store(aggregator.NewCatalog(2, []*aggregator.Metric{after}))
	r.start()
	r.awaitSweep(2)
	r.wantMetric("weir_aggregator_rebuilds_total", 1)
	r.wantMetric("weir_aggregator_checkpoints_total", 0)
	r.wantTruth("from the old checkpoint", before)
	r.wantTruth("from the old checkpoint", after)
	r.stop()
	r.wantOnlyCounters(t, "at the end", after)
}

// wantConsistent checks that the counters that a store has in force for alpha's calls are
// those of the events that it has.
func (r *rig) wantConsistent(t *testing.T, when string, metrics ...*aggregator.Metric) {
	t.Helper()
	s, err := store.Open(store.Dir("/stores", 0), store.Options{FS: r.fs})
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	defer s.Close()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	row, ok, err := snapshot.Series(orgA, "alpha", "calls")
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(metrics, func(m *aggregator.Metric) bool { return m.Definition() == row.Definition })
	if !ok || row.State != store.Counted || at < 0 {
		return
	}
	period := aggregator.Span{From: base, To: base + 100*day}
	counters, events := aggregator.NewReducer(metrics[at], period), aggregator.NewReducer(metrics[at], period)
	days := aggregator.Span{From: base / day, To: base/day + 100}
	err = snapshot.Counters(r.ctx(), row.Number, row.Definition, store.Day, days, func(number int32, cell []byte, c *aggregator.Counter) error {
		counters.AddCounter(cell, aggregator.StartOfDay(number), c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	name := store.SeriesName{Number: row.Number, Organization: orgA, Subscription: "alpha", Code: "calls"}
	err = snapshot.Events(r.ctx(), &name, period, func(e *store.Event) error {
		events.AddEvent(&e.Event, e.ReceivedAt, e.Position)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, want := bucketsOf(t, counters), bucketsOf(t, events)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: counters of aggregation %d say %q, the events %q", when, metrics[at].Aggregation, got, want)
	}
}

func bucketsOf(t *testing.T, reducer *aggregator.Reducer) []string {
	t.Helper()
	buckets, err := reducer.Buckets(&aggregator.Split{})
	if err != nil {
		t.Fatal(err)
	}
	return lines(query.ItemUsage{Buckets: buckets})
}
