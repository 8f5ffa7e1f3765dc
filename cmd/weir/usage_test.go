package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sendOne posts one event of subscription acme to the JSON route and returns the status.
func sendOne(t *testing.T, c *client, transactionID, code string, properties object) (int, object) {
	t.Helper()
	event := object{
		"transaction_id": transactionID, "external_subscription_id": "acme", "code": code,
		"timestamp": walkFrom.Unix() + 1000, "properties": properties,
	}
	status, answer, err := c.do(t.Context(), http.MethodPost, c.ingest+"/api/v1/events", "application/json",
		jsonLines(t, object{"event": event}))
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// createTokensPlan creates a metric that sums tokens, priced by model and grouped by
// region, a plan, and the subscription acme.
func createTokensPlan(t *testing.T, c *client) {
	t.Helper()
	metric := c.must(t, "POST", "/billable_metrics", object{"billable_metric": object{
		"name": "Tokens", "code": "tokens", "aggregation_type": "sum_agg", "field_name": "n",
		"filters": []any{object{"key": "model", "values": []any{"small", "large"}}},
	}})
	group := []any{"region"}
	c.must(t, "POST", "/plans", object{"plan": object{
		"name": "Tokens", "code": "tokens", "interval": "monthly", "amount_cents": 0, "amount_currency": "USD", "pay_in_advance": false,
		"charges": []any{object{
			"billable_metric_id": dig(t, metric, "billable_metric", "lago_id"),
			"charge_model":       "standard", "properties": object{"amount": "1", "pricing_group_keys": group},
			"filters": []any{
				object{"values": object{"model": []any{"small"}}, "properties": object{"amount": "0.1", "pricing_group_keys": group}},
				object{"values": object{"model": []any{"large"}}, "properties": object{"amount": "0.5", "pricing_group_keys": group}},
			},
		}},
	}})
	c.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "name": "Acme"}})
	c.must(t, "POST", "/subscriptions", object{"subscription": object{
		"external_customer_id": "acme", "plan_code": "tokens", "external_id": "acme", "subscription_at": walkFrom,
	}})
}

// TestFiltersAndGroups: events that came before their metric, its filters and
// groups are counted by them all the same; live usage and the invoice agree.
func TestFiltersAndGroups(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, "--sandbox")
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": walkFrom}})
	for i, properties := range []object{
		{"model": "small", "region": "eu", "n": 10},    // 1.00
		{"model": "small", "region": "eu", "n": "5.5"}, // 0.55: a numeric string counts as in Lago
		{"model": "small", "n": 7},                     // 0.70: no region is a group of its own
		{"model": "large", "region": "us", "n": 4},     // 2.00
		{"model": "huge", "region": "us", "n": 3},      // 3.00: no filter takes it
		{"model": "small", "region": "eu", "n": "x"},   // no number: takes no part
	} {
		if status, answer := sendOne(t, c, fmt.Sprintf("t%d", i), "tokens", properties); status != http.StatusOK {
			t.Fatalf("status %d: %v", status, answer)
		}
	}
	createTokensPlan(t, c)
	want := []string{ // filter model, region, units, events, cents
		"small null 7 1 70", "small eu 15.5 2 155", "large us 4 1 200", "- us 3 1 300",
	}
	eventually(t, 10*time.Second, func() error {
		usage := dig(t, c.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=acme", nil), "customer_usage")
		if total := text(t, usage, "amount_cents"); total != "725" {
			return fmt.Errorf("usage is %s cents, not 725: %v", total, usage)
		}
		return nil
	})
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": walkTo}})
	invoices := c.must(t, "GET", "/invoices", nil)
	if total := text(t, invoices, "invoices", 0, "total_amount_cents"); total != "725" {
		t.Errorf("the invoice is %s cents, not 725", total)
	}
	var got []string
	fees, _ := dig(t, c.must(t, "GET", "/fees?fee_type=charge", nil), "fees").([]any)
	for _, fee := range fees {
		model, region := "-", "null"
		if filters, ok := dig(t, fee, "item", "filters").(object); ok {
			model = text(t, filters, "model", 0)
		}
		if value := dig(t, fee, "item", "grouped_by", "region"); value != nil {
			region = fmt.Sprint(value)
		}
		got = append(got, strings.Join([]string{
			model, region, plain(text(t, fee, "units")), text(t, fee, "events_count"), text(t, fee, "amount_cents"),
		}, " "))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("fees (filter, group, units, events, cents):\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestBeyondTheWindow: a node that has forgotten an id answers its repeat with
// 200, and it still counts once; the same id with other content counts once, too:
// the first in the log.
func TestBeyondTheWindow(t *testing.T) {
	t.Parallel()
	c, p := inProcess(t, "--sandbox", "--window-ids=1")
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": walkFrom}})
	createTokensPlan(t, c)
	type sighting struct {
		id     string
		n      int
		status int
		code   string // of transaction_id, when it is refused
	}
	for _, s := range []sighting{
		{"a", 1, 200, ""},
		{"a", 1, 422, "value_already_exist"},                    // remembered
		{"a", 9, 422, "value_already_exist_with_other_content"}, // remembered, other content
		{"b", 2, 200, ""},
		{"a", 1, 200, ""}, // forgotten: a repeat that counts nothing
		{"b", 7, 200, ""}, // forgotten: a conflict, kept aside
	} {
		status, answer := sendOne(t, c, s.id, "tokens", object{"model": "huge", "n": s.n})
		if status != s.status {
			t.Fatalf("%+v: status %d: %v", s, status, answer)
		}
		if s.code != "" && text(t, answer, "error_details", "transaction_id", 0) != s.code {
			t.Errorf("%+v: %v", s, answer)
		}
	}
	eventually(t, 10*time.Second, func() error {
		charge := dig(t, c.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=acme", nil), "customer_usage", "charges_usage", 0)
		if got := text(t, charge, "events_count") + " " + plain(text(t, charge, "units")); got != "2 3" {
			return fmt.Errorf("events and units are %s, not 2 and 3", got)
		}
		if n := counter(t, p, "weir_aggregator_conflicts_total"); n != 1 {
			return fmt.Errorf("%v conflicts are counted, not 1", n)
		}
		if n := counter(t, p, "weir_aggregator_duplicates_total"); n != 1 {
			return fmt.Errorf("%v repeats are counted, not 1", n)
		}
		return nil
	})
}

// counter returns the value of a counter of a weir in this process.
func counter(t *testing.T, p *process, name string) float64 {
	t.Helper()
	families, err := p.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
