package store

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// idRuns are the ids of a store: every entry of every id, in runs. Each checkpoint brings one run; runs of
// about one size are merged when there are runsToMerge of them, so that there are few for each look-up to ask, and each
// entry is written again only once for every eightfold that there is.
//
// What counts is the directory, the rows that name the runs. A merge goes in this order:
//
//  1. The new run's blocks and filter are written. Nobody sees them.
//  2. One batch adds its row and removes those of the runs it is made of.
//  3. The list in memory is changed.
//  4. The old runs' blocks and filters are removed.
//
// Snapshots read the directory that they hold, and go on reading the old runs. Other readers take the list, then
// make an iterator, and then look whether the list is still the same: if so, the blocks of all runs
// in the list were there when the iterator was made (read). None of the four needs a sync: what a power cut takes
// away of them it takes from the end. The run of a checkpoint that came later and is durable stands beside those that
// had been merged then. Open removes blocks and filters that no row names.
type idRuns struct {
	store *Store
	list  atomic.Pointer[[]idRun] // ordered by (low, number); never changed, only replaced
	// lookup is the memory of the last look-up; nil while one has it.
	lookup atomic.Pointer[idLookup]

	mu      sync.Mutex // guards what follows, and replacing list
	next    uint64     // number of the next run
	making  map[uint64]struct{}
	merging map[uint64]struct{} // runs that a merge under way is made of
	large   bool                // a large merge is under way
	failed  error               // of a merge: nothing is to be written any more

	closing   chan struct{}
	merges    sync.WaitGroup
	limits    mergeLimits
	afterStep func(mergeStep) // for tests
}

// openIDRuns reads the directory and the filters, and takes away what was interrupted. Of a
// store that is open for reading only it reads the directory.
func openIDRuns(s *Store) (*idRuns, error) {
	x := &idRuns{
		store: s, next: 1, making: make(map[uint64]struct{}), merging: make(map[uint64]struct{}),
		closing: make(chan struct{}),
		limits:  mergeLimits{inlineIDs: inlineIDsMax, tableBytes: mergeTableBytesMax},
	}
	var runs []idRun
	err := eachRun(s.db, func(run idRun, lines int) error {
		x.next = max(x.next, run.number+1)
		if !s.readOnly {
			if err := run.loadFilter(s.db, lines); err != nil {
				return err
			}
		}
		runs = append(runs, run)
		return nil
	})
	if err != nil {
		return nil, err
	}
	x.publish(runs)
	if s.readOnly {
		return x, nil
	}
	if err := x.clean(); err != nil {
		return nil, fmt.Errorf("cannot remove unfinished runs of ids: %w", err)
	}
	return x, nil
}

// publish replaces the list. mu is held, or nobody else has x.
func (x *idRuns) publish(runs []idRun) {
	slices.SortFunc(runs, func(a, b idRun) int {
		return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(a.number, b.number))
	})
	x.list.Store(&runs)
}

// clean removes the tables of merges that did not come to be runs, and the rows of runs that the directory does not name.
func (x *idRuns) clean() error {
	if err := x.store.cleanTables(); err != nil {
		return err
	}
	var left []uint64
	err := x.eachWritten(func(number uint64) {
		x.next = max(x.next, number+1)
		if !slices.ContainsFunc(*x.list.Load(), func(r idRun) bool { return r.number == number }) {
			left = append(left, number)
		}
	})
	if err != nil {
		return err
	}
	return x.remove(left)
}

// eachWritten calls f for every run that has a block or a filter.
func (x *idRuns) eachWritten(f func(number uint64)) (err error) {
	iter, err := x.store.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceSeen}, UpperBound: []byte{spaceSeen + 1}})
	if err != nil {
		return err
	}
	defer closeInto(iter, &err)
	for valid := iter.First(); valid; {
		number, err := runOfKey(iter.Key())
		if err != nil {
			return err
		}
		f(number)
		valid = iter.SeekGE(appendRunHead(nil, spaceSeen, number+1))
	}
	return iter.Error()
}

