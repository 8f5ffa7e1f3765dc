package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/bench/report"
)

// TestMeasure loads the stand-in in every mode while it refuses some requests and
// breaks some connections after it has written: what was acknowledged is counted once.
func TestMeasure(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{report.ModeSingle, report.ModeBatch, report.ModeNDJSON} {
		for _, pipeline := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", mode, pipeline), func(t *testing.T) {
				t.Parallel()
				shape := testShape(mode)
				shape.Pipeline = pipeline
				testMeasure(t, shape)
			})
		}
	}
	t.Run("processes", func(t *testing.T) {
		t.Parallel()
		shape := testShape(report.ModeBatch)
		shape.Processes, shape.Connections = 2, 3
		testMeasure(t, shape)
	})
}

func testMeasure(t *testing.T, shape report.Shape) {
	s, api := newStandIn(t)
	s.before = func(request int, w http.ResponseWriter) bool {
		if request%7 == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return request%7 == 3
	}
	shape.ProbeEvery = 0 // the probe does not try again after a broken connection
	r := testRun(t, api, shape)
	s.after = func(request int) bool { return request%11 == 5 }
	found, err := r.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found.Events != found.Requests*int64(r.Batch) || found.Requests == 0 || found.Ack.Samples != found.Requests {
		t.Errorf("%d events in %d requests, %d latencies", found.Events, found.Requests, found.Ack.Samples)
	}
	if found.Retries == 0 || found.Repeated == 0 || found.GeneratorCPU == 0 {
		t.Errorf("%d retries, %d repeats, %v of CPU, want some of each", found.Retries, found.Repeated, found.GeneratorCPU)
	}
	if counted := int64(len(s.seen)); counted != found.Events {
		t.Errorf("%d events acknowledged, and %d arrived", found.Events, counted)
	}
}

