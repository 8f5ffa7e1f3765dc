package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/bench/oracle"
	"weir/bench/target"
	"weir/bench/trace"
)

// standIn answers as weir does, from the oracle's own arithmetic, so that the
// demo's story and its checks can be tested without a weir. spoil makes it wrong.
type standIn struct {
	t *testing.T

	mu     sync.Mutex
	clock  time.Time
	seen   map[string]bool
	events map[string][]oracle.Event // by subscription
	plans  []json.RawMessage
	spoil  func(subscription string, inv *oracle.Invoice)
}

func newStandIn(t *testing.T) (*standIn, target.API) {
	t.Helper()
	s := &standIn{t: t, seen: map[string]bool{}, events: map[string][]oracle.Event{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/test_clock", s.setClock)
	mux.HandleFunc("POST /api/v1/billable_metrics", s.metric)
	mux.HandleFunc("POST /api/v1/plans", s.plan)
	mux.HandleFunc("POST /api/v1/customers", s.ok)
	mux.HandleFunc("POST /api/v1/subscriptions", s.ok)
	mux.HandleFunc("POST /api/v1/events/batch", s.take)
	mux.HandleFunc("GET /api/v1/customers/{customer}/current_usage", s.usage)
	mux.HandleFunc("GET /api/v1/invoices", s.list)
	mux.HandleFunc("GET /api/v1/invoices/{customer}", s.show)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return s, target.API{URL: server.URL, Key: "k"}
}

func (s *standIn) reply(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.t.Error(err)
	}
}

func (s *standIn) ok(w http.ResponseWriter, _ *http.Request) { s.reply(w, 200, struct{}{}) }

func (s *standIn) setClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Clock struct{ Now time.Time } `json:"test_clock"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.t.Error(err)
	}
	s.clock = in.Clock.Now
	s.ok(w, r)
}

func (s *standIn) metric(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Metric struct{ Code string } `json:"billable_metric"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.t.Error(err)
	}
	s.reply(w, 200, map[string]any{"billable_metric": map[string]any{"lago_id": "id of " + in.Metric.Code}})
}

func (s *standIn) plan(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	s.plans = append(s.plans, body)
	s.ok(w, r)
}

// sentEvent is one event as it comes over HTTP.
type sentEvent struct {
	TransactionID string         `json:"transaction_id"`
	Subscription  string         `json:"external_subscription_id"`
	Code          string         `json:"code"`
	Timestamp     json.Number    `json:"timestamp"`
	Properties    map[string]any `json:"properties"`
}

func (s *standIn) take(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber()
	lines := r.Header.Get("Content-Type") == "application/x-ndjson"
	var events []sentEvent
	for lines && decoder.More() {
		events = append(events, sentEvent{})
		if err := decoder.Decode(&events[len(events)-1]); err != nil {
			s.t.Error(err)
		}
	}
	if !lines {
		var in struct{ Events []sentEvent }
		if err := decoder.Decode(&in); err != nil {
			s.t.Error(err)
		}
		events = in.Events
	}
	details := map[string]any{}
	for i, e := range events {
		if s.seen[e.Subscription+"/"+e.TransactionID] {
			details[fmt.Sprint(i)] = map[string]any{"transaction_id": []string{"value_already_exist"}}
		} else {
			s.count(e)
		}
	}
	w.Header().Set(target.PositionHeader, "0:1")
	switch {
	case lines:
		s.reply(w, 200, map[string]any{"accepted": len(events) - len(details), "duplicates": len(details), "refused_count": 0})
	case len(details) > 0:
		s.reply(w, 422, map[string]any{"error_details": details})
	default:
		s.reply(w, 200, map[string]any{"events": []any{}})
	}
}

func (s *standIn) count(e sentEvent) {
	s.seen[e.Subscription+"/"+e.TransactionID] = true
	nanoseconds, ok := new(big.Rat).SetString(e.Timestamp.String())
	if !ok {
		s.t.Errorf("timestamp is %q", e.Timestamp)
		return
	}
	nanoseconds.Mul(nanoseconds, oracle.Decimal("1000000000"))
	s.events[e.Subscription] = append(s.events[e.Subscription], oracle.Event{
		TransactionID: e.TransactionID, Subscription: e.Subscription, Code: e.Code,
		Time: time.Unix(0, nanoseconds.Num().Int64()), Properties: e.Properties,
	})
}

func (s *standIn) invoiceOf(subscription string) oracle.Invoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv := plan.Invoice(s.events[subscription], subscription, monthFrom, monthTo)
	if s.spoil != nil {
		s.spoil(subscription, &inv)
	}
	return inv
}

func subscriptionOfCustomer(customer string) string {
	return "sub-" + strings.TrimPrefix(customer, "customer-")
}

func (s *standIn) usage(w http.ResponseWriter, r *http.Request) {
	subscription := r.URL.Query().Get("external_subscription_id")
	if subscription != subscriptionOfCustomer(r.PathValue("customer")) {
		s.t.Errorf("usage of %s was asked for as of %s", subscription, r.PathValue("customer"))
	}
	inv := s.invoiceOf(subscription)
	var charges []any
	for _, f := range inv.Fees {
		charges = append(charges, map[string]any{
			"units": f.Units.FloatString(1), "events_count": f.Events, "amount_cents": f.Cents,
			"billable_metric": map[string]any{"code": f.Code},
		})
	}
	s.reply(w, 200, map[string]any{"customer_usage": map[string]any{
		"amount_cents": inv.TotalCents - inv.BaseCents, "charges_usage": charges,
	}})
}

