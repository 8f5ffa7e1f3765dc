package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"weir/bench/report"
)

// Limits of a run.
const (
	connectionsMax   = 4096
	processesMax     = 64
	pipelineMax      = 256
	subscriptionsMax = 1_000_000
	batchMax         = 10_000
	readsMax         = 100_000
)

type options struct {
	report.Shape
	weir   string
	least  string // binary of bench/minimal; "": none
	env    environment
	url    string
	key    string
	ops    string
	data   string
	out    string
	json   string
	series string
	every  time.Duration
	settle time.Duration
	part   bool
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
	flags.StringVar(&o.least, "minimal-server", "", "binary of bench/minimal to start and load instead of weir; only its totals are compared")
	flags.StringVar(&o.url, "url", "", "weir that runs already")
	flags.StringVar(&o.key, "key", "", "its API key")
	flags.StringVar(&o.ops, "ops", "", "URL of its operations listener, if nobody else loads it: then repeats are compared, too")
	flags.StringVar(&o.data, "data", "", "its data directory, if it has its private PostgreSQL there: then setting up is quick")
	flags.StringVar(&o.out, "out", "", "directory to write the result to, as text and JSON")
	flags.StringVar(&o.json, "json", "", "file to write the result to, as JSON")
	flags.StringVar(&o.Mode, "mode", report.ModeNDJSON, "single, batch or ndjson")
	flags.IntVar(&o.Batch, "batch", 1000, "events of one request; single always has 1")
	flags.IntVar(&o.Rate, "rate", 0, "events a second to schedule; 0 = as fast as it goes")
	flags.IntVar(&o.Connections, "connections", 16, "connections, of all processes together")
	flags.IntVar(&o.Pipeline, "pipeline", 1, "requests that a connection may have under way")
	flags.IntVar(&o.Processes, "processes", 1, "processes that send; 0 = the one that also reads and compares")
	flags.DurationVar(&o.Duration, "duration", 10*time.Second, "how long to send")
	flags.IntVar(&o.Subscriptions, "subscriptions", 200, "subscriptions to spread events over")
	flags.Float64Var(&o.Zipf, "zipf", 1.1, "exponent of their popularity, above 1; 0 = uniform")
	flags.Float64Var(&o.Repeats, "repeats", 0.01, "share of requests that are sent twice")
	flags.BoolVar(&o.Minimal, "minimal", false, "ask for short answers: Prefer: return=minimal")
	flags.BoolVar(&o.Shed, "shed", false, "drop a request that is answered 429, and pause, instead of sending it again")
	flags.DurationVar(&o.ProbeEvery, "probe", 100*time.Millisecond, "time between two probes of ack to visible; 0 = none")
	flags.IntVar(&o.Reads, "reads", 0, "readings a second of random subscriptions' current usage, beside the load")
	flags.StringVar(&o.series, "series", "", "file to write the latencies of probes and readings to, as JSON lines, one every -every")
	flags.DurationVar(&o.every, "every", 10*time.Second, "time between two lines of -series")
	flags.DurationVar(&o.settle, "settle", 0, "at the end, restart weir, wait that long at most for its compactions, and say what is on disk; 0 = do not")
	flags.BoolVar(&o.part, "part", false, "for the program's own use: send one part of a load, told on standard input")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if o.Mode == report.ModeSingle {
		o.Batch = 1
	}
	if o.least != "" {
		o.weir, o.ProbeEvery = o.least, 0
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
	within := func(name string, value, least, most int) {
		refuse(value < least || value > most, "-%s %d is not in %d..%d", name, value, least, most)
	}
	refuse(o.Mode != report.ModeSingle && o.Mode != report.ModeBatch && o.Mode != report.ModeNDJSON,
		"-mode %q is not single, batch or ndjson", o.Mode)
	within("batch", o.Batch, 1, batchMax)
	refuse(o.Rate < 0, "-rate %d is negative", o.Rate)
	within("connections", o.Connections, 1, connectionsMax)
	within("pipeline", o.Pipeline, 1, pipelineMax)
	within("processes", o.Processes, 0, processesMax)
	refuse(o.Processes > o.Connections, "-processes %d needs as many -connections", o.Processes)
	refuse(o.Duration <= 0, "-duration %v is not positive", o.Duration)
	within("subscriptions", o.Subscriptions, 1, subscriptionsMax)
	refuse(o.Zipf != 0 && o.Zipf <= 1, "-zipf %v is neither 0 nor above 1", o.Zipf)
	refuse(o.Repeats < 0 || o.Repeats > 1, "-repeats %v is not in 0..1", o.Repeats)
	refuse(o.ProbeEvery < 0, "-probe %v is negative", o.ProbeEvery)
	refuse(o.every <= 0, "-every %v is not positive", o.every)
	refuse(o.settle < 0, "-settle %v is negative", o.settle)
	within("reads", o.Reads, 0, readsMax)
	refuse(o.url != "" && o.key == "", "-url needs -key")
	refuse(o.least != "" && (o.url != "" || o.Reads != 0 || o.settle != 0), "-minimal-server has no -url, -reads or -settle")
	refuse(o.url != "" && o.settle != 0, "-settle needs a weir of our own")
	return errors.Join(faults...)
}
