package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
)

// totals are what bench/minimal says it has counted.
type totals struct {
	Events     int64  `json:"events"`
	Counters   int64  `json:"counters"`
	Millionths string `json:"millionths"` // of units, summed
}

// reconcileTotals compares what bench/minimal has counted with what was acknowledged.
// Repeats are compared by its metrics, as weir's are.
func (r *run) reconcileTotals(ctx context.Context, all *Sent) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.api.URL+"/totals", nil)
	if err != nil {
		return fmt.Errorf("cannot read totals: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("cannot read totals: %w", err)
	}
	defer response.Body.Close()
	var got totals
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		return fmt.Errorf("cannot read totals: %w", err)
	}
	return compareTotals(got, all.Acked)
}

func compareTotals(got totals, acked tally) error {
	want := totals{}
	want.Events, want.Counters = acked.total()
	sum := new(big.Int)
	for _, c := range acked {
		sum.Add(sum, big.NewInt(1000*c.Thousandths))
	}
	want.Millionths = sum.String()
	if got != want {
		return fmt.Errorf("totals DIFFER from what was acknowledged: %+v, want %+v", got, want)
	}
	return nil
}
