package worker_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/ingest"
)

var (
	hotSubscriptions = flag.Int("hot.subscriptions", 100_000, "subscriptions of BenchmarkHotRead")
	hotRate          = flag.Int("hot.rate", 100_000, "events a second that are counted meanwhile")
)

// BenchmarkHotRead asks for the open period of one of many subscriptions at a time, in this process,
// while events are counted. windows: there are no running totals, as for a first question.
func BenchmarkHotRead(b *testing.B) {
	for _, windows := range []bool{false, true} {
		b.Run(map[bool]string{false: "running", true: "windows"}[windows], func(b *testing.B) {
			h := newHot(b)
			defer h.end()
			h.to = base + 31*day
			if !windows {
				h.beginAll(b)
			}
			times := make([]time.Duration, 0, 1<<20)
			rng := newRand(1)
			asked, hits, misses := 0, h.hits(), h.misses()
			counted := h.metric("weir_aggregator_events_total")
			b.ResetTimer()
			for b.Loop() {
				asked++
				if windows {
					h.to = base + 31*day + int64(asked) // a period that nobody has asked for
				}
				began := time.Now()
				h.ask(b, rng.IntN(*hotSubscriptions))
				times = append(times, time.Since(began))
			}
			b.StopTimer()
			counted = h.metric("weir_aggregator_events_total") - counted
			b.ReportMetric(counted/b.Elapsed().Seconds(), "events/s")
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "p50-ns")
			b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds()), "p99-ns")
			hits, misses = h.hits()-hits, h.misses()-misses
			b.ReportMetric(hits/(hits+misses), "hit-share")
			h.wantMetric("weir_aggregator_running_mismatches_total", 0)
		})
	}
}

// hot is a worker with many subscriptions whose events keep coming.
type hot struct {
	*rig
	items []query.UsageItem
	to    int64
	quit  chan struct{}
	ended chan struct{}
}

func newHot(b *testing.B) *hot {
	metric := &aggregator.Metric{
		Organization: orgA, Code: "calls", Aggregation: aggregator.SumAgg, FieldName: "n", CellKeys: []string{"model"},
	}
	h := &hot{rig: newRig(b, 4), quit: make(chan struct{}), ended: make(chan struct{})}
	h.items = itemsOf(metric)
	h.tune = func(o *worker.Options) {
		o.Dir, o.FS = b.TempDir(), nil
		o.CheckpointInterval, o.RunningChecksEvery = time.Second, 0
		o.StateBytesMax = 1 << 30
	}
	h.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{metric}))
	h.start()
	for from := 0; from < *hotSubscriptions; from += 1000 {
		h.feed(from, 1000, from)
	}
	h.checkpoint()
	go h.keepFeeding()
	return h
}

// feed sends an event of each of some subscriptions, in a record for each partition.
func (h *hot) feed(from, n, unique int) {
	byPartition := make(map[int32][]sent)
	for i := range n {
		s := call(fmt.Sprint(unique+i), text("model", fmt.Sprint(i%4)), number("n", fmt.Sprint(i)))
		s.sub = fmt.Sprint("subscription-", (from+i)%*hotSubscriptions)
		s.timestamp = base + int64(unique%(30*24))*int64(time.Hour) + int64(i)
		byPartition[h.home(&s)] = append(byPartition[h.home(&s)], s)
	}
	for partition, events := range byPartition {
		h.send(partition, events...)
	}
}

func (h *hot) keepFeeding() {
	defer close(h.ended)
	const perTick = 1000
	ticker := time.NewTicker(time.Second * perTick / time.Duration(*hotRate))
	defer ticker.Stop()
	rng := rand.New(rand.NewPCG(1, 1))
	for unique := 1 << 40; ; unique += perTick {
		select {
		case <-ticker.C:
			h.feed(rng.IntN(*hotSubscriptions), perTick, unique)
		case <-h.quit:
			return
		}
	}
}

// beginAll asks once for every subscription, a few at a time.
func (h *hot) beginAll(b *testing.B) {
	const askers = 16
	var group errgroup.Group
	for asker := range askers {
		group.Go(func() error {
			for n := asker; n < *hotSubscriptions; n += askers {
				h.ask(b, n)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func (h *hot) ask(b *testing.B, n int) {
	req := query.UsageRequest{
		Organization: orgA, Subscription: fmt.Sprint("subscription-", n), From: time.Unix(0, base), To: time.Unix(0, h.to), Items: h.items,
	}
	answer, err := h.worker.Usage(b.Context(), req)
	if err != nil || len(answer.Items[0].Buckets) == 0 {
		b.Errorf("usage of %d in partition %d: %+v, %v", n, ingest.Partition(orgA, req.Subscription, 4), answer, err)
	}
}

func (h *hot) end() {
	close(h.quit)
	<-h.ended
	h.stop()
}
