package store

import (
	"runtime"
	"time"
)

// Pace keeps long work from standing in the way of requests.
//
// The runtime takes a processor from a goroutine only after 10 ms, and each that waits may then have its turn
// first. Two goroutines that write checkpoints on two processors made requests wait for up to 40 ms. So such
// work gives way often, and now and then stops for a moment: giving way lets run only what is ready,
// and what waits for the network gets ready when somebody has nothing else to do.
//
// The zero Pace is ready. It is for one goroutine.
type Pace struct {
	yielded time.Time // or begun
	stopped time.Time
	steps   uint
}

const (
	// paceYield is how long work goes on without giving way, paceStop without stopping, and paceRest
	// for how long it stops at the least; an idle process takes a millisecond for it.
	paceYield = 100 * time.Microsecond
	paceStop  = time.Millisecond
	paceRest  = 50 * time.Microsecond
	// paceSteps is how many small steps go between two looks at the clock; a power of 2.
	paceSteps = 64
)

// Rest is to be called every few dozen microseconds of work.
func (p *Pace) Rest() {
	now := time.Now()
	switch {
	case p.yielded.IsZero():
		p.yielded, p.stopped = now, now
	case now.Sub(p.stopped) >= paceStop:
		time.Sleep(paceRest)
		p.stopped = time.Now()
		p.yielded = p.stopped
	case now.Sub(p.yielded) >= paceYield:
		runtime.Gosched()
		p.yielded = time.Now()
	}
}

// Step is to be called after each step of some hundred nanoseconds to a microsecond.
func (p *Pace) Step() {
	p.steps++
	if p.steps%paceSteps == 0 {
		p.Rest()
	}
}
