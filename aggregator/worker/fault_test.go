package worker_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"weir/aggregator/query"
	"weir/aggregator/worker"
)

// isCheckpointSync reports whether an operation makes a checkpoint's batch durable.
func isCheckpointSync(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return strings.HasSuffix(op.Path, ".log")
	default:
		return false
	}
}

// TestDiskFaultEndsTheWorker: when the store can't be read, Run says so, and the next worker goes
// on from the checkpoint before. (A checkpoint that can't be made durable ends the process.)
func TestDiskFaultEndsTheWorker(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	r.wantUsage(calls, " = 1 of 1")
	r.stop()

	toggle := errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, ".sst") {
			return errorfs.ErrInjected
		}
		return nil
	})}
	r.tune = func(o *worker.Options) { o.FS = errorfs.Wrap(r.fs, &toggle) }
	r.start()
	r.reach(false) // the store is open
	toggle.On()
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
