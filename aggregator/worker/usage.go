package worker

import (
	"context"
	"fmt"
	"slices"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/ingest"
)

// Usage implements query.Querier for the partitions owned here. A Committed
// answer comes from one snapshot of a checkpoint, any other from the state at the
// newest record. Both are made in the caller's goroutine.
func (w *Worker) Usage(ctx context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	if err := req.Check(); err != nil {
		return query.UsageAnswer{}, fmt.Errorf("cannot answer: %w", err)
	}
	number := ingest.Partition(req.Organization, req.Subscription, w.partitions)
	p, err := w.partition(number)
	if err != nil {
		return query.UsageAnswer{}, err
	}
	period := aggregator.SpanOf(req.From, req.To)
	wanted := wantedBy(&req)
	v, err := p.viewFor(ctx, &req, wanted, period)
	if err != nil {
		return query.UsageAnswer{}, asked(err)
	}
	defer v.close()
	answer := query.UsageAnswer{LogID: p.logID, Partition: number, Next: v.next, Items: make([]query.ItemUsage, len(req.Items))}
	held := w.budget.Reserve()
	defer held.Release()
	usages := usages{partition: p, ctx: ctx, req: &req, view: v, wanted: wanted, period: period, held: &held}
	err = usages.buckets(answer.Items)
	usages.end()
	if err == nil {
		err = usages.folds(answer.Items)
	}
	if err != nil {
		return query.UsageAnswer{}, asked(err)
	}
	if err := answer.Check(); err != nil {
		return query.UsageAnswer{}, err
	}
	return answer, nil
}

// wantedBy returns the metrics of a question's items, each once.
func wantedBy(req *query.UsageRequest) []wanted {
	var list []wanted
	for i := range req.Items {
		metric := req.Items[i].Metric
		at := slices.IndexFunc(list, func(w wanted) bool { return w.metric == metric })
		if at < 0 {
			name := store.SeriesName{Organization: req.Organization, Subscription: req.Subscription, Code: metric.Code}
			hash := hashSeries(req.Organization, req.Subscription, metric.Code)
			at = len(list)
			list = append(list, wanted{name: name, hash: hash, metric: metric, definition: metric.Definition()})
		}
		if split := &req.Items[i].Split; split.Folds() {
			list[at].folds, list[at].prorates = true, list[at].prorates || split.Prorates()
		}
	}
	return list
}

// viewFor returns what a usage request is answered from.
func (p *partition) viewFor(ctx context.Context, req *query.UsageRequest, wanted []wanted, period aggregator.Span) (*view, error) {
	if !req.Committed {
		return p.viewAt(&question{ctx: ctx, atLeast: req.AtLeast, at: req.At, wanted: wanted, period: period})
	}
	snapshot, err := p.snapshotAt(ctx, max(req.AtLeast, req.At))
	if err != nil {
		return nil, err
	}
	if req.At > 0 {
		return &view{stored: snapshot.ViewAt(ingest.PositionOf(req.At, 0)), next: req.At, series: make([]*seriesView, len(wanted))}, nil
	}
	return &view{stored: snapshot.View(), next: snapshot.Progress().Next, series: make([]*seriesView, len(wanted))}, nil
}

// usages makes the usage of each metric that a question wants, once.
type usages struct {
	partition *partition
	ctx       context.Context
	req       *query.UsageRequest
	view      *view
	wanted    []wanted
	period    aggregator.Span
	made      []*aggregator.Reducer // as wanted; nil = not yet
	held      *query.Reservation    // of what the question's reducers may grow to
	cells     int                   // of the reducers that are made
}

// of returns the usage of a metric that is wanted.
func (u *usages) of(metric *aggregator.Metric) (*aggregator.Reducer, error) {
	if u.made == nil {
		u.made = make([]*aggregator.Reducer, len(u.wanted))
	}
	i := slices.IndexFunc(u.wanted, func(w wanted) bool { return w.metric == metric })
	if u.made[i] == nil {
		reducer, err := u.make(&u.wanted[i], u.view.series[i])
		if err != nil {
			return nil, err
		}
		u.made[i] = reducer
		u.cells += reducer.Cells()
	}
	return u.made[i], nil
}

