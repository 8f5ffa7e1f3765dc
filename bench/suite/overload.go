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

// Bounds of an overload's connections, and of the runs it takes to find how many are needed.
const (
	overloadConnectionsMax = 4096
	overloadRunsMax        = 3
	overloadBatch          = 100
)

// overload offers five times the capacity, over so many connections as it takes; what is
// refused is dropped. How long an answer takes decides what a connection offers, so a run
// that offered too little is made again with more of them.
func (s *suite) overload(ctx context.Context, f *full) (err error) {
	connections := int(overloadFactor * float64(f.Capacity) * refusedPause.Seconds() / overloadBatch)
	for range overloadRunsMax {
		connections = min(max(connections, 4*standardConnections), overloadConnectionsMax)
		f.Overload, err = s.sendLoad(ctx, s.standard(report.ModeBatch, overloadBatch, connections, "shed", true, "duration", 2*s.run))
		if err != nil {
			return fmt.Errorf("overload: %w", err)
		}
		const enough, more = 0.8, 1.2
		reached := ratio(float64(offeredPerSecond(f.Overload)), overloadFactor*float64(f.Capacity))
		if reached == 0 || reached >= enough || connections == overloadConnectionsMax {
			break
		}
		connections = int(more * float64(connections) / reached)
	}
	return nil
}

func offeredPerSecond(r *report.Result) int64 {
	return report.PerSecond((r.Requests+r.Refused)*int64(r.Shape.Batch), r.Sending)
}

// offered says how many times its capacity an overloaded weir was asked to take, and how many
// events of it. The generator shares the processors: what was aimed at is rarely reached.
func offered(r *report.Result, capacity int64) string {
	perSecond := offeredPerSecond(r)
	return fmt.Sprintf("%-16s %d events/s, %.1f times its capacity (%d were aimed at); %.0f %% were acknowledged",
		"offered", perSecond, ratio(float64(perSecond), float64(capacity)), overloadFactor, 100*ratio(float64(r.AckedPerSecond), float64(perSecond)))
}

// The quiet organization's load. It has connections enough for requests that take a
// tenth of a second: with few, the schedule's backlog would be its own.
const (
	quietRate        = 20_000 // events a second
	quietBatch       = 20
	quietConnections = 128
)

// neighbours is a quiet organization's load alone, and beside one that sends all it can.
type neighbours struct {
	Limit  int64          `json:"events_per_second_limit"` // of each organization; 0: none
	Alone  *report.Result `json:"quiet_organization_alone"`
	Beside *report.Result `json:"quiet_organization_beside_a_loud_one"`
	Loud   *report.Result `json:"loud_organization"`
}

func (n *neighbours) String() string {
	limit := "without limits"
	if n.Limit > 0 {
		limit = fmt.Sprintf("limited to %d events/s each", n.Limit)
	}
	return fmt.Sprintf("%s:\nquiet organization alone:        ack %s\nquiet organization beside a loud: ack %s\np99 moved by %.0f %% (at most 20 %% is wanted); the loud one got %d events/s\n",
		limit, n.Alone.Ack, n.Beside.Ack, 100*(ratio(millis(n.Beside.Ack.P99), millis(n.Alone.Ack.P99))-1), n.Loud.AckedPerSecond)
}

// neighbour measures neighbours as they are, and with a limit of half the capacity for each.
func (s *suite) neighbour(ctx context.Context, f *full) error {
	for _, limit := range []int64{0, f.Capacity / 2} {
		n, err := s.measureNeighbours(ctx, limit)
		if err != nil {
			return fmt.Errorf("neighbour: %w", err)
		}
		f.Neighbours = append(f.Neighbours, n)
	}
	return nil
}

func (s *suite) measureNeighbours(ctx context.Context, limit int64) (n *neighbours, err error) {
	c, err := target.Start(ctx, target.ChildOptions{Binary: s.weir, Env: []string{fmt.Sprintf("WEIR_ORGANIZATION_EVENTS_PER_SECOND=%d", limit)}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	quiet, err := c.NewOrganization(ctx)
	if err != nil {
		return nil, err
	}
	n = &neighbours{Limit: limit}
	if n.Alone, err = s.sendQuiet(ctx, c, quiet); err != nil {
		return nil, err
	}
	loud := make(chan error, 1)
	go func() {
		var err error
		n.Loud, err = s.sendLoad(ctx, s.standard(report.ModeBatch, 100, 2*standardConnections,
			"duration", 2*s.run+5*time.Second, "probe", 0, "shed", limit > 0).of(c, c.API, false))
		loud <- err
	}()
	n.Beside, err = s.sendQuiet(ctx, c, quiet)
	return n, errors.Join(err, <-loud)
}

func (s *suite) sendQuiet(ctx context.Context, c *target.Child, quiet target.API) (*report.Result, error) {
	return s.sendLoad(ctx, flagged("mode", report.ModeBatch, "batch", quietBatch, "connections", quietConnections, "subscriptions", 1000,
		"rate", quietRate, "duration", 2*s.run, "probe", 0).of(c, quiet, false))
}
