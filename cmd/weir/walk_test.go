package main

import (
	"fmt"
	"math/big"
	"net/url"
	"testing"
	"time"

	"weir/bench/oracle"
	"weir/bench/trace"
)

// walkCustomers is among how many customers the trace is dealt out.
const walkCustomers = 20

// The month that the trace's hour, 2023-11-16 18:15 to 19:14, lies in.
var (
	walkFrom = time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC)
	walkTo   = time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC)
)

// walkPlan is the plan as the oracle prices it; createWalkPlan says the same to weir.
var walkPlan = oracle.Plan{
	BaseCents: 4900, Digits: 2,
	Charges: []oracle.Charge{
		{Metric: oracle.Metric{Code: trace.RequestsCode, Aggregation: oracle.CountAgg}, Price: oracle.Package{PerPackage: oracle.Decimal("0.75"), Size: 100, Free: 50}},
		{
			Metric: oracle.Metric{Code: trace.InputTokensCode, Aggregation: oracle.SumAgg, Field: trace.TokensField},
			Price: oracle.Graduated{
				{UpTo: oracle.Decimal("500000"), PerUnit: oracle.Decimal("0.000003"), Flat: oracle.Decimal("1")},
				{PerUnit: oracle.Decimal("0.0000025"), Flat: oracle.Decimal("0.5")},
			},
		},
		{Metric: oracle.Metric{Code: trace.OutputTokensCode, Aggregation: oracle.SumAgg, Field: trace.TokensField}, Price: oracle.Standard{PerUnit: oracle.Decimal("0.000015")}},
	},
}

// walk drives a sandbox weir from nothing to invoices with an hour of real
// requests, and compares every unit and cent with the oracle. between is called
// when half of the events were sent.
func walk(t *testing.T, c *client, between func()) {
	t.Helper()
	requests, err := trace.Load("../../bench/testdata/azure_llm_2023_conv.csv")
	if err != nil {
		t.Fatal(err)
	}
	events := trace.Events(requests, walkCustomers)

	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": walkFrom}})
	createWalkPlan(t, c)
	for i := range walkCustomers {
		customer := fmt.Sprintf("customer-%02d", i)
		c.must(t, "POST", "/customers", object{"customer": object{"external_id": customer, "name": customer, "currency": "USD"}})
		c.must(t, "POST", "/subscriptions", object{"subscription": object{
			"external_customer_id": customer, "plan_code": "walk", "external_id": trace.SubscriptionOf(i),
			"subscription_at": walkFrom, "billing_time": "calendar",
		}})
	}
	half := len(events) / 2
	sendEvents(t, c, events[:half], "0")
	between()
	sendEvents(t, c, events[half:], "0")
	checkWalkUsage(t, c, events)

	// A third of the file once more: the answers say so, and nothing changes.
	sendEvents(t, c, events[:len(events)/3], "")
	checkWalkUsage(t, c, events)

	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": walkTo.Add(time.Hour)}})
	checkWalkInvoices(t, c, events)
	// Running the same month again makes nothing new.
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": walkTo.Add(2 * time.Hour)}})
	checkWalkInvoices(t, c, events)
}

// createWalkPlan creates the metrics and the plan.
func createWalkPlan(t *testing.T, c *client) {
	t.Helper()
	metric := func(code string, aggregation object) any {
		aggregation["name"], aggregation["code"] = code, code
		return dig(t, c.must(t, "POST", "/billable_metrics", object{"billable_metric": aggregation}), "billable_metric", "lago_id")
	}
	sum := func() object { return object{"aggregation_type": "sum_agg", "field_name": trace.TokensField} }
	c.must(t, "POST", "/plans", object{"plan": object{
		"name": "Walk", "code": "walk", "interval": "monthly", "amount_cents": walkPlan.BaseCents, "amount_currency": "USD", "pay_in_advance": false,
		"charges": []any{
			object{
				"billable_metric_id": metric(trace.RequestsCode, object{"aggregation_type": "count_agg"}),
				"charge_model":       "package", "properties": object{"amount": "0.75", "package_size": 100, "free_units": 50},
			},
			object{
				"billable_metric_id": metric(trace.InputTokensCode, sum()),
				"charge_model":       "graduated", "properties": object{"graduated_ranges": []any{
					object{"from_value": 0, "to_value": 500000, "per_unit_amount": "0.000003", "flat_amount": "1"},
					object{"from_value": 500001, "to_value": nil, "per_unit_amount": "0.0000025", "flat_amount": "0.5"},
				}},
			},
			object{
				"billable_metric_id": metric(trace.OutputTokensCode, sum()),
				"charge_model":       "standard", "properties": object{"amount": "0.000015"},
			},
		},
	}})
}

