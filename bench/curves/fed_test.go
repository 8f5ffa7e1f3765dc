package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/bench/made"
	"weir/ingest"
)

// fed is a worker on a log that is made up.
type fed struct {
	b       *testing.B
	log     *made.Log
	records int64  // of each partition of the log
	file    string // where records is kept; "": nowhere
	metric  *aggregator.Metric
	worker  *worker.Worker
	cancel  context.CancelFunc
	ended   chan error
	making  time.Duration // of one event, CPU
}

// feed starts a worker. With a name and -curves.dir, its stores are kept, and what an
// earlier run left there is gone on with.
func feed(b *testing.B, name string, shape made.Shape, options worker.Options) *fed {
	b.Helper()
	f := &fed{b: b, log: made.New(shape), ended: make(chan error, 1)}
	dir := f.keepIn(name)
	f.log.Grow(f.records)
	f.metric = &aggregator.Metric{
		Organization: made.Organization, Code: made.Code, Aggregation: aggregator.SumAgg, FieldName: made.UnitsField, CellKeys: []string{made.CellField},
	}
	catalog := aggregator.NewCatalog(1, []*aggregator.Metric{f.metric})
	all := f.log.Assignor()
	options.Log, options.Assignor, options.Dir = f.log, all, dir
	options.Catalog = func() *aggregator.Catalog { return catalog }
	w, err := worker.New(options)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.worker, f.cancel = w, cancel
	go func() { f.ended <- w.Run(ctx) }()
	for len(w.Owned()) < len(all) {
		time.Sleep(time.Millisecond) // it has no way to tell
	}
	f.await()
	f.making = f.costOfMaking()
	return f
}

// keepIn returns the directory of the stores, and finds out what an earlier run left there.
func (f *fed) keepIn(name string) string {
	f.b.Helper()
	if name == "" || *keep == "" {
		return f.b.TempDir()
	}
	dir := filepath.Join(*keep, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		f.b.Fatal(err)
	}
	f.file = filepath.Join(dir, "records")
	text, err := os.ReadFile(f.file)
	if err == nil {
		f.records, err = strconv.ParseInt(string(text), 10, 64)
	} else if os.IsNotExist(err) {
		err = nil
	}
	if err != nil {
		f.b.Fatal(err)
	}
	return filepath.Join(dir, "stores")
}

// grow moves the log's end on. The new one is kept first: a worker may be behind its log,
// but not before it.
func (f *fed) grow(records int64) {
	f.b.Helper()
	f.records += records
	if f.file != "" {
		if err := os.WriteFile(f.file, strconv.AppendInt(nil, f.records, 10), 0o644); err != nil {
			f.b.Fatal(err)
		}
	}
	f.log.Grow(records)
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
	f.grow(records)
	f.await()
	counted := f.counted() - begun
	return (cpu()-before)/time.Duration(counted) - f.making
}

// reach has events counted until there are so many.
func (f *fed) reach(events int) {
	f.b.Helper()
	if missing := events - int(f.counted()); missing > 0 {
		f.add(missing)
	}
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
