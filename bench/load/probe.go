package main

import (
	"context"
	"fmt"
	"time"
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
	client  *client
	events  int64
	visible timeline
	acks    timeline
}

// probeUntil probes until ctx ends, if the run wants it.
func (p *prober) probeUntil(ctx context.Context) (err error) {
	if p.run.ProbeEvery == 0 {
		return nil
	}
	if p.client, err = newClient(p.run.api); err != nil {
		return err
	}
	defer p.client.close()
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
	started := time.Now()
	// Whatever becomes of ctx, an event that is sent is counted.
	if _, err := p.run.api.SendEvents(context.WithoutCancel(ctx), "/events", "application/json", p.event(started)); err != nil {
		return err
	}
	acked := time.Now()
	p.events++
	for time.Since(acked) < probeMax {
		u, err := p.client.usage(ctx, p.run.probeCustomer(), p.run.probe, "")
		if err != nil {
			return err
		}
		if seen := u.events(); seen > p.events {
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

// event returns the next probe's body.
func (p *prober) event(now time.Time) []byte {
	timeText := timeOf(now)
	return fmt.Appendf(nil, `{"event":{"transaction_id":"%s-probe-%d","external_subscription_id":"%s","code":"%s","timestamp":%s,"properties":{"%s":0,"%s":"%s","%s":"%s"}}}`,
		p.run.id, p.events+1, p.run.probe, metricCode, timeText[:],
		metricField, modelField, combinations[0].model[:], regionField, combinations[0].region[:])
}
