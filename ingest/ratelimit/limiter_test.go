package ratelimit

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

var (
	start = time.Unix(1_700_000_000, 0)
	one   = uuid.MustParse("00000000-0000-4000-8000-000000000001")
	two   = uuid.MustParse("00000000-0000-4000-8000-000000000002")
)

// after returns the instant so long after the start.
func after(d time.Duration) time.Time { return start.Add(d) }

// A limit of 10 in a second, step by step.
func TestLimiter(t *testing.T) {
	t.Parallel()
	l := New(10)
	for _, step := range []struct {
		organization uuid.UUID
		at           time.Duration
		cost         int
		want         State
		seconds      int
	}{
		{one, 0, 0, State{true, 10, 10, 0}, 0},                                            // full at first
		{one, 0, 1, State{true, 10, 9, 100 * time.Millisecond}, 1},                        // one comes back in 1/10 s
		{one, 0, 9, State{true, 10, 0, time.Second}, 1},                                   // empty
		{one, 0, 1, State{false, 10, 0, 100 * time.Millisecond}, 1},                       // refused: pays nothing
		{one, 99 * time.Millisecond, 1, State{false, 10, 0, 1e6}, 1},                      // 0.99 tokens
		{one, 100 * time.Millisecond, 1, State{true, 10, 0, time.Second}, 1},              // 1.00
		{two, 100 * time.Millisecond, 1, State{true, 10, 9, 1e8}, 1},                      // has its own bucket
		{one, 400 * time.Millisecond, 33, State{true, 10, 0, 4 * time.Second}, 4},         // 3 - 33 = -30 tokens; 40 to full
		{one, 400 * time.Millisecond, 1, State{false, 10, 0, 3100 * time.Millisecond}, 4}, // 31 to the next one
		{one, 0, 1, State{false, 10, 0, 3100 * time.Millisecond}, 4},                      // time does not go back
		{one, 3499 * time.Millisecond, 0, State{false, 10, 0, 1e6}, 1},
		{one, 3500 * time.Millisecond, 0, State{true, 10, 1, 900 * time.Millisecond}, 1},
		{one, time.Hour, 0, State{true, 10, 10, 0}, 0},
	} {
		got := l.Take(step.organization, step.cost, after(step.at))
		if got != step.want || got.ResetSeconds() != step.seconds {
			t.Errorf("%d at %v: %+v (%d s), want %+v (%d s)", step.cost, step.at, got, got.ResetSeconds(), step.want, step.seconds)
		}
	}
}

func TestPeekTakesNothing(t *testing.T) {
	t.Parallel()
	l := New(2)
	for range 10 {
		if got, want := l.Peek(one, start), (State{true, 2, 2, 0}); got != want {
			t.Fatalf("Peek says %+v, want %+v", got, want)
		}
	}
	if len(l.buckets) != 0 {
		t.Errorf("Peek leaves %d buckets", len(l.buckets))
	}
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []int{0, -1} {
		l := New(perSecond)
		if got := l.Take(one, 1<<40, start); got != (State{Allowed: true}) {
			t.Errorf("a limit of %d says %+v", perSecond, got)
		}
	}
}

// The largest numbers do not overflow.
func TestExtremes(t *testing.T) {
	t.Parallel()
	l := New(1 << 62)
	if got := l.Take(one, 1<<62, start); !got.Allowed || got.Limit != PerSecondMax {
		t.Errorf("%+v", got)
	}
	// The debt is bounded: four seconds of the highest limit, and a little for the next token.
	if got := l.Take(one, 1, start); got.Allowed || got.Reset < 4*time.Second || got.Reset > 5*time.Second {
		t.Errorf("in debt: %+v", got)
	}
	if got := l.Take(one, 1, after(100*365*24*time.Hour)); !got.Allowed || got.Remaining != PerSecondMax-1 {
		t.Errorf("after a century: %+v", got)
	}
	slow := New(1)
	slow.Take(two, 1<<62, start)
	if got := slow.Take(two, 1, start); got.Allowed || got.ResetSeconds() < 1_000_000_000 {
		t.Errorf("in debt: %+v", got)
	}
}

// Whatever is asked for when, no organization gets more than the limit says: over any
// two of its requests, the time between them and one second more, and the last request.
func TestRateHolds(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		limit := 1 + r.IntN(1000)
		l, now := New(limit), start
		type taken struct {
			at   time.Time
			cost int
		}
		var all []taken
		for range 200 {
			now = now.Add(time.Duration(r.Int64N(int64(10 * time.Second / time.Duration(limit)))))
			if cost := 1 + r.IntN(5); l.Take(one, cost, now).Allowed {
				all = append(all, taken{now, cost})
			}
		}
		for first := range all {
			sum := 0
			for _, last := range all[first:] {
				// sum is what was taken before the last one.
				if most := int64(limit) * int64(last.at.Sub(all[first].at)+time.Second); int64(sum)*nano > most {
					t.Fatalf("%d taken within %v at %d per second", sum, last.at.Sub(all[first].at), limit)
				}
				sum += last.cost
			}
		}
	}
}

// Buckets that are full again do not stay.
func TestSweep(t *testing.T) {
	t.Parallel()
	l := New(1)
	l.Take(one, 1000, start) // a debtor stays
	for i := range 100_000 {
		l.Take(uuid.New(), 1, after(time.Duration(i)*time.Millisecond))
		// Within a second there are 1,000 others, and a sweep comes when they have doubled.
		if n := len(l.buckets); n > 2*(1000+1)+bucketsSwept {
			t.Fatalf("%d buckets after %d organizations", n, i)
		}
	}
	if l.Peek(one, after(100*time.Second)).Allowed {
		t.Error("the debtor is forgotten")
	}
}

func TestTighter(t *testing.T) {
	t.Parallel()
	none := State{Allowed: true}
	half, tenth := State{true, 10, 5, 1}, State{true, 1000, 100, 1}
	refuses := State{false, 10, 0, 1}
	for _, tt := range []struct{ a, b, want State }{
		{none, none, none}, {none, half, half}, {half, tenth, tenth}, {refuses, tenth, refuses}, {none, refuses, refuses},
	} {
		if got := Tighter(tt.a, tt.b); got != tt.want {
			t.Errorf("Tighter(%+v, %+v) is %+v", tt.a, tt.b, got)
		}
		if got := Tighter(tt.b, tt.a); got != tt.want {
			t.Errorf("Tighter(%+v, %+v) is %+v", tt.b, tt.a, got)
		}
	}
}

func TestConcurrentTakes(t *testing.T) {
	t.Parallel()
	l := New(1000)
	allowed := make([]int, 8)
	var all sync.WaitGroup
	for g := range allowed {
		all.Go(func() {
			for range 1000 {
				if l.Take(one, 1, start).Allowed {
					allowed[g]++
				}
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range allowed {
		sum += n
	}
	if sum != 1000 {
		t.Errorf("%d were let through at one instant, want 1000", sum)
	}
}

func BenchmarkTake(b *testing.B) {
	l, now := New(PerSecondMax), start
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Microsecond)
		l.Take(one, 1, now)
	}
}
