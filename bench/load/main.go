package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"weir/bench/target"
)

// countTimeout is how long after the last acknowledgement everything must be in usage.
const countTimeout = 2 * time.Minute

func main() {
	opts, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = measure(ctx, opts)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// measure starts a weir if need be, loads it and prints what it found.
func measure(ctx context.Context, opts options) (err error) {
	r := &run{options: opts, api: target.API{URL: opts.url, Key: opts.key}}
	if opts.url == "" {
		r.child, err = target.Start(ctx, target.ChildOptions{Binary: opts.weir, Env: opts.env})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.child.Stop()) }()
		r.api = r.child.API
	}
	if err := r.setUp(ctx); err != nil {
		return fmt.Errorf("cannot set up: %w", err)
	}
	fmt.Printf("%-16s %s\n", "loading", &r.shape)
	found, err := r.measure(ctx)
	if err != nil {
		return err
	}
	fmt.Print(found)
	if opts.out != "" {
		return found.write(opts.out)
	}
	return nil
}

// measure sends the load and waits until it is counted.
func (r *run) measure(ctx context.Context) (*result, error) {
	before, err := r.cpu()
	if err != nil {
		return nil, err
	}
	p := &prober{run: r}
	probing, stopProbing := context.WithCancel(ctx)
	defer stopProbing()
	probed, read := make(chan error, 1), make(chan error, 1)
	reads := &reader{run: r, rand: rand.New(rand.NewPCG(1, 2))}
	go func() { probed <- p.probeUntilOrNever(probing) }()
	go func() { read <- reads.readUntil(probing) }()

	at := time.Now()
	all, sending, err := r.sendAll(ctx)
	stopProbing()
	if err := errors.Join(err, <-probed, <-read); err != nil {
		return nil, err
	}
	acked := time.Now()
	counting, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	if err := r.reconcile(counting, all.acked, all.written); err != nil {
		return nil, err
	}
	found := &result{
		At: at, Machine: describeMachine(r.weirBinary()), Shape: r.shape,
		Events: all.acked.total(), Requests: all.requests, Repeated: all.repeated, Retries: all.retries, Late: all.late,
		Sending: sending, Counting: time.Since(acked),
		Ack: all.latency.latency(), Read: reads.reads.latency(), Visible: p.visible.latency(), ProbeAck: p.acks.latency(),
	}
	found.AckedPerSecond = perSecond(found.Events, found.Sending)
	found.CountedPerSecond = perSecond(found.Events, found.Sending+found.Counting)
	return found, r.addServer(found, before)
}

// probeUntilOrNever probes if the run wants it.
func (p *prober) probeUntilOrNever(ctx context.Context) error {
	if p.run.ProbeEvery == 0 {
		return nil
	}
	return p.probeUntil(ctx)
}

func (r *run) weirBinary() string {
	if r.child == nil {
		return ""
	}
	return r.weir
}

// cpu returns the server's processor time so far, 0 when it is not our child.
func (r *run) cpu() (time.Duration, error) {
	if r.child == nil {
		return 0, nil
	}
	return r.child.CPU()
}

func (r *run) addServer(found *result, before time.Duration) error {
	if r.child == nil || found.Events == 0 {
		return nil
	}
	after, err := r.child.CPU()
	if err != nil {
		return err
	}
	found.CPU = after - before
	found.CPUPerEvent = found.CPU / time.Duration(found.Events)
	found.MemoryBytes, err = r.child.MemoryBytes()
	return err
}
