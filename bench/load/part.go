package main

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"weir/bench/report"
	"weir/bench/target"
)

// startDelay is how long the parts of a load have to get ready.
const startDelay = 500 * time.Millisecond

// job is one part of a load: some of its connections, and their share of the schedule.
// It travels to the process that does it.
type job struct {
	Shape       report.Shape
	URL, Key    string
	Prefix      string // of transaction ids: the run's
	Names       []string
	First       int // number of the first connection
	Connections int
	Started     time.Time
	Interval    time.Duration
	Seed        uint64
}

// jobs shares the load out over parts, in turn.
func (r *run) jobs(parts int) []*job {
	started := time.Now().Add(startDelay)
	jobs := make([]*job, parts)
	first := 0
	for i := range jobs {
		connections := (r.Connections + i) / parts // the sum over i is Connections
		jobs[i] = &job{
			Shape: r.Shape, URL: r.api.URL, Key: r.api.Key, Prefix: r.id, Names: r.names,
			First: first, Connections: connections,
			Started: started.Add(time.Duration(i) * r.Interval()), Interval: time.Duration(parts) * r.Interval(),
			Seed: rand.Uint64(),
		}
		first += connections
	}
	return jobs
}

// sendAll sends the load and returns when every request is acknowledged; took is from
// the first request on.
func (r *run) sendAll(ctx context.Context) (all *Sent, took time.Duration, err error) {
	do := do
	if r.Processes > 0 {
		do = doApart
	}
	jobs := r.jobs(max(1, r.Processes))
	parts, errs := make([]*Sent, len(jobs)), make([]error, len(jobs))
	var running sync.WaitGroup
	for i := range jobs {
		running.Go(func() { parts[i], errs[i] = do(ctx, jobs[i]) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, 0, err
	}
	all = &Sent{Acked: newTally(len(r.names)), Positions: target.Positions{}}
	for _, part := range parts {
		all.merge(part)
	}
	return all, all.Ended.Sub(jobs[0].Started), nil
}

// do does a job in this process.
func do(ctx context.Context, j *job) (*Sent, error) {
	address, err := addressOf(j.URL)
	if err != nil {
		return nil, err
	}
	books := &ledger{acked: newTally(len(j.Names)), positions: target.Positions{}}
	popular, tails := newPopularity(len(j.Names), j.Shape.Zipf), tailsOf(j.Names)
	connections := make([]*connection, j.Connections)
	for i := range connections {
		connections[i] = newConnection(j, books, newGenerator(tails, popular, j.seed(i)), address, i)
	}
	schedule := newSchedule(j.Started.Add(j.Shape.Duration), j.Interval)
	time.Sleep(time.Until(j.Started))

	before := ownCPU()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	running.Go(func() { schedule.pace(ctx, j.Started, j.Interval) })
	for _, c := range connections {
		running.Go(func() {
			if err := c.run(ctx, schedule); err != nil {
				stop(err)
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	all := &Sent{Acked: books.acked, Positions: books.positions, CPU: ownCPU() - before, Ended: time.Now()}
	for _, c := range connections {
		all.merge(&c.Sent)
	}
	return all, nil
}

// seed is that of a connection.
func (j *job) seed(connection int) uint64 { return j.Seed + uint64(connection)<<32 }

func newConnection(j *job, books *ledger, g *generator, address string, i int) *connection {
	head := "POST " + eventsPath(j.Shape.Mode) + " HTTP/1.1\r\nHost: " + address +
		"\r\nAuthorization: Bearer " + j.Key + "\r\nContent-Type: " + contentType(j.Shape.Mode) + "\r\n"
	if j.Shape.Minimal {
		head += "Prefer: return=minimal\r\n"
	}
	c := &connection{
		job: j, ledger: books, address: address, random: randomness(j.seed(i) + 1), generator: g,
	}
	for range j.Shape.Pipeline {
		c.bodies = append(c.bodies, newBody(&j.Shape, head, fmt.Sprintf("%s-%d-", j.Prefix, j.First+i), j.Names[0]))
	}
	return c
}

// ownCPU returns this process's processor time so far.
func ownCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic("BUG: cannot read the processor time of this process: " + err.Error())
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// processors is how many of them a part's process uses. One is cheapest: threads that wake
// one another take more than they bring. A schedule has a thread that sleeps, whose turn must
// come when it wakes.
func (j *job) processors() int {
	if j.Interval == 0 {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// doApart does a job in a process of its own: a copy of this program.
func doApart(ctx context.Context, j *job) (*Sent, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot start a part of the load: %w", err)
	}
	var told, heard bytes.Buffer
	if err := gob.NewEncoder(&told).Encode(j); err != nil {
		return nil, fmt.Errorf("cannot tell a part of the load: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "-part")
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(j.processors()))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &told, &heard, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("a part of the load failed: %w", err)
	}
	all := &Sent{}
	if err := gob.NewDecoder(&heard).Decode(all); err != nil {
		return nil, fmt.Errorf("cannot read what a part of the load found: %w", err)
	}
	return all, nil
}

// servePart does the job that in tells and writes what it found to out.
func servePart(ctx context.Context, in io.Reader, out io.Writer) error {
	j := &job{}
	if err := gob.NewDecoder(in).Decode(j); err != nil {
		return fmt.Errorf("cannot read the job: %w", err)
	}
	all, err := do(ctx, j)
	if err != nil {
		return err
	}
	if err := gob.NewEncoder(out).Encode(all); err != nil {
		return fmt.Errorf("cannot write what was found: %w", err)
	}
	return nil
}
