package worker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator/worker"
)

// restart ends the worker, as a SIGTERM or a power cut does, and starts another on what is left.
func (w *oracleWorld) restart() {
	if w.rng.IntN(2) == 0 {
		w.stop()
		w.counts["worker: reopened after a stop"]++
	} else {
		fs := w.fs.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: []int{0, 50, 100}[w.rng.IntN(3)],
			RNG:                 rand.New(rand.NewPCG(w.rng.Uint64(), 1)),
		})
		w.stop()
		w.fs = fs
		w.counts["worker: reopened after a crash"]++
	}
	w.start()
}

func (w *oracleWorld) start() {
	w.registry = prometheus.NewRegistry()
	all := readyAssignor{ready: make(chan struct{})}
	for n := range w.partitions {
		all.numbers = append(all.numbers, n)
	}
	options := worker.Options{
		Log: w.log, Assignor: all, Dir: "/stores", FS: w.fs, Registerer: w.registry,
		Catalog: w.catalog.get, CheckpointInterval: time.Hour,
	}
	w.tune(&options)
	made, err := worker.New(options)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.worker, w.cancel, w.ended = made, cancel, make(chan error, 1)
	go func(ended chan<- error) { ended <- made.Run(ctx) }(w.ended)
	select {
	case <-all.ready:
	case err := <-w.ended:
		w.t.Fatalf("worker ended: %v", err)
	}
}

func (w *oracleWorld) stop() {
	w.cancel()
	if err := <-w.ended; err != nil {
		w.t.Fatalf("worker failed: %v", err)
	}
	w.gather()
}

// gather adds the worker's counters to what has happened.
func (w *oracleWorld) gather() {
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetType().String() != "COUNTER" {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels strings.Builder
			for _, l := range m.GetLabel() {
				if l.GetName() != "partition" {
					fmt.Fprintf(&labels, " %s", l.GetValue())
				}
			}
			w.counts[f.GetName()+labels.String()] += int(m.GetCounter().GetValue())
		}
	}
	for _, never := range []string{"running_mismatches_total", "set_aside_total invalid", "set_aside_total malformed"} {
		if n := w.counts["weir_aggregator_"+never]; n != 0 {
			w.t.Fatalf("weir_aggregator_%s is %d", never, n)
		}
	}
}

// readyAssignor assigns all partitions, and says when they are.
type readyAssignor struct {
	numbers []int32
	ready   chan struct{}
}

func (a readyAssignor) Run(ctx context.Context, assigned, revoked func([]int32)) error {
	assigned(a.numbers)
	close(a.ready)
	<-ctx.Done()
	revoked(a.numbers)
	return nil
}
