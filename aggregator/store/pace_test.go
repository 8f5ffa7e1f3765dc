package store

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestPaceStopsAfterWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p Pace
		for _, c := range []struct {
			work, rests time.Duration
		}{
			{0, 0}, // begins here
			{paceStop - 1, 0},
			{1, paceRest},     // a whole paceStop since it began
			{paceStop / 2, 0}, // counts from the rest's end
			{paceStop / 2, paceRest},
		} {
			time.Sleep(c.work) // the bubble's clock goes on by nothing else
			began := time.Now()
			p.Rest()
			if got := time.Since(began); got != c.rests {
				t.Errorf("after %v of work it stops for %v, want %v", c.work, got, c.rests)
			}
		}
	})
}

func TestPaceLooksAtTheClockNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p Pace
		p.Rest()
		time.Sleep(paceStop)
		began := time.Now()
		for range paceSteps - 1 {
			p.Step()
		}
		if got := time.Since(began); got != 0 {
			t.Errorf("stops for %v before step %d", got, paceSteps)
		}
		p.Step()
		if got := time.Since(began); got != paceRest {
			t.Errorf("stops for %v at step %d, want %v", got, paceSteps, paceRest)
		}
	})
}
