package intake

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// number returns the nth organization.
func number(n int) uuid.UUID { return uuid.UUID{15: byte(n), 14: byte(n >> 8)} }

// line is a test's view of an admission with one turn: requests that wait for it, and
// the order in which they get it.
type line struct {
	*admission
	got []string
}

// wait makes a request of an organization wait for a turn, in which it appends bytes
// and which it ends at once. The bytes stay under way.
func (l *line) wait(name string, organization, bytes int) {
	go func() {
		k := l.open(number(organization))
		var t turn
		l.enter(k, &t)
		l.got = append(l.got, name) // one turn: nobody else is here
		l.leave(k, &t, bytes)
	}()
	synctest.Wait() // it stands in line
}

// While somebody has the turn, others stand in line; then the organizations take turns,
// each first come first served.
func TestTurnsGoRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &line{admission: newAdmission(1<<20, 1)}
		first := l.open(number(0))
		var held turn
		l.enter(first, &held)
		for _, name := range []string{"a1", "a2", "a3", "a4", "b1", "c1", "b2", "a5"} {
			l.wait(name, int(name[0]-'a')+1, 0)
		}
		l.leave(first, &held, 0)
		synctest.Wait()
		if got, want := strings.Join(l.got, " "), "a1 b1 c1 a2 b2 a3 a4 a5"; got != want {
			t.Errorf("turns went %s, want %s", got, want)
		}
		if l.turns.free != 1 || l.turns.ring != nil {
			t.Errorf("%d turns are free, want 1; the ring is %v, want none", l.turns.free, l.turns.ring)
		}
	})
}

// An organization that has its part of the log's room waits, and others pass it.
func TestTurnsByRoomInTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &line{admission: newAdmission(1<<20, 1)}
		// The log may hold 2 MiB. Alone, an organization stops when what it has there and
		// what is there in all come to that: at 1 MiB.
		const quarter = logBytesMin / 4
		l.wait("a1", 1, quarter)
		l.wait("a2", 1, quarter) // a: 2 quarters, all: 2
		l.wait("a3", 1, quarter) // waits
		l.wait("a4", 1, quarter) // waits
		l.wait("b1", 2, quarter) // b: 0, all: 2; then 1 and 3
		l.wait("b2", 2, quarter) // waits
		l.wait("c1", 3, quarter) // c: 0, all: 3; then 1 and 4
		l.wait("d1", 4, quarter) // waits, the log is full
		check := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := strings.Join(l.got, " "); got != want {
				t.Errorf("turns went %s, want %s", got, want)
			}
		}
		check("a1 a2 b1 c1")
		acknowledge := func(organization, bytes int) {
			time.Sleep(time.Minute) // what it can do is forgotten, and the limit stays
			l.acknowledged(l.accounts[number(organization)], bytes, time.Now())
		}
		acknowledge(3, quarter) // all: 3; only d has nothing there
		check("a1 a2 b1 c1 d1")
		acknowledge(1, 2*quarter) // all: 2, a: 0; its next one
		check("a1 a2 b1 c1 d1 a3")
		acknowledge(4, quarter) // all: 2, a: 1, b: 1: a has had its turn, b is next
		check("a1 a2 b1 c1 d1 a3 b2")
		acknowledge(1, quarter)
		check("a1 a2 b1 c1 d1 a3 b2 a4")
	})
}

// What is given back is given on, in any order of things.
func TestTurnsAtRandom(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(1<<30, 3)
		ended := make(chan int)
		const requests = 2000
		for n := range requests {
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			go func() {
				time.Sleep(time.Duration(r.IntN(1000)) * time.Millisecond)
				k := a.open(number(r.IntN(20)))
				var turn turn
				for range 1 + r.IntN(3) {
					a.enter(k, &turn)
					time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
					bytes := r.IntN(logBytesMin / 8)
					a.leave(k, &turn, bytes)
					time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
					a.acknowledged(k, bytes, time.Now())
				}
				a.close(k, 0)
				ended <- n
			}()
		}
		for range requests {
			<-ended
		}
		if a.turns.free != 3 || a.turns.ring != nil || a.turns.logBytes != 0 || len(a.accounts) != 0 {
			t.Errorf("at the end: %+v, %d accounts", a.turns, len(a.accounts))
		}
	})
}

// Who waits too long behind others of its organization is told not to; a burst is not.
func TestCrowded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &line{admission: newAdmission(1<<20, 1)}
		holder := l.open(number(0))
		var held turn
		l.enter(holder, &held)
		a, b, c := l.open(number(1)), l.open(number(2)), l.open(number(3))
		check := func(k *account, want bool) {
			t.Helper()
			if got := l.crowded(k, time.Now()); got != want {
				t.Errorf("crowded: %v, want %v", got, want)
			}
		}
		for n := range waitingAlways - 1 {
			l.wait(fmt.Sprint(n), 1, 0)
		}
		time.Sleep(time.Minute)
		check(a, false) // 31 may wait for ever
		l.wait("32nd", 1, 0)
		check(a, true)
		check(b, false) // another organization has its own line

		l.leave(holder, &held, 0)
		synctest.Wait() // all of them: each ends its turn at once
		check(a, false)
		if len(l.got) != waitingAlways {
			t.Fatalf("%d had a turn, want %d", len(l.got), waitingAlways)
		}

		l.enter(holder, &held)
		for n := range 2 * waitingAlways { // a burst
			l.wait(fmt.Sprint(n), 3, 0)
		}
		time.Sleep(patience)
		check(c, false) // waited for 100 ms
		time.Sleep(time.Nanosecond)
		check(c, true)
		l.leave(holder, &held, 0)
	})
}

