package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"weir/bench/target"
)

// A request that was not acknowledged is sent again after a pause, for as long as retryMax.
const (
	requestTimeout = 30 * time.Second
	retryPause     = 50 * time.Millisecond
	retryMax       = 2 * time.Minute
)

// sent is what one connection, or all of them, sent and heard.
type sent struct {
	acked    tally
	requests int64
	repeated int64 // requests sent again after their acknowledgement
	retries  int64 // of requests that were not acknowledged at first
	late     int64 // requests that were sent more than lateness after they were due
	latency  histogram
	written  target.Positions
}

// lateness is how much after its time a request may be sent and still count as on time.
const lateness = time.Millisecond

// merge adds other's figures.
func (s *sent) merge(other *sent) error {
	s.acked.merge(other.acked)
	s.requests += other.requests
	s.repeated += other.repeated
	s.retries += other.retries
	s.late += other.late
	s.latency.merge(&other.latency)
	return s.written.Add(other.written.String())
}

// sendAll sends for the run's duration on all connections, and returns when every
// request is acknowledged.
func (r *run) sendAll(ctx context.Context) (*sent, time.Duration, error) {
	parsed, err := url.Parse(r.api.URL)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read URL: %w", err)
	}
	client := &fasthttp.HostClient{
		Addr: parsed.Host, IsTLS: parsed.Scheme == "https", MaxConns: r.Connections,
		MaxIdemponentCallAttempts: 1, // retries are ours, and counted
		ReadTimeout:               requestTimeout, WriteTimeout: requestTimeout,
	}
	defer client.CloseIdleConnections()

	started := time.Now()
	due := &schedule{started: started, interval: r.interval(), end: started.Add(r.Duration)}
	connections := make([]*connection, r.Connections)
	errs := make([]error, r.Connections)
	var running sync.WaitGroup
	for i := range connections {
		connections[i] = r.newConnection(client, i)
		running.Go(func() { errs[i] = connections[i].run(ctx, due) })
	}
	running.Wait()
	took := time.Since(started)

	all := &sent{acked: newTally(len(r.names)), written: target.Positions{}}
	for _, c := range connections {
		errs = append(errs, all.merge(&c.sent))
	}
	return all, took, errors.Join(errs...)
}

// schedule says when each request is due. Connections share it: whichever is free takes the next.
type schedule struct {
	started  time.Time
	end      time.Time
	interval time.Duration // 0: at once
	taken    atomic.Int64
}

// next returns when the next request is due; ok is false when there is none any more.
func (s *schedule) next() (due time.Time, ok bool) {
	if s.interval == 0 {
		now := time.Now()
		return now, now.Before(s.end)
	}
	due = s.started.Add(time.Duration(s.taken.Add(1)-1) * s.interval)
	return due, due.Before(s.end)
}

// connection sends one request after the other.
type connection struct {
	sent
	client    *fasthttp.HostClient
	generator *generator
	repeats   float64
	random    *rand.Rand
	mode      string
	request   fasthttp.Request
	response  fasthttp.Response
}

func (r *run) newConnection(client *fasthttp.HostClient, number int) *connection {
	seed := rand.Uint64()
	c := &connection{
		client: client, repeats: r.Repeats, mode: r.Mode,
		random:    rand.New(rand.NewPCG(seed, 2)),
		generator: newGenerator(&r.shape, r.names, fmt.Sprintf("%s-%d-", r.id, number), seed),
		sent:      sent{acked: newTally(len(r.names)), written: target.Positions{}},
	}
	path, contentType := "/api/v1/events/batch", "application/json"
	switch r.Mode {
	case modeSingle:
		path = "/api/v1/events"
	case modeNDJSON:
		contentType = "application/x-ndjson"
	}
	c.request.Header.SetMethod(fasthttp.MethodPost)
	c.request.SetRequestURI(r.api.URL + path)
	c.request.Header.SetContentType(contentType)
	c.request.Header.Set("Authorization", "Bearer "+r.api.Key)
	return c
}

func (c *connection) run(ctx context.Context, schedule *schedule) error {
	for ctx.Err() == nil {
		due, ok := schedule.next()
		if !ok {
			return nil
		}
		time.Sleep(time.Until(due))
		if time.Since(due) > lateness {
			c.late++
		}
		c.request.SetBodyRaw(c.generator.next(time.Now()))
		if err := c.sendUntilAcknowledged(ctx); err != nil {
			return err
		}
		c.latency.add(time.Since(due))
		c.requests++
		c.generator.acknowledged(c.acked)
		if c.random.Float64() < c.repeats {
			c.repeated++
			if err := c.sendUntilAcknowledged(ctx); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// sendUntilAcknowledged sends the request again until weir has it.
func (c *connection) sendUntilAcknowledged(ctx context.Context) error {
	for deadline := time.Now().Add(retryMax); ; c.retries++ {
		err := c.client.DoTimeout(&c.request, &c.response, requestTimeout)
		if err == nil {
			var done bool
			if done, err = c.judge(); done {
				return err
			}
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("a request was not acknowledged in %v: %w", retryMax, err)
		}
		time.Sleep(retryPause)
	}
}

// judge says whether the answer ends the matter: acknowledged, or refused, which
// is an error. A repeat that weir remembers is refused with 422 and is there.
func (c *connection) judge() (done bool, err error) {
	status := c.response.StatusCode()
	switch {
	case status == fasthttp.StatusOK:
		return true, c.accept()
	case status == fasthttp.StatusUnprocessableEntity && allRepeats(c.response.Body(), c.generator.shape.Batch):
		return true, nil
	case status == fasthttp.StatusTooManyRequests || status >= 500:
		return false, fmt.Errorf("status %d: %.300s", status, c.response.Body())
	}
	return true, fmt.Errorf("weir refused a request: status %d: %.300s", status, c.response.Body())
}

func (c *connection) accept() error {
	if c.mode == modeNDJSON {
		if err := checkBulk(c.response.Body(), c.generator.shape.Batch); err != nil {
			return err
		}
	}
	return c.written.Add(string(c.response.Header.Peek(target.PositionHeader)))
}
