package scenarios

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// story is what happens, in the order in which it does.
type story struct {
	steps []step
	zone  *time.Location

	sent   int      // events so far: they are numbered
	events []object // to be sent before the clock moves on
}

// step is one thing that happens.
type step struct {
	at   time.Time
	line line // without the instant
}

func newStory(t *testing.T, text string, zone *time.Location) *story {
	t.Helper()
	s := &story{zone: zone}
	for _, l := range lines(text) {
		at := instant(t, l.word(0), zone)
		l.words = l.words[1:]
		s.steps = append(s.steps, step{at, l})
	}
	return s
}

// instant reads a day or a moment, in the zone unless it ends with Z.
func instant(t *testing.T, text string, zone *time.Location) time.Time {
	t.Helper()
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05.999999999"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at
		}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	must(t, err)
	return at
}

// begins returns the instant of the first step that moves the clock.
func (s *story) begins() time.Time {
	for _, step := range s.steps {
		if !step.isEvent() {
			return step.at
		}
	}
	return time.Time{}
}

// isEvent reports whether the step is one event or some: those are named by their metric.
func (s *step) isEvent() bool {
	switch s.line.word(0) {
	case "subscribe", "clock", "usage", "end", "reprice", "add", "drop", "rate", "amount", "units", "customer", "one_off":
		return false
	}
	return true
}

// play makes everything happen. Events are sent before the next step that is none.
func (s *story) play(t *testing.T, c *client, p *purchase) {
	t.Helper()
	now := s.begins()
	for _, step := range s.steps {
		if step.isEvent() {
			s.collect(t, step)
			continue
		}
		if step.at.After(now) {
			s.send(t, c)
			now = step.at
			c.setClock(t, now)
		}
		s.take(t, c, p, step)
	}
	if len(s.events) > 0 {
		t.Fatal("the story ends with events: nothing happens after them")
	}
}

func (s *story) take(t *testing.T, c *client, p *purchase, step step) {
	t.Helper()
	switch l := step.line; l.word(0) {
	case "subscribe":
		s.subscribe(t, c, step)
	case "usage":
		s.send(t, c)
		checkUsage(t, c, l)
	case "end":
		path := "/subscriptions/" + or(l.named["sub"], "sub") + "?on_termination_credit_note=skip"
		if l.has("skip") {
			path += "&on_termination_invoice=skip"
		}
		c.must(t, "DELETE", path, nil)
	case "reprice":
		c.must(t, "PUT", "/plans/plan/charges/"+l.word(1), object{"charge": object{
			"charge_model": l.word(2), "properties": properties(t, l.word(2), l, 3),
		}})
	case "amount":
		c.must(t, "PUT", "/plans/plan", object{"plan": object{"amount_cents": json.Number(minorUnits(l.word(1)))}})
	case "add":
		c.must(t, "POST", "/plans/plan/charges", object{"charge": object{
			"billable_metric_id": p.metricID(t, c, l.word(1)), "charge_model": l.word(2), "properties": properties(t, l.word(2), l, 3),
		}})
	case "drop":
		c.must(t, "DELETE", "/plans/plan/charges/"+l.word(1), nil)
	case "rate":
		c.must(t, "PUT", "/taxes/"+l.word(1), object{"tax": object{"rate": l.word(2)}})
	case "units":
		c.must(t, "PUT", "/plans/plan/fixed_charges/"+l.word(1), object{"fixed_charge": object{
			"units": json.Number(l.word(2)), "apply_units_immediately": l.has("now"),
		}})
	case "customer":
		c.must(t, "POST", "/customers", object{"customer": object{"external_id": "customer", "timezone": l.named["zone"]}})
	case "one_off":
		c.must(t, "POST", "/invoices", object{"invoice": oneOff(p, l)})
	}
}

