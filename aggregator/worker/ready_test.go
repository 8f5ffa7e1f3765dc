package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/ingest/eventlog"
)

// handAssignor assigns what a test sends it.
type handAssignor struct {
	gain chan []int32
	took chan struct{}
}

func (a handAssignor) Run(ctx context.Context, assigned, _ func([]int32)) error {
	for {
		select {
		case partitions := <-a.gain:
			assigned(partitions)
			a.took <- struct{}{}
		case <-ctx.Done():
			return nil
		}
	}
}

// silentLog does not say where it ends before it is released.
type silentLog struct {
	*memoryLog
	released chan struct{}
}

func (l silentLog) Range(ctx context.Context, partition int32) (start, end int64, err error) {
	select {
	case <-l.released:
		return l.memoryLog.Range(ctx, partition)
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	hand := handAssignor{make(chan []int32), make(chan struct{})}
	log := silentLog{newMemoryLog("log-1", 2), make(chan struct{})}
	w, err := worker.New(worker.Options{
		Log: log, Assignor: hand, Dir: "/stores", FS: vfs.NewMem(), Catalog: func() *aggregator.Catalog { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	if err := w.Ready(ctx); err == nil {
		t.Error("ready before anything was assigned")
	}
	hand.gain <- nil
	<-hand.took
	if err := w.Ready(ctx); err != nil {
		t.Errorf("assigned nothing, and not ready: %v", err)
	}
	hand.gain <- []int32{0, 1}
	<-hand.took
	impatient, give := context.WithCancel(ctx)
	give()
	if err := w.Ready(impatient); !errors.Is(err, query.ErrNotYet) {
		t.Errorf("ready while partitions are being compared with the log: %v", err)
	}
	close(log.released)
	if err := w.Ready(ctx); err != nil { // waits until they answer
		t.Errorf("not ready: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestNotReadyWhenStopped(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	r.wantUsage(calls, " = 1 of 1")
	if err := r.worker.Ready(r.ctx()); err != nil {
		t.Errorf("not ready: %v", err)
	}
	r.stop()
	r.log.truncate(0, 0)
	r.start()
	<-r.stops
	if err := r.worker.Ready(r.ctx()); !errors.Is(err, query.ErrStopped) {
		t.Errorf("ready with a stopped partition: %v", err)
	}
	r.stop()
}

// TestResumeIsLogged: a start tells of what it replays, and is quiet about partitions
// that have nothing to replay.
func TestResumeIsLogged(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	one := call("1")
	r.send(r.home(&one), one)
	var lines bytes.Buffer
	r.tune = func(o *worker.Options) { o.Logger = slog.New(slog.NewTextHandler(&lines, nil)) }
	r.start()
	if err := r.worker.Ready(r.ctx()); err != nil {
		t.Error(err)
	}
	r.stop()
	got := lines.String()
	want := fmt.Sprintf(`msg="resumes at its checkpoint" partition=%d from_offset=0 end_offset=1 records_to_replay=1`, r.home(&one))
	if strings.Count(got, "resumes") != 1 || !strings.Contains(got, want) {
		t.Errorf("logged\n%swant one line with %s", got, want)
	}
}

var _ eventlog.Log = silentLog{}
