package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"weir/bench/target"
)

// reconcile compares every subscription's usage with what was acknowledged. The
// reads cover everything written, so one look is enough.
func (r *run) reconcile(ctx context.Context, acked tally, written target.Positions) error {
	position := written.String()
	faults := make([]error, len(r.names))
	err := r.eachSubscription(ctx, r.names, func(ctx context.Context, i int, name string) error {
		usage, err := r.api.CurrentUsage(ctx, r.customer, name, position)
		if err == nil {
			faults[i] = compare(name, usage, acked.events[i], acked.thousandths[i])
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("usage DIFFERS from what was acknowledged:\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return nil
}

func compare(name string, usage target.Usage, events, thousandths int64) error {
	if len(usage.Charges) != 1 {
		return fmt.Errorf("%s: usage has %d charges, want 1", name, len(usage.Charges))
	}
	want := big.NewRat(thousandths, 1000)
	got, ok := new(big.Rat).SetString(usage.Charges[0].Units)
	if !ok || got.Cmp(want) != 0 || usage.Charges[0].EventsCount != events {
		return fmt.Errorf("%s: usage is %s units of %d events, acknowledged were %s of %d",
			name, usage.Charges[0].Units, usage.Charges[0].EventsCount, want.FloatString(3), events)
	}
	return nil
}
