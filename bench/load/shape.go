package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"
)

// Limits of a run.
const (
	connectionsMax   = 4096
	subscriptionsMax = 100_000
	batchMax         = 10_000
	readsMax         = 100_000
)

// Modes of sending.
const (
	modeSingle = "single" // POST /events, one event each
	modeBatch  = "batch"  // POST /events/batch, JSON
	modeNDJSON = "ndjson" // POST /events/batch, one event a line
)

// shape is what the load looks like.
type shape struct {
	Mode          string        `json:"mode"`
	Batch         int           `json:"events_per_request"`
	Rate          int           `json:"events_per_second_scheduled"` // 0: as fast as it goes
	Connections   int           `json:"connections"`
	Duration      time.Duration `json:"duration_ns"`
	Subscriptions int           `json:"subscriptions"`
	Zipf          float64       `json:"zipf"`    // exponent, above 1; 0: uniform
	Repeats       float64       `json:"repeats"` // share of requests sent twice
	ProbeEvery    time.Duration `json:"probe_every_ns"`
	Reads         int           `json:"usage_reads_per_second"` // of random subscriptions
}

type options struct {
	shape
	weir string
	env  environment
	url  string
	key  string
	out  string
}

// environment collects -env flags.
type environment []string

func (e *environment) String() string     { return strings.Join(*e, " ") }
func (e *environment) Set(v string) error { *e = append(*e, v); return nil }

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.StringVar(&o.weir, "weir", "bin/weir", "weir binary to start, unless -url is given")
	flags.Var(&o.env, "env", "setting of the weir that is started, NAME=value; may be repeated")
	flags.StringVar(&o.url, "url", "", "weir that runs already")
	flags.StringVar(&o.key, "key", "", "its API key")
	flags.StringVar(&o.out, "out", "", "directory to write the result to, as text and JSON")
	flags.StringVar(&o.Mode, "mode", modeNDJSON, "single, batch or ndjson")
	flags.IntVar(&o.Batch, "batch", 1000, "events of one request; single always has 1")
	flags.IntVar(&o.Rate, "rate", 0, "events a second to schedule; 0 = as fast as it goes")
	flags.IntVar(&o.Connections, "connections", 16, "connections, each with one request under way")
	flags.DurationVar(&o.Duration, "duration", 10*time.Second, "how long to send")
	flags.IntVar(&o.Subscriptions, "subscriptions", 200, "subscriptions to spread events over")
	flags.Float64Var(&o.Zipf, "zipf", 1.1, "exponent of their popularity, above 1; 0 = uniform")
	flags.Float64Var(&o.Repeats, "repeats", 0.01, "share of requests that are sent twice")
	flags.DurationVar(&o.ProbeEvery, "probe", 100*time.Millisecond, "time between two probes of ack to visible; 0 = none")
	flags.IntVar(&o.Reads, "reads", 0, "readings a second of random subscriptions' current usage, beside the load")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if o.Mode == modeSingle {
		o.Batch = 1
	}
	return o, o.validate()
}

// validate reports every fault at once.
func (o *options) validate() error {
	var faults []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	refuse(o.Mode != modeSingle && o.Mode != modeBatch && o.Mode != modeNDJSON, "-mode %q is not single, batch or ndjson", o.Mode)
	refuse(o.Batch < 1 || o.Batch > batchMax, "-batch %d is not in 1..%d", o.Batch, batchMax)
	refuse(o.Rate < 0, "-rate %d is negative", o.Rate)
	refuse(o.Connections < 1 || o.Connections > connectionsMax, "-connections %d is not in 1..%d", o.Connections, connectionsMax)
	refuse(o.Duration <= 0, "-duration %v is not positive", o.Duration)
	refuse(o.Subscriptions < 1 || o.Subscriptions > subscriptionsMax, "-subscriptions %d is not in 1..%d", o.Subscriptions, subscriptionsMax)
	refuse(o.Zipf != 0 && o.Zipf <= 1, "-zipf %v is neither 0 nor above 1", o.Zipf)
	refuse(o.Repeats < 0 || o.Repeats > 1, "-repeats %v is not in 0..1", o.Repeats)
	refuse(o.ProbeEvery < 0, "-probe %v is negative", o.ProbeEvery)
	refuse(o.Reads < 0 || o.Reads > readsMax, "-reads %d is not in 0..%d", o.Reads, readsMax)
	refuse(o.url != "" && o.key == "", "-url needs -key")
	return errors.Join(faults...)
}

// interval is the time between two requests of the schedule, 0 without one.
func (s *shape) interval() time.Duration {
	if s.Rate == 0 {
		return 0
	}
	return time.Duration(int64(time.Second) * int64(s.Batch) / int64(s.Rate))
}

func (s *shape) String() string {
	load := "as fast as it goes (closed loop, latency from the sending)"
	if s.Rate > 0 {
		load = fmt.Sprintf("%d events/s scheduled (open loop, latency from the schedule)", s.Rate)
	}
	spread := "uniform"
	if s.Zipf > 0 {
		spread = fmt.Sprintf("zipf %g", s.Zipf)
	}
	return fmt.Sprintf("%s, %d events per request, %s, %d connections, %v, %d subscriptions (%s), %g %% of requests sent twice",
		s.Mode, s.Batch, load, s.Connections, s.Duration, s.Subscriptions, spread, 100*s.Repeats)
}
