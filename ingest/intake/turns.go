package intake

import "time"

const (
	// waitingAlways is how many requests of one organization may wait for a turn however
	// long it takes: a client with some connections that sends one request after the
	// other is no overload.
	waitingAlways = 32
	// patience is how long a request may have to wait for a turn, by what those before
	// it waited; else it is refused. patienceStanding is the same when there was always one
	// that waited for as long as patience. So a burst and a slow sync are waited for, and
	// what comes faster than it is taken, for long, is refused early: those that are
	// taken do not pay for the others. (Maurer, Fail at Scale, ACM Queue 13-8, 2015.)
	patience         = 100 * time.Millisecond
	patienceStanding = 20 * time.Millisecond
)

// paceWeight: a turn changes the pace by this part of the difference.
const paceWeight = 16

// turns are given to requests that have their body: a turn is the right to parse it
// and to append it to the log. It ends before the request waits for the log.
//
// Requests that wait stand in a line of their organization, first come first served,
// and the organizations with a line in a ring: each turn goes to the next one in it.
// So who sends much waits for itself. There are as many turns as processors. With fewer,
// all would wait here and not in the runtime's queue, which knows no organizations. But a
// turn may be given to a request that does not run yet: BenchmarkNeighbour, with one turn
// for two processors, took as many events in one run and a quarter less in another, and
// the waits were not clearly shorter in either.
//
// No turn is given to an organization that has its part of what the log may hold:
// as much as is still free of it. What waits there is written in the order in which it
// came, whoever sent it, and so adds to everybody's time.
type turns struct {
	free     int      // turns that nobody has
	logBytes int64    // appended and not acknowledged
	ring     *account // the organization that is next among those with a line; nil = none
	drain    drain
}

// accountTurns is an organization's part of the turns.
type accountTurns struct {
	logBytes    int64 // appended and not acknowledged
	waiting     int
	first, last *turn     // of the line
	standing    time.Time // since when there is a line
	// pace is the time from one turn of the organization to the next, while others of
	// it waited: a moving average. given is when the last one was.
	pace  time.Duration
	given time.Time
	// next and before are the ring's, nil when there is no line.
	next, before *account
}

func (t *accountTurns) busy() bool { return t.logBytes != 0 || t.waiting != 0 }

// turn is one request's: it has a turn, or waits for one, or neither.
type turn struct {
	held  bool
	since time.Time // it waits
	given chan struct{}
	next  *turn // in line
}

// crowded reports whether another request of the organization had better be refused
// at once.
func (a *admission) crowded(k *account, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &k.turns
	if t.waiting < waitingAlways {
		return false
	}
	limit := patience
	if now.Sub(t.standing) > patience {
		limit = patienceStanding
	}
	// What is ahead of it, and what the first of them has waited already: when nothing
	// goes on, there is no pace.
	return time.Duration(t.waiting)*t.pace > limit || now.Sub(t.first.since) > limit
}

// enter takes a turn, and waits for it if need be. It waits as long as others have
// theirs, which wait for nothing, and as the log takes to write what is ahead.
func (a *admission) enter(k *account, t *turn) {
	if t.held {
		panic("BUG: a request takes a second turn")
	}
	t.held = true
	a.mu.Lock()
	if a.turns.free > 0 && k.turns.waiting == 0 && a.turns.roomFor(k) {
		a.turns.free--
		a.mu.Unlock()
		return
	}
	if t.given == nil {
		t.given = make(chan struct{}, 1)
	}
	t.since = time.Now()
	a.turns.queue(k, t)
	a.mu.Unlock()
	<-t.given
}

// leave ends a turn, in which so many bytes were appended to the log. They count until
// acknowledged.
func (a *admission) leave(k *account, t *turn, appended int) {
	if !t.held {
		panic("BUG: a request ends a turn that it does not have")
	}
	t.held = false
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turns.free++
	a.turns.logBytes += int64(appended)
	k.turns.logBytes += int64(appended)
	a.turns.give()
}

// acknowledged takes note that the log has answered for bytes that were appended.
func (a *admission) acknowledged(k *account, bytes int, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turns.drain.add(int64(bytes), now)
	a.turns.logBytes -= int64(bytes)
	k.turns.logBytes -= int64(bytes)
	if k.turns.logBytes < 0 {
		panic("BUG: more acknowledged than appended")
	}
	a.turns.give()
}

// roomFor reports whether the organization may append more to the log now.
func (t *turns) roomFor(k *account) bool {
	return t.logBytes+k.turns.logBytes < t.drain.bytesMax
}

// give gives what is free to who is next.
func (t *turns) give() {
	k := t.ring
	for k != nil && t.free > 0 && t.logBytes < t.drain.bytesMax {
		next := k.turns.next
		if t.roomFor(k) {
			t.free--
			t.ring = next // whose turn it is after this one
			t.unqueue(k).given <- struct{}{}
			k = t.ring
			continue
		}
		if k = next; k == t.ring {
			return // nobody in the ring has room
		}
	}
}

// queue puts a request at the end of its organization's line, and a new line at the
// end of the ring.
func (t *turns) queue(k *account, w *turn) {
	line := &k.turns
	w.next = nil
	line.waiting++
	if line.last != nil {
		line.last.next = w
		line.last = w
		return
	}
	line.first, line.last, line.standing, line.given = w, w, w.since, w.since
	if t.ring == nil {
		t.ring, line.next, line.before = k, k, k
		return
	}
	// Before the one that is next is last.
	line.next, line.before = t.ring, t.ring.turns.before
	line.before.turns.next = k
	line.next.turns.before = k
}

// unqueue takes the first request out of the organization's line, and an empty line
// out of the ring.
func (t *turns) unqueue(k *account) *turn {
	line := &k.turns
	now := time.Now()
	gap := min(now.Sub(line.given), patience) // a longer one says no more
	if line.pace == 0 {
		line.pace = gap
	}
	line.pace += (gap - line.pace) / paceWeight
	line.given = now
	w := line.first
	line.waiting--
	if line.first = w.next; line.first != nil {
		return w
	}
	line.last = nil
	if line.next == k {
		t.ring = nil
	} else {
		line.before.turns.next = line.next
		line.next.turns.before = line.before
		if t.ring == k {
			t.ring = line.next
		}
	}
	line.next, line.before = nil, nil
	return w
}
