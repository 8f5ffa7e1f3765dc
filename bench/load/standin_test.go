package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/bench/report"
	"weir/bench/target"
)

// standIn takes events and shows usage as weir does. Its hooks make it fail.
type standIn struct {
	t *testing.T

	mu       sync.Mutex
	seen     map[string]bool
	cells    map[string]Cell // by subscription, model and region
	requests int
	sandbox  bool
	// before runs ahead of taking events; true ends the request there.
	before func(request int, w http.ResponseWriter) bool
	// after runs when events were taken; true ends the request without an answer.
	after func(request int) bool
	// lose makes it acknowledge an event and forget it.
	lose func(transactionID string) bool
}

func newStandIn(t *testing.T) (*standIn, target.API) {
	t.Helper()
	s := &standIn{t: t, seen: map[string]bool{}, cells: map[string]Cell{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/billable_metrics/{code}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	mux.HandleFunc("GET /api/v1/test_clock", func(w http.ResponseWriter, _ *http.Request) {
		if !s.sandbox {
			w.WriteHeader(404)
		}
	})
	for _, path := range []string{"billable_metrics", "plans", "customers", "subscriptions"} {
		mux.HandleFunc("POST /api/v1/"+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
	}
	mux.HandleFunc("POST /api/v1/events", s.take)
	mux.HandleFunc("POST /api/v1/events/batch", s.take)
	mux.HandleFunc("GET /api/v1/customers/{customer}/current_usage", s.usage)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return s, target.API{URL: server.URL, Key: "k"}
}

type sentEvent struct {
	TransactionID string      `json:"transaction_id"`
	Subscription  string      `json:"external_subscription_id"`
	Code          string      `json:"code"`
	Timestamp     json.Number `json:"timestamp"`
	Properties    struct {
		Units  json.Number `json:"units"`
		Model  string      `json:"model"`
		Region string      `json:"region"`
	} `json:"properties"`
}

func (s *standIn) read(r *http.Request) []sentEvent {
	decoder := json.NewDecoder(r.Body)
	var events []sentEvent
	var err error
	switch {
	case r.Header.Get("Content-Type") == "application/x-ndjson":
		for err == nil && decoder.More() {
			var e sentEvent
			err = decoder.Decode(&e)
			events = append(events, e)
		}
	case r.URL.Path == "/api/v1/events":
		var in struct{ Event sentEvent }
		err = decoder.Decode(&in)
		events = []sentEvent{in.Event}
	default:
		var in struct{ Events []sentEvent }
		err = decoder.Decode(&in)
		events = in.Events
	}
	if err != nil {
		s.t.Errorf("cannot read %s: %v", r.URL.Path, err)
	}
	return events
}

func (s *standIn) take(w http.ResponseWriter, r *http.Request) {
	events := s.read(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.before != nil && s.before(s.requests, w) {
		return
	}
	repeats := s.repeats(events)
	lines := r.Header.Get("Content-Type") == "application/x-ndjson"
	if lines || len(repeats) == 0 {
		for _, e := range events {
			s.count(e)
		}
	}
	if s.after != nil && s.after(s.requests) {
		panic(http.ErrAbortHandler) // the connection breaks
	}
	w.Header().Set(target.PositionHeader, "3:7")
	switch {
	case lines:
		fmt.Fprintf(w, `{"accepted":%d,"duplicates":%d,"refused_count":0}`, len(events)-len(repeats), len(repeats))
	case len(repeats) > 0:
		w.WriteHeader(http.StatusUnprocessableEntity)
		var details any = repeats
		if r.URL.Path == "/api/v1/events" {
			details = repeats["0"]
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"error_details": details}); err != nil {
			s.t.Error(err)
		}
	}
}

func (s *standIn) repeats(events []sentEvent) map[string]any {
	repeats := map[string]any{}
	for i, e := range events {
		if s.seen[e.TransactionID] {
			repeats[fmt.Sprint(i)] = map[string][]string{"transaction_id": {"value_already_exist"}}
		}
	}
	return repeats
}

func (s *standIn) count(e sentEvent) {
	if s.seen[e.TransactionID] {
		return
	}
	s.seen[e.TransactionID] = true
	if s.lose != nil && s.lose(e.TransactionID) {
		return
	}
	units, ok := new(big.Rat).SetString(e.Properties.Units.String())
	if _, err := e.Timestamp.Float64(); !ok || e.Code != metricCode || err != nil {
		s.t.Errorf("event is %+v", e)
		return
	}
	for i, c := range combinations {
		if c == combine(e.Properties.Model, e.Properties.Region) {
			name := fmt.Sprint(e.Subscription, i)
			cell := s.cells[name]
			cell.add(Cell{1, units.Mul(units, big.NewRat(1000, 1)).Num().Int64()})
			s.cells[name] = cell
			return
		}
	}
	s.t.Errorf("event is %+v", e)
}

func (s *standIn) usage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var cells []Cell
	for i := range combinations {
		cells = append(cells, s.cells[fmt.Sprint(r.URL.Query().Get("external_subscription_id"), i)])
	}
	object := map[string]any{"customer_usage": usageOf(cells)}
	if err := json.NewEncoder(w).Encode(object); err != nil {
		s.t.Error(err)
	}
}

// usageOf is the usage that cells make.
func usageOf(cells []Cell) *usage {
	var all Cell
	for _, c := range cells {
		all.add(c)
	}
	u := &usage{}
	for _, c := range charges {
		shown := chargeUsage{Units: thousandths(all), EventsCount: all.Events}
		for _, value := range c.values {
			taken := c.filtered(cells, value)
			shown.Filters = append(shown.Filters, filterUsage{thousandths(taken), taken.Events, map[string][]string{c.field: {value}}})
		}
		u.Charges = append(u.Charges, shown)
	}
	return u
}

func thousandths(c Cell) string { return big.NewRat(c.Thousandths, 1000).FloatString(3) }

// testShape is a short load, sent by this process.
func testShape(mode string) report.Shape {
	batch := 20
	if mode == report.ModeSingle {
		batch = 1
	}
	return report.Shape{
		Mode: mode, Batch: batch, Connections: 4, Pipeline: 1, Duration: 200 * time.Millisecond, Subscriptions: 5, Zipf: 1.2,
		Repeats: 0.3, ProbeEvery: 10 * time.Millisecond,
	}
}

func testRun(t *testing.T, api target.API, s report.Shape) *run {
	t.Helper()
	r := &run{options: options{Shape: s}, api: api}
	if err := r.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMain lets the test binary be what the program is when it starts copies of itself.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-part") {
		if err := servePart(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
