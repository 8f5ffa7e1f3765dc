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

// resultName is the file of figures, beside the pictures.
const resultName = "curves.txt"

type options struct {
	out, commit       string
	only, sizes, from string
	dir, heap         string
	full              bool
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "bench/results", "directory of results; a directory for the commit is made in it")
	flag.StringVar(&o.commit, "commit", "unknown", "name of what is measured")
	flag.StringVar(&o.only, "only", ".", "regular expression of the curves to measure")
	flag.StringVar(&o.sizes, "sizes", "", "sizes of the curve to measure, separated by commas; with -only of one curve")
	flag.StringVar(&o.dir, "dir", "", "directory to keep the stores of IDs and Memory in; the next run goes on with them")
	flag.StringVar(&o.heap, "heap", "", "file to write a profile of Memory's heap to")
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
	return o.keep(points)
}

// keep adds points to those of earlier runs, and draws the curves anew.
func (o *options) keep(points []point) error {
	dir := filepath.Join(o.out, o.commit)
	file := filepath.Join(dir, resultName)
	earlier, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot read %s: %w", file, err)
	}
	known, err := parse(string(earlier))
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", file, err)
	}
	points = merge(known, points)
	text := report.DescribeMachine("").String() + "\n\n"
	for _, p := range points {
		text += p.text + "\n"
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write curves: %w", err)
	}
	for _, c := range curves {
		if err := c.draw(points, dir); err != nil {
			return err
		}
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
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
	args := []string{
		"test", "-run=^$", "-bench=" + o.only, "-benchtime=1x", "-timeout=" + benchTimeout.String(), "weir/bench/curves", "-args",
		fmt.Sprintf("-curves.full=%t", o.full), "-curves.sizes=" + o.sizes, "-curves.dir=" + o.dir, "-curves.heap=" + o.heap,
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as weir is built: its memory comes from elsewhere otherwise
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
