package main

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/bench/made"
	"weir/ingest"
)

var (
	full   = flag.Bool("curves.full", false, "go to the largest sizes")
	window = flag.Int("curves.window", 2_000_000, "how many events a point is the mean of")
)

// upTo returns those of the sizes that are wanted.
func upTo(short int, sizes ...int) []int {
	var wanted []int
	for _, n := range sizes {
		if n <= short || *full {
			wanted = append(wanted, n)
		}
	}
	return wanted
}

// fed is a worker on a log that is made up.
type fed struct {
	b      *testing.B
	log    *made.Log
	metric *aggregator.Metric
	worker *worker.Worker
	cancel context.CancelFunc
	ended  chan error
	making time.Duration // of one event, CPU
}

func feed(b *testing.B, shape made.Shape) *fed {
	b.Helper()
	f := &fed{b: b, log: made.New(shape), ended: make(chan error, 1)}
	f.metric = &aggregator.Metric{
		Organization: made.Organization, Code: made.Code, Aggregation: aggregator.SumAgg, FieldName: made.UnitsField, CellKeys: []string{made.CellField},
	}
	catalog := aggregator.NewCatalog(1, []*aggregator.Metric{f.metric})
	all := f.log.Assignor()
	w, err := worker.New(worker.Options{
		Log: f.log, Assignor: all, Dir: b.TempDir(), Catalog: func() *aggregator.Catalog { return catalog },
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.worker, f.cancel = w, cancel
	go func() { f.ended <- w.Run(ctx) }()
	for len(w.Owned()) < len(all) {
		time.Sleep(time.Millisecond) // it has no way to tell
	}
	f.making = f.costOfMaking()
	return f
}

func (f *fed) stop() {
	f.cancel()
	if err := <-f.ended; err != nil {
		f.b.Error(err)
	}
}

func (f *fed) costOfMaking() time.Duration {
	const records = 20_000
	before := cpu()
	f.log.Make(records)
	return (cpu() - before) / (records * made.EventsPerRecord)
}

// add has that many events counted and checkpointed, and returns the CPU time of one.
func (f *fed) add(events int) time.Duration {
	f.b.Helper()
	records := int64(max(1, events/made.EventsPerRecord/int(f.log.Identity().Partitions)))
	before, begun := cpu(), f.counted()
	f.log.Grow(records)
	f.await()
	counted := f.counted() - begun
	return (cpu()-before)/time.Duration(counted) - f.making
}

// counted is how many events the log has.
func (f *fed) counted() (events int64) {
	for n := range f.log.Identity().Partitions {
		events += f.log.End(n) * made.EventsPerRecord
	}
	return events
}

// await waits until every partition has a checkpoint at its end.
func (f *fed) await() {
	f.b.Helper()
	covered := map[int32]bool{}
	for i := 0; len(covered) < int(f.log.Identity().Partitions); i++ {
		nobody := fmt.Sprint("nobody-", i)
		p := ingest.Partition(made.Organization, nobody, f.log.Identity().Partitions)
		if covered[p] {
			continue
		}
		covered[p] = true
		f.usage(nobody, query.UsageRequest{From: time.Unix(0, 0), To: time.Unix(0, 1), Committed: true, AtLeast: f.log.End(p)})
	}
}

func (f *fed) usage(subscription string, r query.UsageRequest) query.UsageAnswer {
	f.b.Helper()
	const patience = 20 * time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.Organization, r.Subscription = made.Organization, subscription
	r.Items = []query.UsageItem{{Metric: f.metric}}
	answer, err := f.worker.Usage(ctx, r)
	if err != nil {
		f.b.Fatalf("cannot read usage: %v", err)
	}
	return answer
}

// cpu returns the process's processor time so far.
func cpu() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic("BUG: cannot read the processor time: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// said reports one point; what a benchmark of one round took is of no interest.
func said(b *testing.B, value float64, unit string) {
	b.ReportMetric(value, unit)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIDs counts events, all with new ids, and looks at the cost at some sizes.
func BenchmarkIDs(b *testing.B) {
	f := feed(b, made.Shape{Partitions: 1, Subscriptions: 20_000, Cells: 5})
	defer f.stop()
	for _, ids := range upTo(20_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 40_000_000, 62_500_000) {
		b.Run(fmt.Sprint(ids), func(b *testing.B) {
			if missing := ids - *window - int(f.counted()); missing > 0 {
				f.add(missing)
			}
			said(b, float64(f.add(*window)), "ns/event")
		})
	}
}

// BenchmarkSubscriptions: all are equally busy, which is the worst they can be. Each has
// had an event or so before.
func BenchmarkSubscriptions(b *testing.B) {
	for _, n := range upTo(1_000_000, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := feed(b, made.Shape{Partitions: 1, Subscriptions: n, Cells: 1})
			defer f.stop()
			f.add(max(n, *window))
			said(b, float64(f.add(*window)), "ns/event")
		})
	}
}

// BenchmarkCountersPerSubscription: there are 100,000 counters however they are shared out.
func BenchmarkCountersPerSubscription(b *testing.B) {
	const counters = 100_000
	for _, n := range []int{1, 10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := feed(b, made.Shape{Partitions: 1, Subscriptions: counters / n, Cells: n})
			defer f.stop()
			f.add(*window)
			said(b, float64(f.add(*window)), "ns/event")
		})
	}
}

// BenchmarkPartitions: 20,000 subscriptions however many partitions there are.
func BenchmarkPartitions(b *testing.B) {
	for _, n := range []int{1, 4, 16, 64, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := feed(b, made.Shape{Partitions: int32(n), Subscriptions: 20_000, Cells: 5})
			defer f.stop()
			f.add(*window)
			said(b, float64(f.add(*window)), "ns/event")
		})
	}
}

// BenchmarkUsageRead reads the usage of one subscription that has all the events, spread over
// a month: of a period that was asked for before, and of one that was not.
func BenchmarkUsageRead(b *testing.B) {
	month := 30 * 24 * time.Hour
	for _, n := range upTo(1_000_000, 1_000, 10_000, 100_000, 1_000_000, 10_000_000) {
		f := feed(b, made.Shape{Partitions: 1, Subscriptions: 1, Cells: 5, Step: int64(month) / int64(n)})
		f.add(n)
		name := string(made.AppendName(nil, 0))
		from := time.Unix(0, made.Base).Add(37*time.Minute + 12*time.Second) // inside an hour, at both ends
		to := from.Add(month)
		f.usage(name, query.UsageRequest{From: from, To: to}) // begins what is kept for the next
		for _, again := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/%d", map[bool]string{true: "asked-before", false: "first-time"}[again], n), func(b *testing.B) {
				const reads = 200
				started := time.Now()
				for i := range reads {
					end := to
					if !again {
						end = to.Add(time.Duration(i+1) * time.Second)
					}
					f.usage(name, query.UsageRequest{From: from, To: end})
				}
				said(b, float64(time.Since(started))/reads, "ns/read")
			})
		}
		f.stop()
	}
}
