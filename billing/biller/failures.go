package biller

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"weir/billing/postgres"
)

const (
	retryFirst = 5 * time.Second  // wait after a customer's first failure, then doubled
	retryMax   = 10 * time.Minute // longest wait
	// failuresMax bounds how many customers' failures are remembered; beyond it a
	// customer waits as after its first.
	failuresMax = 100_000
)

// failure is a customer that could not be billed.
type failure struct {
	claim postgres.Claim
	err   error
}

// isRepeat reports whether an invoice was not written because another biller was faster
// or the subscription was changed in between. It is no fault: what is still due is billed
// again, from how things stand then.
func isRepeat(err error) bool {
	return errors.Is(err, postgres.ErrAlreadyBilled) || errors.Is(err, postgres.ErrLeaseLost)
}

// postpone lets a customer that failed wait before it is claimed again.
func (b *Biller) postpone(ctx context.Context, f failure) {
	wait := b.opts.Interval
	if isRepeat(f.err) {
		b.metrics.repeated.Inc()
	} else {
		b.metrics.failures.Inc()
		wait = b.failures.next(f.claim.Customer.ID)
		b.opts.Logger.Warn("customer could not be billed", "error", f.err, "retry_after", wait)
	}
	if err := b.opts.DB.PostponeClaim(ctx, f.claim, b.opts.Clock().Add(wait)); err != nil {
		b.opts.Logger.Warn("failed customer stays leased", "error", err, "until", f.claim.LeaseUntil)
	}
}

// releaseTimeout bounds giving claims back when the context has ended already.
const releaseTimeout = 5 * time.Second

// releaseAll gives failed customers back at once, also after ctx has ended.
func (b *Biller) releaseAll(ctx context.Context, failed []failure) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	var faults []error
	for _, f := range failed {
		if err := b.opts.DB.ReleaseClaim(ctx, f.claim); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// failures counts the failures in a row of each customer, for longer and longer waits.
type failures struct {
	mu    sync.Mutex
	inRow map[uuid.UUID]int
}

func newFailures() *failures { return &failures{inRow: map[uuid.UUID]int{}} }

// next records a failure and returns how long the customer shall wait: 5 s doubled with
// each failure up to 10 min, of which up to half is left to chance.
func (f *failures) next(customer uuid.UUID) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.inRow[customer]
	if n > 0 || len(f.inRow) < failuresMax {
		f.inRow[customer] = n + 1
	}
	wait := retryMax
	if n < 10 { // 5 s << 7 is more than 10 min
		wait = min(retryFirst<<n, retryMax)
	}
	return wait/2 + rand.N(wait/2)
}

func (f *failures) forget(customer uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.inRow, customer)
}
