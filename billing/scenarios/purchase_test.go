package scenarios

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the same zones on every machine
)

// standingMetrics are what charges can be on without saying more: aggregation, of the
// property n, and whether it recurs.
var standingMetrics = map[string]string{
	"calls":   "count",
	"gb":      "sum",
	"peak":    "max",
	"level":   "latest",
	"users":   "unique_count",
	"load":    "weighted_sum",
	"seats":   "sum recurring",
	"members": "unique_count recurring",
	"stock":   "weighted_sum recurring",
	// Lago does not have these.
	"low":  "min",
	"mean": "avg",
	"p50":  "percentile",
}

// purchase is what a scenario's customer buys, as requests to be made.
type purchase struct {
	zone      *time.Location
	customer  object
	taxes     []object
	units     []object // pricing units
	addOns    []object
	metrics   map[string]object // by code: those that charges are on
	order     []string          // of the metrics
	plans     []object
	currency  string
	addOnIDs  map[string]any // by code, once they are made
	metricIDs map[string]any
}

func newPurchase(t *testing.T, text string) *purchase {
	t.Helper()
	p := &purchase{
		zone: time.UTC, customer: object{"external_id": "customer", "name": "Customer"},
		metrics: map[string]object{}, currency: "USD", addOnIDs: map[string]any{}, metricIDs: map[string]any{},
	}
	for _, l := range lines(text) {
		p.add(t, l)
	}
	return p
}

func (p *purchase) add(t *testing.T, l line) {
	t.Helper()
	switch l.word(0) {
	case "customer":
		p.addCustomer(t, l)
	case "tax":
		p.taxes = append(p.taxes, object{
			"name": l.word(1), "code": l.word(1), "rate": l.word(2), "applied_to_organization": l.has("default"),
		})
	case "credits":
		p.units = append(p.units, object{"name": l.word(1), "code": l.word(1), "short_name": l.word(1)})
	case "add_on":
		p.addAddOn(l)
	case "metric":
		p.metrics[l.word(1)] = metric(t, l.word(1), l.words[2:], l.named["round"])
		p.order = append(p.order, l.word(1))
	case "plan":
		p.addPlan(l)
	case "fixed":
		p.addFixedCharge(t, l)
	case "when":
		p.addFilter(t, l)
	default:
		p.addCharge(t, l)
	}
}

func (p *purchase) addCustomer(t *testing.T, l line) {
	t.Helper()
	if name, ok := l.named["zone"]; ok {
		zone, err := time.LoadLocation(name)
		must(t, err)
		p.zone, p.customer["timezone"] = zone, name
	}
	if currency, ok := l.named["currency"]; ok {
		p.currency = currency
	}
	if codes := l.each("tax"); codes != nil {
		p.customer["tax_codes"] = codes
	}
}

func (p *purchase) addAddOn(l line) {
	o := object{
		"name": l.word(1), "code": l.word(1), "amount_cents": json.Number(minorUnits(or(l.word(2), "0"))), "amount_currency": p.currency,
	}
	if codes := l.each("tax"); codes != nil {
		o["tax_codes"] = codes
	}
	p.addOns = append(p.addOns, o)
}

// metric returns a metric of the property n with the regions and tiers that filters may look for.
func metric(t *testing.T, code string, words []string, rounding string) object {
	t.Helper()
	aggregation := words[0]
	o := object{
		"name": code, "code": code, "aggregation_type": aggregation + "_agg",
		"recurring": len(words) > 1 && words[1] == "recurring",
		"filters": []any{
			object{"key": "region", "values": []any{"eu", "us", "ap"}},
			object{"key": "tier", "values": []any{"gold", "iron"}},
		},
	}
	if aggregation != "count" {
		o["field_name"] = "n"
	}
	switch aggregation {
	case "weighted_sum":
		o["weighted_interval"] = "seconds"
	case "percentile":
		o["percentile"] = "50"
	}
	if function, digits, ok := strings.Cut(rounding, ":"); ok {
		o["rounding_function"], o["rounding_precision"] = function, json.Number(digits)
	}
	return o
}

func (p *purchase) addPlan(l line) {
	code := or(l.named["code"], "plan")
	plan := object{
		"name": code, "code": code, "interval": l.word(1), "amount_cents": json.Number(minorUnits(l.word(2))),
		"amount_currency": p.currency, "pay_in_advance": l.has("advance"), "charges": []any{},
	}
	if days, ok := l.named["trial"]; ok {
		plan["trial_period"] = json.Number(days)
	}
	if l.named["charges"] == "monthly" {
		plan["bill_charges_monthly"] = true
	}
	if l.named["fixed"] == "monthly" {
		plan["bill_fixed_charges_monthly"] = true
	}
	if amount, ok := l.named["commitment"]; ok {
		commitment := object{"amount_cents": json.Number(minorUnits(amount))}
		if codes := l.each("commitment_tax"); codes != nil {
			commitment["tax_codes"] = codes
		}
		plan["minimum_commitment"] = commitment
	}
	if codes := l.each("tax"); codes != nil {
		plan["tax_codes"] = codes
	}
	p.plans = append(p.plans, plan)
}

// last returns the plan that lines now add to.
func (p *purchase) last(t *testing.T, l line) object {
	t.Helper()
	if len(p.plans) == 0 {
		t.Fatalf("%s: there is no plan above it", l.text)
	}
	return p.plans[len(p.plans)-1]
}

