package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// orphanPollInterval is how often we look whether an orphan has ended: it is not our
// child, so there is nothing to wait for.
const orphanPollInterval = 10 * time.Millisecond

// endOrphans ends what PostgreSQL processes still work in the data directory: a
// postmaster whose parent was killed and that is shutting down, or backends whose
// postmaster was killed. The caller holds the directory's lock, so nobody's child is
// among them. Then it removes the postmaster's lock file, which names a process that
// has ended, is a zombie that nobody reaps, or is somebody else by now; PostgreSQL
// itself would take the latter two for its predecessor and refuse to start.
func endOrphans(ctx context.Context, log *slog.Logger, data string) error {
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
	}{
		{syscall.SIGINT, fastStopMax},
		{syscall.SIGQUIT, immediateStopMax},
		{syscall.SIGKILL, killMax},
	}
	for _, step := range steps {
		pids, err := serversOn(data)
		if err != nil {
			return fmt.Errorf("cannot look for processes on %s: %w", data, err)
		}
		if len(pids) == 0 {
			return removeLockFile(log, data)
		}
		log.Warn("ending orphaned postgres", "pids", pids, "signal", step.signal.String())
		for _, pid := range pids {
			_ = syscall.Kill(pid, step.signal) // fails only for one that has ended
		}
		if err := awaitNone(ctx, data, step.wait); err != nil {
			return err
		}
	}
	pids, err := serversOn(data)
	if err != nil {
		return fmt.Errorf("cannot look for processes on %s: %w", data, err)
	}
	if len(pids) > 0 {
		return fmt.Errorf("orphaned postgres processes %v on %s do not end", pids, data)
	}
	return removeLockFile(log, data)
}

// awaitNone waits until no process works in the data directory, or the time is over.
func awaitNone(ctx context.Context, data string, wait time.Duration) error {
	tick := time.NewTicker(orphanPollInterval)
	defer tick.Stop()
	over := time.After(wait)
	for {
		pids, err := serversOn(data)
		if err != nil {
			return fmt.Errorf("cannot look for processes on %s: %w", data, err)
		}
		if len(pids) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func removeLockFile(log *slog.Logger, data string) error {
	err := os.Remove(filepath.Join(data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot remove the stale lock of a postgres that has ended: %w", err)
	}
	log.Info("removed stale postmaster.pid", "dir", data)
	return nil
}
