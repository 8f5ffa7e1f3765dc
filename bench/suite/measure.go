package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"weir/bench/report"
	"weir/bench/target"
)

// standardConnections are those of most loads.
const standardConnections = 32

// arguments are those of bench/load.
type arguments []string

func flagged(pairs ...any) arguments {
	var a arguments
	for i := 0; i < len(pairs); i += 2 {
		a = append(a, fmt.Sprintf("-%v=%v", pairs[i], pairs[i+1]))
	}
	return a
}

// of makes the arguments go to a weir that runs. Only one load at a time may look at
// its metrics.
func (a arguments) of(c *target.Child, api target.API, alone bool) arguments {
	a = append(a, flagged("url", api.URL, "key", api.Key, "data", c.DataDir())...)
	if alone {
		a = append(a, flagged("ops", c.OpsURL)...)
	}
	return a
}

// sendLoad runs bench/load and returns what it found. Its words go to standard output
// when it is well, and into the error when it is not.
func (s *suite) sendLoad(ctx context.Context, args arguments) (*report.Result, error) {
	dir, err := os.MkdirTemp("", "weir-suite-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "result.json")
	cmd := exec.CommandContext(ctx, s.load, append(args, "-weir="+s.weir, "-json="+file)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops its weir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("load %v: %w\n%s", args, err, said.Bytes())
	}
	fmt.Printf("%s\n", said.Bytes())
	return report.Read(file)
}

// start starts a weir of the suite's own.
func (s *suite) start(ctx context.Context) (*target.Child, error) {
	return target.Start(ctx, target.ChildOptions{Binary: s.weir})
}
