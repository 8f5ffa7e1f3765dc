package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/bench/report"
	"weir/bench/target"
)

// refusedPause is how long bench/load pauses on a connection after a refusal.
const refusedPause = 50 * time.Millisecond

// overload offers five times the capacity: as many connections as send that much when
// every request is refused. What is refused is dropped.
func (s *suite) overload(ctx context.Context, f *full) (err error) {
	const batch, connectionsMax = 100, 4096
	connections := int(overloadFactor * float64(f.Capacity) * refusedPause.Seconds() / batch)
	connections = min(max(connections, 4*standardConnections), connectionsMax)
	f.Overload, err = s.sendLoad(ctx, s.standard(report.ModeBatch, batch, connections, "shed", true, "duration", 2*s.run))
	if err != nil {
		return fmt.Errorf("overload: %w", err)
	}
	return nil
}

// The quiet organization's load. It has connections enough for requests that take a
// tenth of a second: with few, the schedule's backlog would be its own.
const (
	quietRate        = 20_000 // events a second
	quietBatch       = 20
	quietConnections = 128
)

// neighbour measures a quiet organization's latency alone, and beside one that sends all
// it can.
func (s *suite) neighbour(ctx context.Context, f *full) (err error) {
	c, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	quiet, err := c.NewOrganization(ctx)
	if err != nil {
		return err
	}
	if f.Alone, err = s.sendQuiet(ctx, c, quiet); err != nil {
		return err
	}
	loud := make(chan error, 1)
	go func() {
		var err error
		f.Loud, err = s.sendLoad(ctx, s.standard(report.ModeBatch, 100, 2*standardConnections,
			"duration", 2*s.run+5*time.Second, "probe", 0).of(c, c.API, false))
		loud <- err
	}()
	beside, err := s.sendQuiet(ctx, c, quiet)
	if err := errors.Join(err, <-loud); err != nil {
		return fmt.Errorf("neighbour: %w", err)
	}
	f.Beside = beside
	return nil
}

func (s *suite) sendQuiet(ctx context.Context, c *target.Child, quiet target.API) (*report.Result, error) {
	return s.sendLoad(ctx, flagged("mode", report.ModeBatch, "batch", quietBatch, "connections", quietConnections, "subscriptions", 1000,
		"rate", quietRate, "duration", 2*s.run, "probe", 0).of(c, quiet, false))
}
