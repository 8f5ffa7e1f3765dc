package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/bench/made"
)

var (
	full   = flag.Bool("curves.full", false, "go to the largest sizes")
	only   = flag.String("curves.sizes", "", "the sizes to measure, instead of all, separated by commas")
	window = flag.Int("curves.window", 2_000_000, "how many events a point is the mean of")
	keep   = flag.String("curves.dir", "", "directory to keep the stores of IDs and Memory in; the next run goes on with them")
)

// sizes returns those of all sizes that are wanted: up to short, unless told otherwise.
func sizes(b *testing.B, short int, all ...int) (wanted []int) {
	b.Helper()
	if *only != "" {
		for _, text := range strings.Split(*only, ",") {
			n, err := strconv.Atoi(text)
			if err != nil {
				b.Fatalf("cannot read -curves.sizes: %v", err)
			}
			wanted = append(wanted, n)
		}
		return wanted
	}
	for _, n := range all {
		if n <= short || *full {
			wanted = append(wanted, n)
		}
	}
	return wanted
}

// partitionsUsual is how many partitions a log has unless told otherwise.
const partitionsUsual = 16

// said reports one point; what a benchmark of one round took is of no interest.
func said(b *testing.B, value float64, unit string) {
	b.ReportMetric(value, unit)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIDs counts events, all with new ids, and looks at the cost at some sizes. The
// partition has the share that one of 16 has: of the process's memory, and of its subscriptions.
func BenchmarkIDs(b *testing.B) {
	f := feed(b, "ids", made.Shape{Partitions: 1, Subscriptions: 20_000 / partitionsUsual, Cells: 5}, worker.Options{
		RecentIDsMax: worker.RecentIDsMaxDefault / partitionsUsual, DirtyBytesTotalMax: worker.DirtyBytesTotalMaxDefault / partitionsUsual,
		StateBytesMax: worker.StateBytesMaxDefault / partitionsUsual, CacheBytes: worker.CacheBytesDefault / partitionsUsual,
	})
	defer f.stop()
	for _, ids := range sizes(b, 20_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 40_000_000, 62_500_000) {
		b.Run(fmt.Sprint(ids), func(b *testing.B) {
			f.reach(ids - *window)
			said(b, float64(f.add(*window)), "ns/event")
		})
	}
}

// BenchmarkMemory looks at the memory of a process with all partitions of a log, which has a
// million counters in use and has seen more and more ids. The last five events of each counter
// come a few at a time, as under a load that it has no trouble with; what comes before them,
// as fast as it is taken. To see what the first alone takes, keep the stores of a smaller size
// and begin from there.
func BenchmarkMemory(b *testing.B) {
	const counters, cells, unhurried = 1_000_000, 5, 500_000
	f := feed(b, "memory", made.Shape{Partitions: partitionsUsual, Subscriptions: counters / cells, Cells: cells}, worker.Options{})
	defer f.stop()
	for _, ids := range sizes(b, 10_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000) {
		f.reach(ids - 5*counters) // and five events for each counter
		for f.counted() < int64(ids) {
			f.add(unhurried)
		}
		m := memoryNow(b)
		for _, line := range []struct {
			name  string
			bytes int64
		}{{"resident", m.resident}, {"resident-at-most", m.residentMost}, {"heap-goal", m.goal}, {"live-heap", m.live}} {
			b.Run(fmt.Sprintf("%s/%d", line.name, ids), func(b *testing.B) { said(b, float64(line.bytes)/1e6, "MB") })
		}
	}
	writeHeap(b)
}

// BenchmarkSubscriptions: all are equally busy, which is the worst they can be. Each has
// had an event or so before.
func BenchmarkSubscriptions(b *testing.B) {
	for _, n := range sizes(b, 1_000_000, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := feed(b, "", made.Shape{Partitions: 1, Subscriptions: n, Cells: 1}, worker.Options{})
			defer f.stop()
			f.add(max(n, *window))
			said(b, float64(f.add(*window)), "ns/event")
		})
	}
}

// BenchmarkCountersPerSubscription: there are 100,000 counters however they are shared out.
func BenchmarkCountersPerSubscription(b *testing.B) {
	const counters, most = 100_000, 10_000
	for _, n := range sizes(b, most, 1, 10, 100, 1_000, most) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := feed(b, "", made.Shape{Partitions: 1, Subscriptions: counters / n, Cells: n}, worker.Options{})
			defer f.stop()
			f.add(*window)
			said(b, float64(f.add(*window)), "ns/event")
		})
	}
}

// BenchmarkPartitions: 20,000 subscriptions however many partitions there are.
func BenchmarkPartitions(b *testing.B) {
	const most = 256
	for _, n := range sizes(b, most, 1, 4, 16, 64, most) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := feed(b, "", made.Shape{Partitions: int32(n), Subscriptions: 20_000, Cells: 5}, worker.Options{})
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
	for _, n := range sizes(b, 1_000_000, 1_000, 10_000, 100_000, 1_000_000, 10_000_000) {
		f := feed(b, "", made.Shape{Partitions: 1, Subscriptions: 1, Cells: 5, Step: int64(month) / int64(n)}, worker.Options{})
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
