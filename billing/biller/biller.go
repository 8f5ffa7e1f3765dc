package biller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"weir/aggregator/query"
	"weir/billing/postgres"
)

const (
	// ParallelismDefault is how many customers one biller bills at the same time.
	ParallelismDefault = 4
	// IntervalDefault is how long Run waits between two ticks, besides a jitter.
	IntervalDefault = 5 * time.Second

	claimsPerWorker = 4 // customers claimed at once, for each of the parallel workers
	// pricingParallelism is how many of one customer's subscriptions are priced at once.
	pricingParallelism = 16

	customerTimeout = 20 * time.Second // for one customer: usage and transaction
	// leaseDuration outlasts the last of the claimed customers.
	leaseDuration = (claimsPerWorker + 2) * customerTimeout
	jitterShare   = 0.2 // of the interval, at most
)

// Options are what a Biller needs. All fields without a stated default are required.
type Options struct {
	DB *postgres.DB
	// Usage answers usage questions from the owners of the partitions.
	Usage query.Querier
	// Ends returns the range of a partition of the log: eventlog.Log.Range. Only the end is used.
	Ends func(ctx context.Context, partition int32) (start, end int64, err error)
	// LogID and Partitions are the log's identity. An answer about another log is refused.
	LogID      string
	Partitions int32
	// Delay is how long after a period's end it is cut; events that are sent in the
	// last moment and arrive within it are on the invoice. 0 or more.
	Delay       time.Duration
	Interval    time.Duration    // between ticks of Run; 0 = IntervalDefault
	Parallelism int              // 0 = ParallelismDefault
	Clock       func() time.Time // the system's clock, by which leases live; nil = time.Now
	Logger      *slog.Logger     // nil = none
	Registerer  prometheus.Registerer
}

// Biller makes invoices. Its methods may be called from any goroutine.
type Biller struct {
	opts     Options
	metrics  *metrics
	failures *failures
}

// New returns a Biller. It does nothing until Run, Tick or Advance is called.
func New(opts Options) (*Biller, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if opts.Interval == 0 {
		opts.Interval = IntervalDefault
	}
	if opts.Parallelism == 0 {
		opts.Parallelism = ParallelismDefault
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Biller{opts: opts, metrics: newMetrics(opts.Registerer), failures: newFailures()}, nil
}

func (o *Options) validate() error {
	var faults []error
	missing := func(absent bool, name string) {
		if absent {
			faults = append(faults, fmt.Errorf("%s is missing", name))
		}
	}
	missing(o.DB == nil, "DB")
	missing(o.Usage == nil, "Usage")
	missing(o.Ends == nil, "Ends")
	missing(o.LogID == "", "LogID")
	missing(o.Partitions < 1, "Partitions")
	missing(o.Registerer == nil, "Registerer")
	if o.Delay < 0 || o.Interval < 0 || o.Parallelism < 0 {
		faults = append(faults, errors.New("one of Delay, Interval and Parallelism is negative"))
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("cannot make a biller: %w", err)
	}
	return nil
}

// Run ticks until ctx ends, and returns then. A tick that fails is logged, and the next
// one tries again.
func (b *Biller) Run(ctx context.Context) error {
	for {
		if _, err := b.Tick(ctx, b.opts.Clock()); err != nil && ctx.Err() == nil {
			b.opts.Logger.Error("billing tick failed", "error", err)
		}
		jitter := time.Duration(rand.Float64() * jitterShare * float64(b.opts.Interval))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(b.opts.Interval + jitter):
		}
	}
}

// Tick bills everything that has fallen due by now in the organizations that live by the
// system's clock: periods whose end is at least the billing delay ago, and starts, which
// have no usage to wait for. It returns how many invoices it wrote. A customer that fails
// is counted, logged and tried again in a later tick; an error is one that kept the tick
// itself from going on.
func (b *Biller) Tick(ctx context.Context, now time.Time) (invoices int, err error) {
	began := time.Now()
	defer func() { b.metrics.tickDuration.Observe(time.Since(began).Seconds()) }()
	for {
		claims, err := b.opts.DB.ClaimDue(ctx, b.claimOptions(postgres.ClaimOptions{
			DueUntil:    now.Add(-b.opts.Delay),
			StartsUntil: now,
		}))
		if err != nil {
			return invoices, fmt.Errorf("cannot claim what is due: %w", err)
		}
		if len(claims) == 0 {
			return invoices, b.observeOldestDue(ctx, now)
		}
		written, failed := b.billAll(ctx, claims, func(postgres.Claim) time.Time { return now })
		invoices += written
		if written > 0 {
			b.opts.Logger.Info("invoices written", "invoices", written)
		}
		if err := ctx.Err(); err != nil {
			return invoices, errors.Join(err, b.releaseAll(ctx, failed))
		}
		for _, f := range failed {
			b.postpone(ctx, f)
		}
	}
}

