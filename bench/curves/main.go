package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"weir/bench/report"
)

// benchTimeout bounds all curves together.
const benchTimeout = 2 * time.Hour

type options struct {
	out, commit, only, from string
	full                    bool
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "bench/results", "directory of results; a directory for the commit is made in it")
	flag.StringVar(&o.commit, "commit", "unknown", "name of what is measured")
	flag.StringVar(&o.only, "only", ".", "regular expression of the curves to measure")
	flag.StringVar(&o.from, "from", "", "draw the benchmark output in this file, and run nothing")
	flag.BoolVar(&o.full, "full", false, "go to the largest sizes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, &o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "curves:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options) error {
	said, err := o.measure(ctx)
	if err != nil {
		return err
	}
	points, err := parse(said)
	if err != nil {
		return err
	}
	if len(points) == 0 {
		return errors.New("no benchmark said anything")
	}
	dir := filepath.Join(o.out, o.commit)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write curves: %w", err)
	}
	for _, c := range curves {
		if err := c.draw(points, dir); err != nil {
			return err
		}
	}
	text := report.DescribeMachine("").String() + "\n\n" + said
	if err := os.WriteFile(filepath.Join(dir, "curves.txt"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write curves: %w", err)
	}
	fmt.Printf("drawn to %s\n", dir)
	return nil
}

// measure runs the benchmarks, or reads what an earlier run said.
func (o *options) measure(ctx context.Context) (string, error) {
	if o.from != "" {
		said, err := os.ReadFile(o.from)
		if err != nil {
			return "", fmt.Errorf("cannot read %s: %w", o.from, err)
		}
		return string(said), nil
	}
	args := []string{"test", "-run=^$", "-bench=" + o.only, "-benchtime=1x", "-timeout=" + benchTimeout.String(), "weir/bench/curves", "-args", fmt.Sprintf("-curves.full=%t", o.full)}
	cmd := exec.CommandContext(ctx, "go", args...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &both{os.Stdout, &said}, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cannot run the benchmarks: %w", err)
	}
	return said.String(), nil
}

// both keeps what is shown.
type both struct {
	shown *os.File
	kept  *strings.Builder
}

func (b *both) Write(p []byte) (int, error) {
	b.kept.Write(p)
	return b.shown.Write(p)
}
