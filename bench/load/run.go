package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/bench/report"
	"weir/bench/target"
)

// countTimeout is how long after the last acknowledgement everything must be in usage.
const countTimeout = 5 * time.Minute

// countPoll is the pause between two looks at how much is counted.
const countPoll = 20 * time.Millisecond

// run is one measurement of one weir.
type run struct {
	options
	api       target.API
	child     *target.Child // nil: it ran already
	id        string        // makes this run's names its own
	customers int
	names     []string // external ids of the subscriptions
	probe     string   // external id of the probe's
	setUpTook time.Duration
}

// counted is what the server's metrics say of all events so far; with known false nobody asked it.
type counted struct {
	known           bool
	events, repeats int64
}

// measure sends the load and waits until it is counted.
func (r *run) measure(ctx context.Context) (*report.Result, error) {
	before, cpuBefore, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	p, reads := &prober{run: r}, &reader{run: r}
	beside, stopBeside := context.WithCancel(ctx)
	defer stopBeside()
	probed, read, told := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { probed <- p.probeUntil(beside) }()
	go func() { read <- reads.readUntil(beside) }()
	go func() { told <- r.tellSeries(beside, p, reads) }()

	at := time.Now()
	all, sending, err := r.sendAll(ctx)
	stopBeside()
	if err := errors.Join(err, <-probed, <-read, <-told); err != nil {
		return nil, err
	}
	found := &report.Result{
		At: at, Machine: report.DescribeMachine(r.weirBinary()), Shape: r.Shape, Durable: r.durable(), TotalsOnly: r.least != "",
		Requests: all.Requests, Repeated: all.Repeated, Retries: all.Retries, Refused: all.Refused, Late: all.Late,
		Sending: sending, RepeatsSent: all.Repeated * int64(r.Batch), RepeatsCounted: -1,
		Ack: all.Latency.Latency(), Refusal: all.Refusals.Latency(),
		Read: reads.reads.latency(), Visible: p.visible.latency(), ProbeAck: p.acks.latency(), GeneratorCPU: all.CPU,
	}
	found.Events, found.Counters = all.Acked.total()
	counting, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	if err := r.count(counting, found, all, before, p.events); err != nil {
		return nil, err
	}
	if found.Events > 0 {
		found.GeneratorPerEvent = found.GeneratorCPU / time.Duration(found.Events)
	}
	found.AckedPerSecond = report.PerSecond(found.Events, found.Sending)
	found.CountedPerSecond = report.PerSecond(found.Events, found.Sending+found.Counting)
	return found, r.addServer(ctx, found, cpuBefore)
}

// count waits until the server has counted what was acknowledged, then compares every
// usage, and the number of repeats.
func (r *run) count(ctx context.Context, found *report.Result, all *Sent, before counted, probes int64) error {
	acked := all.Ended
	after, err := r.await(ctx, before.events+found.Events+probes)
	if err != nil {
		return err
	}
	found.Counting = max(0, time.Since(acked))
	if found.CPU, err = r.cpu(); err != nil {
		return err
	}
	comparing := time.Now()
	if err := r.reconcile(ctx, all); err != nil {
		return err
	}
	found.Compared = time.Since(comparing)
	if !after.known {
		found.Counting = max(0, time.Since(acked)) // only now we know
		return nil
	}
	found.RepeatsCounted = after.repeats - before.repeats
	surplus := after.events - before.events - found.Events - probes
	missing := found.RepeatsSent - found.RepeatsCounted
	if surplus != 0 || missing > 0 || missing < 0 && all.Unsure == 0 {
		return fmt.Errorf("the server's metrics DIFFER: %d events more than were acknowledged, and of %d repeats it found %d",
			surplus, found.RepeatsSent, found.RepeatsCounted)
	}
	return nil
}

// await waits until that many events are counted, if the server's metrics are at hand.
func (r *run) await(ctx context.Context, events int64) (counted, error) {
	for {
		now, err := r.counted(ctx)
		if err != nil || !now.known || now.events >= events {
			return now, err
		}
		select {
		case <-time.After(countPoll):
		case <-ctx.Done():
			return counted{}, fmt.Errorf("of %d events %d are counted: %w", events, now.events, ctx.Err())
		}
	}
}

// counted asks the server's metrics.
func (r *run) counted(ctx context.Context) (counted, error) {
	if r.ops == "" {
		return counted{}, nil
	}
	m, err := target.ReadMetrics(ctx, r.ops)
	if err != nil {
		return counted{}, err
	}
	// A repeat is found at the door while the window remembers it, and else by the aggregator.
	repeats := m.Sum("weir_ingest_duplicates_total") + m.Sum("weir_aggregator_duplicates_total")
	return counted{true, int64(m.Sum("weir_aggregator_events_total")), int64(repeats)}, nil
}

// look returns where the server stands before the load.
func (r *run) look(ctx context.Context) (counted, time.Duration, error) {
	before, err := r.counted(ctx)
	if err != nil {
		return counted{}, 0, err
	}
	cpu, err := r.cpu()
	return before, cpu, err
}

func (r *run) weirBinary() string {
	if r.child == nil {
		return ""
	}
	return r.weir
}

// durable says what an acknowledgement promises.
func (r *run) durable() string {
	switch {
	case r.child == nil:
		return "as the weir that was given has it: not known here"
	case r.least != "":
		return "bench/minimal, not weir: every event was synced to the disk, in one file, before its answer; ids and counters were written and synced beside"
	case r.child.Setting("WEIR_KAFKA_BROKERS") != "":
		return "every event was acknowledged by all in-sync replicas of Kafka before its answer; checkpoints were written and synced beside"
	}
	return "every event was synced to the disk, in the embedded log, before its answer; checkpoints were written and synced beside"
}

// cpu returns the server's processor time so far, 0 when it is not our child.
func (r *run) cpu() (time.Duration, error) {
	if r.child == nil {
		return 0, nil
	}
	return r.child.CPU()
}

// addServer adds what the server took.
func (r *run) addServer(ctx context.Context, found *report.Result, before time.Duration) (err error) {
	if r.child == nil || found.Events == 0 {
		return nil
	}
	found.CPU -= before
	found.CPUPerEvent = found.CPU / time.Duration(found.Events)
	if found.MemoryBytes, err = r.child.MemoryBytes(); err != nil || r.settle == 0 {
		return err
	}
	found.LogDisk, found.StoreDisk, err = r.child.Settle(ctx, r.settle)
	return err
}