// A line is as long as its requests will wait: with a turn each 2 ms, 50 of them.
func TestCrowdedByPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(1<<20, 0)
		k := a.open(number(1))
		add := func() { a.turns.queue(k, &turn{since: time.Now()}) }
		add()
		add()
		for range 10 { // one gets its turn, another comes
			time.Sleep(2 * time.Millisecond)
			a.turns.unqueue(k)
			add()
		}
		for k.turns.waiting < 50 {
			add()
		}
		if k.turns.pace != 2*time.Millisecond || a.crowded(k, time.Now()) {
			t.Errorf("with 50 at a pace of %v it is crowded", k.turns.pace)
		}
		add()
		if !a.crowded(k, time.Now()) {
			t.Error("with 51 it is not crowded")
		}
	})
}

// A line that is always there is kept short: then 20 ms is the limit.
func TestCrowdedForLong(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	a := newAdmission(1<<20, 0)
	k := a.open(number(1))
	for range waitingAlways {
		a.turns.queue(k, &turn{since: now})
	}
	k.turns.first.since = now.Add(patience + time.Millisecond) // the line is older than its first
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{
		{patience + time.Millisecond + patienceStanding, false},
		{patience + time.Millisecond + patienceStanding + 1, true},
	} {
		if got := a.crowded(k, now.Add(tt.after)); got != tt.want {
			t.Errorf("crowded after %v: %v, want %v", tt.after, got, tt.want)
		}
	}
}

// Memory is shared: alone four fifths, two organizations four ninths each.
func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	a := newAdmission(90_000, 1)
	fill := func(k *account) (taken int) {
		for a.reserve(k, 1) {
			taken++
		}
		return taken
	}
	one, two, three := a.open(number(1)), a.open(number(2)), a.open(number(3))
	if got := fill(one); got != 72_000 { // 72 = 4 × (90 - 72)
		t.Errorf("alone it gets %d, want 72000", got)
	}
	if got := fill(two); got != 14_400 { // 14.4 = 4 × (90 - 72 - 14.4)
		t.Errorf("the second gets %d beside it, want 14400", got)
	}
	if got := fill(three); got != 2_880 { // 2.88 = 4 × (3.6 - 2.88)
		t.Errorf("the third gets %d, want 2880", got)
	}
	a.take(one, -72_000) // what they had is done, and more comes
	a.take(two, -14_400)
	for more := true; more; {
		first, second := a.reserve(one, 1), a.reserve(two, 1)
		more = first || second
	}
	// x = 4 × (90,000 - 2,880 - 2x) for each, the third keeps what it has: 38,720.
	if one.bytes != 38_720 || two.bytes != 38_720 {
		t.Errorf("two get %d and %d, want 38720 each", one.bytes, two.bytes)
	}
}

// An account is forgotten with its last request, and is clean for the next organization.
func TestAccountsAreForgotten(t *testing.T) {
	t.Parallel()
	a := newAdmission(1<<20, 1)
	for n := range 3 * accountsUnusedMax {
		k := a.open(number(n))
		if again := a.open(number(n)); again != k {
			t.Fatal("two requests of an organization have two accounts")
		}
		if !a.reserve(k, 100) || k.bytes != 100 || k.organization != number(n) {
			t.Fatalf("a new account holds %+v", k)
		}
		a.close(k, 0)
		a.close(k, 100)
	}
	var all []*account
	for n := range 3 * accountsUnusedMax {
		all = append(all, a.open(number(n)))
	}
	for _, k := range all {
		a.close(k, 0)
	}
	if len(a.accounts) != 0 || len(a.unused) != accountsUnusedMax || a.bytesInFlight() != 0 {
		t.Errorf("%d accounts stay, and %d for others, want 0 and %d", len(a.accounts), len(a.unused), accountsUnusedMax)
	}
}

// The log's room follows what it can do.
func TestDrain(t *testing.T) {
	t.Parallel()
	d := newDrain()
	start := time.Unix(1_700_000_000, 0) // a span begins here
	const mib = 1 << 20
	var got []int64
	for _, step := range []struct {
		after time.Duration
		bytes int64
	}{
		{0, 1 * mib},                       // 2 × 1 MiB is the least
		{10 * time.Millisecond, 3 * mib},   // 4 in this span: 8
		{60 * time.Millisecond, 1 * mib},   // the best span still counts
		{999 * time.Millisecond, 1 * mib},  // the twentieth span: still
		{1000 * time.Millisecond, 1 * mib}, // not any more
		{time.Hour, 0},
	} {
		d.add(step.bytes, start.Add(step.after))
		got = append(got, d.bytesMax/mib)
	}
	if want := []int64{2, 8, 8, 8, 2, 2}; !slices.Equal(got, want) {
		t.Errorf("the log may hold %v MiB, want %v", got, want)
	}
}
