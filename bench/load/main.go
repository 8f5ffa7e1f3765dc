package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"weir/bench/report"
	"weir/bench/target"
)

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
	if opts.part {
		err = servePart(ctx, os.Stdin, os.Stdout)
	} else {
		err = measure(ctx, opts)
	}
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
		r.api, r.ops, r.data = r.child.API, r.child.OpsURL, r.child.DataDir()
	}
	if err := r.setUp(ctx); err != nil {
		return fmt.Errorf("cannot set up: %w", err)
	}
	fmt.Printf("%-16s %s\n", "set up", r.setUpTook.String())
	fmt.Printf("%-16s %s\n", "loading", &r.Shape)
	found, err := r.measure(ctx)
	if err != nil {
		return err
	}
	fmt.Print(found)
	return opts.write(found)
}

// write keeps the result where the options want it.
func (o *options) write(found *report.Result) error {
	if o.json != "" {
		if err := report.WriteJSON(o.json, found); err != nil {
			return err
		}
	}
	if o.out == "" {
		return nil
	}
	path, err := found.Write(o.out)
	if err == nil {
		fmt.Printf("\nwritten to %s and .json\n", path)
	}
	return err
}
