package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"weir/billing/postgres"
)

// dataDir returns a directory that the child can live in, also when we are root.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "weir-embedded-test-")
	must(t, err)
	must(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "postgres")
}

// seed is a stopped cluster that holds 42, made once: initdb is most of what a test
// would take.
var seed = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "weir-embedded-test-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", err
	}
	removeAtEnd(dir)
	ctx := context.Background()
	e, err := postgres.StartEmbedded(ctx, postgres.EmbeddedOptions{Dir: filepath.Join(dir, "postgres")})
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, e.URL())
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, `CREATE TABLE kept AS SELECT 42 AS n`)
	return filepath.Join(dir, "postgres"), errors.Join(err, conn.Close(ctx), e.Stop(ctx))
})

// seededDir returns a directory with a copy of the seed.
func seededDir(t *testing.T) string {
	t.Helper()
	from, err := seed()
	must(t, err)
	to := dataDir(t)
	out, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	if err != nil {
		t.Fatalf("cannot copy the seed: %v: %s", err, out)
	}
	return to
}

// start starts it as durable as in production: most tests crash it.
func start(t *testing.T, dir string) *postgres.Embedded {
	t.Helper()
	e, err := postgres.StartEmbedded(t.Context(), postgres.EmbeddedOptions{Dir: dir})
	must(t, err)
	t.Cleanup(func() { e.Stop(context.Background()) })
	return e
}

// run runs statements on a connection of its own.
func run(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(context.Background())
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		must(t, err)
	}
}

// mustHold checks that the data of an earlier start is there.
func mustHold(t *testing.T, url string, want int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(context.Background())
	var got int
	must(t, conn.QueryRow(t.Context(), `SELECT n FROM kept`).Scan(&got))
	equal(t, "what was kept", got, want)
}

// postmaster returns the process id in postmaster.pid.
func postmaster(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	must(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	must(t, err)
	return pid
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	dir := seededDir(t)
	e := start(t, dir)
	conn, err := pgx.Connect(t.Context(), e.URL())
	must(t, err)
	for setting, want := range map[string]string{"fsync": "on", "listen_addresses": "", "data_checksums": "on", "TimeZone": "UTC"} {
		var got string
		must(t, conn.QueryRow(t.Context(), `SELECT current_setting($1)`, setting).Scan(&got))
		equal(t, setting, got, want)
	}

	conn.Exec(t.Context(), `BEGIN`) // a session that is in the middle of something
	_, err = postgres.StartEmbedded(t.Context(), postgres.EmbeddedOptions{Dir: dir})
	if !errors.Is(err, postgres.ErrInUse) {
		t.Fatalf("a second start says %v, want ErrInUse", err)
	}
	url, err := postgres.EmbeddedURL(dir) // beside the process that runs it
	must(t, err)
	mustHold(t, url, 42)
	must(t, e.Err())
	must(t, e.Stop(t.Context())) // with a session open
	if url, err := postgres.EmbeddedURL(dir); err == nil {
		t.Errorf("a stopped server has the URL %s", url)
	}
	must(t, e.Stop(t.Context()))
	<-e.Done()
	must(t, e.Err())
	if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); !os.IsNotExist(err) {
		t.Errorf("it did not end in order: postmaster.pid: %v", err)
	}
	mustHold(t, start(t, dir).URL(), 42)
}

func TestEmbeddedStopAtOnce(t *testing.T) {
	t.Parallel()
	dir := seededDir(t)
	e := start(t, dir)
	run(t, e.URL(), `UPDATE kept SET n = 43`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, e.Stop(ctx))
	mustHold(t, start(t, dir).URL(), 43)
}

// kill -9 of the postmaster is noticed, and the next start takes over.
func TestEmbeddedPostmasterKilled(t *testing.T) {
	t.Parallel()
	dir := seededDir(t)
	e := start(t, dir)
	run(t, e.URL(), `UPDATE kept SET n = 43`)
	// A backend that is busy and does not notice that its postmaster is gone.
	busy, err := pgx.Connect(t.Context(), e.URL())
	must(t, err)
	go busy.Exec(context.Background(), `SELECT count(*) FROM generate_series(1, 100000000000)`)
	must(t, syscall.Kill(postmaster(t, dir), syscall.SIGKILL))
	<-e.Done()
	if err := e.Err(); err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("Err is %v, want that it was killed", err)
	}
	must(t, e.Stop(t.Context())) // nothing left to stop
	mustHold(t, start(t, dir).URL(), 43)
}

// A process that was killed leaves a postmaster that is ending; the next start, in
// another process, waits for it and finds its data.
func TestEmbeddedOrphan(t *testing.T) {
	t.Parallel()
	for round := range 3 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			dir := seededDir(t)
			parent, url := startParent(t, dir)
			mustHold(t, url, 42)
			pid := postmaster(t, dir)
			if round == 1 {
				// Stopped, it can't follow the kernel's signal: a true orphan.
				must(t, syscall.Kill(pid, syscall.SIGSTOP))
			}
			must(t, parent.Process.Kill())
			_ = parent.Wait()
			resume := onLog("ending orphaned postgres", func() { syscall.Kill(pid, syscall.SIGCONT) })
			e, err := postgres.StartEmbedded(t.Context(), postgres.EmbeddedOptions{Dir: dir, Logger: slog.New(resume)})
			must(t, err)
			t.Cleanup(func() { e.Stop(context.Background()) })
			if postmaster(t, dir) == pid {
				t.Error("the orphan still runs")
			}
			mustHold(t, e.URL(), 42)
		})
	}
}

