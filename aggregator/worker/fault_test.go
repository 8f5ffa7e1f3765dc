package worker_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"weir/aggregator/query"
	"weir/aggregator/worker"
)

// TestDiskFaultEndsTheWorker: when a checkpoint can't be written, Run says so,
// and the next worker goes on from the checkpoint before.
func TestDiskFaultEndsTheWorker(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	r.wantUsage(calls, " = 1 of 1")
	r.stop()

	toggle := errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.Contains(op.Path, "building") {
			return errorfs.ErrInjected
		}
		return nil
	})}
	toggle.On()
	r.tune = func(o *worker.Options) { o.FS = errorfs.Wrap(r.fs, &toggle) }
	r.start()
	r.send(0, call("2"))
	_, err := r.worker.Usage(r.ctx(), query.UsageRequest{
		Organization: orgA, Subscription: "alpha", Items: itemsOf(calls), AtLeast: 2, Committed: true,
	})
	if !errors.Is(err, query.ErrNotOwner) {
		t.Errorf("usage while the disk refuses: %v", err)
	}
	if err := <-r.ended; !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("worker ended with %v", err)
	}
	r.tune = nil
	r.start()
	r.wantUsage(calls, " = 2 of 2")
	r.wantMetric("weir_aggregator_resume_offset", 1)
	r.stop()
}