func (p *purchase) addCharge(t *testing.T, l line) {
	t.Helper()
	code := l.word(0)
	p.need(t, code)
	charge := object{"metric": code, "charge_model": l.word(1), "properties": properties(t, l.word(1), l, 2)}
	if l.has("prorated") {
		charge["prorated"] = true
	}
	if amount, ok := l.named["min"]; ok {
		charge["min_amount_cents"] = json.Number(minorUnits(amount))
	}
	if codes := l.each("tax"); codes != nil {
		charge["tax_codes"] = codes
	}
	if unit, rate, ok := strings.Cut(l.named["unit"], ":"); ok {
		charge["applied_pricing_unit"] = object{"code": unit, "conversion_rate": rate}
	}
	plan := p.last(t, l)
	plan["charges"] = append(plan["charges"].([]any), charge)
}

// need makes sure that there is a metric with the code.
func (p *purchase) need(t *testing.T, code string) {
	t.Helper()
	if p.metrics[code] != nil {
		return
	}
	standing, ok := standingMetrics[code]
	if !ok {
		t.Fatalf("no metric is called %s", code)
	}
	p.metrics[code] = metric(t, code, strings.Fields(standing), "")
	p.order = append(p.order, code)
}

// metricID returns the id of a metric, which is made if no charge was on it yet.
func (p *purchase) metricID(t *testing.T, c *client, code string) any {
	t.Helper()
	if p.metricIDs[code] == nil {
		p.need(t, code)
		answer := c.must(t, "POST", "/billable_metrics", object{"billable_metric": p.metrics[code]})
		p.metricIDs[code] = dig(answer, "billable_metric", "lago_id")
	}
	return p.metricIDs[code]
}

// addFilter adds to the charge above a price for usage with some values: "when k=v,w -> price".
func (p *purchase) addFilter(t *testing.T, l line) {
	t.Helper()
	charges := p.last(t, l)["charges"].([]any)
	if len(charges) == 0 {
		t.Fatalf("%s: there is no charge above it", l.text)
	}
	before, after, ok := strings.Cut(l.text, " ->")
	if !ok {
		t.Fatalf("%s: a filter has no price", l.text)
	}
	charge := charges[len(charges)-1].(object)
	condition, price := newLine(strings.Fields(before)), newLine(strings.Fields(after))
	values := object{}
	for name := range condition.named {
		values[name] = condition.each(name)
		if condition.named[name] == "*" {
			values[name] = []string{"__ALL_FILTER_VALUES__"}
		}
	}
	filters, _ := charge["filters"].([]any)
	charge["filters"] = append(filters, object{
		"values": values, "properties": properties(t, charge["charge_model"].(string), price, 0),
	})
}

func (p *purchase) addFixedCharge(t *testing.T, l line) {
	t.Helper()
	charge := object{
		"add_on": l.word(1), "charge_model": l.word(2), "properties": properties(t, l.word(2), l, 3),
		"units": json.Number(or(l.named["units"], "1")), "pay_in_advance": l.has("advance"), "prorated": l.has("prorated"),
	}
	if codes := l.each("tax"); codes != nil {
		charge["tax_codes"] = codes
	}
	plan := p.last(t, l)
	charges, _ := plan["fixed_charges"].([]any)
	plan["fixed_charges"] = append(charges, charge)
}

// buy makes everything but the subscriptions.
func (p *purchase) buy(t *testing.T, c *client) {
	t.Helper()
	for _, tax := range p.taxes {
		c.must(t, "POST", "/taxes", object{"tax": tax})
	}
	for _, unit := range p.units {
		c.must(t, "POST", "/pricing_units", object{"pricing_unit": unit})
	}
	for _, addOn := range p.addOns {
		p.addOnIDs[addOn["code"].(string)] = dig(c.must(t, "POST", "/add_ons", object{"add_on": addOn}), "add_on", "lago_id")
	}
	for _, code := range p.order {
		p.metricID(t, c, code)
	}
	for _, plan := range p.plans {
		p.nameParts(t, c, plan)
		c.must(t, "POST", "/plans", object{"plan": plan})
	}
	p.customer["currency"] = p.currency
	c.must(t, "POST", "/customers", object{"customer": p.customer})
}

// nameParts puts ids in place of the codes that charges have in a scenario.
func (p *purchase) nameParts(t *testing.T, c *client, plan object) {
	t.Helper()
	for _, charge := range plan["charges"].([]any) {
		charge := charge.(object)
		charge["billable_metric_id"] = p.metricIDs[charge["metric"].(string)]
		delete(charge, "metric")
	}
	fixed, _ := plan["fixed_charges"].([]any)
	for _, charge := range fixed {
		charge := charge.(object)
		code := charge["add_on"].(string)
		if p.addOnIDs[code] == nil { // one that only fixed charges use need not be spelt out
			addOn := object{"name": code, "code": code, "amount_cents": 1, "amount_currency": p.currency}
			p.addOnIDs[code] = dig(c.must(t, "POST", "/add_ons", object{"add_on": addOn}), "add_on", "lago_id")
		}
		charge["add_on_id"] = p.addOnIDs[code]
		delete(charge, "add_on")
	}
}
