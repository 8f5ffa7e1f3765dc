package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Each fee says, by itself, what led to it: the events, the units and since when, the minimum.
func TestFeesAreExplained(t *testing.T) {
	t.Parallel()
	s, j := newJournalSandbox(t)
	s.clock(t, "2024-03-01T00:00:00Z")
	s.taxed(t)
	plan := planBody("basic", object{
		"billable_metric_id": s.calls(t), "charge_model": "standard", "min_amount_cents": 100,
		"properties": object{"amount": "0.10", "pricing_group_keys": []any{"team"}},
		"filters":    []any{object{"values": object{"region": []any{"eu"}}, "properties": object{"amount": "0.20"}}},
	})
	plan["plan"].(object)["fixed_charges"] = []any{object{
		"add_on_code": "seat", "charge_model": "standard", "units": 10, "prorated": true, "properties": object{"amount": "5"},
	}}
	plan["plan"].(object)["minimum_commitment"] = object{"amount_cents": 20000}
	s.must(t, "POST", "/plans", plan)
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", nil))
	j.sendAll(t, s.mine, "sub",
		"eu calls 2024-03-05T00:00:00Z region=eu team=a", "a calls 2024-03-06T00:00:00Z team=a", "b calls 2024-03-07T00:00:00Z team=a",
		"none calls 2024-03-08T00:00:00Z",
	)
	s.clock(t, "2024-03-21T12:00:00Z")
	s.must(t, "PUT", "/plans/basic/fixed_charges/seat", object{"fixed_charge": object{"units": 12, "apply_units_immediately": true}})
	s.clock(t, "2024-04-01T00:00:00Z")

	fees := s.must(t, "GET", "/fees", nil)["fees"].([]any)
	explained := make(map[string]any) // by item type, amount and units
	for _, fee := range fees {
		if _, there := fee.(object)["weir"]; there {
			t.Errorf("a fee in the list is explained: %v", fee)
		}
		one := s.must(t, "GET", fmt.Sprint("/fees/", dig(t, fee, "lago_id")), nil)["fee"]
		explained[fmt.Sprint(dig(t, one, "item", "type"), " ", dig(t, one, "amount_cents"), " ", dig(t, one, "units"))] = dig(t, one, "weir")
	}

	// Europe 1 × 0.20, team a 2 × 0.10, without a team 1 × 0.10; 1.00 less these.
	for name, want := range map[string][]string{"charge 20 1.0": {"eu"}, "charge 20 2.0": {"a", "b"}, "charge 10 1.0": {"none"}} {
		path := strings.TrimPrefix(fmt.Sprint(dig(t, explained[name], "events")), "/api/v1")
		var ids []string
		for _, e := range s.must(t, "GET", path, nil)["events"].([]any) {
			ids = append(ids, fmt.Sprint(dig(t, e, "transaction_id")))
		}
		if slices.Sort(ids); !slices.Equal(ids, want) {
			t.Errorf("behind %s are the events %q, want %q", name, ids, want)
		}
		expect(t, explained[name], "<nil>", "minimum")
	}
	trueUp := dig(t, explained["charge 50 1.0"], "minimum")
	for name, want := range map[string]string{
		"amount_cents": "100", "days": "31", "period_days": "31", "due_amount_cents": "100", "billed_amount_cents": "50",
	} {
		expect(t, trueUp, want, name)
	}

	for _, fee := range fees { // what is shown, whole
		if kind := fmt.Sprint(dig(t, fee, "item", "type")); kind == "fixed_charge" || kind == "commitment" {
			s.check(t, "fee_"+kind, "GET", fmt.Sprint("/fees/", dig(t, fee, "lago_id")), nil)
		}
	}

	// 20 of 31 days 10 seats, 11 days 12: 6.451613 + 4.258065 = 10.709678, at 5.00.
	seats := dig(t, explained["fixed_charge 5355 12.0"], "fixed_charge")
	for name, want := range map[string]string{
		"priced_units": "10.709678", "period_days": "31", "prorated": "true", "charge_model": "standard", "properties": "map[amount:5]",
	} {
		expect(t, seats, want, name)
	}
	var units []string
	for _, u := range dig(t, seats, "units").([]any) {
		units = append(units, fmt.Sprint(dig(t, u, "from_datetime"), " ", dig(t, u, "to_datetime"), " ", dig(t, u, "units"), " ", dig(t, u, "days")))
	}
	if want := []string{
		"2024-03-01T00:00:00Z 2024-03-21T11:59:59Z 10.0 20",
		"2024-03-21T12:00:00Z 2024-03-31T23:59:59Z 12.0 11",
	}; !slices.Equal(units, want) {
		t.Errorf("units are %q, want %q", units, want)
	}

	// 10.00 + 1.00 + 53.55 were billed.
	commitment := dig(t, explained["commitment 13545 1.0"], "minimum")
	expect(t, commitment, "20000", "due_amount_cents")
	expect(t, commitment, "6455", "billed_amount_cents")
	if base := fmt.Sprint(explained["subscription 1000 1.0"]); base != "map[events:<nil> fixed_charge:<nil> minimum:<nil>]" {
		t.Errorf("the base fee is explained by %s", base)
	}
}

