package worker_test

import (
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"weir/aggregator/query"
	"weir/aggregator/worker"
)

// TestUncountedSeriesComesBack: a series without counters is let go from memory
// while an event of it is in no checkpoint, and comes back with the next event. The
// two stand together in the checkpoint.
func TestUncountedSeriesComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	reached, released := make(chan struct{}, 10), make(chan struct{})
	var opened atomic.Bool
	disk := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if opened.Load() && isCheckpointSync(op) {
			reached <- struct{}{}
			<-released
		}
		return nil
	})
	r.tune = func(o *worker.Options) {
		o.StateBytesMax = 1
		o.FS = errorfs.Wrap(r.fs, disk)
	}
	r.start() // without any metric: nothing is counted
	r.send(0, call("c"))
	r.usage(orgA, "alpha", base, base+day, false, calls)
	opened.Store(true)
	committed := make(chan error, 1)
	go func() {
		_, err := r.worker.Usage(r.ctx(), query.UsageRequest{
			Organization: orgA, Subscription: "alpha", Items: itemsOf(calls), Committed: true, AtLeast: 1,
		})
		committed <- err
	}()
	<-reached
	r.send(0, call("b"))
	r.usage(orgA, "alpha", base, base+day, false, calls) // b is taken, and in no checkpoint
	close(released)
	if err := <-committed; err != nil { // the checkpoint is done, the series let go
		t.Fatal(err)
	}
	r.send(0, call("a"))
	r.wantUsage(calls, " = 3 of 3")
	r.stop()
}