// buckets gives the items their usage, without its folds.
func (u *usages) buckets(items []query.ItemUsage) error {
	for i := range items {
		item := &u.req.Items[i]
		reducer, err := u.of(item.Metric)
		if err != nil {
			return err
		}
		items[i].Uncounted = reducer.Uncounted()
		if items[i].Buckets, err = reducer.BucketsOver(&item.Split, u.length()); err != nil {
			return err
		}
	}
	return nil
}

// length returns what weighted sums are divided by.
func (u *usages) length() int64 {
	if days := len(u.req.Days) - 1; days > 0 {
		return aggregator.DaysLength(days)
	}
	return u.period.To - u.period.From
}

// make takes the running total, or makes the usage of windows.
func (u *usages) make(w *wanted, memory *seriesView) (*aggregator.Reducer, error) {
	if memory != nil && memory.running != nil && !memory.check {
		return memory.total, nil
	}
	reducer, err := u.windows(w, memory, u.period)
	if err == nil && memory != nil && memory.check {
		reducer = u.partition.checkRunning(memory, reducer)
	}
	return reducer, err
}

// windows makes the usage of a period of windows, or of events where these don't answer.
func (u *usages) windows(w *wanted, memory *seriesView, period aggregator.Span) (*aggregator.Reducer, error) {
	scan := u.scan(w, memory, period)
	quick, err := scan.run()
	if err != nil {
		return nil, err
	}
	if !quick {
		u.partition.hint(hint{u.req.Organization, u.req.Subscription, w.metric.Code})
	}
	return scan.reducer, nil
}

// scan returns what makes the usage of a period.
func (u *usages) scan(w *wanted, memory *seriesView, period aggregator.Span) *usageScan {
	return &usageScan{
		ctx: u.ctx, view: u.view.stored, memory: memory, wanted: w, period: period,
		committed: u.req.Committed, past: u.req.At > 0,
		reducer: aggregator.NewReducer(w.metric, period), held: u.held, heldBefore: u.cells,
		name: store.SeriesName{Organization: u.req.Organization, Subscription: u.req.Subscription, Code: w.metric.Code},
	}
}

// end seeds the running totals that wait for it with what was found. The reducers are the
// owner's then.
func (u *usages) end() {
	for i, memory := range u.view.series {
		if memory == nil || memory.seed == nil {
			continue
		}
		var found *aggregator.Reducer // nil when it was not made, after an error
		if u.made != nil {
			found = u.made[i]
		}
		u.partition.seed(memory.seed, found)
	}
}

// checkRunning compares a running total with usage made of windows at the same position, and
// returns the latter. If they differ it says so, and lets go of the total.
func (p *partition) checkRunning(memory *seriesView, windows *aggregator.Reducer) *aggregator.Reducer {
	if memory.total.Equal(windows) {
		return memory.total
	}
	p.metrics.runningMismatches.Inc()
	p.logger.Error("running total differs from its windows, and is dropped",
		"partition", p.number, "series", memory.row.Number)
	p.seed(memory.running, nil)
	return windows
}

// hint gives the owner a hint if it has the time for it.
func (p *partition) hint(h hint) {
	select {
	case p.hints <- h:
	default:
	}
}

// usageScan feeds a reducer from a view.
type usageScan struct {
	ctx     context.Context
	view    *store.View
	memory  *seriesView // nil: the store knows all
	name    store.SeriesName
	wanted  *wanted
	period  aggregator.Span
	reducer *aggregator.Reducer
	// committed: the answer is made from a checkpoint alone.
	committed bool
	// held must cover the reducer, and heldBefore cells of others.
	held       *query.Reservation
	heldBefore int
	past       bool // as of an offset: counters are of no use
}