// onLog calls fn when a message is logged.
func onLog(message string, fn func()) slog.Handler {
	replace := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.MessageKey && a.Value.String() == message {
			fn()
		}
		return a
	}
	return slog.NewTextHandler(io.Discard, &slog.HandlerOptions{ReplaceAttr: replace})
}

// startParent starts another process that starts an embedded PostgreSQL.
func startParent(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"="+dir)
	_, err := parent.StdinPipe()
	must(t, err)
	out, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	t.Cleanup(func() { parent.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	if url := strings.TrimSpace(line); strings.HasPrefix(url, "postgres://") {
		return parent, url
	}
	t.Fatalf("the parent says %q", line)
	return nil, ""
}

// A process that is killed in the middle of initdb leaves nothing that stands in the way.
func TestEmbeddedInitInterrupted(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"="+dir)
	_, err := parent.StdinPipe()
	must(t, err)
	must(t, parent.Start())
	t.Cleanup(func() { parent.Process.Kill() })
	for { // until initdb has begun to write
		found, err := filepath.Glob(filepath.Join(dir, "initdb-*", "PG_VERSION"))
		must(t, err)
		if len(found) > 0 {
			break
		}
		if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
			t.Fatal("initdb was faster than we could look")
		}
	}
	must(t, parent.Process.Kill())
	_ = parent.Wait()
	run(t, start(t, dir).URL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	left, err := filepath.Glob(filepath.Join(dir, "initdb-*"))
	must(t, err)
	mustList(t, "left-overs", left)
}

// A postmaster.pid that names a process which is alive but no PostgreSQL.
func TestEmbeddedStaleLock(t *testing.T) {
	t.Parallel()
	dir := seededDir(t)
	e := start(t, dir)
	must(t, e.Stop(t.Context()))
	lock := fmt.Sprintf("%d\n%s\n", os.Getppid(), filepath.Join(dir, "data"))
	must(t, os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(lock), 0o644))
	mustHold(t, start(t, dir).URL(), 42)
}

func TestEmbeddedLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(filepath.Dir(dataDir(t)), strings.Repeat("long/", 30), "postgres")
	from := seededDir(t)
	must(t, os.MkdirAll(filepath.Dir(dir), 0o711))
	must(t, os.Rename(from, dir))
	for range 2 {
		e := start(t, dir)
		url, err := postgres.EmbeddedURL(dir)
		must(t, err)
		equal(t, "URL", url, e.URL())
		mustHold(t, url, 42)
		must(t, e.Stop(t.Context()))
	}
}

func TestEmbeddedForeignData(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	must(t, os.MkdirAll(filepath.Join(dir, "data"), 0o755))
	_, err := postgres.StartEmbedded(t.Context(), postgres.EmbeddedOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "is no PostgreSQL cluster") {
		t.Errorf("a directory of something else: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o644))
	_, err = postgres.StartEmbedded(t.Context(), postgres.EmbeddedOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "made by PostgreSQL 9") {
		t.Errorf("data of a version that is not installed: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "data", "PG_VERSION"))
	must(t, err)
	equal(t, "what was there", string(text), "9\n")
}

func TestEmbeddedOtherThings(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "holiday.jpg"), nil, 0o644))
	_, err := postgres.StartEmbedded(t.Context(), postgres.EmbeddedOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "holiday.jpg") {
		t.Errorf("a directory of other things: %v", err)
	}
	info, err := os.Stat(dir)
	must(t, err)
	equal(t, "mode of the directory", info.Mode().Perm(), 0o755)
}

func TestCheckDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(dataDir(t))
	must(t, postgres.CheckDir(filepath.Join(dir, "not", "there", "yet")))
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	if err := postgres.CheckDir(filepath.Join(dir, "file", "below")); err == nil {
		t.Error("a directory below a file will do")
	}
	if os.Geteuid() != 0 {
		return
	}
	closed := filepath.Join(dir, "closed")
	must(t, os.Mkdir(closed, 0o700))
	must(t, postgres.CheckDir(closed)) // becomes the child's own
	err := postgres.CheckDir(filepath.Join(closed, "below"))
	if err == nil || !strings.Contains(err.Error(), closed+" (mode 0700)") {
		t.Errorf("below a closed directory: %v", err)
	}
}

func TestFindBinaries(t *testing.T) { // not parallel: it sets the environment
	dir, err := postgres.FindBinaries()
	must(t, err)
	t.Setenv("WEIR_PG_BIN", dir)
	got, err := postgres.FindBinaries()
	must(t, err)
	equal(t, "directory", got, dir)
	t.Setenv("WEIR_PG_BIN", t.TempDir())
	if _, err = postgres.FindBinaries(); err == nil || !strings.Contains(err.Error(), "WEIR_PG_BIN") {
		t.Errorf("an empty WEIR_PG_BIN: %v", err)
	}
}