func (s *story) subscribe(t *testing.T, c *client, step step) {
	t.Helper()
	l := step.line
	begins := step.at
	if from, ok := l.named["from"]; ok {
		begins = instant(t, from, s.zone)
	}
	body := object{
		"external_customer_id": "customer", "plan_code": or(l.named["plan"], "plan"), "external_id": or(l.named["as"], "sub"),
		"billing_time": "calendar", "subscription_at": begins.UTC().Format(time.RFC3339Nano),
	}
	if l.has("anniversary") {
		body["billing_time"] = "anniversary"
	}
	if until, ok := l.named["until"]; ok {
		body["ending_at"] = instant(t, until, s.zone).UTC().Format(time.RFC3339Nano)
	}
	c.must(t, "POST", "/subscriptions", object{"subscription": body})
}

// collect makes the events of a step.
func (s *story) collect(t *testing.T, step step) {
	t.Helper()
	l := step.line
	times := 1
	if text, ok := l.named["times"]; ok {
		var err error
		times, err = strconv.Atoi(text)
		must(t, err)
	}
	properties := object{}
	for name, value := range l.named {
		switch name {
		case "sub", "times", "cents":
		case "op":
			properties["operation_type"] = value
		default:
			properties[name] = value
		}
	}
	at := step.at.UTC()
	for range times {
		s.sent++
		event := object{
			"transaction_id": fmt.Sprintf("event-%04d", s.sent), "external_subscription_id": or(l.named["sub"], "sub"),
			"code": l.word(0), "timestamp": fmt.Sprintf("%d.%03d", at.Unix(), at.Nanosecond()/int(time.Millisecond)),
			"properties": properties,
		}
		if cents, ok := l.named["cents"]; ok {
			event["precise_total_amount_cents"] = cents
		}
		s.events = append(s.events, event)
	}
}

// eventsMax is how many events one request may bring.
const eventsMax = 100

// send sends the events that were collected.
func (s *story) send(t *testing.T, c *client) {
	t.Helper()
	for len(s.events) > 0 {
		n := min(eventsMax, len(s.events))
		c.send(t, c.events, "POST", "/events/batch", object{"events": s.events[:n]})
		s.events = s.events[n:]
	}
}

// checkUsage compares the amounts of current usage, of all and by metric, and its taxes.
func checkUsage(t *testing.T, c *client, l line) {
	t.Helper()
	path := "/customers/customer/current_usage?external_subscription_id=" + url.QueryEscape(or(l.named["sub"], "sub"))
	usage := dig(c.must(t, "GET", path, nil), "customer_usage")
	if got := text(usage, "taxes_amount_cents"); got != or(l.named["tax"], got) {
		t.Errorf("taxes of current usage are %s cents, want %s", got, l.named["tax"])
	}
	if got := text(usage, "amount_cents"); got != l.word(1) {
		t.Errorf("current usage is %s cents, want %s: %v", got, l.word(1), usage)
	}
	for _, charge := range list(usage, "charges_usage") {
		code := text(charge, "billable_metric", "code")
		if want, ok := l.named[code]; ok && want != text(charge, "amount_cents") {
			t.Errorf("current usage of %s is %s cents, want %s", code, text(charge, "amount_cents"), want)
		}
	}
}

// oneOff returns an invoice of add-ons: "one_off CODE name=value … and CODE …".
func oneOff(p *purchase, l line) object {
	var fees []any
	for part := range strings.SplitSeq(strings.TrimPrefix(l.text[strings.Index(l.text, "one_off"):], "one_off "), " and ") {
		words := newLine(strings.Fields(part))
		fee := object{"add_on_code": words.word(0), "units": json.Number(or(words.named["units"], "1"))}
		if each, ok := words.named["each"]; ok {
			fee["unit_amount_cents"] = json.Number(minorUnits(each))
		}
		if codes := words.each("tax"); codes != nil {
			fee["tax_codes"] = codes
		}
		fees = append(fees, fee)
	}
	return object{"external_customer_id": "customer", "currency": p.currency, "fees": fees}
}
