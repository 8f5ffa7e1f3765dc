package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestRun: weir starts from nothing, says where it is and with which key, the
// lines it prints work when pasted, it ends with status 0, and finds its data again.
func TestRun(t *testing.T) { // not beside others: it watches the clock
	dir := testDir(t)
	began := time.Now()
	w := start(t, "all", "WEIR_DATA_DIR="+dir, "WEIR_API_KEY=")
	w.waitReady()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("ready after %v", took)
	}
	eventually(t, 10*time.Second, func() error {
		if !strings.Contains(w.output.String(), "Ctrl-C") {
			return fmt.Errorf("no greeting yet")
		}
		return nil
	})
	key := regexp.MustCompile(`API key: (weir_[0-9a-f]{40}) `).FindStringSubmatch(w.output.String())
	if key == nil {
		t.Fatalf("no API key in\n%s", w.output)
	}
	pasteCurlLines(t, w.output.String())
	w.stop()
	if pids := postgresProcesses(t, dir); len(pids) > 0 {
		t.Errorf("PostgreSQL processes are left running: %v", pids)
	}

	w = start(t, "all", "WEIR_DATA_DIR="+dir, "WEIR_API_KEY=")
	w.waitReady()
	if strings.Contains(w.output.String(), key[1]) {
		t.Error("the key is shown a second time")
	}
	c := newClient(w.url, key[1])
	eventually(t, 10*time.Second, func() error {
		status, answer, err := c.do(t.Context(), http.MethodGet, c.api+"/api/v1/events/first-event", "", nil)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("the first run's event is not found: %d %v %w", status, answer, err)
		}
		return nil
	})
	otherOrganization(t, w, dir)
	w.stop()
}

// pasteCurlLines runs the lines that weir prints to be pasted.
func pasteCurlLines(t *testing.T, output string) {
	t.Helper()
	lines := regexp.MustCompile(`(?m)^curl .*$`).FindAllString(output, -1)
	if len(lines) != 3 {
		t.Fatalf("%d curl lines, not 3:\n%s", len(lines), output)
	}
	for _, line := range lines {
		eventually(t, 10*time.Second, func() error { // an event can be read when it is counted, an instant after it was taken
			out, err := exec.Command("sh", "-c", line+" --fail-with-body").CombinedOutput()
			if err != nil || !json.Valid(out) {
				return fmt.Errorf("%s\n%w: %s", line, err, out)
			}
			return nil
		})
	}
}

// otherOrganization: weir org create works beside a running weir, and its key sees nothing of the first's.
func otherOrganization(t *testing.T, w *weir, dir string) {
	t.Helper()
	cmd := exec.Command(w.cmd.Path, "org", "create", "Second")
	cmd.Env = append(os.Environ(), "WEIR_DATA_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("weir org create: %v\n%s", err, out)
	}
	key := regexp.MustCompile(`API key: (weir_[0-9a-f]{40}) `).FindStringSubmatch(string(out))
	if key == nil {
		t.Fatalf("no API key in\n%s", out)
	}
	c := newClient(w.url, key[1])
	if total := text(t, c.must(t, http.MethodGet, "/billable_metrics", nil), "meta", "total_count"); total != "0" {
		t.Errorf("the second organization sees %s metrics of the first", total)
	}
	status, answer, err := c.do(t.Context(), http.MethodGet, c.api+"/api/v1/events/first-event", "", nil)
	if err != nil || status != http.StatusNotFound {
		t.Errorf("the second organization reads an event of the first: %d %v %v", status, answer, err)
	}
}

