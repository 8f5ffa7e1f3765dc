package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"weir/bench/report"
	"weir/bench/target"
)

// A request that was not acknowledged is sent again after a pause, for as long as retryMax.
const (
	retryPause = 50 * time.Millisecond
	retryMax   = 2 * time.Minute
)

// lateness is how much after its time a request may be sent and still count as on time.
const lateness = time.Millisecond

// Sent is what one connection, one part or a whole load sent and heard.
type Sent struct {
	Acked     tally // nil for one connection: it is its part's
	Positions target.Positions
	Requests  int64
	Repeated  int64 // requests sent again after their acknowledgement
	Retries   int64 // of requests that were not acknowledged at first
	Unsure    int64 // of these, those that may have been written in part
	Refused   int64 // requests that were answered 429 and dropped
	Late      int64 // requests that were sent more than lateness after they were due
	Latency   report.Histogram
	Refusals  report.Histogram
	CPU       time.Duration
	Ended     time.Time
}

// merge adds other's figures.
func (s *Sent) merge(other *Sent) {
	if other.Acked != nil {
		s.Acked.merge(other.Acked)
	}
	for partition, offset := range other.Positions {
		if last, ok := s.Positions[partition]; !ok || offset > last {
			s.Positions[partition] = offset
		}
	}
	s.Requests += other.Requests
	s.Repeated += other.Repeated
	s.Retries += other.Retries
	s.Unsure += other.Unsure
	s.Refused += other.Refused
	s.Late += other.Late
	s.Latency.Merge(&other.Latency)
	s.Refusals.Merge(&other.Refusals)
	s.CPU += other.CPU
	if other.Ended.After(s.Ended) {
		s.Ended = other.Ended
	}
}

// ledger is what all connections of a part were acknowledged. One for all keeps it in
// the processor's cache; a request adds to it once.
type ledger struct {
	mu        sync.Mutex
	acked     tally
	positions target.Positions
}

func (l *ledger) add(b *body, positions []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, cell := range b.cells {
		l.acked[cell].Events++
		l.acked[cell].Thousandths += int64(b.values[i])
	}
	return addPositions(l.positions, positions)
}

// addPositions takes in the value of a target.PositionHeader, as target.Positions.Add
// does, without memory of its own.
func addPositions(positions target.Positions, header []byte) error {
	for len(header) > 0 {
		var part []byte
		part, header, _ = bytes.Cut(header, []byte(","))
		partition, offset, _ := bytes.Cut(bytes.TrimSpace(part), []byte(":"))
		number, err := strconv.ParseInt(string(partition), 10, 32)
		if err != nil {
			return fmt.Errorf("cannot read %s %q: %w", target.PositionHeader, part, err)
		}
		at, err := strconv.ParseInt(string(offset), 10, 64)
		if err != nil {
			return fmt.Errorf("cannot read %s %q: %w", target.PositionHeader, part, err)
		}
		if last, ok := positions[int32(number)]; !ok || at > last {
			positions[int32(number)] = at
		}
	}
	return nil
}

// connection sends requests, up to its pipeline's depth at a time, and waits for their
// answers.
type connection struct {
	Sent
	job       *job
	ledger    *ledger
	generator *generator
	random    randomness
	address   string
	wire      *wire // nil: to be dialled

	bodies   []*body
	out      []byte  // several requests in one write
	waiting  []*body // to be sent, or sent again
	repeated []*body // acknowledged, and to be sent once more
	refused  bool    // a request was dropped: pause
}

