package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator"
	"weir/ingest"
)

// Waits between two attempts at a question: doubled from the first to the
// longest, each shortened by up to half at random.
const (
	retryWaitMin = 10 * time.Millisecond
	retryWaitMax = time.Second
)

// reserveMax is how much sooner than the asker's context the answerer's ends, so
// that its "not yet" still arrives; it is less when there is little time.
const reserveMax = 250 * time.Millisecond

// ClientOptions say what a Client asks about and whom.
type ClientOptions struct {
	LogID      string // answers from another log are refused
	Partitions int32  // number of partitions of the log, at least 1
	// Owners returns who owns which partition now. It is called from any goroutine,
	// one call at a time, at most every few milliseconds.
	Owners func(ctx context.Context) ([]Owner, error)
	Secret string // the installation's, as the Handlers have it
	// HTTP is used for all requests; nil takes one made for this. It must not follow redirects.
	HTTP *http.Client
	// Timeout bounds a question whose context has no deadline; 0 is TimeoutDefault.
	Timeout    time.Duration
	Registerer prometheus.Registerer // nil: metrics are kept but not shown
}

// Client answers questions by asking the owners of the partitions concerned over
// HTTP. Where an owner has moved, is restarting or has not reached the position
// yet, it asks again until the context ends; the error is then the last one met.
// It is a Querier and may be used from any goroutine.
type Client struct {
	opts    ClientOptions
	http    *http.Client
	owners  *owners
	metrics *clientMetrics
	all     []int32 // every partition
}

var _ Querier = (*Client)(nil)

// NewClient returns a client; there is nothing to close.
func NewClient(opts ClientOptions) (*Client, error) {
	switch {
	case opts.LogID == "":
		return nil, errors.New("cannot make usage client: no log id")
	case opts.Partitions < 1:
		return nil, fmt.Errorf("cannot make usage client: %d partitions", opts.Partitions)
	case opts.Owners == nil:
		return nil, errors.New("cannot make usage client: no owners")
	case opts.Secret == "":
		return nil, errors.New("cannot make usage client: no secret")
	}
	if opts.Timeout <= 0 {
		opts.Timeout = TimeoutDefault
	}
	c := &Client{opts: opts, http: opts.HTTP, metrics: newClientMetrics(opts.Registerer)}
	if c.http == nil {
		c.http = newHTTPClient()
	}
	c.owners = newOwners(opts.Owners, c.metrics)
	for partition := range opts.Partitions {
		c.all = append(c.all, partition)
	}
	return c, nil
}

// newHTTPClient returns a client for calls inside an installation: no proxy, no
// redirects (they would carry the secret elsewhere), connections kept.
func newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Usage asks the owner of the subscription's partition. See Querier.
func (c *Client) Usage(ctx context.Context, req UsageRequest) (UsageAnswer, error) {
	if err := req.Check(); err != nil {
		return UsageAnswer{}, fmt.Errorf("cannot ask for usage: %w", err)
	}
	partition := ingest.Partition(req.Organization, req.Subscription, c.opts.Partitions)
	var answer UsageAnswer
	err := c.retry(ctx, "usage", func(ctx context.Context, table *ownerTable) error {
		groups, err := table.groups([]int32{partition})
		if err != nil {
			return err
		}
		var out wireUsageAnswer
		if err := c.ask(ctx, groups[0].url, usagePath, usageRequestToWire(req), &out); err != nil {
			return err
		}
		if answer, err = out.answer(); err != nil {
			return fmt.Errorf("cannot read answer of %s: %w", groups[0].url, err)
		}
		return c.checkUsage(groups[0].url, partition, req, answer)
	})
	if err != nil {
		return UsageAnswer{}, err
	}
	return answer, nil
}

// checkUsage refuses an answer to another question.
func (c *Client) checkUsage(url string, partition int32, req UsageRequest, answer UsageAnswer) error {
	switch {
	case answer.LogID != c.opts.LogID:
		return fmt.Errorf("%s answered from log %q, not %q", url, answer.LogID, c.opts.LogID)
	case answer.Partition != partition:
		return fmt.Errorf("%s answered for partition %d, not %d", url, answer.Partition, partition)
	case answer.Next < req.AtLeast:
		return fmt.Errorf("%s answered at offset %d, before %d: %w", url, answer.Next, req.AtLeast, ErrNotYet)
	case req.At != 0 && answer.Next != req.At:
		return fmt.Errorf("%s answered at offset %d, not at %d", url, answer.Next, req.At)
	case len(answer.Items) != len(req.Items):
		return fmt.Errorf("%s answered %d items, not %d", url, len(answer.Items), len(req.Items))
	}
	for i := range answer.Items {
		if err := checkBuckets(&req.Items[i], max(len(req.Days)-1, 0), answer.Items[i].Buckets); err != nil {
			return fmt.Errorf("%s answered usage of %q as it was not asked for: %w", url, req.Items[i].Metric.Code, err)
		}
	}
	return nil
}

