package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"weir/bench/report"
)

// suite is where everything is, and how long to measure.
type suite struct {
	weir, load    string // binaries
	minimal       string // binary of bench/minimal
	out           string // directory of results
	commit        string
	run           time.Duration // of one load of the table
	duration      time.Duration // of the soak
	subscriptions int
	brokers       string // Kafka
	brokerPID     int    // of the one that runs on this machine; 0: none
	kafkaLib      string // its jars
	machine       report.Machine
}

func main() {
	s := &suite{}
	flags := flag.NewFlagSet("suite", flag.ContinueOnError)
	flags.StringVar(&s.weir, "weir", "bin/weir", "weir binary")
	flags.StringVar(&s.load, "load", "bin/load", "binary of bench/load")
	flags.StringVar(&s.minimal, "minimal", "bin/minimal", "table: binary of bench/minimal, which weir is compared with")
	flags.StringVar(&s.out, "out", "bench/results", "directory of results; a directory for the commit is made in it")
	flags.StringVar(&s.commit, "commit", "unknown", "name of what is measured")
	flags.DurationVar(&s.run, "run", 10*time.Second, "how long a load is; those of full are twice that, but for the soak")
	flags.IntVar(&s.subscriptions, "subscriptions", 20_000, "subscriptions of a load; where readings are measured, five times as many")
	flags.DurationVar(&s.duration, "duration", time.Hour, "full: how long all of it may take; 0 = no soak")
	flags.StringVar(&s.brokers, "brokers", os.Getenv("WEIR_TEST_KAFKA_BROKERS"), "kafka: brokers, host:port")
	pid, _ := strconv.Atoi(os.Getenv("WEIR_TEST_KAFKA_PID"))
	flags.IntVar(&s.brokerPID, "broker-pid", pid, "kafka: process of the broker, if it runs on this machine, to say what it costs")
	flags.StringVar(&s.kafkaLib, "kafka-lib", "deploy/kafka/lib", "kafka: directory of Kafka's jars")
	commands := map[string]func(context.Context) error{"table": s.table, "full": s.full, "kafka": s.kafka}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: suite table|full|kafka [flags]")
		flags.PrintDefaults()
		os.Exit(2)
	}
	if err := flags.Parse(os.Args[2:]); errors.Is(err, flag.ErrHelp) {
		return
	} else if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	s.out = filepath.Join(s.out, s.commit)
	s.machine = report.DescribeMachine(s.weir)
	err := commands[os.Args[1]](ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(1)
	}
}
