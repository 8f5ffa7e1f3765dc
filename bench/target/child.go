// Package target is the weir that a bench program talks to: a client of its API,
// and a child process of its own with data, ports and a key that nobody else has.
package target

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"weir/bench/report"
)

// How long a child may take to become ready, and to drain.
const (
	readyTimeout = 30 * time.Second
	drainTimeout = 30 * time.Second
)

// ChildOptions say which weir to start.
type ChildOptions struct {
	Binary  string // path of the weir binary
	Sandbox bool
	Env     []string // further settings, NAME=value
}

// Child is `weir all` with its own temporary data directory.
type Child struct {
	API    API
	OpsURL string
	Dir    string // removed by Stop
	PID    int

	// ReadyTook is how long the last start took, from the start of the process until
	// /readyz said that it serves.
	ReadyTook time.Duration

	binary string
	env    []string
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
	err    error         // how it ended; read after exited
}

// Start starts a child and waits until it is ready. Settings of the caller's
// environment do not reach it: it must not write to somebody's Kafka or database.
func Start(ctx context.Context, opts ChildOptions) (*Child, error) {
	binary, err := filepath.Abs(opts.Binary)
	if err != nil {
		return nil, fmt.Errorf("cannot find weir: %w", err)
	}
	dir, err := dataDir()
	if err != nil {
		return nil, err
	}
	c := &Child{Dir: dir, binary: binary}
	if err = c.prepare(opts); err == nil {
		err = c.Restart(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

// dataDir makes a directory that the PostgreSQL child, which runs as another
// user when we are root, can pass through.
func dataDir() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "weir-bench-")
	if err != nil {
		return "", fmt.Errorf("cannot make a data directory: %w", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", fmt.Errorf("cannot make a data directory: %w", err)
	}
	return dir, nil
}

// prepare chooses addresses and a key, which stay the child's.
func (c *Child) prepare(opts ChildOptions) error {
	addresses, err := freeAddresses(2)
	if err != nil {
		return err
	}
	c.API = API{URL: "http://" + addresses[0], Key: "bench_" + strings.ToLower(rand.Text())}
	c.OpsURL = "http://" + addresses[1]
	c.env = append(inherited(os.Environ()),
		"WEIR_LISTEN="+addresses[0], "WEIR_OPS_LISTEN="+addresses[1],
		"WEIR_DATA_DIR="+c.DataDir(), "WEIR_API_KEY="+c.API.Key,
		fmt.Sprintf("WEIR_SANDBOX=%t", opts.Sandbox))
	c.env = append(c.env, opts.Env...)
	return nil
}

// Restart starts the child again, on the data it has, and waits until it is ready. It
// must have ended, by Kill or by itself.
func (c *Child) Restart(ctx context.Context) error {
	logFile, err := os.OpenFile(c.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("cannot open weir's log file: %w", err)
	}
	defer logFile.Close() // the child has its own descriptor
	c.cmd = exec.Command(c.binary, "all")
	c.cmd.Stdout, c.cmd.Stderr = logFile, logFile
	c.cmd.SysProcAttr = childAttributes()
	c.cmd.Env = c.env
	c.exited, c.err = make(chan struct{}), nil
	started := time.Now()
	if err := c.run(); err != nil {
		return fmt.Errorf("cannot start %s: %w", c.binary, err)
	}
	if err := c.waitReady(ctx); err != nil {
		return errors.Join(fmt.Errorf("weir did not become ready: %w\n%s", err, c.LogTail()), c.end())
	}
	c.ReadyTook = time.Since(started)
	return nil
}

// Settle stops the child as a SIGTERM does and starts it again, so that what was only in
// write-ahead logs is in tables, and waits until it has stopped compacting, for as long
// as most. It returns what the log and the store take then.
func (c *Child) Settle(ctx context.Context, most time.Duration) (log, store report.Disk, err error) {
	if err := errors.Join(c.end(), c.Restart(ctx)); err != nil {
		return log, store, err
	}
	return c.Settled(ctx, most)
}

// Kill ends the child as kill -9 does, and waits for its end.
func (c *Child) Kill() error {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("cannot kill weir: %w", err)
	}
	<-c.exited
	return nil
}

// Setting returns what the child was given for a variable, "" for nothing.
func (c *Child) Setting(name string) (value string) {
	for _, entry := range c.env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v // the last one counts
		}
	}
	return value
}

// DataDir is where the child keeps everything.
func (c *Child) DataDir() string { return filepath.Join(c.Dir, "data") }

// inherited returns the environment without weir's settings, but for where
// PostgreSQL's binaries are.
func inherited(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "WEIR_") || strings.HasPrefix(entry, "WEIR_PG_BIN=") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// freeAddresses returns loopback addresses that nobody listened on a moment ago.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("cannot find a free port: %w", err)
		}
		defer listener.Close() // all at the end: the next one must be another
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

// run starts the process and waits for it on one thread of its own: the signal
// that ends a child when we are killed comes when the *thread* that started it ends.
func (c *Child) run() error {
	started := make(chan error)
	cmd, exited := c.cmd, c.exited
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(exited)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	c.PID = c.cmd.Process.Pid
	return nil
}

func (c *Child) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready(ctx, c.OpsURL+"/readyz") {
			return nil
		}
		select {
		case <-c.exited:
			return fmt.Errorf("it ended: %w", c.ended())
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func ready(ctx context.Context, url string) bool {
	_, err := get(ctx, url)
	return err == nil
}

// get reads a URL that must answer 200.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s was answered %d", url, res.StatusCode)
	}
	return body, err
}

// Exited is closed when the process has ended, by Stop or by itself.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// ended says how the process ended, in words also when it ended well.
func (c *Child) ended() error {
	if c.err == nil {
		return errors.New("exit status 0")
	}
	return c.err
}

// Stop drains and ends the child and removes its data. A child that does not
// drain in time is killed, which is an error. It may be called again.
func (c *Child) Stop() error {
	return errors.Join(c.end(), os.RemoveAll(c.Dir))
}

func (c *Child) end() error {
	select {
	case <-c.exited:
		return nil
	default:
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("cannot stop weir: %w", err)
	}
	select {
	case <-c.exited:
		if c.err != nil {
			return fmt.Errorf("weir did not end well: %w\n%s", c.err, c.LogTail())
		}
		return nil
	case <-time.After(drainTimeout):
	}
	err := c.cmd.Process.Kill()
	<-c.exited
	return errors.Join(fmt.Errorf("weir did not drain in %v and was killed", drainTimeout), err)
}

func (c *Child) logPath() string { return filepath.Join(c.Dir, "weir.log") }

// LogTail returns the last lines of what the child wrote.
func (c *Child) LogTail() string {
	text, err := os.ReadFile(c.logPath())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
