package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/bench/report"
	"weir/bench/target"
)

// How long a replay may take, and how often it is looked at.
const (
	replayMax  = 2 * time.Minute
	replayPoll = 50 * time.Millisecond
)

// replay kills a loaded weir with kill -9, starts it on its data, and then again
// without its stores, so that every event comes from the log.
func (s *suite) replay(ctx context.Context, t *table) (err error) {
	c, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	load, err := s.sendLoad(ctx, s.standard(report.ModeNDJSON, 1000, standardConnections, "probe", 0).of(c, c.API, true))
	if err != nil {
		return err
	}
	if err := c.Kill(); err != nil {
		return err
	}
	warm, err := s.restart(ctx, c, -1)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Kill(), c.LoseStore()); err != nil {
		return err
	}
	lost, err := s.restart(ctx, c, load.Events)
	if err != nil {
		return err
	}
	t.add(load, row{
		What: "replay of the log after kill -9, the stores lost", Unit: "M/s", Value: lost.perSecond / 1e6, Floor: 1, Target: 2,
		Beside: fmt.Sprintf("%d events in %.2f s from the start of the process; with its stores: ready in %.2f s and caught up after %.2f s",
			load.Events, lost.caughtUp.Seconds(), warm.ready.Seconds(), warm.caughtUp.Seconds()),
	})
	return nil
}

// recovery is what a restart took.
type recovery struct {
	ready, caughtUp time.Duration // from the start of the process
	perSecond       float64       // events counted, while they were; 0 when none were
}

// restart starts a killed child and waits until it has counted everything in its log:
// as many events as are said, or, with -1, until nothing more comes.
func (s *suite) restart(ctx context.Context, c *target.Child, events int64) (recovery, error) {
	ctx, cancel := context.WithTimeout(ctx, replayMax)
	defer cancel()
	started := time.Now()
	begun := make(chan error, 1)
	go func() { begun <- c.Restart(ctx) }()
	var w watch
	for ready := false; ; {
		select {
		case err := <-begun:
			if err != nil {
				return recovery{}, err
			}
			ready = true
		case <-time.After(replayPoll):
		case <-ctx.Done():
			return recovery{}, fmt.Errorf("%.0f events are counted after a restart: %w", w.last.counted, ctx.Err())
		}
		// The operations listener answers before weir is ready: a replay is seen from its beginning.
		m, err := target.ReadMetrics(ctx, c.OpsURL)
		if err == nil {
			w.see(m)
		}
		if ready && w.done(events) {
			return w.recovery(started, c.ReadyTook), nil
		}
	}
}

// watch follows how many events a weir has counted since its start.
type watch struct {
	first, last look
	seen        time.Time
	lag         float64
}

type look struct {
	at      time.Time
	counted float64
}

func (w *watch) see(m target.Metrics) {
	now := look{time.Now(), m.Sum("weir_aggregator_events_total")}
	w.seen, w.lag = now.at, m.Sum("weir_aggregator_lag_records")
	if now.counted > 0 && w.first.counted == 0 {
		w.first = now
	}
	if now.counted > w.last.counted || w.last.at.IsZero() {
		w.last = now
	}
}

// done reports whether all are counted. Where their number is not known, that is when
// none came for longer than the lag is measured anew.
func (w *watch) done(events int64) bool {
	const lagInterval = 2500 * time.Millisecond
	if events >= 0 {
		return w.last.counted >= float64(events)
	}
	return w.lag == 0 && w.seen.Sub(w.last.at) > lagInterval
}

func (w *watch) recovery(started time.Time, ready time.Duration) recovery {
	found := recovery{ready: ready, caughtUp: ready}
	if w.last.counted > 0 {
		found.caughtUp = max(ready, w.last.at.Sub(started))
	}
	if took := w.last.at.Sub(w.first.at); took > 0 {
		found.perSecond = (w.last.counted - w.first.counted) / took.Seconds()
	}
	return found
}

// idle measures a weir that has nothing to do: how long a start on warm data takes, and
// the memory it settles at.
func (s *suite) idle(ctx context.Context, t *table) (err error) {
	const rest = 5 * time.Second
	c, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	if err := c.Kill(); err != nil {
		return err
	}
	if err := c.Restart(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(rest):
	case <-ctx.Done():
		return ctx.Err()
	}
	memory, err := c.MemoryNow()
	if err != nil {
		return err
	}
	t.add(nil,
		row{
			What: "idle `weir all`, without PostgreSQL", Unit: "MiB", Value: mebi(memory), Floor: 150, Target: 60, Less: true,
			Beside: fmt.Sprintf("resident, %.0f s after the start", rest.Seconds()),
		},
		row{
			What: "start on a warm directory, until ready", Unit: "s", Value: c.ReadyTook.Seconds(), Floor: 2, Target: 2, Less: true,
			Beside: "after kill -9, with its PostgreSQL",
		})
	return nil
}
