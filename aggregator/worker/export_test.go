package worker

import (
	"context"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/ingest"
)

// SpoilRunning puts an event that nobody sent into the running total that answers the first item of a
// question, and reports whether there was one.
func (w *Worker) SpoilRunning(ctx context.Context, req query.UsageRequest, e *ingest.Event) (bool, error) {
	p, err := w.partition(ingest.Partition(req.Organization, req.Subscription, w.partitions))
	if err != nil {
		return false, err
	}
	period := aggregator.SpanOf(req.From, req.To)
	v, err := p.viewFor(ctx, &req, wantedBy(&req), period)
	if err != nil {
		return false, err
	}
	defer v.close()
	memory := v.series[0]
	if memory == nil || memory.running == nil {
		return false, nil
	}
	wrong := aggregator.NewReducer(req.Items[0].Metric, period)
	wrong.AddEvent(e, 0, 0)
	p.seed(memory.running, wrong)
	return true, nil
}

// SetChunkMax sets how many counters of a rebuild are in memory before they go to
// the store. It must be called before Run.
func (w *Worker) SetChunkMax(counters int) { w.chunkMax = counters }

// ReserveCells takes cells from the budget of all questions, until they are released.
func (w *Worker) ReserveCells(cells int) (release func()) {
	held := w.budget.Reserve()
	if err := held.Hold(cells); err != nil {
		panic(err)
	}
	return held.Release
}
