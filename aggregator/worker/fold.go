package worker

import (
	"errors"
	"runtime"
	"slices"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
)

// folding makes the folds of the items that ask for them of one metric, in one walk of its events.
type folding struct {
	*usages
	wanted  *wanted
	memory  *seriesView
	folders []*aggregator.Folder
	items   []int // whose they are
	walked  int   // events
}

// eventsBetweenTurns is after how many events a walk lets others have the processor: some 0.06 ms of work.
const eventsBetweenTurns = 256

// folds gives the buckets of the items what their folds ask for, of the events of the view that the buckets were made of.
func (u *usages) folds(items []query.ItemUsage) error {
	for i := range u.wanted {
		w := &u.wanted[i]
		if !w.folds {
			continue
		}
		f := folding{usages: u, wanted: w, memory: u.view.series[i]}
		for at := range u.req.Items {
			if item := &u.req.Items[at]; item.Metric == w.metric && item.Split.Folds() {
				f.folders = append(f.folders, aggregator.NewFolder(w.metric, &item.Split, u.period, aggregator.InstantsOf(u.req.Days)))
				f.items = append(f.items, at)
			}
		}
		if err := f.run(); err != nil {
			return err
		}
		for j, folder := range f.folders {
			folder.Fill(items[f.items[j]].Buckets)
			u.cells += folder.Cells()
		}
	}
	return nil
}

func (f *folding) run() error {
	if err := f.open(); err != nil || f.done() {
		return err
	}
	scan := f.scan(f.wanted, f.memory, f.period)
	row, known, err := scan.row()
	if err != nil || !known {
		return err
	}
	scan.name.Number = row.Number
	reach := f.folders[0].Reach()
	for _, folder := range f.folders {
		reach.From = min(reach.From, folder.Reach().From)
	}
	err = f.view.stored.Events(f.ctx, &scan.name, reach, f.add)
	if errors.Is(err, errFolded) {
		return nil
	}
	return err
}

// errFolded ends a walk that needs no more events.
var errFolded = errors.New("enough events")

// done reports whether no folder needs any more events.
func (f *folding) done() bool {
	return !slices.ContainsFunc(f.folders, func(folder *aggregator.Folder) bool { return !folder.Done() })
}

// open gives the folders what there was before the period, of counters where they answer. It is made once for all.
func (f *folding) open() error {
	var history *aggregator.Reducer
	for _, folder := range f.folders {
		before, ok := folder.History()
		if !ok {
			continue
		}
		if history == nil {
			var err error
			if history, err = f.windows(f.wanted, f.memory, before); err != nil {
				return err
			}
		}
		if err := folder.Open(history); err != nil {
			return err
		}
		if err := f.bound(history.Cells()); err != nil {
			return err
		}
	}
	return nil
}

// add takes the next event.
func (f *folding) add(e *store.Event) error {
	for _, folder := range f.folders {
		folder.Add(&e.Event, e.ReceivedAt)
	}
	if f.walked++; f.walked%eventsBetweenTurns == 0 {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		runtime.Gosched()
		if f.done() {
			return errFolded
		}
	}
	return f.bound(0)
}

// bound refuses folders that have become too large, by themselves or with other cells and beside all others.
func (f *folding) bound(others int) error {
	cells := 0
	for _, folder := range f.folders {
		cells += folder.Cells()
	}
	if cells > aggregator.UsageCellsMax {
		return aggregator.ErrTooManyCells
	}
	return f.held.Hold(f.cells + others + cells)
}
