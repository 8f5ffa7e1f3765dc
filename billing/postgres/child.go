package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long a PostgreSQL gets to end after each signal, before the next harder one.
const (
	fastStopMax      = 20 * time.Second // SIGINT: ends sessions, writes a checkpoint
	immediateStopMax = 5 * time.Second  // SIGQUIT: ends at once, recovers at the next start
	killMax          = 10 * time.Second // SIGKILL: the kernel's
)

// lastWordsMax is how long we listen to a child that has ended.
const lastWordsMax = time.Second

// Of what a child says, so much is kept for error messages.
const (
	tailLines    = 12
	lineBytesMax = 500
)

// child is a program that was started and is waited for.
type child struct {
	process *os.Process
	done    chan struct{} // closed when it has ended and was reaped
	err     error         // what Wait said; to be read after done
	said    *tail
}

// startChild starts a program as the account, with an environment that holds
// nothing of ours. One goroutine starts it and waits for it, locked to its thread,
// because the kernel ties the parent-death signal to the thread, not to the process.
func startChild(who account, log *slog.Logger, path string, args ...string) (*child, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe for %s: %w", path, err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = childAttr(who)

	c := &child{done: make(chan struct{}), said: &tail{}}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		c.said.follow(read, log) // to the end of file, which comes also when the start fails
	}()
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		write.Close()
		if err == nil {
			c.process = cmd.Process
		}
		started <- err
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		select { // what it left behind may keep the pipe open
		case <-heard:
		case <-time.After(lastWordsMax):
		}
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", path, err)
	}
	return c, nil
}

// wait waits until the child has ended. When ctx ends first, it kills the child.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-c.done:
	case <-ctx.Done():
		c.signal(syscall.SIGKILL)
		<-c.done
		return ctx.Err()
	}
	if c.err != nil {
		return c.failure()
	}
	return nil
}

// failure says how a child ended that should not have, and its last words.
func (c *child) failure() error {
	if c.err == nil {
		return fmt.Errorf("exit status 0: %s", c.said)
	}
	return fmt.Errorf("%w: %s", c.err, c.said)
}

// signal sends a signal, unless the child has ended.
func (c *child) signal(sig syscall.Signal) {
	_ = c.process.Signal(sig) // fails only for a process that has ended
}

// stop ends a postmaster: in an orderly way until ctx ends or fastStopMax is over,
// then harder. It returns when the child has ended.
func (c *child) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fastStopMax)
	defer cancel()
	c.signal(syscall.SIGINT)
	select {
	case <-c.done:
		return
	case <-ctx.Done():
	}
	c.signal(syscall.SIGQUIT)
	select {
	case <-c.done:
		return
	case <-time.After(immediateStopMax):
	}
	c.signal(syscall.SIGKILL)
	<-c.done
}

// tail keeps the last lines that a child wrote.
type tail struct {
	mu    sync.Mutex
	lines []string
}

// follow reads until the end of file. PostgreSQL is told to log only what is fatal,
// without statements, so a line tells no customer's data.
func (t *tail) follow(r io.ReadCloser, log *slog.Logger) {
	defer r.Close()
	lines := bufio.NewReaderSize(r, lineBytesMax)
	for {
		line, err := lines.ReadSlice('\n') // a longer line comes in pieces
		if text := strings.TrimSpace(string(line)); text != "" {
			t.add(text)
			log.Debug("postgres says", "line", text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, line)
}

// String returns the lines in one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == 0 {
		return "it said nothing"
	}
	return strings.Join(t.lines, " / ")
}
