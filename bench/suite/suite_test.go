package main

import (
	"strings"
	"testing"
	"time"

	"weir/bench/report"
	"weir/bench/target"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row  row
		want string
	}{
		{row{Value: 750, Floor: 500, Target: 750}, "target met"},
		{row{Value: 749, Floor: 500, Target: 750}, "floor met"},
		{row{Value: 499, Floor: 500, Target: 750}, "BELOW THE FLOOR"},
		{row{Value: 20, Floor: 40, Target: 20, Less: true}, "target met"},
		{row{Value: 21, Floor: 40, Target: 20, Less: true}, "floor met"},
		{row{Value: 41, Floor: 40, Target: 20, Less: true}, "BELOW THE FLOOR"},
		{row{Value: 41}, ""},
	} {
		if got := c.row.verdict(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.row, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	table := &table{Commit: "abc", Rows: []row{{What: "speed", Unit: "k/s", Value: 600, Floor: 500, Target: 750}}}
	text := table.String()
	for _, want := range []string{"abc", "speed", "600 k/s", "500", "750", "floor met"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// soaked makes 40 samples whose memory and latency grow by the given shares from the
// second quarter's middle to the last one's.
func soaked(memory, latency float64) []sample {
	samples := make([]sample, 40)
	for i := range samples {
		grown := float64(i-15) / 20 // 0 in the middle of the second quarter, 1 in that of the last
		samples[i] = sample{
			MemoryBytes: int64((1 << 30) * (1 + memory*grown)),
			Events:      int64(1e6 * (i + 1)), LogBytes: int64(50e6 * (i + 1)), StoreBytes: int64(80e6 * (i + 1)),
			CPUPerEvent: 2000,
			Latencies: &report.Moment{
				ProbeAck: report.Latency{P99: time.Duration(20e6 * (1 + latency*grown))},
				Visible:  report.Latency{P99: 50 * time.Millisecond}, Read: report.Latency{P99: time.Millisecond},
			},
		}
	}
	return samples
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		memory, latency float64
		faults          []string
	}{
		{0, 0, nil},
		{0.10, 0.4, nil}, // within 15 % and 50 %
		{0.25, 0, []string{"memory"}},
		{0, 1, []string{"ack of a single"}},
		{0.25, 1, []string{"memory", "ack of a single"}},
	} {
		err := notFlat(judge(soaked(c.memory, c.latency)))
		if (err == nil) != (len(c.faults) == 0) {
			t.Errorf("%+v: %v", c, err)
		}
		for _, fault := range c.faults {
			if err != nil && !strings.Contains(err.Error(), fault) {
				t.Errorf("%+v: %v, want it to name %s", c, err, fault)
			}
		}
	}
	if err := notFlat(judge(soaked(9, 9)[:12])); err != nil { // 3 samples a quarter say nothing
		t.Error(err)
	}
	if err := notFlat(judge(nil)); err != nil {
		t.Error(err)
	}
}

// TestOffered: 40 requests of 100 were taken and 160 refused, in 2 s.
func TestOffered(t *testing.T) {
	t.Parallel()
	r := &report.Result{Requests: 40, Refused: 160, Sending: 2 * time.Second, AckedPerSecond: 2000, Shape: report.Shape{Batch: 100}}
	text := offered(r, 2500)
	for _, want := range []string{"10000 events/s", "4.0 times", "20 %"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

// TestWatch: the rate of a replay is that of the time in which something was counted.
func TestWatch(t *testing.T) {
	t.Parallel()
	var w watch
	started := time.Now()
	for _, counted := range []float64{0, 100, 300, 300} {
		w.see(target.Metrics{"weir_aggregator_events_total": counted, `weir_aggregator_lag_records{partition="1"}`: 0})
	}
	w.first.at, w.last.at = started.Add(time.Second), started.Add(3*time.Second)
	if got := w.recovery(started, time.Second/2); got.perSecond != 100 || got.caughtUp != 3*time.Second || got.ready != time.Second/2 {
		t.Errorf("%+v, want 200 events in 2 s", got) // 300 - 100
	}
	if w.done(301) || !w.done(300) || w.done(-1) {
		t.Error("it is done with 300 events, and not at rest yet")
	}
	w.seen = w.last.at.Add(3 * time.Second)
	if !w.done(-1) {
		t.Error("it is at rest after 3 s")
	}
	if w.lag = 5; w.done(-1) {
		t.Error("it lags")
	}
}
