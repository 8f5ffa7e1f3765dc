package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/bench/target"
)

// TestMeasure loads the stand-in in every mode while it refuses some requests and
// breaks some connections after it has written: what was acknowledged is counted once.
func TestMeasure(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{modeSingle, modeBatch, modeNDJSON} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s, api := newStandIn(t)
			s.before = func(request int, w http.ResponseWriter) bool {
				if request%7 == 3 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				return request%7 == 3
			}
			r := testRun(t, api, testShape(mode))
			r.ProbeEvery = 0 // the probe does not try again after a broken connection
			s.after = func(request int) bool { return request%11 == 5 }
			found, err := r.measure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if found.Events != found.Requests*int64(r.Batch) || found.Requests == 0 || found.Ack.Samples != found.Requests {
				t.Errorf("%d events in %d requests, %d latencies", found.Events, found.Requests, found.Ack.Samples)
			}
			if found.Retries == 0 || found.Repeated == 0 {
				t.Errorf("%d retries and %d repeats, want some of both", found.Retries, found.Repeated)
			}
			if counted := int64(len(s.seen)); counted != found.Events {
				t.Errorf("%d events acknowledged, and %d arrived", found.Events, counted)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	_, api := newStandIn(t)
	r := testRun(t, api, testShape(modeBatch))
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
	r := testRun(t, api, testShape(modeNDJSON))
	s.lose = func(id string) bool { return id == r.id+"-2-7" } // the seventh of connection 2
	_, err := r.measure(t.Context())
	if err == nil || !strings.Contains(err.Error(), "DIFFERS") {
		t.Errorf("error is %v, want a difference", err)
	}
}

func TestSandboxIsRefused(t *testing.T) {
	t.Parallel()
	s, api := newStandIn(t)
	s.sandbox = true
	r := &run{options: options{shape: testShape(modeBatch)}, api: api}
	if err := r.setUp(t.Context()); err == nil || !strings.Contains(err.Error(), "sandbox") {
		t.Errorf("error is %v, want it to say sandbox", err)
	}
}

func TestRefusalEndsTheRun(t *testing.T) {
	t.Parallel()
	s, api := newStandIn(t)
	r := testRun(t, api, testShape(modeBatch))
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
	shape := testShape(modeSingle)
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

func TestHistogram(t *testing.T) {
	t.Parallel()
	var h, other histogram
	for i := range 1000 {
		part := &h
		if i%2 == 0 {
			part = &other
		}
		part.add(time.Duration(i+1) * time.Millisecond)
	}
	h.merge(&other)
	got := h.latency()
	if got.Samples != 1000 || got.Max != time.Second {
		t.Errorf("latency is %+v", got)
	}
	for _, c := range []struct{ got, exact time.Duration }{
		{got.P50, 500 * time.Millisecond},
		{got.P90, 900 * time.Millisecond},
		{got.P99, 990 * time.Millisecond},
		{got.P999, 999 * time.Millisecond},
	} {
		if c.got < c.exact || c.got > c.exact+c.exact/32 {
			t.Errorf("percentile is %v, want %v or at most 1/32 more", c.got, c.exact)
		}
	}
	if empty := new(histogram).latency(); empty != (latency{}) {
		t.Errorf("of nothing: %+v", empty)
	}
}

func TestHistogramBuckets(t *testing.T) {
	t.Parallel()
	last := -1
	for _, d := range []time.Duration{0, 1, 63, 64, 65, 66, 127, 128, 131, 132, time.Second, time.Hour, 1<<63 - 1} {
		bucket := bucketOf(d)
		if bucket < last {
			t.Errorf("%d is in bucket %d, below that of a shorter one", d, bucket)
		}
		last = bucket
		upper := upperOf(bucket)
		if upper < d || bucketOf(upper) != bucket || d > 0 && upper-d > d/32 {
			t.Errorf("%d is in bucket %d, up to %d", d, bucket, upper)
		}
	}
}

// TestGenerator: bodies are JSON, ids are unique, and the tally is what the bodies say.
func TestGenerator(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := shape{Mode: modeNDJSON, Batch: 50, Zipf: 1.3}
	names := []string{"a", "b", "c"}
	g := newGenerator(&s, names, "run-0-", seed)
	acked, want := newTally(3), newTally(3)
	ids := map[string]bool{}
	for range 20 {
		for line := range bytes.Lines(g.next(time.Unix(1700000000, 7_000_000))) {
			var e sentEvent
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if ids[e.TransactionID] || e.Timestamp != "1700000000.007" {
				t.Errorf("event is %+v", e)
			}
			ids[e.TransactionID] = true
			i := strings.Index("abc", e.Subscription)
			want.events[i]++
			whole, fraction, _ := strings.Cut(e.Properties.Units.String(), ".")
			var n int64
			for _, digit := range whole + fraction {
				n = 10*n + int64(digit-'0')
			}
			want.thousandths[i] += n
		}
		g.acknowledged(acked)
	}
	for i := range names {
		if acked.events[i] != want.events[i] || acked.thousandths[i] != want.thousandths[i] {
			t.Errorf("%s: tally is %d of %d, bodies say %d of %d", names[i],
				acked.thousandths[i], acked.events[i], want.thousandths[i], want.events[i])
		}
	}
	if acked.total() != 1000 {
		t.Errorf("%d events, want 1000", acked.total())
	}
	if acked.events[0] <= acked.events[2] {
		t.Errorf("zipf: %v, want the first to be the most popular", acked.events)
	}
}

func TestAllRepeats(t *testing.T) {
	t.Parallel()
	const repeat = `{"transaction_id":["value_already_exist"]}`
	for _, c := range []struct {
		body   string
		events int
		want   bool
	}{
		{`{"error_details":` + repeat + `}`, 1, true},
		{`{"error_details":{"0":` + repeat + `,"1":` + repeat + `}}`, 2, true},
		{`{"error_details":{"0":` + repeat + `}}`, 2, false}, // the other one was not written
		{`{"error_details":{"transaction_id":["value_already_exist_with_other_content"]}}`, 1, false},
		{`{"error_details":{"code":["value_is_mandatory"]}}`, 1, false},
	} {
		if got := allRepeats([]byte(c.body), c.events); got != c.want {
			t.Errorf("%s of %d events: %v, want %v", c.body, c.events, got, c.want)
		}
	}
}

func TestCheckBulk(t *testing.T) {
	t.Parallel()
	for body, good := range map[string]bool{
		`{"accepted":3,"duplicates":2,"refused_count":0}`:               true,
		`{"accepted":4,"duplicates":0,"refused_count":0}`:               false, // one line is missing
		`{"accepted":4,"duplicates":0,"refused_count":1}`:               false,
		`{"accepted":4,"duplicates":0,"conflicts":1,"refused_count":1}`: false,
		`accepted`: false,
	} {
		if err := checkBulk([]byte(body), 5); (err == nil) != good {
			t.Errorf("%s: error is %v", body, err)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	usage := func(units string, events int64) target.Usage {
		return target.Usage{Charges: []target.ChargeUsage{{Units: units, EventsCount: events}}}
	}
	for _, c := range []struct {
		usage target.Usage
		good  bool
	}{
		{usage("12.345", 3), true},
		{usage("12.3450", 3), true},
		{usage("12.344", 3), false},
		{usage("12.345", 4), false},
		{usage("", 3), false},
		{target.Usage{}, false},
	} {
		if err := compare("s", c.usage, 3, 12345); (err == nil) != c.good {
			t.Errorf("%+v: error is %v", c.usage, err)
		}
	}
}

func TestParseOptions(t *testing.T) {
	t.Parallel()
	opts, err := parseOptions([]string{"-mode", "single", "-batch", "50", "-rate", "2000", "-env", "A=1", "-env", "B=2"})
	if err != nil {
		t.Fatal(err)
	}
	if opts.Batch != 1 || opts.interval() != 500*time.Microsecond || len(opts.env) != 2 {
		t.Errorf("options are %+v", opts)
	}
	_, err = parseOptions([]string{"-mode", "x", "-batch", "0", "-zipf", "0.5", "-url", "http://x"})
	for _, want := range []string{"-mode", "-batch", "-zipf", "-key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want it to name %s", err, want)
		}
	}
}

func TestResultIsWritten(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "results")
	r := &result{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Shape: testShape(modeBatch), Events: 7}
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join(dir, "20260102T030405Z-batch-20.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back result
	if err := json.Unmarshal(body, &back); err != nil || back.Events != 7 || back.Shape.Batch != 20 {
		t.Errorf("read back as %+v, %v", back, err)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "20260102T030405Z-batch-20.txt")); err != nil {
		t.Error(err)
	}
}
