package main

import (
	"context"
	"fmt"
	"time"

	"weir/bench/report"
)

// table is what `make bench` prints, and what is kept of it.
type table struct {
	At      time.Time        `json:"at"`
	Commit  string           `json:"commit"`
	Machine report.Machine   `json:"machine"`
	Took    time.Duration    `json:"took_ns"`
	Rows    []row            `json:"rows"`
	Loads   []*report.Result `json:"loads"`
	failed  []error
}

// table measures the set of some three minutes, prints it and keeps it. A measurement that fails
// leaves its rows out and fails the set at its end.
func (s *suite) table(ctx context.Context) error {
	t := &table{At: time.Now().UTC(), Commit: s.commit, Machine: s.machine}
	for _, measure := range []func(context.Context, *table) error{
		s.batches, s.lines, s.singles, s.paced, s.reads, s.replay, s.idle,
	} {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := measure(ctx, t); err != nil {
			t.failed = append(t.failed, err)
			fmt.Println(err)
		}
	}
	t.Took = time.Since(t.At)
	text := t.String()
	fmt.Print(text)
	if err := report.WriteFiles(s.out, "table", text, t); err != nil {
		return err
	}
	fmt.Printf("\nwritten to %s/table.txt and .json\n", s.out)
	if len(t.failed) > 0 {
		return fmt.Errorf("%d measurements failed, the first one: %w", len(t.failed), t.failed[0])
	}
	return nil
}

func (t *table) String() string {
	text := fmt.Sprintf("weir %s, %s, %.0f s in all\n%s\n", t.Commit, t.At.Format(time.RFC3339), t.Took.Seconds(), t.Machine)
	if len(t.Loads) > 0 {
		text += "durable: " + t.Loads[0].Durable + "\n"
	}
	text += "Generator, server and PostgreSQL share the machine. Every load ended in an exact comparison of events, sums and repeats.\n"
	text += "Batches are answered shortly (Prefer: return=minimal) unless a row says otherwise.\n\n"
	text += render(t.Rows)
	for _, err := range t.failed {
		text += fmt.Sprintf("\nFAILED: %v\n", err)
	}
	return text
}

// add keeps a load and the rows that came of it.
func (t *table) add(load *report.Result, rows ...row) {
	if load != nil {
		t.Loads = append(t.Loads, load)
	}
	t.Rows = append(t.Rows, rows...)
}

// standard is a load of the standard size. Batches are answered shortly, as bench/minimal
// does: Lago's answer is larger than the request. That of NDJSON is short as it is, and with single events
// it makes no difference.
func (s *suite) standard(mode string, batch, connections int, more ...any) arguments {
	return append(flagged("mode", mode, "batch", batch, "connections", connections, "minimal", mode == report.ModeBatch,
		"subscriptions", s.subscriptions, "duration", s.run), flagged(more...)...)
}

// costs says what a load took of the processors.
func costs(r *report.Result) string {
	text := fmt.Sprintf("server %.2f, generator %.2f µs/event; ack p50 %.1f, p99 %.1f ms",
		micros(r.CPUPerEvent), micros(r.GeneratorPerEvent), millis(r.Ack.P50), millis(r.Ack.P99))
	if r.MemoryBytes > 0 {
		text += fmt.Sprintf("; %.0f MiB at most", mebi(r.MemoryBytes))
	}
	return text
}

const settleMax = 15 * time.Second

