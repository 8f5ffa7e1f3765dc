package main

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// schedule says when each request is due. Connections share it: whichever is free
// takes the next.
type schedule struct {
	end  time.Time
	dues chan time.Time // nil: at once
}

// duesAhead is how many requests may be due and not taken; the pacer waits beyond, and
// loses nothing: what it tells is when a request was due, not when it told it.
const duesAhead = 1 << 16

// pauseMin is the shortest sleep of a pacer: requests due within it are told together.
const pauseMin = 100 * time.Microsecond

// newSchedule makes a schedule of one request every interval, 0 for at once, from
// started on until end. pace must run for one with an interval.
func newSchedule(end time.Time, interval time.Duration) *schedule {
	s := &schedule{end: end}
	if interval > 0 {
		s.dues = make(chan time.Time, duesAhead)
	}
	return s
}

// pace tells the connections what is due, until the schedule ends. It sleeps on a
// thread of its own: the runtime's timers are up to a millisecond late when a process
// is idle, which is as long as what is measured.
func (s *schedule) pace(ctx context.Context, started time.Time, interval time.Duration) {
	if s.dues == nil {
		return
	}
	runtime.LockOSThread()
	defer close(s.dues)
	for due := started; due.Before(s.end); due = due.Add(interval) {
		for ahead := time.Until(due); ahead > 0; ahead = time.Until(due) {
			pause := unix.NsecToTimespec(int64(max(ahead, pauseMin)))
			_ = unix.Nanosleep(&pause, nil) // a signal may cut it short: hence the loop
		}
		select {
		case s.dues <- due:
		case <-ctx.Done():
			return
		}
	}
}

// next waits until a request is due and returns when it was; ok is false when there
// is none any more.
func (s *schedule) next() (due time.Time, ok bool) {
	if s.dues == nil {
		now := time.Now()
		return now, now.Before(s.end)
	}
	due, ok = <-s.dues
	return due, ok
}

// another returns one more request if one is due by now.
func (s *schedule) another() (due time.Time, ok bool) {
	if s.dues == nil {
		return s.next()
	}
	select {
	case due, ok = <-s.dues:
		return due, ok
	default:
		return time.Time{}, false
	}
}
