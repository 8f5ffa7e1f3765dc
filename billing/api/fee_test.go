package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// taxed makes the taxes vat, 19 % of everything, and low, 7 %; the add-ons seat, 5.00, and
// setup, 100.00 with the tax low; and the pricing unit credits.
func (s *server) taxed(t *testing.T) {
	t.Helper()
	s.must(t, "POST", "/taxes", object{"tax": object{
		"name": "VAT", "code": "vat", "rate": 19, "description": "Standard", "applied_to_organization": true,
	}})
	s.must(t, "POST", "/taxes", object{"tax": object{"name": "Low", "code": "low", "rate": "7.0"}})
	s.must(t, "POST", "/add_ons", object{"add_on": object{
		"name": "Seat", "code": "seat", "amount_cents": 500, "amount_currency": "USD", "description": "One person",
	}})
	s.must(t, "POST", "/add_ons", object{"add_on": object{
		"name": "Setup", "code": "setup", "amount_cents": 10000, "amount_currency": "USD", "tax_codes": []any{"low"},
		"invoice_display_name": "Setup and training",
	}})
	s.must(t, "POST", "/pricing_units", object{"pricing_unit": object{"name": "Credits", "code": "credits", "short_name": "CR"}})
}

// pricedPlan has every kind of fee, with 5 calls and 230 tokens:
//
//	base                                     10.00  organization's vat
//	5 calls at 0.10                           0.50  vat
//	what is missing of their minimum, 1.00    0.50  vat
//	230 tokens: 10 × 1 + 5 + 220 × 0.5 + 2  127.00  its own tax, low
//	230 tokens at 0.01 credits at 0.5         1.15  vat
//	10 seats at 5.00                         50.00  vat
//	together                                189.15
//	what is missing of 200.00                10.85  its own tax, low
func pricedPlan(calls, tokens string) object {
	plan := planBody("priced",
		object{
			"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "0.10"},
			"min_amount_cents": 100,
		},
		object{
			"billable_metric_id": tokens, "charge_model": "graduated", "code": "tiered", "tax_codes": []any{"low"},
			"properties": object{"graduated_ranges": []any{
				object{"from_value": 0, "to_value": 10, "per_unit_amount": "1", "flat_amount": "5"},
				object{"from_value": 11, "to_value": nil, "per_unit_amount": "0.5", "flat_amount": "2"},
			}},
		},
		object{
			"billable_metric_id": tokens, "charge_model": "standard", "code": "in_credits", "properties": object{"amount": "0.01"},
			"applied_pricing_unit": object{"code": "credits", "conversion_rate": "0.5"},
		},
	)
	inner := plan["plan"].(object)
	inner["description"] = "All of it"
	inner["fixed_charges"] = []any{object{
		"add_on_code": "seat", "charge_model": "standard", "units": 10, "properties": object{"amount": "5.00"},
	}}
	inner["minimum_commitment"] = object{"amount_cents": 20000, "invoice_display_name": "Commitment", "tax_codes": []any{"low"}}
	return plan
}

// subscribePriced subscribes acme to the priced plan for March 2024, with its usage.
func (s *server) subscribePriced(t *testing.T) {
	t.Helper()
	s.usage.answer = cells{"calls": {{units: "5", events: 5}}, "tokens": {{units: "230", events: 7}}}.answer
	s.clock(t, "2024-03-01T00:00:00Z")
	s.taxed(t)
	s.must(t, "POST", "/plans", pricedPlan(s.calls(t), s.tokens(t)))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"plan_code": "priced"}))
}