// Advance bills everything that falls due up to now in a sandbox organization whose test
// clock was set to now: in order of time, each thing as at its own instant, over as many
// periods as lie between, without a billing delay. It returns when all of it is done, also
// what another call of Advance is at. After an error the same call again goes on.
func (b *Biller) Advance(ctx context.Context, organization uuid.UUID, now time.Time) error {
	for repeats := 0; ; {
		due, ok, err := b.opts.DB.EarliestDue(ctx, organization)
		if err != nil {
			return fmt.Errorf("cannot find what is due next: %w", err)
		}
		if !ok || due.After(now) {
			return nil
		}
		err = b.advanceTo(ctx, organization, due)
		if err != nil && (!isRepeat(err) || repeats == repeatsMax) {
			return err
		}
		if repeats++; err == nil {
			repeats = 0
		}
	}
}

// repeatsMax is how many times in a row Advance bills again what was changed while it did.
const repeatsMax = 10

// advanceTo bills what is due at or before one instant, once for each customer.
func (b *Biller) advanceTo(ctx context.Context, organization uuid.UUID, due time.Time) error {
	claims, err := b.opts.DB.ClaimDue(ctx, b.claimOptions(postgres.ClaimOptions{Organization: &organization, DueUntil: due}))
	if err != nil {
		return fmt.Errorf("cannot claim what is due: %w", err)
	}
	if len(claims) == 0 {
		return b.awaitOthers(ctx)
	}
	_, failed := b.billAll(ctx, claims, func(c postgres.Claim) time.Time { return c.DueAt })
	faults := []error{b.releaseAll(ctx, failed)}
	for _, f := range failed {
		if isRepeat(f.err) {
			b.metrics.repeated.Inc()
		} else {
			b.metrics.failures.Inc()
		}
		faults = append(faults, f.err)
	}
	return errors.Join(faults...)
}

// othersInterval is how often Advance looks whether what another call has claimed is done.
const othersInterval = 20 * time.Millisecond

func (b *Biller) awaitOthers(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(othersInterval):
		return nil
	}
}

// claimOptions completes what all claims have in common.
func (b *Biller) claimOptions(opts postgres.ClaimOptions) postgres.ClaimOptions {
	opts.Now = b.opts.Clock()
	opts.LeaseUntil = opts.Now.Add(leaseDuration)
	opts.Limit = min(b.opts.Parallelism*claimsPerWorker, postgres.ClaimLimitMax)
	return opts
}

// billAll bills the claimed customers, some at a time, and returns how many invoices it
// wrote and what failed. at says as at which instant.
func (b *Biller) billAll(ctx context.Context, claims []postgres.Claim, at func(postgres.Claim) time.Time) (int, []failure) {
	round := newRound(b)
	var invoices atomic.Int64
	results := make([]error, len(claims))
	var group errgroup.Group
	group.SetLimit(b.opts.Parallelism)
	for i, claim := range claims {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, customerTimeout)
			defer cancel()
			written, err := round.bill(ctx, claim, at(claim))
			if written {
				invoices.Add(1)
			}
			results[i] = err
			return nil
		})
	}
	_ = group.Wait() // each customer has its own result
	b.metrics.invoices.Add(float64(invoices.Load()))
	return int(invoices.Load()), b.failed(claims, results)
}

// failed returns the claims whose result is an error.
func (b *Biller) failed(claims []postgres.Claim, results []error) []failure {
	var failed []failure
	for i, err := range results {
		customer := claims[i].Customer.ID
		if err == nil {
			b.failures.forget(customer)
			continue
		}
		failed = append(failed, failure{claims[i], fmt.Errorf("cannot bill customer %s: %w", customer, err)})
	}
	return failed
}

// observeOldestDue shows how far billing is behind.
func (b *Biller) observeOldestDue(ctx context.Context, now time.Time) error {
	due, ok, err := b.opts.DB.OldestDue(ctx)
	if err != nil {
		return fmt.Errorf("cannot find the oldest due date: %w", err)
	}
	behind := time.Duration(0)
	if ok {
		behind = max(0, now.Sub(due.Add(b.opts.Delay)))
	}
	b.metrics.oldestDue.Set(behind.Seconds())
	return nil
}