// TestClosedDataDir: a directory as mktemp makes it serves, also where PostgreSQL
// runs as another user, and what lies in it stays private.
func TestClosedDataDir(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w := start(t, "all", "WEIR_DATA_DIR="+dir, "WEIR_API_KEY=closed")
	w.waitReady()
	for _, name := range []string{"log", "aggregator", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != privateMode {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	w.stop()
}

// TestSandboxStaysOne: what lives by a test clock is not billed by the system's,
// which would find everything between due at once: weir refuses to start.
func TestSandboxStaysOne(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	w := start(t, "all", "WEIR_DATA_DIR="+dir, "WEIR_API_KEY=sandbox", "WEIR_SANDBOX=true")
	w.waitReady()
	newClient(w.url, "sandbox").must(t, http.MethodPost, "/test_clock", object{"test_clock": object{"now": walkFrom}})
	w.stop()
	w = start(t, "all", "WEIR_DATA_DIR="+dir)
	select {
	case <-w.exited:
	case <-time.After(30 * time.Second):
		t.Fatal("weir runs outside the sandbox")
	}
	if code, said := w.cmd.ProcessState.ExitCode(), w.output.String(); code != exitFailure || !strings.Contains(said, "WEIR_SANDBOX=true") {
		t.Errorf("status %d, output %s", code, said)
	}
}

// TestSettings: a bad setting ends weir with status 2 and its name.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{
		"WEIR_LISTEN=nowhere", "WEIR_OPS_LISTEN=1", "WEIR_BATCH_EVENTS_MAX=0", "WEIR_PARTITIONS=-1",
		"WEIR_BILLING_DELAY=-1m", "WEIR_CHECKPOINT_INTERVAL=1ns", "WEIR_KAFKA_BROKERS=nowhere", "WEIR_WINDOW_IDS=-1",
		"WEIR_ORGANIZATION_REQUESTS_PER_SECOND=-1", "WEIR_ORGANIZATION_EVENTS_PER_SECOND=1000000001",
	} {
		w := start(t, "all", "WEIR_DATA_DIR="+testDir(t), setting)
		select {
		case <-w.exited:
		case <-time.After(30 * time.Second):
			t.Fatalf("weir runs with %s", setting)
		}
		name, _, _ := strings.Cut(setting, "=")
		if code := w.cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(w.output.String(), name) {
			t.Errorf("%s: status %d, output %s", setting, code, w.output)
		}
	}
}

// opsMetrics are what dashboards and alerts are built on.
var opsMetrics = []string{
	"weir_build_info", "go_goroutines", "process_cpu_seconds_total",
	"weir_ingest_events_total", "weir_ingest_duplicates_total", "weir_ingest_conflicts_total", "weir_ingest_refused_total",
	"weir_ingest_append_duration_seconds_count", "weir_ingest_log_commit_seconds_count", "weir_ingest_log_disk_bytes",
	"weir_aggregator_events_total", "weir_aggregator_duplicates_total", "weir_aggregator_set_aside_total",
	"weir_aggregator_lag_events", "weir_aggregator_lag_seconds", "weir_aggregator_stopped",
	"weir_aggregator_checkpoint_duration_seconds_count", "weir_aggregator_store_disk_bytes",
	"weir_billing_invoices_total", "weir_billing_failures_total", "weir_billing_oldest_due_seconds",
	"weir_postgres_pool_connections",
}

// TestOps: the operations port shows what an operator watches.
func TestOps(t *testing.T) {
	t.Parallel()
	w := start(t, "all", "WEIR_DATA_DIR="+testDir(t), "WEIR_API_KEY=ops", "WEIR_SANDBOX=true", "WEIR_TYPO=1")
	w.waitReady()
	c := newClient(w.url, "ops")
	for path, want := range map[string]int{"/events": http.StatusUnprocessableEntity, "/nowhere": http.StatusNotFound} {
		status, answer, err := c.do(t.Context(), http.MethodPost, c.api+"/api/v1"+path, "application/json", []byte(`{"event":{}}`))
		if err != nil || status != want {
			t.Errorf("POST %s: status %d, not %d: %v %v", path, status, want, answer, err)
		}
	}
	if answer := rawRequest(t, w.url, "GET /api/v1/customers/%zz HTTP/1.1\r\nHost: weir\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
		t.Errorf("a path that is no URL: %s", answer)
	}
	eventually(t, 10*time.Second, func() error {
		metrics := w.metrics()
		for _, name := range opsMetrics {
			if _, ok := metrics[name]; !ok {
				return fmt.Errorf("no metric %s", name)
			}
		}
		return nil
	})
	for path, want := range map[string]string{
		"/livez": "ok", "/readyz": `"name":"database","ok":true`, "/debug/pprof/": "goroutine", "/debug/pprof/cmdline": "all",
	} {
		if body := get(t, w.ops+path); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
	if !strings.Contains(w.output.String(), "WEIR_TYPO") {
		t.Error("a misspelt setting passes in silence")
	}
}
