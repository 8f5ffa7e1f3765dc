package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// readersMax is how many readings of usage may be under way at once. When all are, the
// next one starts late, and its latency counts from when it was due.
const readersMax = 64

// reader reads current usage of random subscriptions beside the load, at a fixed rate:
// an open loop, each latency from the schedule.
type reader struct {
	run  *run
	rand *rand.Rand

	mu    sync.Mutex
	reads histogram
}

// readUntil reads until ctx ends; it returns the first error of a reading.
func (r *reader) readUntil(ctx context.Context) error {
	if r.run.Reads == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, readersMax)
	var reading sync.WaitGroup
	interval := time.Second / time.Duration(r.run.Reads)
	for due := time.Now(); ctx.Err() == nil; due = due.Add(interval) {
		time.Sleep(time.Until(due))
		subscription := r.run.names[r.rand.IntN(len(r.run.names))]
		slots <- struct{}{}
		reading.Go(func() {
			defer func() { <-slots }()
			if err := r.read(ctx, subscription, due); err != nil && ctx.Err() == nil {
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

func (r *reader) read(ctx context.Context, subscription string, due time.Time) error {
	if _, err := r.run.api.CurrentUsage(ctx, r.run.customer, subscription, ""); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads.add(time.Since(due))
	return nil
}
