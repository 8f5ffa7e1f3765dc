package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOtherLog: the log is not the one that the aggregator counted from. What
// was counted stays, nothing new is taken, readiness is red and says why, over a
// restart, until an operator clears it; and with the same fault it stops again.
func TestOtherLog(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	settings := []string{"WEIR_DATA_DIR=" + dir, "WEIR_API_KEY=stop", "WEIR_SANDBOX=true", "WEIR_PARTITIONS=1"}
	w := start(t, "all", settings...)
	w.waitReady()
	c := newClient(w.url, "stop")
	if status, answer := sendOne(t, c, "before", "tokens", object{"n": 1}); status != http.StatusOK {
		t.Fatalf("status %d: %v", status, answer)
	}
	eventually(t, 10*time.Second, func() error {
		if status, answer, err := c.do(t.Context(), http.MethodGet, c.api+"/api/v1/events/before", "", nil); err != nil || status != http.StatusOK {
			return fmt.Errorf("the event is not counted: %d %v %w", status, answer, err)
		}
		return nil
	})
	w.stop() // with a last checkpoint
	if err := os.RemoveAll(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}

	logID := ""
	for _, when := range []string{"at once", "after a restart", "cleared, but with the same fault"} {
		if strings.HasPrefix(when, "cleared") {
			clearStopOf(t, w, dir, logID)
		}
		w = start(t, "all", settings...)
		logID = waitStopped(t, w)
		c = newClient(w.url, "stop")
		eventually(t, 10*time.Second, func() error { // the operations server is up before the API
			_, _, err := c.do(t.Context(), http.MethodGet, c.api+"/health", "", nil)
			return err
		})
		if status, answer := sendOne(t, c, "after", "tokens", object{"n": 1}); status != http.StatusServiceUnavailable {
			t.Errorf("%s: an event is answered with %d: %v", when, status, answer)
		}
		status, answer, err := c.do(t.Context(), http.MethodGet, c.api+"/api/v1/events/before", "", nil)
		if err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("%s: a question is answered with %d: %v %v", when, status, answer, err)
		}
		w.stop()
	}
}

// waitStopped waits until readiness is red because of a stopped partition, and
// returns the id of the log it names.
func waitStopped(t *testing.T, w *weir) (logID string) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		res, err := http.Get(w.ops + "/readyz")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		_, rest, found := strings.Cut(string(body), "partition 0 of log ")
		if res.StatusCode != http.StatusServiceUnavailable || !found {
			return fmt.Errorf("readiness is %d: %s", res.StatusCode, body)
		}
		logID, _, _ = strings.Cut(rest, " ")
		return nil
	})
	return logID
}

// clearStopOf runs the operator's command for partition 0 of a log.
func clearStopOf(t *testing.T, w *weir, dir, logID string) {
	t.Helper()
	cmd := exec.Command(w.cmd.Path, "partition", "clear-stop", logID, "0")
	cmd.Env = append(os.Environ(), "WEIR_DATA_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "partition 0 is cleared") {
		t.Fatalf("weir partition clear-stop: %v\n%s", err, out)
	}
}
