package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"weir/bench/report"
)

// timeline is a histogram of a whole run, and one of what came since the last look.
type timeline struct {
	mu     sync.Mutex
	all    report.Histogram
	recent report.Histogram
}

func (t *timeline) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all.Add(d)
	t.recent.Add(d)
}

func (t *timeline) latency() report.Latency {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.Latency()
}

// take returns what came since the last take.
func (t *timeline) take() report.Latency {
	t.mu.Lock()
	defer t.mu.Unlock()
	recent := t.recent.Latency()
	t.recent = report.Histogram{}
	return recent
}

// tellSeries writes the latencies of probes and readings to the file that the run wants
// them in, line by line, until ctx ends.
func (r *run) tellSeries(ctx context.Context, p *prober, reads *reader) (err error) {
	if r.series == "" {
		return nil
	}
	file, err := os.Create(r.series)
	if err != nil {
		return fmt.Errorf("cannot write series: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := json.NewEncoder(file)
	tick := time.NewTicker(r.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			moment := report.Moment{At: now, ProbeAck: p.acks.take(), Visible: p.visible.take(), Read: reads.reads.take()}
			if err := lines.Encode(moment); err != nil {
				return fmt.Errorf("cannot write series: %w", err)
			}
		}
	}
}