func (c *connection) run(ctx context.Context, schedule *schedule) error {
	defer func() {
		if c.wire != nil {
			c.wire.close()
		}
	}()
	for ctx.Err() == nil {
		due, ok := schedule.next()
		if !ok {
			return nil
		}
		taken := 0
		for now := time.Now(); ok; due, ok = schedule.another() {
			c.take(c.bodies[taken], due, now)
			if taken++; taken == len(c.bodies) {
				break
			}
		}
		c.waiting = append(c.waiting[:0], c.bodies[:taken]...)
		if err := c.sendWaiting(ctx, false); err != nil {
			return err
		}
		c.waiting, c.repeated = append(c.waiting, c.repeated...), c.repeated[:0]
		if err := c.sendWaiting(ctx, true); err != nil {
			return err
		}
		if c.refused {
			c.refused = false
			time.Sleep(retryPause)
		}
	}
	return ctx.Err()
}

func (c *connection) take(b *body, due, now time.Time) {
	if now.Sub(due) > lateness {
		c.Late++
	}
	b.due, b.tries = due, 0
	c.generator.fill(b, now)
}

// sendWaiting sends what is waiting, again and again, until nothing is.
func (c *connection) sendWaiting(ctx context.Context, repeat bool) error {
	var deadline time.Time
	for len(c.waiting) > 0 {
		failure, err := c.attempt(ctx, repeat)
		if err != nil {
			return err
		}
		if len(c.waiting) == 0 {
			return nil
		}
		c.Retries += int64(len(c.waiting))
		now := time.Now()
		if deadline.IsZero() {
			deadline = now.Add(retryMax)
		}
		if now.After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("a request was not acknowledged in %v: %w", retryMax, failure)
		}
		time.Sleep(retryPause)
	}
	return nil
}

// attempt sends all that is waiting and reads the answers; what must be sent again is
// waiting after it, and failure says why. err ends the run.
func (c *connection) attempt(ctx context.Context, repeat bool) (failure, err error) {
	if failure = c.write(ctx); failure != nil {
		c.unsure(c.waiting)
		return failure, nil
	}
	again := c.waiting[:0]
	for i, b := range c.waiting {
		a, broken := c.wire.read()
		if broken != nil {
			c.drop()
			c.unsure(c.waiting[i:])
			c.waiting = append(again, c.waiting[i:]...)
			return broken, nil
		}
		resend, err := c.settle(b, a, repeat)
		if resend {
			again, failure = append(again, b), err
		} else if err != nil {
			return nil, err
		}
	}
	c.waiting = again
	return failure, nil
}

// write sends all that is waiting in one write.
func (c *connection) write(ctx context.Context) (err error) {
	if c.wire == nil {
		if c.wire, err = dial(ctx, c.address); err != nil {
			return err
		}
	}
	out := c.waiting[0].bytes
	if len(c.waiting) > 1 {
		c.out = c.out[:0]
		for _, b := range c.waiting {
			c.out = append(c.out, b.bytes...)
		}
		out = c.out
	}
	if err := c.wire.write(out); err != nil {
		c.drop()
		return err
	}
	return nil
}

func (c *connection) drop() {
	c.wire.close()
	c.wire = nil
}

// unsure notes that requests may or may not have been written.
func (c *connection) unsure(bodies []*body) {
	for _, b := range bodies {
		b.tries++
		c.Unsure++
	}
}

// settle takes the answer to a request; again says to send it once more, because of err.
func (c *connection) settle(b *body, a answer, repeat bool) (again bool, err error) {
	again, err = judge(a, c.job.Shape.Mode, len(b.cells))
	switch {
	case again && errors.Is(err, errRefused) && c.job.Shape.Shed && b.tries == 0:
		c.Refused++
		c.refused = true
		c.Refusals.Add(time.Since(b.due))
		return false, nil
	case again && !errors.Is(err, errRefused):
		b.tries++
		c.Unsure++
		return true, err
	case err != nil:
		return again, err
	case repeat:
		c.Repeated++
		return false, nil
	}
	c.Latency.Add(time.Since(b.due))
	c.Requests++
	if float64(c.random.next()>>11) < c.job.Shape.Repeats*(1<<53) {
		c.repeated = append(c.repeated, b)
	}
	return false, c.ledger.add(b, a.positions)
}