func (s *suite) batches(ctx context.Context, t *table) error {
	r, err := s.sendLoad(ctx, s.standard(report.ModeBatch, 100, standardConnections, "settle", settleMax))
	if err != nil {
		return err
	}
	logAll, logTables := r.LogDisk.PerEvent(r.Events)
	storeAll, storeTables := r.StoreDisk.PerEvent(r.Events)
	t.add(r,
		row{What: "batches of 100, durable and counted", Unit: "k/s", Value: kilo(r.CountedPerSecond), Floor: 500, Target: 750, Beside: costs(r)},
		row{What: "server CPU per event, batches of 100", Unit: "µs", Value: micros(r.CPUPerEvent), Floor: 2.2, Target: 1.7, Less: true},
		row{
			What: "ack → visible at saturation, p99", Unit: "ms", Value: millis(r.Visible.P99), Floor: 1000, Target: 500, Less: true,
			Beside: fmt.Sprintf("p50 %.1f ms", millis(r.Visible.P50)),
		},
		row{
			What: "disk per event in the store", Unit: "B", Value: storeAll, Floor: 120, Target: 90, Less: true,
			Beside: fmt.Sprintf("after a restart; %.0f B of it in tables", storeTables),
		},
		row{
			What: "disk per event in the log", Unit: "B", Value: logAll, Floor: 80, Target: 40, Less: true,
			Beside: fmt.Sprintf("after a restart; %.0f B of it in tables", logTables),
		},
	)
	if err := s.least(ctx, t, r, "batches of 100", s.standard(report.ModeBatch, 100, standardConnections), 0.53, 0.79, 1.67, 1.29); err != nil {
		return err
	}
	inFull, err := s.sendLoad(ctx, s.standard(report.ModeBatch, 100, standardConnections, "minimal", false, "duration", s.run/2))
	if err != nil {
		return err
	}
	t.add(inFull, row{What: "batches of 100, answered in full", Unit: "k/s", Value: kilo(inFull.CountedPerSecond), Beside: costs(inFull)})
	return nil
}

func (s *suite) lines(ctx context.Context, t *table) error {
	r, err := s.sendLoad(ctx, s.standard(report.ModeNDJSON, 1000, standardConnections))
	if err != nil {
		return err
	}
	t.add(r, row{What: "NDJSON of 1,000", Unit: "k/s", Value: kilo(r.CountedPerSecond), Floor: 900, Target: 1200, Beside: costs(r)})
	return s.least(ctx, t, r, "NDJSON of 1,000", s.standard(report.ModeNDJSON, 1000, standardConnections), 0.58, 0.77, 0, 0)
}

func (s *suite) singles(ctx context.Context, t *table) error {
	const connections = 128
	r, err := s.sendLoad(ctx, s.standard(report.ModeSingle, 1, connections))
	if err != nil {
		return err
	}
	t.add(r, row{What: "one event per request", Unit: "k/s", Value: kilo(r.CountedPerSecond), Floor: 30, Target: 40, Beside: costs(r)})
	if err := s.least(ctx, t, r, "one event per request", s.standard(report.ModeSingle, 1, connections), 0.70, 0.93, 0, 0); err != nil {
		return err
	}
	const depth = 16
	r, err = s.sendLoad(ctx, s.standard(report.ModeSingle, 1, connections, "pipeline", depth, "duration", s.run/2))
	if err != nil {
		return err
	}
	t.add(r, row{What: fmt.Sprintf("the same, %d pipelined", depth), Unit: "k/s", Value: kilo(r.CountedPerSecond), Beside: costs(r)})
	return nil
}

func (s *suite) paced(ctx context.Context, t *table) error {
	r, err := s.sendLoad(ctx, s.standard(report.ModeBatch, 100, 2*standardConnections, "rate", 200_000))
	if err != nil {
		return err
	}
	late := fmt.Sprintf("p50 %.1f ms; %d of %d requests sent late; %s", millis(r.Ack.P50), r.Late, r.Requests, costs(r))
	t.add(r,
		row{What: "ack at a paced 200 k/s, batches of 100, p99", Unit: "ms", Value: millis(r.Ack.P99), Floor: 40, Target: 20, Less: true, Beside: late},
		row{
			What: "ack → visible at 200 k/s, p99", Unit: "ms", Value: millis(r.Visible.P99), Floor: 250, Target: 100, Less: true,
			Beside: fmt.Sprintf("p50 %.1f ms", millis(r.Visible.P50)),
		})
	return nil
}

func (s *suite) reads(ctx context.Context, t *table) error {
	const rate, reads = 100_000, 200
	subscriptions := 5 * s.subscriptions
	r, err := s.sendLoad(ctx, s.standard(report.ModeBatch, 100, standardConnections,
		"rate", rate, "subscriptions", subscriptions, "reads", reads, "probe", 0))
	if err != nil {
		return err
	}
	t.add(r, row{
		What: fmt.Sprintf("current_usage over HTTP, one of %d, under 100 k/s, p99", subscriptions), Unit: "ms", Value: millis(r.Read.P99), Floor: 5, Target: 1, Less: true,
		Beside: fmt.Sprintf("p50 %.2f ms, %d readings; afterwards all %d read and compared: %d a second",
			millis(r.Read.P50), r.Read.Samples, subscriptions, report.PerSecond(int64(subscriptions), r.Compared)),
	})
	return nil
}
