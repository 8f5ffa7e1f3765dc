package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
)

// endingContext ends after it was asked so many times.
type endingContext struct {
	context.Context
	left int
}

func (c *endingContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestAnswersOfFoldsEnd: with their asker, in the middle of the events, wherever these are; and where they would hold more
// than there is room for.
func TestAnswersOfFoldsEnd(t *testing.T) {
	const events = 20_000
	p := applyPartition(t)
	fillSeries(t, p, events, 24*time.Hour)
	metric := &aggregator.Metric{Aggregation: aggregator.UniqueCountAgg, FieldName: "tokens", Recurring: true} // 4096 members
	metric.Organization, metric.Code = uuid.UUID{1}, "tokens"
	req := foldRequest(metric, aggregator.Split{Fold: &aggregator.Fold{Prorated: true}}, 2)
	budget := new(query.Budget)
	fold, err := p.foldsOf(t.Context(), budget, &req)
	if err != nil || !fold.UnitDays.Equal(decimal.NewFromInt(4096)) {
		t.Fatalf("fold is %+v, %v", fold, err)
	}
	ctx := &endingContext{t.Context(), 1 << 30}
	if _, err := p.foldsOf(ctx, budget, &req); err != nil {
		t.Fatal(err)
	}
	looks := 1<<30 - ctx.left
	if looks < events/eventsBetweenTurns {
		t.Errorf("while it walked %d events it looked %d times whether its asker is there", events, looks)
	}
	for left := range looks {
		if _, err := p.foldsOf(&endingContext{t.Context(), left}, budget, &req); !errors.Is(err, context.Canceled) {
			t.Fatalf("when its asker was gone at look %d: %v", left, err)
		}
	}
	others := budget.Reserve()
	if err := others.Hold(query.CellsMax - 4000); err != nil {
		t.Fatal(err)
	}
	if _, err := p.foldsOf(t.Context(), budget, &req); !errors.Is(err, query.ErrOverloaded) {
		t.Errorf("beside others that hold nearly all: %v", err)
	}
	others.Release()
	if _, err := p.foldsOf(t.Context(), budget, &req); err != nil {
		t.Errorf("when they are done: %v", err)
	}
}

// TestAnswersOfFoldsEndEarly: where the rest of the events can change nothing, they are not read.
func TestAnswersOfFoldsEndEarly(t *testing.T) {
	const events = 20_000
	p := applyPartition(t)
	fillSeries(t, p, events, 24*time.Hour)
	metric := p.options.Catalog().Metric(uuid.UUID{1}, []byte("tokens"))
	f := func(fold aggregator.Fold, wantLooks int) {
		t.Helper()
		req := foldRequest(metric, aggregator.Split{Fold: &fold}, 2)
		ctx := &endingContext{t.Context(), wantLooks}
		got, err := p.foldsOf(ctx, new(query.Budget), &req)
		if err != nil || fold.Allowance != nil && got.FreeEvents != fold.Allowance.Events {
			t.Errorf("%+v: %+v, %v", fold.Allowance, got, err)
		}
	}
	f(aggregator.Fold{}, 0)
	// Some looks are the store's, at the beginning.
	f(aggregator.Fold{Allowance: &aggregator.Allowance{Events: 300}}, 300/eventsBetweenTurns+10)
}
