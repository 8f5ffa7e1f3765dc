package store

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// runsToMerge is how many runs of one tier make one of the next, and runsToMergeMax how
	// many that wait are taken at once.
	runsToMerge    = 8
	runsToMergeMax = 16
	// A tier's runs have up to eight times the entries of the tier below's; those of the first up to tierIDs.
	tierIDs  = 1 << 10
	tierLog2 = 3
	// inlineIDsMax is how many entries are merged at once, in a few milliseconds; more are merged beside
	// the checkpoints, and go around the log of Pebble as tables.
	inlineIDsMax = 64 << 10
	// mergeTableBytesMax is where such a table ends and another begins.
	mergeTableBytesMax = 256 << 20
)

// mergeLimits are inlineIDsMax and mergeTableBytesMax; tests make them smaller.
type mergeLimits struct {
	inlineIDs  int
	tableBytes uint64
}

// tierOf returns the tier of a run.
func tierOf(count int) int {
	if count <= tierIDs {
		return 0
	}
	return (bits.Len(uint((count-1)/tierIDs))-1)/tierLog2 + 1
}

// largeMerges is how many large merges a process has under way: they are not urgent, and each keeps a processor.
var largeMerges = make(chan struct{}, 1)

// mergeStep is a step of a merge, for tests that cut in between.
type mergeStep int

const (
	mergeBuilt    mergeStep = iota // a large merge's tables are built and synced
	mergeWritten                   // blocks and filter are in the store, and no row names them
	mergeSwapped                   // the new run counts, and the old ones no more
	mergeReplaced                  // the list in memory says so
	mergeRemoved                   // the old runs' blocks are gone
)

func (x *idRuns) step(done mergeStep) {
	if x.afterStep != nil {
		x.afterStep(done)
	}
}

// merge merges runs as far as there is something to merge: at once if they are small, else in a
// goroutine of its own, one at a time. It returns the error of an earlier one, too.
func (x *idRuns) merge() error {
	for {
		runs, large := x.choose()
		if len(runs) == 0 {
			return x.fault()
		}
		if large {
			x.merges.Go(func() { x.mergeLarge(runs) })
			continue
		}
		if err := x.mergeSmall(runs); err != nil {
			return x.fail(err)
		}
	}
}

// choose takes the runs that are to be merged next: the oldest of a tier that has enough. It takes none
// for a large merge while one is under way.
func (x *idRuns) choose() (chosen []idRun, large bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed != nil {
		return nil, false
	}
	tiers := make(map[int][]idRun)
	for _, run := range *x.list.Load() {
		if _, taken := x.merging[run.number]; taken {
			continue
		}
		tier := tierOf(run.count)
		if len(tiers[tier]) < runsToMergeMax {
			tiers[tier] = append(tiers[tier], run)
		}
	}
	for tier := range maxTiers {
		runs := tiers[tier]
		large := countOf(runs) > x.limits.inlineIDs
		if len(runs) < runsToMerge || large && x.large {
			continue
		}
		for i := range runs {
			x.merging[runs[i].number] = struct{}{}
		}
		x.large = x.large || large
		return runs, large
	}
	return nil, false
}

// maxTiers is above every tier: a run of that size has 2^70 entries.
const maxTiers = 21

func countOf(runs []idRun) (count int) {
	for i := range runs {
		count += runs[i].count
	}
	return count
}

// fail keeps the first error. A store that is closing is none.
func (x *idRuns) fail(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed == nil && !errors.Is(err, ErrClosed) {
		x.failed = fmt.Errorf("cannot merge runs of ids: %w", err)
	}
	return x.failed
}

func (x *idRuns) mergeSmall(old []idRun) (err error) {
	batch := x.store.db.NewBatch()
	defer closeInto(batch, &err)
	run, err := x.write(old, func(key, value []byte) error { return batch.Set(key, value, nil) })
	if err != nil {
		return err
	}
	return x.swap(batch, old, run)
}

// mergeLarge merges runs and those that are to be merged then, and keeps an error for the next checkpoint.
func (x *idRuns) mergeLarge(old []idRun) {
	for len(old) > 0 {
		if err := x.mergeInTables(old); err != nil {
			_ = x.fail(err) // add and merge return it
			return
		}
		old = x.chooseLarge()
	}
}

// chooseLarge ends a large merge and begins the next if there is one.
func (x *idRuns) chooseLarge() []idRun {
	x.mu.Lock()
	x.large = false
	x.mu.Unlock()
	for {
		runs, large := x.choose()
		if len(runs) == 0 || large {
			return runs
		}
		// A small one is as well done here.
		if err := x.mergeSmall(runs); err != nil {
			_ = x.fail(err)
			return nil
		}
	}
}

// mergeInTables waits for its turn and merges runs.
func (x *idRuns) mergeInTables(old []idRun) (err error) {
	select {
	case largeMerges <- struct{}{}:
		defer func() { <-largeMerges }()
	case <-x.closing:
		return ErrClosed
	}
	t := tables{store: x.store, name: "merge", bytesMax: x.limits.tableBytes}
	defer func() { err = errors.Join(err, t.abandon()) }()
	run, err := x.write(old, t.set)
	if err != nil {
		return err
	}
	if err := t.finish(); err != nil {
		return err
	}
	x.step(mergeBuilt)
	if err := t.ingest(); err != nil {
		return err
	}
	x.step(mergeWritten)
	batch := x.store.db.NewBatch()
	defer closeInto(batch, &err)
	return x.swap(batch, old, run)
}

// write writes the entries of runs as one run, without its row.
func (x *idRuns) write(old []idRun, set setter) (run idRun, err error) {
	count := countOf(old)
	w := newRunWriter(x.begin(), count, set)
	cursor, err := newIDCursor(context.Background(), x.store, x.store.db, old)
	if err != nil {
		return idRun{}, err
	}
	defer closeInto(cursor, &err)
	for cursor.valid {
		if err := w.put(cursor.entry()); err != nil {
			return idRun{}, err
		}
		if err := cursor.advance(); err != nil {
			return idRun{}, err
		}
	}
	if run, err = w.finish(); err == nil && run.count != count {
		err = fmt.Errorf("runs of %d entries have %d: %w", count, run.count, errCorruptRun)
	}
	return run, err
}

// swap makes a run count instead of those it is made of. batch may have its rows.
func (x *idRuns) swap(batch *pebble.Batch, old []idRun, run idRun) error {
	if err := batch.Set(appendRunHead(nil, spaceRun, run.number), appendRun(nil, &run), nil); err != nil {
		return err
	}
	numbers := make([]uint64, len(old))
	for i := range old {
		numbers[i] = old[i].number
		if err := batch.Delete(appendRunHead(nil, spaceRun, numbers[i]), nil); err != nil {
			return err
		}
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return err
	}
	x.step(mergeSwapped)
	x.replace(old, run)
	x.step(mergeReplaced)
	if err := x.remove(numbers); err != nil {
		return err
	}
	x.step(mergeRemoved)
	return nil
}
