package query_test

import (
	"errors"
	"testing"

	"weir/aggregator"
	"weir/aggregator/query"
)

func TestBudget(t *testing.T) {
	t.Parallel()
	var b query.Budget
	one, two := b.Reserve(), b.Reserve()
	f := func(r *query.Reservation, cells int, want error) {
		t.Helper()
		if err := r.Hold(cells); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%d cells: got %v, want %v", cells, err, want)
		}
	}
	f(&one, aggregator.UsageCellsMax, nil) // 5 of 8 million
	f(&one, 1, nil)                        // it has them
	f(&two, 3_000_000, nil)
	f(&two, 3_000_001, query.ErrOverloaded)
	f(&one, aggregator.UsageCellsMax+1, query.ErrOverloaded)
	f(&one, query.CellsMax+1, aggregator.ErrTooManyCells) // it would not fit alone
	two.Release()
	f(&one, query.CellsMax, nil)
	f(&two, 1, query.ErrOverloaded)
	one.Release()
	one.Release() // harmless
	f(&two, query.CellsMax, nil)
	two.Release()
}
