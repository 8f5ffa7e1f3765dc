package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// reconcileConnections is how many usages are read at a time.
const reconcileConnections = 16

// faultsMax is how many differences are told.
const faultsMax = 20

// reconcile compares every subscription's usage with what was acknowledged. The
// reads cover everything written, so one look is enough.
func (r *run) reconcile(ctx context.Context, all *Sent) error {
	if r.least != "" {
		return r.reconcileTotals(ctx, all)
	}
	position := all.Positions.String()
	var (
		next    atomic.Int64
		mu      sync.Mutex
		faults  []error
		running sync.WaitGroup
	)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for range reconcileConnections {
		running.Go(func() {
			c, err := newClient(r.api)
			if err != nil {
				stop(err)
				return
			}
			defer c.close()
			for i := int(next.Add(1) - 1); i < len(r.names) && ctx.Err() == nil; i = int(next.Add(1) - 1) {
				u, err := c.usage(ctx, r.customerOf(i), r.names[i], position)
				if err != nil {
					stop(err)
					return
				}
				if err := compare(r.names[i], u, all.Acked.of(i)); err != nil {
					mu.Lock()
					faults = append(faults, err)
					mu.Unlock()
				}
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if len(faults) == 0 {
		return nil
	}
	told := errors.Join(faults[:min(len(faults), faultsMax)]...).Error()
	return fmt.Errorf("usage of %d subscriptions DIFFERS from what was acknowledged:\n  %s", len(faults), strings.ReplaceAll(told, "\n", "\n  "))
}
