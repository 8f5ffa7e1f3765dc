// Command demo shows a whole month of weir in half a minute: it starts a sandbox
// of its own, replays an hour of real LLM requests as usage of twenty customers,
// sends a third of it twice, closes the month, and compares every unit and cent
// of the twenty invoices with a count that shares no code with weir.
//
//	go run ./bench/demo -weir bin/weir
//
// It ends with status 1 when anything differs. Otherwise its weir runs on until
// Ctrl-C, so that one can look around.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"weir/bench/oracle"
	"weir/bench/target"
	"weir/bench/trace"
)

type options struct {
	weir  string
	trace string
	pace  time.Duration
	exit  bool
}

func main() {
	var opts options
	flag.StringVar(&opts.weir, "weir", "bin/weir", "weir binary to start")
	flag.StringVar(&opts.trace, "trace", "bench/testdata/azure_llm_2023_conv.csv", "the hour of requests")
	flag.DurationVar(&opts.pace, "pace", 6*time.Second, "how long to take over the hour; 0 = as fast as it goes")
	flag.BoolVar(&opts.exit, "exit", false, "end after the check instead of waiting for Ctrl-C")
	flag.Parse()
	if err := run(opts); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(opts options) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	requests, err := trace.Load(opts.trace)
	if err != nil {
		return err
	}
	fmt.Printf("weir demo: %s LLM requests of one real hour (Azure, 16 November 2023), %d customers\n\n",
		grouped(len(requests)), customers)

	started := time.Now()
	child, err := target.Start(ctx, target.ChildOptions{Binary: opts.weir, Sandbox: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, child.Stop()) }()
	step("weir", "ready in %.1f s at %s", time.Since(started).Seconds(), child.API.URL)

	d := demo{api: child.API, requests: requests, events: bySubscription(requests), written: target.Positions{}}
	if err := d.month(ctx, opts.pace); err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C
		}
		return fmt.Errorf("%w\n\nweir's last words:\n%s", err, child.LogTail())
	}
	step("", "all of it in %.1f s", time.Since(started).Seconds())
	if opts.exit {
		return nil
	}
	return linger(ctx, child)
}

// demo is one run against one weir.
type demo struct {
	api      target.API
	requests []trace.Request
	events   map[string][]oracle.Event // by subscription
	written  target.Positions          // what reads must cover
}

func bySubscription(requests []trace.Request) map[string][]oracle.Event {
	events := make(map[string][]oracle.Event)
	for _, e := range trace.Events(requests, customers) {
		events[e.Subscription] = append(events[e.Subscription], e)
	}
	return events
}

// month plays the month from its first day to its invoices.
func (d *demo) month(ctx context.Context, pace time.Duration) error {
	if err := d.createCatalog(ctx); err != nil {
		return err
	}
	if err := d.setClock(ctx, hourOver); err != nil {
		return err
	}
	if err := d.replay(ctx, pace); err != nil {
		return err
	}
	if err := d.checkUsage(ctx); err != nil {
		return err
	}
	step("usage", "equals an independent count: %d subscriptions × %d charges, in units, events and cents", customers, len(plan.Charges))
	if err := d.repeat(ctx); err != nil {
		return err
	}
	if err := d.checkUsage(ctx); err != nil {
		return err
	}
	step("usage", "has not changed")
	if err := d.setClock(ctx, monthOver); err != nil {
		return err
	}
	return d.checkInvoices(ctx)
}

// linger tells how to look around and waits for Ctrl-C.
func linger(ctx context.Context, child *target.Child) error {
	fmt.Printf(`
weir runs on until Ctrl-C. Look around:

  export WEIR_URL=%s WEIR_API_KEY=%s
  curl -s -H "Authorization: Bearer $WEIR_API_KEY" "$WEIR_URL/api/v1/invoices?per_page=2"
  curl -s -H "Authorization: Bearer $WEIR_API_KEY" "$WEIR_URL/api/v1/events?external_subscription_id=%s&per_page=3"
  curl -s %s/metrics | grep ^weir_

`, child.API.URL, child.API.Key, trace.SubscriptionOf(0), child.OpsURL)
	select {
	case <-ctx.Done():
		fmt.Println("\nstopping weir")
		return nil
	case <-child.Exited():
		return fmt.Errorf("weir has ended by itself:\n%s", child.LogTail())
	}
}
