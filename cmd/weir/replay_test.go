package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/aggregator"
	"weir/aggregator/store"
)

// replayed runs weir replay on a data directory, fails unless it exits with the status,
// and returns what it said.
func replayed(t *testing.T, settings []string, status int) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "replay")
	cmd.Env = append(os.Environ(), settings...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("weir replay exits with %d, want %d:\n%s", got, status, out)
	}
	return string(out)
}

// TestReplay: a store equals what the log makes; where one counter has been changed behind
// weir's back, replay says which, and exits with 1.
func TestReplay(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	settings := []string{"WEIR_DATA_DIR=" + dir, "WEIR_API_KEY=k", "WEIR_SANDBOX=true", "WEIR_CHECKPOINT_INTERVAL=50ms"}
	w := start(t, "all", settings...)
	w.waitReady()
	c := newClient(w.url, "k")
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": april}})
	createEveryMetric(t, c)
	for round := range 3 { // several checkpoints
		var lines []any
		for _, m := range everyMetric {
			for i, e := range m.events {
				lines = append(lines, eventLine(t, fmt.Sprintf("%s-%d-%d", m.code, round, i), m.code, e))
			}
		}
		sendLines(t, c, lines...)
		eventually(t, 10*time.Second, func() error {
			if w.metrics()["weir_aggregator_checkpoints_total"] < float64(round+1) {
				return errors.New("no checkpoint yet")
			}
			return nil
		})
	}
	c.must(t, "DELETE", "/events/sum-0-1?external_subscription_id=acme", nil)
	c.must(t, "PUT", "/events/max-0-1?external_subscription_id=acme", object{"event": object{"properties": object{"v": 3}}})
	w.stop()
	if out := replayed(t, settings, 0); !strings.Contains(out, "the store is what the log makes") {
		t.Errorf("replay said:\n%s", out)
	}

	// What a replay that was killed has left goes, and a store that is missing is said to be.
	left := filepath.Join(dir, "replay-1234")
	if err := os.MkdirAll(filepath.Join(left, "partition-00000"), privateMode); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(store.Dir(filepath.Join(dir, "aggregator"), 0), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	if out := replayed(t, settings, 0); !strings.Contains(out, "partition 0: no store here") {
		t.Errorf("replay does not say that a store is missing:\n%s", out)
	}
	if err := os.Rename(filepath.Join(dir, "away"), store.Dir(filepath.Join(dir, "aggregator"), 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("replay leaves what another left behind: %v", err)
	}

	name := corruptOneCounter(t, dir, "acme", "sum")
	if out := replayed(t, settings, exitFailure); !strings.Contains(out, name) || !strings.Contains(out, "1 differences") {
		t.Errorf("replay does not name %s:\n%s", name, out)
	}
}

// TestReplayInterrupted: a replay that is told to stop has proved nothing, and main takes
// a cancellation for a good end.
func TestReplayInterrupted(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	if err := os.Mkdir(filepath.Join(dir, "aggregator"), privateMode); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := replayCommand{}.Run(ctx, &Config{DataDir: dir, OpsListen: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a replay that was interrupted ends with %v", err)
	}
}

// TestReplayOfNothing: a proof makes nothing where there is nothing to prove.
func TestReplayOfNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(testDir(t), "none")
	if out := replayed(t, []string{"WEIR_DATA_DIR=" + dir}, exitFailure); !strings.Contains(out, "there is no store") {
		t.Errorf("replay said:\n%s", out)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("replay has made %s: %v", dir, err)
	}
}

// corruptOneCounter adds an event that never was to an hour's counter of a series, and
// returns what names it.
func corruptOneCounter(t *testing.T, dir, subscription, code string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "aggregator", "partition-*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stores: %v", err)
	}
	for _, path := range paths {
		var number int32
		if _, err := fmt.Sscanf(filepath.Base(path), "partition-%05d", &number); err != nil {
			t.Fatal(err)
		}
		if corruptCounterIn(t, path, number, subscription, code) {
			return code
		}
	}
	t.Fatalf("no store has a series of %s", code)
	return ""
}

func corruptCounterIn(t *testing.T, path string, number int32, subscription, code string) (done bool) {
	t.Helper()
	s, err := store.Open(path, store.Options{Partition: number})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	rows, _, err := snapshot.SeriesPage(context.Background(), nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Name.Subscription != subscription || row.Name.Code != code {
			continue
		}
		counters := store.NewCounters(row.Row.Number, row.Row.Definition)
		hours := aggregator.Span{From: april.Unix() / 3600, To: may.Unix() / 3600}
		err := snapshot.Counters(context.Background(), row.Row.Number, row.Row.Definition, store.Hour, hours,
			func(hour int32, cell []byte, c *aggregator.Counter) error {
				if !done {
					wrong := c.Clone()
					wrong.EventsCount++
					counters.PutCounter(store.Hour, hour, string(cell), &wrong)
					done = true
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WriteCounters(counters); err != nil {
			t.Fatal(err)
		}
	}
	return done
}
