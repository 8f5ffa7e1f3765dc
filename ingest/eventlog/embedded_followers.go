package eventlog

import (
	"sync"
	"sync/atomic"
	"time"
)

// followerPatience is how long the committer waits for a reader that takes nothing.
const followerPatience = time.Second

// followers are the readers at the end, those that find what they read in the tail. The
// committer waits as long as one of them has not got to the newer half of it: who counts is
// not to fall behind who sends. Else all that both share, processors above all, goes to those
// who send, and what is acknowledged is counted ever later; and a reader that has lost the tail has
// to decompress what was in memory just now.
//
// Who reads the past is not waited for, nor who takes nothing for followerPatience: a partition that has
// stopped, or waits for something itself. It is one again when it is back at the tail.
type followers struct {
	mu       sync.Mutex
	readers  map[*embeddedReader]struct{} // under mu
	patience time.Duration

	waited atomic.Bool   // the committer waits
	moved  chan struct{} // capacity 1: one of them has moved on, or left, while it waits
}

func (w *followers) start(patience time.Duration) {
	w.readers = make(map[*embeddedReader]struct{})
	w.moved = make(chan struct{}, 1)
	w.patience = patience
	if patience == 0 {
		w.patience = followerPatience
	}
}

// join is called by a reader that has taken frames from the tail.
func (w *followers) join(r *embeddedReader) {
	r.since.Store(time.Now().UnixNano())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readers[r] = struct{}{}
}

// leave is called by a reader that ends, or has lost the tail.
func (w *followers) leave(r *embeddedReader) {
	w.mu.Lock()
	delete(w.readers, r)
	w.mu.Unlock()
	w.tell()
}

// move is called by a reader whose caller is done with all that it was given.
func (w *followers) move(r *embeddedReader) {
	r.reached.Store(r.next)
	r.since.Store(time.Now().UnixNano())
	w.tell()
}

// tell wakes the committer if it waits.
func (w *followers) tell() {
	if !w.waited.Load() {
		return
	}
	select {
	case w.moved <- struct{}{}:
	default: // told already
	}
}

// awaitFollowers blocks as long as a follower is behind, within patience.
func (l *Embedded) awaitFollowers() {
	if !l.followers.behind(&l.tail, time.Now()) {
		return
	}
	started := time.Now()
	l.followers.waited.Store(true)
	defer func() {
		l.followers.waited.Store(false)
		l.metrics.held.Add(time.Since(started).Seconds())
	}()
	// Some take nothing more, and nobody tells of that.
	look := time.NewTicker(max(l.followers.patience/4, time.Millisecond))
	defer look.Stop()
	for l.followers.behind(&l.tail, time.Now()) {
		select {
		case <-l.followers.moved:
		case <-look.C:
		case <-l.failed:
			return
		}
	}
}

// behind reports whether a follower is behind, and lets go of those that take nothing.
func (w *followers) behind(t *tail, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	behind := false
	for r := range w.readers {
		if !t.behind(r.partition, r.reached.Load()) {
			continue
		}
		if now.UnixNano()-r.since.Load() >= int64(w.patience) {
			delete(w.readers, r)
			continue
		}
		behind = true
	}
	return behind
}