// The minimum of a charge that is priced in a unit is explained in hundredths of it: 10.00
// less two calls at 1.00 are 8.00, and at 0.5 they are 400 cents.
func TestMinimumInAPricingUnitIsExplained(t *testing.T) {
	t.Parallel()
	s, j := newJournalSandbox(t)
	s.clock(t, "2024-03-01T00:00:00Z")
	s.must(t, "POST", "/pricing_units", object{"pricing_unit": object{"code": "credits", "name": "Credits", "short_name": "CR"}})
	s.must(t, "POST", "/plans", planBody("basic", object{
		"billable_metric_id": s.calls(t), "charge_model": "standard", "min_amount_cents": 1000, "properties": object{"amount": "1"},
		"applied_pricing_unit": object{"code": "credits", "conversion_rate": "0.5"},
	}))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", nil))
	j.sendAll(t, s.mine, "sub", "a calls 2024-03-05T00:00:00Z", "b calls 2024-03-06T00:00:00Z")
	s.clock(t, "2024-04-01T00:00:00Z")

	trueUp := dig(t, s.must(t, "GET", "/fees?fee_type=charge", nil), "fees", 1)
	expect(t, trueUp, "400", "amount_cents")
	one := s.must(t, "GET", fmt.Sprint("/fees/", dig(t, trueUp, "lago_id")), nil)
	expect(t, one, "1000", "fee", "weir", "minimum", "due_amount_cents")
	expect(t, one, "200", "fee", "weir", "minimum", "billed_amount_cents")
}

// Of a grouped charge that saw nothing the minimum is all that there is to explain: there is no
// fee of a group, and there are no events.
func TestMinimumWithoutUsageIsExplained(t *testing.T) {
	t.Parallel()
	s, _ := newJournalSandbox(t)
	s.clock(t, "2024-03-01T00:00:00Z")
	s.must(t, "POST", "/plans", planBody("basic", object{
		"billable_metric_id": s.calls(t), "charge_model": "standard", "min_amount_cents": 1000,
		"properties": object{"amount": "1", "pricing_group_keys": []any{"team"}},
	}))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", nil))
	s.clock(t, "2024-04-01T00:00:00Z")

	fee := dig(t, s.must(t, "GET", "/fees?fee_type=charge", nil), "fees", 0)
	explained := dig(t, s.must(t, "GET", fmt.Sprint("/fees/", dig(t, fee, "lago_id")), nil), "fee", "weir")
	expect(t, explained, "<nil>", "events")
	expect(t, explained, "1000", "minimum", "due_amount_cents")
}
