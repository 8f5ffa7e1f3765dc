package ratelimit

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// PerSecondMax bounds a limit: tokens are counted in billionths, and so many of
// them, with a debt of as much again, are an int64.
const PerSecondMax = 1_000_000_000

// bucketsSwept is how many buckets there are at least before full ones are looked for.
const bucketsSwept = 1024

// Limiter holds a bucket for each organization. All methods may be called from any
// goroutine. A nil Limiter has no limit: it lets everything through.
type Limiter struct {
	perSecond int64

	mu      sync.Mutex
	buckets map[uuid.UUID]bucket
	sweepAt int // when so many buckets are there, the full ones are thrown away
}

// bucket is what an organization had at an instant.
type bucket struct {
	nanotokens int64 // billionths of a token; below 0 is debt
	at         int64 // nanoseconds since the Unix epoch
}

// nano is how many billionths a token has. A bucket of a limit of n tokens per second
// gains n of them in a nanosecond.
const nano = 1_000_000_000

// debtMax bounds a debt, in billionths of a token, so that no sum overflows: four
// seconds of the highest limit, and of others more than any request can cost.
const debtMax = 4 * PerSecondMax * nano

// New returns a limiter that lets each organization have perSecond tokens a second,
// at most PerSecondMax; with 0 or less it returns nil, which is no limit.
func New(perSecond int) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	return &Limiter{
		perSecond: int64(min(perSecond, PerSecondMax)),
		buckets:   make(map[uuid.UUID]bucket), sweepAt: bucketsSwept,
	}
}

// Peek says whether a request would be let through, and takes nothing.
func (l *Limiter) Peek(organization uuid.UUID, now time.Time) State {
	return l.take(organization, 0, now)
}

// Take lets a request through that costs n tokens, n >= 0, and takes them, or refuses
// it and takes nothing.
func (l *Limiter) Take(organization uuid.UUID, n int, now time.Time) State {
	return l.take(organization, n, now)
}

func (l *Limiter) take(organization uuid.UUID, n int, now time.Time) State {
	if l == nil {
		return State{Allowed: true}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(organization, now.UnixNano())
	state := State{Allowed: b.nanotokens >= nano, Limit: int(l.perSecond)}
	if state.Allowed {
		// The product of a cost that is absurd would overflow: compare before.
		b.nanotokens -= min(int64(n), PerSecondMax+debtMax/nano) * nano
		b.nanotokens = max(b.nanotokens, -debtMax)
		if n > 0 {
			l.keep(organization, b)
		}
	}
	state.Remaining = int(max(0, b.nanotokens/nano))
	missing := l.perSecond*nano - b.nanotokens // until the bucket is full
	if !state.Allowed {
		missing = nano - b.nanotokens // until there is a token
	}
	state.Reset = time.Duration((missing + l.perSecond - 1) / l.perSecond)
	return state
}

// bucket returns what the organization has now.
func (l *Limiter) bucket(organization uuid.UUID, now int64) bucket {
	full := bucket{nanotokens: l.perSecond * nano, at: now}
	b, known := l.buckets[organization]
	if !known {
		return full
	}
	elapsed := now - b.at
	if elapsed <= 0 {
		return b
	}
	// What is missing is compared in time: the product could overflow.
	if elapsed >= (full.nanotokens-b.nanotokens)/l.perSecond {
		return full
	}
	return bucket{nanotokens: b.nanotokens + elapsed*l.perSecond, at: now}
}

// keep stores a bucket, and throws full ones away when there are many.
func (l *Limiter) keep(organization uuid.UUID, b bucket) {
	l.buckets[organization] = b
	if len(l.buckets) < l.sweepAt {
		return
	}
	for id := range l.buckets {
		if l.bucket(id, b.at).nanotokens == l.perSecond*nano {
			delete(l.buckets, id)
		}
	}
	l.sweepAt = max(bucketsSwept, 2*len(l.buckets))
}
