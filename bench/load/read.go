package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// readersMax is how many readings of usage may be under way at once. When all are, the
// next one starts late, and its latency counts from when it was due.
const readersMax = 64

// reader reads current usage of random subscriptions beside the load, at a fixed rate:
// an open loop, each latency from the schedule.
type reader struct {
	run   *run
	reads timeline
}

// readUntil reads until ctx ends; it returns the first error of a reading.
func (r *reader) readUntil(ctx context.Context) error {
	if r.run.Reads == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	const forever = 1000 * time.Hour // ctx ends it
	started, interval := time.Now(), time.Second/time.Duration(r.run.Reads)
	schedule := newSchedule(started.Add(forever), interval)
	var reading sync.WaitGroup
	reading.Go(func() { schedule.pace(ctx, started, interval) })
	for i := range min(readersMax, r.run.Reads) {
		reading.Go(func() {
			if err := r.read(ctx, schedule, randomness(i)); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("cannot read usage: %w", err))
			}
		})
	}
	reading.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// read is one connection's readings.
func (r *reader) read(ctx context.Context, schedule *schedule, random randomness) error {
	c, err := newClient(r.run.api)
	if err != nil {
		return err
	}
	defer c.close()
	for {
		due, ok := schedule.next()
		if !ok {
			return nil
		}
		i := below(uint32(random.next()), len(r.run.names))
		if _, err := c.get(ctx, r.run.customerOf(i), r.run.names[i], ""); err != nil {
			return err
		}
		r.reads.add(time.Since(due))
	}
}