func (s *standIn) list(w http.ResponseWriter, _ *http.Request) {
	invoices := []any{}
	if s.clock.After(monthTo) {
		for n := customers - 1; n >= 0; n-- { // newest first
			invoices = append(invoices, map[string]any{"lago_id": customerOf(n)})
		}
	}
	s.reply(w, 200, map[string]any{"invoices": invoices})
}

func (s *standIn) show(w http.ResponseWriter, r *http.Request) {
	customer := r.PathValue("customer")
	inv := s.invoiceOf(subscriptionOfCustomer(customer))
	fees := []any{map[string]any{
		"amount_cents": inv.BaseCents, "units": "1.0", "events_count": nil,
		"item": map[string]any{"type": "subscription", "code": planCode},
	}}
	for _, f := range inv.Fees {
		fees = append(fees, map[string]any{
			"amount_cents": f.Cents, "units": f.Units.FloatString(1), "events_count": f.Events,
			"item": map[string]any{"type": "charge", "code": f.Code},
		})
	}
	s.reply(w, 200, map[string]any{"invoice": map[string]any{
		"lago_id": customer, "number": "WEI-1234-001-001", "status": "finalized", "total_amount_cents": inv.TotalCents,
		"customer": map[string]any{"external_id": customer}, "fees": fees,
	}})
}

func loadTrace(t *testing.T) []trace.Request {
	t.Helper()
	requests, err := trace.Load("../testdata/azure_llm_2023_conv.csv")
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

// playMonth plays the whole story against the stand-in.
func playMonth(t *testing.T, requests []trace.Request, prepare func(*standIn)) error {
	t.Helper()
	s, api := newStandIn(t)
	prepare(s)
	d := demo{api: api, requests: requests, events: bySubscription(requests), written: target.Positions{}}
	return d.month(t.Context(), 0)
}

func TestMonth(t *testing.T) {
	t.Parallel()
	var in *standIn
	if err := playMonth(t, loadTrace(t), func(s *standIn) { in = s }); err != nil {
		t.Fatal(err)
	}
	if len(in.seen) != 3*trace.Requests {
		t.Errorf("%d events arrived, want %d", len(in.seen), 3*trace.Requests)
	}
	if !in.clock.Equal(monthOver) {
		t.Errorf("the clock stands at %v, want %v", in.clock, monthOver)
	}
	if len(in.plans) != 1 || !strings.Contains(string(in.plans[0]), `"billable_metric_id":"id of output_tokens"`) {
		t.Errorf("plans are %s", in.plans)
	}
}

// TestMonthNotices: what is wrong on the other side fails the demo, and is named.
func TestMonthNotices(t *testing.T) {
	t.Parallel()
	some := loadTrace(t)[:1000]
	for name, c := range map[string]struct {
		spoil func(subscription string, inv *oracle.Invoice)
		want  string
	}{
		"a cent": {func(subscription string, inv *oracle.Invoice) {
			if subscription == "sub-07" {
				inv.Fees[1].Cents++
				inv.TotalCents++
			}
		}, "sub-07, input_tokens"},
		"an event": {func(subscription string, inv *oracle.Invoice) {
			if subscription == "sub-20" {
				inv.Fees[0].Events--
			}
		}, "sub-20, requests"},
		"a base fee": {func(subscription string, inv *oracle.Invoice) {
			if subscription == "sub-01" {
				inv.BaseCents--
				inv.TotalCents--
			}
		}, "base fee is $48.99, want $49.00"},
	} {
		err := playMonth(t, some, func(s *standIn) { s.spoil = c.spoil })
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "DIFFER") {
			t.Errorf("%s: error is %v, want it to name %s", name, err, c.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "999": "999", "1000": "1,000", "1234567": "1,234,567", "-123": "-123", "-1234": "-1,234",
	} {
		if got := groupedText(text); got != want {
			t.Errorf("%s is printed %s, want %s", text, got, want)
		}
	}
	for cents, want := range map[int64]string{0: "$0.00", 5: "$0.05", 123456789: "$1,234,567.89", -105: "-$1.05"} {
		if got := dollars(cents); got != want {
			t.Errorf("%d cents are printed %s, want %s", cents, got, want)
		}
	}
}

// TestPlanBodySaysThePlan: the prices that weir is told are those that the
// independent count uses. Written by hand from plan.
func TestPlanBodySaysThePlan(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(planBody(map[string]string{"requests": "r", "input_tokens": "i", "output_tokens": "o"}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"plan":{"amount_cents":4900,"amount_currency":"USD","charges":[` +
		`{"billable_metric_id":"r","charge_model":"graduated","properties":{"graduated_ranges":[` +
		`{"flat_amount":"0","from_value":0,"per_unit_amount":"0.02","to_value":500},` +
		`{"flat_amount":"2.5","from_value":501,"per_unit_amount":"0.0125","to_value":null}]}},` +
		`{"billable_metric_id":"i","charge_model":"package","properties":{"amount":"0.03","free_units":50000,"package_size":10000}},` +
		`{"billable_metric_id":"o","charge_model":"standard","properties":{"amount":"0.000015"}}],` +
		`"code":"llm","interval":"monthly","name":"LLM API","pay_in_advance":false}}`
	if string(got) != want {
		t.Errorf("plan is\n%s\nwant\n%s", got, want)
	}
}
