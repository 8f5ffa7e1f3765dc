package worker

import (
	"context"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/ingest"
)

// Usage implements query.Querier for the partitions owned here. A Committed
// answer comes from one snapshot of a checkpoint, any other from the state at the
// newest record. Both scan in the caller's goroutine.
func (w *Worker) Usage(ctx context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	number := ingest.Partition(req.Organization, req.Subscription, w.partitions)
	p, err := w.partition(number)
	if err != nil {
		return query.UsageAnswer{}, err
	}
	span := aggregator.SpanOf(req.From, req.To)
	v, err := p.viewFor(ctx, &req, span)
	if err != nil {
		return query.UsageAnswer{}, asked(err)
	}
	defer v.close()
	answer := query.UsageAnswer{LogID: p.logID, Partition: number, Next: v.next}
	for i, metric := range req.Metrics {
		u := usageScan{ctx: ctx, view: v, span: span, metric: metric, reducer: aggregator.NewReducer(metric)}
		u.name = store.SeriesName{Organization: req.Organization, Subscription: req.Subscription, Code: metric.Code}
		if len(v.series) > i {
			u.memory = v.series[i]
		}
		cells, counted, err := u.run()
		if err != nil {
			return query.UsageAnswer{}, asked(err)
		}
		if !counted {
			p.hint(hint{req.Organization, req.Subscription, metric.Code})
		}
		answer.Metrics = append(answer.Metrics, query.MetricUsage{Cells: cells})
	}
	return answer, nil
}

// hint gives the owner a hint if it has the time for it.
func (p *partition) hint(h hint) {
	select {
	case p.hints <- h:
	default:
	}
}

// viewFor returns what a usage request is answered from.
func (p *partition) viewFor(ctx context.Context, req *query.UsageRequest, span aggregator.Span) (*view, error) {
	if req.Committed {
		snapshot, err := p.snapshotAt(ctx, req.AtLeast)
		if err != nil {
			return nil, err
		}
		return &view{snapshot: snapshot, next: snapshot.Progress().Next}, nil
	}
	q := &question{ctx: ctx, atLeast: req.AtLeast, span: span}
	for _, metric := range req.Metrics {
		q.series = append(q.series, string(appendSeriesMapKey(nil, req.Organization, req.Subscription, metric.Code)))
	}
	return p.viewAt(q)
}

// usageScan makes the usage of one metric from a view.
type usageScan struct {
	ctx     context.Context
	view    *view
	memory  *seriesView // nil: the snapshot knows all
	name    store.SeriesName
	span    aggregator.Span
	metric  *aggregator.Metric
	reducer *aggregator.Reducer
}

// run returns the cells; counted is false when they had to be made from raw
// events although there are some.
func (u *usageScan) run() (cells []aggregator.CellUsage, counted bool, err error) {
	row, known, err := u.row()
	if err != nil {
		return nil, false, err
	}
	if !known {
		return []aggregator.CellUsage{}, true, nil
	}
	u.name.Number = row.Number
	counted = row.State == store.Counted && row.Definition == u.metric.Definition()
	if counted {
		err = u.addCounters(row)
	} else {
		err = u.addEvents(u.span)
	}
	if err != nil {
		return nil, false, err
	}
	cells, err = u.reducer.Usage()
	return cells, counted || row.State == store.Overflowed, err
}

func (u *usageScan) row() (store.Series, bool, error) {
	if u.memory != nil {
		return u.memory.row, true, nil
	}
	return u.view.snapshot.Series(u.name.Organization, u.name.Subscription, u.name.Code)
}

// addCounters takes whole days and hours from counters and the edges from raw events.
func (u *usageScan) addCounters(row store.Series) error {
	windows := aggregator.SplitWindows(u.span)
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
	return nil
}

// addStored takes counters of the snapshot, save for the days that memory knows better.
func (u *usageScan) addStored(row store.Series, w store.Window, span aggregator.Span) error {
	if span.Empty() {
		return nil
	}
	return u.view.snapshot.Counters(u.ctx, row.Number, row.Definition, w, span,
		func(number int32, cell []byte, c *aggregator.Counter) error {
			day := number
			if w == store.Hour {
				day = aggregator.DayOfHour(number)
			}
			if !u.unsaved(cell, day) {
				u.reducer.AddCounter(cell, c)
			}
			return nil
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
			u.reducer.AddCounter(cell, &day.total)
			continue
		}
		for i := range day.hours {
			hour := int64(day.hours[i].hour)
			if windows.Hours[0].Contains(hour) || windows.Hours[1].Contains(hour) {
				u.reducer.AddCounter(cell, &day.hours[i].counter)
			}
		}
	}
}

// addEvents takes the raw events of a span: those of the snapshot, and those
// pending that it does not cover.
func (u *usageScan) addEvents(span aggregator.Span) error {
	if span.Empty() {
		return nil
	}
	add := func(e *store.Event) error {
		u.reducer.AddEvent(&e.Event, e.Position)
		if u.reducer.Full() {
			return aggregator.ErrTooManyCells
		}
		return nil
	}
	if err := u.view.snapshot.Events(u.ctx, &u.name, span, add); err != nil {
		return err
	}
	match := func(name *store.SeriesName, timestamp int64) bool {
		return name.Number == u.name.Number && span.Contains(timestamp)
	}
	for i := range u.view.pending {
		if err := u.view.pending[i].Find(u.view.snapshot.End(), match, add); err != nil {
			return err
		}
	}
	return nil
}
