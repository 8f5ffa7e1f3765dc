package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"weir/ingest"
)

// inProcess runs every role in this process until the test ends, and returns a
// client of it and what the roles share.
func inProcess(t *testing.T, args ...string) (*client, *process) {
	t.Helper()
	const key = "e2e-test-key"
	var cfg struct{ Config }
	parser, err := kong.New(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"--listen=" + freeAddress(t), "--ops-listen=" + freeAddress(t), "--data-dir=" + testDir(t), "--api-key=" + key,
	}, args...)
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	type running struct {
		greeting greeting
		process  *process
	}
	started, ended := make(chan running, 1), make(chan error, 1)
	go func() {
		ended <- runProcess(ctx, &cfg.Config, slog.New(slog.NewTextHandler(io.Discard, nil)), func(p *process, ctx context.Context) (greeting, error) {
			g, err := p.startAll(ctx)
			if err == nil {
				started <- running{g, p}
			}
			return greeting{what: "a test"}, err
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("weir ended with %v", err)
		}
	})
	select {
	case r := <-started:
		return newClient(r.greeting.url, key), r.process
	case err := <-ended:
		ended <- err
		t.Fatalf("weir does not start: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("weir does not start within a minute")
	}
	return nil, nil
}

// TestWalk: an hour of real requests in over HTTP, invoices out, every unit and
// cent equal to an independent computation.
func TestWalk(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, "--sandbox")
	walk(t, c, func() {})
}

// TestHalfFailedRequest: a request's events go to two partitions, and one of
// them takes nothing. The request fails; the same request again, when the
// partition takes records once more, counts every event once.
func TestHalfFailedRequest(t *testing.T) {
	t.Parallel()
	c, p := inProcess(t, "--sandbox")
	createCrashPlan(t, c)
	organizations, err := p.db.Organizations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	identity := p.log.Identity()
	partitionOf := func(i int) int32 {
		return ingest.Partition(organizations[0].ID, fmt.Sprintf("crash-%d", i), identity.Partitions)
	}
	good, bad := 0, 1
	for partitionOf(bad) == partitionOf(good) {
		bad++
	}
	load := &crashBatch{}
	for i, subscription := range []int{good, bad, good, bad} {
		load.counts[subscription]++
		load.sums[subscription] += 1000
		load.lines = append(load.lines, jsonLines(t, object{
			"transaction_id": fmt.Sprintf("half-%d", i), "external_subscription_id": fmt.Sprintf("crash-%d", subscription),
			"code": "work", "timestamp": walkFrom.Unix() + 100, "properties": object{"amount": 1},
		})...)
	}

	if err := p.db.StopPartition(t.Context(), identity.ID, partitionOf(bad), "a test", time.Now()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error { return isStopped(p, partitionOf(bad), true) })
	if results, ready := p.ready.run(t.Context()); ready {
		t.Errorf("ready with a stopped partition: %v", results)
	}
	for range 2 { // the part that was written must not turn the retry into a repeat
		if answer, err := c.events(t.Context(), load.lines); err == nil || !strings.Contains(err.Error(), "503") {
			t.Fatalf("the request is answered with %v, %v; want 503", answer, err)
		}
	}
	if err := p.db.ClearStop(t.Context(), identity.ID, partitionOf(bad)); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error { return isStopped(p, partitionOf(bad), false) })
	if _, err := c.events(t.Context(), load.lines); err != nil {
		t.Fatal(err)
	}
	checkCrashUsage(t, c, &crashLoad{acked: []*crashBatch{load}})
}

// isStopped returns an error unless the gate in front of the log has the partition as wanted.
func isStopped(p *process, partition int32, want bool) error {
	if _, stopped := p.log.Stopped()[partition]; stopped != want {
		return fmt.Errorf("partition %d: stopped is %v", partition, stopped)
	}
	return nil
}