// An invoice with a fee of every kind, each taxed by the first that says how, and the whole
// taxed on the sums.
func TestFeesOfEveryKind(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.subscribePriced(t)

	// The usage alone: 50 + 12700 + 115 = 12865. vat of 165 is 31.35, low of 12700 is 889: 920.35.
	const asked = "/customers/acme/current_usage?external_subscription_id=sub"
	usage := s.check(t, "customer_usage_taxed", "GET", asked, nil)
	expect(t, usage, "12865", "customer_usage", "amount_cents")
	expect(t, usage, "920", "customer_usage", "taxes_amount_cents")
	expect(t, usage, "13785", "customer_usage", "total_amount_cents")
	untaxed := s.must(t, "GET", asked+"&apply_taxes=false", nil)
	expect(t, untaxed, "0", "customer_usage", "taxes_amount_cents")
	expect(t, untaxed, "12865", "customer_usage", "total_amount_cents")
	// Of the calls alone: 19 % of 50 is 9.5.
	expect(t, s.must(t, "GET", asked+"&charge_code=calls", nil), "10", "customer_usage", "taxes_amount_cents")
	projected := s.must(t, "GET", "/customers/acme/projected_usage?external_subscription_id=sub", nil)
	expect(t, projected, "920", "customer_projected_usage", "taxes_amount_cents")
	expect(t, projected, "13785", "customer_projected_usage", "total_amount_cents")

	s.clock(t, "2024-04-01T00:00:00Z")
	id := fmt.Sprint(dig(t, s.must(t, "GET", "/invoices", nil), "invoices", 0, "lago_id"))
	invoice := s.check(t, "invoice_taxed", "GET", "/invoices/"+id, nil)["invoice"].(object)
	// vat of 1000 + 50 + 50 + 115 + 5000 = 6215 is 1180.85, low of 12700 + 1085 = 13785 is 964.95:
	// 2145.80. The fees' own taxes, rounded, would be 2147.
	for name, want := range map[string]string{
		"fees_amount_cents": "20000", "taxes_amount_cents": "2146", "total_amount_cents": "22146",
		"sub_total_including_taxes_amount_cents": "22146",
	} {
		expect(t, invoice, want, name)
	}
	var taxes []string
	for _, tax := range invoice["applied_taxes"].([]any) {
		taxes = append(taxes, fmt.Sprint(dig(t, tax, "tax_code"), " ", dig(t, tax, "fees_amount_cents"), " ", dig(t, tax, "amount_cents")))
	}
	if want := []string{"vat 6215 1181", "low 13785 965"}; !slices.Equal(taxes, want) {
		t.Errorf("taxes of the invoice are %q, want %q", taxes, want)
	}
	var fees []string
	for _, fee := range invoice["fees"].([]any) {
		fees = append(fees, fmt.Sprint(dig(t, fee, "item", "type"), " ", dig(t, fee, "item", "code"), " ", dig(t, fee, "amount_cents"), " ",
			dig(t, fee, "applied_taxes", 0, "tax_code"), " ", dig(t, fee, "taxes_amount_cents"), " ", dig(t, fee, "taxes_precise_amount")))
	}
	want := []string{
		"subscription priced 1000 vat 190 1.9",
		"charge calls 50 vat 10 0.095",
		"charge calls 50 vat 10 0.095",
		"charge tokens 12700 low 889 8.89",
		"charge tokens 115 vat 22 0.2185",
		"fixed_charge seat 5000 vat 950 9.5",
		"commitment priced 1085 low 76 0.7595",
	}
	if !slices.Equal(fees, want) {
		t.Errorf("fees are\n%s\nwant\n%s", strings.Join(fees, "\n"), strings.Join(want, "\n"))
	}
	calls, trueUp := dig(t, invoice, "fees", 1), dig(t, invoice, "fees", 2)
	if dig(t, calls, "lago_true_up_fee_id") != dig(t, trueUp, "lago_id") || dig(t, trueUp, "lago_true_up_parent_fee_id") != dig(t, calls, "lago_id") {
		t.Errorf("fee and true-up do not name each other: %v %v", calls, trueUp)
	}

	// The usage as it was billed is what current usage showed.
	past := s.must(t, "GET", "/customers/acme/past_usage?external_subscription_id=sub", nil)
	for name, want := range map[string]string{"amount_cents": "12865", "taxes_amount_cents": "920", "total_amount_cents": "13785"} {
		expect(t, past, want, "usage_periods", 0, name)
	}
	expect(t, past, "CR", "usage_periods", 0, "charges_usage", 2, "pricing_unit_details", "short_name")
	tokens := s.must(t, "GET", "/customers/acme/past_usage?external_subscription_id=sub&billable_metric_code=tokens", nil)
	expect(t, tokens, "911", "usage_periods", 0, "taxes_amount_cents") // 889 + 21.85

	for kind, want := range map[string]string{"charge": "4", "subscription": "1", "fixed_charge": "1", "commitment": "1", "add_on": "0"} {
		expect(t, s.must(t, "GET", "/fees?fee_type="+kind, nil), want, "meta", "total_count")
	}
	s.invalid(t, "GET", "/fees?fee_type=gift&payment_status=lost", nil, "fee_type: value_is_invalid", "payment_status: value_is_invalid")
}
