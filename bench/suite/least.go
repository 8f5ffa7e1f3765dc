package main

import (
	"context"
	"fmt"

	"weir/bench/report"
)

// least sends a load that weir has had to bench/minimal, for half the time, and adds how
// weir compares: its throughput as a share, and if costFloor is not 0, its CPU per event
// as a multiple. Floors and targets are those of the figures, in the proportion that they
// have to such a pipeline's on one machine, so that they hold on another.
func (s *suite) least(ctx context.Context, t *table, weir *report.Result, name string, args arguments, floor, target, costFloor, costTarget float64) error {
	r, err := s.sendLoad(ctx, append(args, flagged("minimal-server", s.minimal, "duration", s.run/2)...))
	if err != nil {
		return err
	}
	t.add(
		r,
		row{What: "yardstick: " + name, Unit: "k/s", Value: kilo(r.CountedPerSecond), Beside: "bench/minimal, half as long; " + costs(r)},
		row{
			What: "weir as a share of it", Unit: "×", Value: ratio(float64(weir.CountedPerSecond), float64(r.CountedPerSecond)),
			Floor: floor, Target: target,
		},
	)
	if costFloor != 0 {
		t.add(nil, row{
			What: "weir's CPU per event as a multiple of its", Unit: "×", Value: ratio(float64(weir.CPUPerEvent), float64(r.CPUPerEvent)),
			Floor: costFloor, Target: costTarget, Less: true, Beside: fmt.Sprintf("%.2f µs against %.2f", micros(weir.CPUPerEvent), micros(r.CPUPerEvent)),
		})
	}
	return nil
}

// ratio is 0 where it cannot be told.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