// retry runs try with the owners of the moment until it succeeds, fails for good
// or the time is up.
func (c *Client) retry(
	ctx context.Context, route string, try func(context.Context, *ownerTable) error,
) (err error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.opts.Timeout)
		defer cancel()
	}
	started := time.Now()
	defer func() { c.metrics.observe(route, err, time.Since(started)) }()

	var failed *ownerTable
	var last error // of the attempt before
	for wait := retryWaitMin; ; wait = min(2*wait, retryWaitMax) {
		table, err := c.owners.get(ctx, failed)
		if err == nil {
			if err = try(ctx, table); err == nil {
				return nil
			}
		}
		if last != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = last // says more than that the time was up in the middle of one more attempt
		}
		if !mayRetry(err) || !pause(ctx, wait, err) {
			return fmt.Errorf("cannot ask for %s: %w", route, err)
		}
		last = err
		c.metrics.retries.WithLabelValues(retryReason(err)).Inc()
		// Whoever was wrong about its partitions, or did not answer, may have been
		// replaced; who only asks for patience has not.
		if !errors.Is(err, ErrNotYet) && !errors.Is(err, errOverloaded) {
			failed = table
		}
	}
}

// unreachableError: there was no answer, or none of ours; or nobody could say
// whom to ask.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

func mayRetry(err error) bool {
	var unreachable *unreachableError
	var remote *remoteError
	switch {
	case errors.Is(err, ErrStopped), errors.Is(err, aggregator.ErrTooManyCells):
		return false
	case errors.Is(err, ErrNotOwner), errors.Is(err, ErrNotYet), errors.Is(err, errOverloaded):
		return true
	case errors.As(err, &unreachable):
		return true
	case errors.As(err, &remote): // its time was up, or it is going away
		return remote.is != nil
	}
	return false
}

func retryReason(err error) string {
	var unreachable *unreachableError
	if errors.As(err, &unreachable) {
		return "unreachable"
	}
	return faultOf(err).code
}

// pause waits before the next attempt and reports whether there is time for one.
func pause(ctx context.Context, wait time.Duration, err error) bool {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	if errors.Is(err, ErrNotYet) && left <= 2*reserveMax {
		return false // the owner has waited as long as it could
	}
	wait = min(wait-rand.N(wait/2), left/2)
	if wait < time.Millisecond {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask puts one question to one process.
func (c *Client) ask(ctx context.Context, url, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("cannot write question: %w", err)
	}
	if len(body) > RequestBytesMax {
		return fmt.Errorf("question has %d bytes (limit %d)", len(body), RequestBytesMax)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("cannot ask %q: %w", url, err)
	}
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	req.Header.Set(timeoutHeader, (left - min(left/8, reserveMax)).String())
	req.Header.Set("Authorization", "Bearer "+c.opts.Secret)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return &unreachableError{fmt.Errorf("cannot ask %s: %w", url, err)}
	}
	defer res.Body.Close()
	out, err := readBounded(res.Body, AnswerBytesMax)
	if err != nil {
		return &unreachableError{fmt.Errorf("cannot read answer of %s: %w", url, err)}
	}
	if res.StatusCode != http.StatusOK {
		return remoteFault(url, res.StatusCode, out)
	}
	if err := decode(out, answer); err != nil {
		return fmt.Errorf("cannot read answer of %s: %w", url, err)
	}
	return nil
}

// remoteFault reads an answer that is an error. One that is not in our form comes
// from something else at that address.
func remoteFault(url string, status int, body []byte) error {
	var out wireFault
	if err := decode(body, &out); err != nil || out.Error.Code == "" {
		return &unreachableError{fmt.Errorf("%s is not a weir aggregator: it answered status %d", url, status)}
	}
	return fmt.Errorf("%s: %w", url, &remoteError{out.Error.Code, out.Error.Message, faultOfCode(out.Error.Code).is})
}
