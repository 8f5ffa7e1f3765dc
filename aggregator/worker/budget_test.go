package worker_test

import (
	"errors"
	"testing"
	"time"

	"weir/aggregator/query"
)

// A question that has no room beside others is refused, and can be asked when they are done.
func TestQuestionsShareABudget(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1", text("model", "a")))
	usage := query.UsageRequest{
		Organization: orgA, Subscription: "alpha", From: time.Unix(0, base), To: time.Unix(0, base+day),
		Items: []query.UsageItem{{Metric: calls}}, AtLeast: r.end(0),
	}
	events := query.EventsRequest{
		Organization: orgA, From: time.Unix(0, base), To: time.Unix(0, base+day), Offset: 10_000, Limit: 1,
		AtLeast: map[int32]int64{0: r.end(0)},
	}
	f := func(want error) {
		t.Helper()
		_, err := r.worker.Events(r.ctx(), events)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("events: got %v, want %v", err, want)
		}
		_, err = r.worker.Usage(r.ctx(), usage)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("usage: got %v, want %v", err, want)
		}
	}
	release := r.worker.ReserveCells(query.CellsMax)
	f(query.ErrOverloaded)
	release()
	f(nil)
	f(nil) // nothing is held after an answer
	r.worker.ReserveCells(query.CellsMax)()
}
