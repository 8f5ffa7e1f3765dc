package main

import (
	"context"
	"fmt"
	"time"

	"weir/bench/target"
)

// probePoll is the pause between two looks at usage, probeMax how long to look
// for one event.
const (
	probePoll = time.Millisecond
	probeMax  = 30 * time.Second
)

// prober measures the time from an event's acknowledgement to its first sight in
// usage, one event after the other, on a subscription of its own.
type prober struct {
	run     *run
	events  int64
	visible histogram
	acks    histogram
}

// probeUntil probes until ctx ends.
func (p *prober) probeUntil(ctx context.Context) error {
	tick := time.NewTicker(p.run.ProbeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := p.once(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("cannot probe: %w", err)
		}
	}
}

func (p *prober) once(ctx context.Context) error {
	body := append([]byte(`{"event":`), appendEvent(nil, p.run.id+"-probe-", p.events+1, p.run.probe, time.Now(), 0)...)
	started := time.Now()
	// Whatever becomes of ctx, an event that is sent is counted.
	if _, err := p.run.api.SendEvents(context.WithoutCancel(ctx), "/events", "application/json", append(body, '}')); err != nil {
		return err
	}
	acked := time.Now()
	p.events++
	for time.Since(acked) < probeMax {
		usage, err := p.run.api.CurrentUsage(ctx, p.run.customer, p.run.probe, "")
		if err != nil {
			return err
		}
		if seen := eventsOf(usage); seen > p.events {
			return fmt.Errorf("%d events are in usage, and %d were sent", seen, p.events)
		} else if seen == p.events {
			p.acks.add(acked.Sub(started))
			p.visible.add(time.Since(acked))
			return nil
		}
		time.Sleep(probePoll)
	}
	return fmt.Errorf("an acknowledged event is not visible after %v", probeMax)
}

func eventsOf(usage target.Usage) (events int64) {
	for _, charge := range usage.Charges {
		events += charge.EventsCount
	}
	return events
}