// TestShed drops what is answered 429, and nothing of it is expected in usage; what may
// have been written is sent until it is acknowledged, also through a 429.
func TestShed(t *testing.T) {
	t.Parallel()
	s, api := newStandIn(t)
	shape := testShape(report.ModeBatch)
	shape.Shed, shape.ProbeEvery = true, 0
	s.before = func(request int, w http.ResponseWriter) bool {
		if request%3 == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		return request%3 == 0
	}
	s.after = func(request int) bool { return request%5 == 1 }
	found, err := testRun(t, api, shape).measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found.Refused == 0 || found.Refusal.Samples != found.Refused || found.Requests == 0 {
		t.Errorf("%d refused, %d acknowledged", found.Refused, found.Requests)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	_, api := newStandIn(t)
	r := testRun(t, api, testShape(report.ModeBatch))
	found, err := r.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found.Visible.Samples == 0 || found.ProbeAck.Samples != found.Visible.Samples {
		t.Errorf("%d probes were seen, of %d", found.Visible.Samples, found.ProbeAck.Samples)
	}
}

// TestLostEventIsNoticed: an event that was acknowledged and not counted fails the run.
func TestLostEventIsNoticed(t *testing.T) {
	t.Parallel()
	s, api := newStandIn(t)
	r := testRun(t, api, testShape(report.ModeNDJSON))
	s.lose = func(id string) bool { return id == r.id+"-2-000000007" } // the seventh of connection 2
	_, err := r.measure(t.Context())
	if err == nil || !strings.Contains(err.Error(), "DIFFERS") {
		t.Errorf("error is %v, want a difference", err)
	}
}

func TestSandboxIsRefused(t *testing.T) {
	t.Parallel()
	s, api := newStandIn(t)
	s.sandbox = true
	r := &run{options: options{Shape: testShape(report.ModeBatch)}, api: api}
	if err := r.setUp(t.Context()); err == nil || !strings.Contains(err.Error(), "sandbox") {
		t.Errorf("error is %v, want it to say sandbox", err)
	}
}

func TestRefusalEndsTheRun(t *testing.T) {
	t.Parallel()
	s, api := newStandIn(t)
	r := testRun(t, api, testShape(report.ModeBatch))
	r.ProbeEvery = 0
	s.before = func(_ int, w http.ResponseWriter) bool {
		http.Error(w, "value_is_invalid", http.StatusUnprocessableEntity)
		return true
	}
	if _, err := r.measure(t.Context()); err == nil || !strings.Contains(err.Error(), "value_is_invalid") {
		t.Errorf("error is %v, want what weir said", err)
	}
}

// TestOpenLoop: a stall makes the requests behind it late, and all that were
// scheduled are sent.
func TestOpenLoop(t *testing.T) {
	t.Parallel()
	s, api := newStandIn(t)
	shape := testShape(report.ModeSingle)
	shape.Rate, shape.Connections, shape.Repeats, shape.ProbeEvery = 500, 1, 0, 0
	const stall = 150 * time.Millisecond
	s.before = func(request int, _ http.ResponseWriter) bool {
		if request == 1 {
			time.Sleep(stall) // the server's stall, which is what is measured
		}
		return false
	}
	found, err := testRun(t, api, shape).measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found.Requests != 100 { // 500/s for 200 ms
		t.Errorf("%d requests, want 100", found.Requests)
	}
	// Requests 2 to 75 were due during the stall. Request 38 waited half of it, so
	// the median of all is at least a few milliseconds, whatever the machine.
	if found.Late < 70 || found.Ack.Max < stall || found.Ack.P50 < 30*time.Millisecond {
		t.Errorf("%d late, median %v, worst %v", found.Late, found.Ack.P50, found.Ack.Max)
	}
}

// TestCompare: charges, filters, units and events must all be right.
func TestCompare(t *testing.T) {
	t.Parallel()
	// gpt-large 12.345 of 3, gpt-small 0.005 of 1, gpt-turbo none, gpt-micro 1.000 of 2,
	// gpt-ultra none: all 13.350 of 6; eu-west-1 is large and micro, 13.345 of 5.
	cells := []Cell{{3, 12345}, {1, 5}, {}, {2, 1000}, {}}
	good := func() *usage { return usageOf(cells) }
	if u := good(); u.Charges[0].Units != "13.350" || u.Charges[1].Filters[0].Units != "13.345" || u.Charges[1].Filters[0].EventsCount != 5 {
		t.Fatalf("the test's own usage is %+v", u)
	}
	if err := compare("s", good(), cells); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(u *usage){
		"units":        func(u *usage) { u.Charges[1].Units = "13.349" },
		"events":       func(u *usage) { u.Charges[0].EventsCount++ },
		"filter units": func(u *usage) { u.Charges[0].Filters[4].Units = "0.001" },
		"filter count": func(u *usage) { u.Charges[1].Filters[1].EventsCount = 0 },
		"filter gone":  func(u *usage) { u.Charges[1].Filters = u.Charges[1].Filters[:1] },
		"charge gone":  func(u *usage) { u.Charges = u.Charges[:1] },
		"no number":    func(u *usage) { u.Charges[0].Units = "" },
	} {
		u := good()
		if spoil(u); compare("s", u, cells) == nil {
			t.Errorf("%s: the difference was not noticed", name)
		}
	}
}

func TestParseOptions(t *testing.T) {
	t.Parallel()
	opts, err := parseOptions([]string{"-mode", "single", "-batch", "50", "-rate", "2000", "-env", "A=1", "-env", "B=2"})
	if err != nil {
		t.Fatal(err)
	}
	if opts.Batch != 1 || opts.Interval() != 500*time.Microsecond || len(opts.env) != 2 {
		t.Errorf("options are %+v", opts)
	}
	_, err = parseOptions([]string{"-mode", "x", "-batch", "0", "-zipf", "0.5", "-url", "http://x"})
	for _, want := range []string{"-mode", "-batch", "-zipf", "-key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want it to name %s", err, want)
		}
	}
}
