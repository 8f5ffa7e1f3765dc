package yardstick

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	eventBytes = 200     // what one yardstick hashes
	chaseSteps = 1 << 13 // places that it goes through in memory, 64 bytes each: 512 KiB, so that neighbours hardly matter

	rounds      = 9                     // of which the median counts
	roundTime   = 10 * time.Millisecond // CPU time of a round, at least
	attempts    = 3                     // before a stage counts as too slow
	unitsMax    = 1 << 30               // of one round
	warmUpUnits = 64
)

// Ratio fails the test if one unit of a stage takes more than bound yardsticks of CPU
// time, in the median of several rounds. setup prepares the stage and returns what does n
// units of it, which may be many goroutines' work: all CPU time of the process counts,
// that of the garbage collector too. So a test that calls Ratio is not parallel to
// others, and with the race detector, which slows code and not yardstick, it is skipped.
//
// What takes longer than the bound is measured again, up to three times: a
// neighbour's burst must not fail a test.
func Ratio(t *testing.T, name string, bound float64, setup func() func(n int)) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector changes ratios")
	}
	t.Run(name, func(t *testing.T) {
		ratio := measure(setup())
		for attempt := 1; ratio > bound && attempt < attempts; attempt++ {
			t.Logf("%.2f yardsticks, measured again", ratio)
			ratio = min(ratio, measure(setup()))
		}
		t.Logf("%.2f yardsticks a unit, at most %.2f", ratio, bound)
		if ratio > bound {
			t.Errorf("%s takes %.2f yardsticks a unit, at most %.2f are allowed", name, ratio, bound)
		}
	})
}

// measure returns how many yardsticks one unit of a stage takes.
func measure(stage func(n int)) float64 {
	loop := newYardstick()
	stage(warmUpUnits)
	loop(warmUpUnits)
	stageUnits, loopUnits := unitsOf(stage), unitsOf(loop)
	ratios := make([]float64, rounds)
	for i := range ratios {
		before := perUnit(loop, loopUnits)
		took := perUnit(stage, stageUnits)
		after := perUnit(loop, loopUnits)
		ratios[i] = took / ((before + after) / 2)
	}
	slices.Sort(ratios)
	return ratios[rounds/2]
}

// unitsOf returns how many units make a round.
func unitsOf(f func(n int)) int {
	n := warmUpUnits
	for n < unitsMax && perUnit(f, n)*float64(n) < float64(roundTime) {
		n *= 2
	}
	return n
}

// perUnit returns the CPU time of one of n units, in nanoseconds.
func perUnit(f func(n int), n int) float64 {
	before := cpuTime()
	f(n)
	return float64(cpuTime()-before) / float64(n)
}

// cpuTime returns the CPU time that the process has used.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic("BUG: cannot read the CPU time of the process: " + err.Error())
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// place is one line of memory, and where to go from it.
type place struct {
	next uint32
	_    [60]byte
}

// newYardstick returns what does n yardsticks. The way through memory is one circle in
// random order, so that each step waits for the one before.
func newYardstick() func(n int) {
	order := rand.New(rand.NewPCG(1, 1)).Perm(chaseSteps)
	places := make([]place, chaseSteps)
	for i, at := range order {
		places[at].next = uint32(order[(i+1)%chaseSteps])
	}
	event := make([]byte, eventBytes)
	for i := range event {
		event[i] = byte(i)
	}
	at := uint32(0)
	return func(n int) {
		for range n {
			event[0] = byte(at)
			at = places[at].next ^ uint32(xxhash.Sum64(event)>>63>>1) // the hash is needed, and adds nothing
		}
	}
}
