package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaryDir is where binary builds; TestMain makes and removes it.
var binaryDir string

// binary builds weir once for all tests that run it as a process of its own.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaryDir, "weir")
	cmd := exec.Command("go", "build", "-o", path, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build weir: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	var err error
	if binaryDir, err = os.MkdirTemp("/tmp", "weir-test-bin-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailure)
	}
	status := m.Run()
	os.RemoveAll(binaryDir)
	os.Exit(status)
}

// testDir returns a directory that a PostgreSQL run by another user can reach;
// t.TempDir can't serve that.
func testDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "weir-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, dirMode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// freeAddress returns a loopback address that nobody listens on right now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// weir is a process of the real binary.
type weir struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *lockedBuffer
	exited chan struct{}

	url string // of the API
	ops string // of the operations server
}

// lockedBuffer is where a process writes while the test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs a role with the settings given on top of free ports, and does not wait.
func start(t *testing.T, role string, settings ...string) *weir {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	listen, ops := freeAddress(t), freeAddress(t)
	w := &weir{
		t: t, cmd: exec.Command(path, role), output: &lockedBuffer{}, exited: make(chan struct{}),
		url: "http://" + listen, ops: "http://" + ops,
	}
	w.cmd.Env = append(os.Environ(), "WEIR_LISTEN="+listen, "WEIR_OPS_LISTEN="+ops)
	w.cmd.Env = append(w.cmd.Env, settings...)
	w.cmd.Stdout, w.cmd.Stderr = w.output, w.output
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		w.cmd.Wait() // the status is read from ProcessState
		close(w.exited)
	}()
	t.Cleanup(func() {
		w.kill()
		if t.Failed() {
			t.Logf("weir %s said:\n%s", role, w.output)
		}
	})
	return w
}

// waitReady waits until the process would serve requests.
func (w *weir) waitReady() {
	w.t.Helper()
	eventually(w.t, 60*time.Second, func() error {
		select {
		case <-w.exited:
			w.t.Fatalf("weir ended: %v\n%s", w.cmd.ProcessState, w.output)
		default:
		}
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.ops+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(res.Body)
			return fmt.Errorf("not ready: %s", body)
		}
		return nil
	})
}

// kill ends the process as a crash does; its own children are left to what the system does with them.
func (w *weir) kill() {
	w.cmd.Process.Kill() // fails only for a process that has ended
	<-w.exited
}

// stop asks the process to end, as Ctrl-C does, and fails the test unless it drains and exits with 0.
func (w *weir) stop() {
	w.t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-w.exited:
	case <-time.After(60 * time.Second):
		w.t.Fatalf("weir does not end after SIGTERM\n%s", w.output)
	}
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		w.t.Fatalf("weir ended with status %d after SIGTERM\n%s", code, w.output)
	}
}

// metrics returns the sum of each metric's series by name.
func (w *weir) metrics() map[string]float64 {
	w.t.Helper()
	res, err := http.Get(w.ops + "/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	sums := map[string]float64{}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if series := strings.IndexByte(line, '{'); series >= 0 {
			name = line[:series]
			rest = line[strings.LastIndexByte(line, '}')+2:]
		}
		value, err := strconv.ParseFloat(rest, 64)
		if err != nil {
			w.t.Fatalf("metric line %q: %v", line, err)
		}
		sums[name] += value
	}
	return sums
}

// postgresProcesses returns the ids of the PostgreSQL servers whose data lies in dir.
func postgresProcesses(t *testing.T, dir string) []int {
	t.Helper()
	var pids []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err == nil && bytes.Contains(line, []byte("postgres")) && bytes.Contains(line, []byte(dir)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// jsonLines encodes one value a line.
func jsonLines(t *testing.T, values ...any) []byte {
	t.Helper()
	var lines []byte
	for _, value := range values {
		line, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines
}

// get returns the body of a URL that is answered with 200.
func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %s", url, res.StatusCode, body)
	}
	return string(body)
}

// rawRequest sends bytes that no HTTP client would, and returns the first line of the answer.
func rawRequest(t *testing.T, origin, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(origin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}
