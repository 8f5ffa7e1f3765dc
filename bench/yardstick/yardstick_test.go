package yardstick

import "testing"

// TestMeasure measures loops whose ratios are known: the yardstick itself, and one that
// does it three times.
func TestMeasure(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector changes ratios")
	}
	for _, times := range []int{1, 3} {
		loop := newYardstick()
		near := false
		for attempt := 0; attempt < attempts && !near; attempt++ {
			ratio := measure(func(n int) { loop(times * n) })
			t.Logf("%d yardsticks measured as %.2f", times, ratio)
			near = 0.6*float64(times) < ratio && ratio < 1.6*float64(times)
		}
		if !near {
			t.Errorf("%d yardsticks are measured as another number, %d times", times, attempts)
		}
	}
}