// sendEvents posts the events as bulk lines; duplicates is how many of each
// request are repeats, "" = nobody knows how much the node still remembers.
func sendEvents(t *testing.T, c *client, events []oracle.Event, duplicates string) {
	t.Helper()
	const lines = 1000
	for len(events) > 0 {
		n := min(lines, len(events))
		var body []byte
		for _, event := range events[:n] {
			body = append(trace.AppendEvent(body, event), '\n')
		}
		answer, err := c.events(t.Context(), body)
		if err != nil {
			t.Fatal(err)
		}
		if refused := text(t, answer, "refused_count"); refused != "0" {
			t.Fatalf("%s events refused: %v", refused, answer)
		}
		if got := text(t, answer, "duplicates"); duplicates != "" && got != duplicates {
			t.Fatalf("%s duplicates; sent were %s", got, duplicates)
		}
		events = events[n:]
	}
}

// checkWalkUsage waits until every subscription's usage is what the oracle says,
// in units, events and cents.
func checkWalkUsage(t *testing.T, c *client, events []oracle.Event) {
	t.Helper()
	for i := range walkCustomers {
		subscription := trace.SubscriptionOf(i)
		want := walkPlan.Invoice(ofSubscription(events, subscription), subscription, walkFrom, walkTo)
		path := fmt.Sprintf("/customers/customer-%02d/current_usage?external_subscription_id=%s", i, url.QueryEscape(subscription))
		eventually(t, 60*time.Second, func() error {
			usage := dig(t, c.must(t, "GET", path, nil), "customer_usage", "charges_usage")
			for k, fee := range want.Fees {
				charge := dig(t, usage, k)
				got := fmt.Sprintf("%s: %s units, %s events, %s cents", text(t, charge, "billable_metric", "code"),
					plain(text(t, charge, "units")), text(t, charge, "events_count"), text(t, charge, "amount_cents"))
				if got != feeText(fee) {
					return fmt.Errorf("%s: %s; the oracle says %s", subscription, got, feeText(fee))
				}
			}
			return nil
		})
	}
}

// feeText writes one fee of the oracle's as the tests compare it.
func feeText(fee oracle.Fee) string {
	return fmt.Sprintf("%s: %s units, %d events, %d cents", fee.Code, plain(rational(fee.Units)), fee.Events, fee.Cents)
}

// rational writes a fraction whose decimals end.
func rational(r *big.Rat) string {
	const digits = 15
	return r.FloatString(digits)
}

// ofSubscription returns one subscription's events, to spare the oracle the rest.
func ofSubscription(events []oracle.Event, subscription string) []oracle.Event {
	var own []oracle.Event
	for _, event := range events {
		if event.Subscription == subscription {
			own = append(own, event)
		}
	}
	return own
}

// checkWalkInvoices compares the one invoice of each customer with the oracle's.
func checkWalkInvoices(t *testing.T, c *client, events []oracle.Event) {
	t.Helper()
	for i := range walkCustomers {
		subscription := trace.SubscriptionOf(i)
		want := walkPlan.Invoice(ofSubscription(events, subscription), subscription, walkFrom, walkTo)
		list := c.must(t, "GET", fmt.Sprintf("/invoices?external_customer_id=customer-%02d", i), nil)
		if n := text(t, list, "meta", "total_count"); n != "1" {
			t.Fatalf("customer-%02d has %s invoices, not 1", i, n)
		}
		id := text(t, list, "invoices", 0, "lago_id")
		invoice := dig(t, c.must(t, "GET", "/invoices/"+id, nil), "invoice")
		if got := text(t, invoice, "total_amount_cents"); got != fmt.Sprint(want.TotalCents) {
			t.Errorf("invoice of customer-%02d: total %s cents; the oracle says %d", i, got, want.TotalCents)
		}
		if got := text(t, invoice, "issuing_date"); got != "2023-12-01" {
			t.Errorf("invoice of customer-%02d is issued on %s", i, got)
		}
		checkWalkFees(t, invoice, want)
	}
}

// checkWalkFees compares an invoice's lines: the base fee, then one for each charge.
func checkWalkFees(t *testing.T, invoice any, want oracle.Invoice) {
	t.Helper()
	if got := text(t, invoice, "fees", 0, "item", "type"); got != "subscription" {
		t.Errorf("first fee is a %s, not the base fee", got)
	}
	if got := text(t, invoice, "fees", 0, "amount_cents"); got != fmt.Sprint(want.BaseCents) {
		t.Errorf("base fee is %s cents, not %d", got, want.BaseCents)
	}
	for k, fee := range want.Fees {
		line := dig(t, invoice, "fees", k+1)
		got := fmt.Sprintf("%s: %s units, %s events, %s cents", text(t, line, "item", "code"),
			plain(text(t, line, "units")), text(t, line, "events_count"), text(t, line, "amount_cents"))
		if got != feeText(fee) {
			t.Errorf("%s; the oracle says %s", got, feeText(fee))
		}
	}
}