// remove deletes the blocks and filters of runs that no row names, in any order. Those that stand together go at once.
func (x *idRuns) remove(numbers []uint64) (err error) {
	if len(numbers) == 0 {
		return nil
	}
	batch := x.store.db.NewBatch()
	defer closeInto(batch, &err)
	slices.Sort(numbers)
	for from := 0; from < len(numbers); {
		to := from + 1
		for to < len(numbers) && !x.usedBetween(numbers[to-1], numbers[to]) {
			to++
		}
		lower, upper := appendRunHead(nil, spaceSeen, numbers[from]), appendRunHead(nil, spaceSeen, numbers[to-1]+1)
		if err := batch.DeleteRange(lower, upper, nil); err != nil {
			return err
		}
		from = to
	}
	return batch.Commit(pebble.NoSync)
}

// usedBetween reports whether a number between two is that of a run, or of one that is being made.
func (x *idRuns) usedBetween(low, high uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for number := range x.making {
		if low < number && number < high {
			return true
		}
	}
	return slices.ContainsFunc(*x.list.Load(), func(r idRun) bool { return low < r.number && r.number < high })
}

// begin returns the number of a new run. It is in use until it is in the list or dropped.
func (x *idRuns) begin() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	number := x.next
	x.next++
	x.making[number] = struct{}{}
	return number
}

// replace takes runs out of the list and one into it.
func (x *idRuns) replace(old []idRun, run idRun) {
	x.mu.Lock()
	defer x.mu.Unlock()
	runs := make([]idRun, 0, len(*x.list.Load())+1)
	for _, r := range *x.list.Load() {
		if !slices.ContainsFunc(old, func(o idRun) bool { return o.number == r.number }) {
			runs = append(runs, r)
		}
	}
	x.publish(append(runs, run))
	delete(x.making, run.number)
	for i := range old {
		delete(x.merging, old[i].number)
	}
}

// fault returns the error of a merge that went wrong.
func (x *idRuns) fault() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.failed
}

// add writes what is pending of ids as a run: its blocks and its filter by set, in the order of their keys, and its row among rows.
// publish is to be called when all that is durable. After an error, nothing more may be added.
func (x *idRuns) add(set setter, rows *rows, p *Pending) (publish func(), err error) {
	if err := x.fault(); err != nil {
		return nil, err
	}
	if len(p.events) == 0 {
		return func() {}, nil
	}
	w := newRunWriter(x.begin(), len(p.events), set)
	sorter := idSorters.get()
	err = sorter.each(p, w.put)
	if len(p.events) <= packerEventsMax {
		idSorters.put(sorter)
	}
	if err != nil {
		return nil, err
	}
	run, err := w.finish()
	if err != nil {
		return nil, err
	}
	rows.putValue(appendRunHead(nil, spaceRun, run.number), func(dst []byte) []byte { return appendRun(dst, &run) })
	return func() { x.replace(nil, run) }, nil
}

// read calls f with the runs and an iterator that sees their blocks and is f's until it returns. f may be called
// again, when runs were merged in between.
func (x *idRuns) read(f func(runs []idRun, iter *pebble.Iterator) error) error {
	for {
		list := x.list.Load()
		again, err := x.readOnce(list, f)
		if !again {
			return err
		}
	}
}

func (x *idRuns) readOnce(list *[]idRun, f func(runs []idRun, iter *pebble.Iterator) error) (again bool, err error) {
	iter, err := x.store.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceSeen}, UpperBound: []byte{spaceSeen + 1}})
	if err != nil {
		return false, fmt.Errorf("cannot read ids: %w", err)
	}
	defer closeInto(iter, &err)
	if x.list.Load() != list {
		return true, nil
	}
	return false, f(*list, iter)
}

// stats returns how many runs and ids there are, and the memory of their filters.
func (x *idRuns) stats() (runs int, entries, filterBytes int64) {
	list := *x.list.Load()
	for i := range list {
		entries += int64(list[i].count)
		filterBytes += int64(len(list[i].filter)) * filterLineBytes
	}
	return len(list), entries, filterBytes
}

// close ends a merge that is under way and waits for it. It may be called once.
func (x *idRuns) close() {
	close(x.closing)
	x.merges.Wait()
}
