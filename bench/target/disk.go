package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"weir/bench/report"
)

// Directories of a weir's data that bench looks at.
const (
	logDir   = "log"        // the embedded log
	storeDir = "aggregator" // the aggregator's stores
)

// Disk is settled when it takes as much as settleLooks looks ago, one every settlePoll.
const (
	settlePoll  = 500 * time.Millisecond
	settleLooks = 6
)

// diskBlock is what st_blocks counts, on every file system.
const diskBlock = 512

// Disk returns what the log and the store take now.
func (c *Child) Disk() (log, store report.Disk, err error) {
	if log, err = diskOf(filepath.Join(c.DataDir(), logDir)); err != nil {
		return log, store, err
	}
	store, err = diskOf(filepath.Join(c.DataDir(), storeDir))
	return log, store, err
}

// Settled waits until the child has stopped compacting, for as long as most, and
// returns what the log and the store take then.
func (c *Child) Settled(ctx context.Context, most time.Duration) (log, store report.Disk, err error) {
	started := time.Now()
	var seen []int64
	for {
		if log, store, err = c.Disk(); err != nil {
			return log, store, err
		}
		seen = append(seen, log.Bytes+store.Bytes)
		took := time.Since(started)
		settled := len(seen) > settleLooks && seen[len(seen)-1-settleLooks] == seen[len(seen)-1]
		if settled || took >= most {
			for _, d := range []*report.Disk{&log, &store} {
				d.SettleTime, d.SettledFull = took.Nanoseconds(), settled
			}
			return log, store, nil
		}
		select {
		case <-time.After(settlePoll):
		case <-ctx.Done():
			return log, store, ctx.Err()
		}
	}
}

// diskOf sums up a directory; one that is not there takes nothing. Files may come and
// go meanwhile.
func diskOf(dir string) (d report.Disk, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		var stat syscall.Stat_t
		if err := syscall.Stat(path, &stat); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		d.Bytes += stat.Blocks * diskBlock
		if ext := filepath.Ext(path); ext == ".sst" || ext == ".blob" || ext == ".blocks" {
			d.TableBytes += stat.Blocks * diskBlock
		}
		return nil
	})
	if err != nil {
		return report.Disk{}, fmt.Errorf("cannot measure %s: %w", dir, err)
	}
	return d, nil
}

// LoseStore removes what the aggregator keeps: at the next start it is made anew from
// the log. The child must not run.
func (c *Child) LoseStore() error {
	if err := os.RemoveAll(filepath.Join(c.DataDir(), storeDir)); err != nil {
		return fmt.Errorf("cannot remove the store: %w", err)
	}
	return nil
}