// run feeds the reducer. quick is false when the owner should be given a hint: it could answer
// quicker next time.
func (u *usageScan) run() (quick bool, err error) {
	row, known, err := u.row()
	if err != nil || !known {
		return true, err
	}
	u.name.Number = row.Number
	counted := !u.past && row.State == store.Counted && row.Definition == u.wanted.definition
	for _, span := range u.wanted.metric.Reach(u.period) {
		if counted {
			err = u.addCounters(row, span)
		} else {
			err = u.addEvents(span)
		}
		if err != nil {
			return false, err
		}
	}
	// A series that is not in memory has no running total, and no need of one for an invoice.
	settled := row.State == store.Overflowed && row.Definition == u.wanted.definition
	return u.past || settled || counted && (u.memory != nil || u.committed), nil
}

func (u *usageScan) row() (store.Series, bool, error) {
	if u.memory != nil {
		return u.memory.row, true, nil
	}
	return u.view.Series(u.name.Organization, u.name.Subscription, u.name.Code)
}

// addCounters takes whole days and hours from counters and the edges from raw events.
func (u *usageScan) addCounters(row store.Series, span aggregator.Span) error {
	windows := aggregator.SplitWindows(span)
	for _, edge := range windows.Edges {
		if err := u.addEvents(edge); err != nil {
			return err
		}
	}
	if err := u.addStored(row, store.Day, windows.Days); err != nil {
		return err
	}
	for _, hours := range windows.Hours {
		if err := u.addStored(row, store.Hour, hours); err != nil {
			return err
		}
	}
	u.addUnsaved(&windows)
	return u.bound()
}

// addStored takes counters of the snapshot, save for the days that memory knows better.
func (u *usageScan) addStored(row store.Series, w store.Window, span aggregator.Span) error {
	if span.Empty() {
		return nil
	}
	return u.view.Counters(u.ctx, row.Number, row.Definition, w, span,
		func(number int32, cell []byte, c *aggregator.Counter) error {
			day, start := number, aggregator.StartOfDay(number)
			if w == store.Hour {
				day, start = aggregator.DayOfHour(number), aggregator.StartOfHour(number)
			}
			if !u.unsaved(cell, day) {
				u.reducer.AddCounter(cell, start, c)
			}
			return u.bound()
		})
}

func (u *usageScan) unsaved(cell []byte, day int32) bool {
	if u.memory == nil || len(u.memory.unsaved) == 0 {
		return false
	}
	return u.memory.unsaved[cellDay{string(cell), day}] != nil
}

func (u *usageScan) addUnsaved(windows *aggregator.Windows) {
	if u.memory == nil {
		return
	}
	for at, day := range u.memory.unsaved {
		cell := []byte(at.cell)
		if windows.Days.Contains(int64(at.day)) {
			u.reducer.AddCounter(cell, aggregator.StartOfDay(at.day), &day.total)
			continue
		}
		for i := range day.hours {
			hour := int64(day.hours[i].hour)
			if windows.Hours[0].Contains(hour) || windows.Hours[1].Contains(hour) {
				u.reducer.AddCounter(cell, aggregator.StartOfHour(day.hours[i].hour), &day.hours[i].counter)
			}
		}
	}
}

// addEvents takes the raw events of a span: those of the snapshot, and those
// pending that it does not cover.
func (u *usageScan) addEvents(span aggregator.Span) error {
	return u.view.Events(u.ctx, &u.name, span, func(e *store.Event) error {
		u.reducer.AddEvent(&e.Event, e.ReceivedAt, e.Position)
		return u.bound()
	})
}

// bound refuses a reducer that has become too large, by itself or beside all others.
func (u *usageScan) bound() error {
	if u.reducer.Full() {
		return aggregator.ErrTooManyCells
	}
	return u.held.Hold(u.heldBefore + u.reducer.Cells())
}
