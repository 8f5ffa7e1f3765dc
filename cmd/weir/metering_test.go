package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The months that the tests of metering use. April has 30 days.
var (
	april = time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)
	may   = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	june  = time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
)

// metered is one metric of the plan that measureAll makes: what it is, the events it gets,
// and the units that April and May come to, computed by hand.
type metered struct {
	code       string
	metric     object
	model      string // "" = standard at 1.00
	events     []meteredEvent
	april, may string
	total      string // total_aggregated_units of April; "" = april
	cents      string // of April; "" = units × 100
}

// meteredEvent is an event at a time of 2024.
type meteredEvent struct {
	at         string // month-dayThour:minute
	properties object
	precise    string
}

func value(at string, v any) meteredEvent {
	return meteredEvent{at: at, properties: object{"v": v}}
}

func member(at, v, operation string) meteredEvent {
	return meteredEvent{at: at, properties: object{"v": v, "operation_type": operation}}
}

// everyMetric is all that can be metered.
var everyMetric = []metered{
	{
		code: "count", metric: object{"aggregation_type": "count_agg"},
		events: []meteredEvent{value("04-02T00:00", 1), value("04-30T23:59", 1), value("05-01T00:00", 1)}, april: "2", may: "1",
	},
	{ // 2 + 5 - 1 = 6
		code: "sum", metric: object{"aggregation_type": "sum_agg", "field_name": "v"},
		events: []meteredEvent{value("04-02T00:00", 2), value("04-03T00:00", "5"), value("04-04T00:00", -1), value("04-05T00:00", "none")}, april: "6", may: "0",
	},
	{ // carried over: 5, then 5 - 2
		code: "sum_recurring", metric: object{"aggregation_type": "sum_agg", "field_name": "v", "recurring": true},
		events: []meteredEvent{value("04-02T00:00", 5), value("05-03T00:00", -2)}, april: "5", may: "3",
	},
	{
		code: "max", metric: object{"aggregation_type": "max_agg", "field_name": "v"},
		events: []meteredEvent{value("04-02T00:00", 2), value("04-03T00:00", 9), value("04-04T00:00", 4)}, april: "9", may: "0",
	},
	{
		code: "min", metric: object{"aggregation_type": "min_agg", "field_name": "v"},
		events: []meteredEvent{value("04-02T00:00", 2), value("04-03T00:00", 9), value("04-04T00:00", 4)}, april: "2", may: "0",
	},
	{ // (2 + 9 + 4) / 3
		code: "avg", metric: object{"aggregation_type": "avg_agg", "field_name": "v"},
		events: []meteredEvent{value("04-02T00:00", 2), value("04-03T00:00", 9), value("04-04T00:00", 4)}, april: "5", may: "0",
	},
	{ // the last by time, not by arrival
		code: "latest", metric: object{"aggregation_type": "latest_agg", "field_name": "v"},
		events: []meteredEvent{value("04-04T00:00", 4), value("04-02T00:00", 2), value("04-03T00:00", 9)}, april: "4", may: "0",
	},
	{ // rank ⌈0.5 × 3⌉ = 2 of 2 4 9
		code: "median", metric: object{"aggregation_type": "percentile_agg", "field_name": "v", "percentile": "50"},
		events: []meteredEvent{value("04-02T00:00", 2), value("04-03T00:00", 9), value("04-04T00:00", 4)}, april: "4", may: "0",
	},
	{ // a is there, b was removed
		code: "unique", metric: object{"aggregation_type": "unique_count_agg", "field_name": "v"},
		events: []meteredEvent{
			member("04-02T00:00", "a", "add"), member("04-03T00:00", "b", "add"), member("04-04T00:00", "a", "add"), member("04-05T00:00", "b", "remove"),
		},
		april: "1", may: "0",
	},
	{ // a and b, then without a
		code: "unique_recurring", metric: object{"aggregation_type": "unique_count_agg", "field_name": "v", "recurring": true},
		events: []meteredEvent{member("04-02T00:00", "a", "add"), member("04-03T00:00", "b", "add"), member("05-05T00:00", "a", "remove")},
		april:  "2", may: "1",
	},
	{ // (100 × 10 days + 60 × 10 days) / 30 days, and 60 at the end; 1600/30 = 53.333…, shown with 15 decimals
		code: "weighted", metric: object{"aggregation_type": "weighted_sum_agg", "field_name": "v", "weighted_interval": "seconds"},
		events: []meteredEvent{value("04-11T00:00", 100), value("04-21T00:00", -40)},
		april:  "53.333333333333333", may: "0", total: "60", cents: "5333",
	},
	{ // the same, and May opens with 60
		code: "weighted_recurring", metric: object{"aggregation_type": "weighted_sum_agg", "field_name": "v", "weighted_interval": "seconds", "recurring": true},
		events: []meteredEvent{value("04-11T00:00", 100), value("04-21T00:00", -40)},
		april:  "53.333333333333333", may: "60", total: "60", cents: "5333",
	},
	{ // 2 × 3 + 0.5 × 4
		code: "expression", metric: object{"aggregation_type": "sum_agg", "field_name": "area", "expression": "event.properties.a * event.properties.b"},
		events: []meteredEvent{
			{at: "04-02T00:00", properties: object{"a": 2, "b": 3}}, {at: "04-03T00:00", properties: object{"a": "0.5", "b": 4}},
		},
		april: "8", may: "0",
	},
	{ // 1234 up to hundreds
		code: "rounded", metric: object{"aggregation_type": "sum_agg", "field_name": "v", "rounding_function": "ceil", "rounding_precision": -2},
		events: []meteredEvent{value("04-02T00:00", 1234)}, april: "1300", may: "0",
	},
	{ // 1.5 + 2.25 cents = 3.75 cents, rounded to 4
		code: "dynamic", metric: object{"aggregation_type": "sum_agg", "field_name": "v"}, model: "dynamic",
		events: []meteredEvent{
			{at: "04-02T00:00", properties: object{"v": 1}, precise: "1.5"}, {at: "04-03T00:00", properties: object{"v": 2}, precise: "2.25"},
		},
		april: "3", may: "0", cents: "4",
	},
}

// createEveryMetric makes the metrics, the plan and the subscription acme from April on.
func createEveryMetric(t *testing.T, c *client) {
	t.Helper()
	var charges []any
	for _, m := range everyMetric {
		m.metric["name"], m.metric["code"] = m.code, m.code
		metric := c.must(t, "POST", "/billable_metrics", object{"billable_metric": m.metric})
		charge := object{
			"billable_metric_id": dig(t, metric, "billable_metric", "lago_id"), "code": m.code,
			"charge_model": "standard", "properties": object{"amount": "1"},
		}
		if m.model != "" {
			charge["charge_model"], charge["properties"] = m.model, object{}
		}
		charges = append(charges, charge)
	}
	c.must(t, "POST", "/plans", object{"plan": object{
		"name": "Everything", "code": "everything", "interval": "monthly", "amount_cents": 0, "amount_currency": "USD", "pay_in_advance": false,
		"charges": charges,
	}})
	subscribeAcme(t, c, "everything", april)
}

func subscribeAcme(t *testing.T, c *client, plan string, from time.Time) {
	t.Helper()
	c.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "name": "Acme", "currency": "USD"}})
	c.must(t, "POST", "/subscriptions", object{"subscription": object{
		"external_customer_id": "acme", "plan_code": plan, "external_id": "acme", "subscription_at": from, "billing_time": "calendar",
	}})
}

// usageOfAcme returns what current_usage says, each charge by its metric's code.
func usageOfAcme(t *testing.T, c *client) map[string]object {
	t.Helper()
	usage := c.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=acme", nil)
	charges := make(map[string]object)
	list, _ := dig(t, usage, "customer_usage", "charges_usage").([]any)
	for _, charge := range list {
		charges[text(t, charge, "billable_metric", "code")] = charge.(object)
	}
	return charges
}

// instant returns a time of 2024.
func instant(t *testing.T, at string) time.Time {
	t.Helper()
	instant, err := time.Parse("2006-01-02T15:04", "2024-"+at)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

// eventLine is an event of acme.
func eventLine(t *testing.T, id, code string, e meteredEvent) object {
	t.Helper()
	event := object{
		"transaction_id": id, "external_subscription_id": "acme", "code": code,
		"timestamp": instant(t, e.at).Unix(), "properties": e.properties,
	}
	if e.precise != "" {
		event["precise_total_amount_cents"] = e.precise
	}
	return event
}

// sendLines posts lines and fails unless all of them are taken.
func sendLines(t *testing.T, c *client, lines ...any) {
	t.Helper()
	answer, err := c.events(t.Context(), jsonLines(t, lines...))
	if err != nil {
		t.Fatal(err)
	}
	if text(t, answer, "refused_count") != "0" {
		t.Fatalf("refused: %v", answer)
	}
}

// TestEveryAggregation: whatever can be metered is metered: live as computed by hand, the
// invoice as live usage, and what recurs goes on in the next month.
func TestEveryAggregation(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, "--sandbox")
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": april}})
	createEveryMetric(t, c)
	refused := 0
	eventually(t, 10*time.Second, func() error { // as soon as the ingest server knows the metric
		refused++
		lacksB := eventLine(t, fmt.Sprint("lacks-b-", refused), "expression", meteredEvent{at: "04-04T00:00", properties: object{"a": 2}})
		if status, answer := sendOneAs(t, c, lacksB); status != http.StatusUnprocessableEntity {
			return fmt.Errorf("an event without what its metric's expression needs is answered with %d: %v", status, answer)
		}
		return nil
	})
	var lines []any
	for _, m := range everyMetric {
		for i, e := range m.events {
			lines = append(lines, eventLine(t, fmt.Sprintf("%s-%d", m.code, i), m.code, e))
		}
	}
	sendLines(t, c, lines...)
	check := func(month string, want func(m *metered) (units, total, cents string)) {
		t.Helper()
		for range 2 { // the second time from running totals
			eventually(t, 10*time.Second, func() error {
				var faults []string
				charges := usageOfAcme(t, c)
				for i := range everyMetric {
					m := &everyMetric[i]
					units, total, cents := want(m)
					charge := charges[m.code]
					got := []string{plain(text(t, charge, "units")), plain(text(t, charge, "total_aggregated_units")), text(t, charge, "amount_cents")}
					if fmt.Sprint(got) != fmt.Sprint([]string{units, total, cents}) {
						faults = append(faults, fmt.Sprintf("%s: units, total and cents are %v, want %s %s %s", m.code, got, units, total, cents))
					}
				}
				if len(faults) > 0 {
					return fmt.Errorf("%s:\n%s", month, strings.Join(faults, "\n"))
				}
				return nil
			})
		}
	}
	check("April", aprilOf)
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": may}})
	checkFees(t, c, aprilOf)
	check("May", mayOf)
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": june}})
	checkFees(t, c, mayOf)
}

func aprilOf(m *metered) (units, total, cents string) {
	units, total, cents = m.april, m.total, m.cents
	if total == "" {
		total = units
	}
	if cents == "" {
		cents = units + "00"
	}
	return units, total, cents
}

func mayOf(m *metered) (units, total, cents string) {
	cents = m.may
	if cents != "0" {
		cents += "00"
	}
	return m.may, m.may, cents
}

// checkFees compares the fees of the newest invoice.
func checkFees(t *testing.T, c *client, want func(m *metered) (units, total, cents string)) {
	t.Helper()
	invoice := text(t, c.must(t, "GET", "/invoices?per_page=1", nil), "invoices", 0, "lago_id")
	fees, _ := dig(t, c.must(t, "GET", "/invoices/"+invoice, nil), "invoice", "fees").([]any)
	got := make(map[string]string)
	for _, fee := range fees {
		got[text(t, fee, "item", "code")] = plain(text(t, fee, "units")) + " " + text(t, fee, "amount_cents")
	}
	for i := range everyMetric {
		m := &everyMetric[i]
		units, _, cents := want(m)
		if line := units + " " + cents; got[m.code] != line && !(got[m.code] == "" && units == "0") {
			t.Errorf("fee of %s has units and cents %q, want %q", m.code, got[m.code], line)
		}
	}
}

// createSum makes a metric that sums v, a plan of 1.00 a unit, and the subscription acme.
func createSum(t *testing.T, c *client, code string) {
	t.Helper()
	metric := c.must(t, "POST", "/billable_metrics", object{"billable_metric": object{
		"name": code, "code": code, "aggregation_type": "sum_agg", "field_name": "v",
	}})
	c.must(t, "POST", "/plans", object{"plan": object{
		"name": code, "code": code, "interval": "monthly", "amount_cents": 0, "amount_currency": "USD", "pay_in_advance": false,
		"charges": []any{object{
			"billable_metric_id": dig(t, metric, "billable_metric", "lago_id"), "charge_model": "standard", "properties": object{"amount": "1"},
		}},
	}})
	subscribeAcme(t, c, code, april)
}

// unitsOfAcme fails unless current_usage comes to the units and events of the metric, with
// no waiting: what was answered is counted.
func unitsOfAcme(t *testing.T, c *client, code, want string) {
	t.Helper()
	charge := usageOfAcme(t, c)[code]
	if got := plain(text(t, charge, "units")) + " of " + text(t, charge, "events_count"); got != want {
		t.Errorf("usage of %s is %s events, want %s", code, got, want)
	}
}

// TestCorrections: an event that was amended or cancelled is so in usage at once, at
// every later start, and in no invoice that was final before: there the difference shows.
func TestCorrections(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	settings := []string{"WEIR_DATA_DIR=" + dir, "WEIR_API_KEY=k", "WEIR_SANDBOX=true", "WEIR_CHECKPOINT_INTERVAL=50ms"}
	w := start(t, "all", settings...)
	w.waitReady()
	c := newClient(w.url, "k")
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": april}})
	createSum(t, c, "work")
	sendLines(t, c,
		eventLine(t, "a", "work", value("04-02T10:00", 1)), eventLine(t, "b", "work", value("04-02T11:00", 20)), eventLine(t, "c", "work", value("04-03T00:00", 300)))
	eventually(t, 10*time.Second, func() error {
		if n := text(t, usageOfAcme(t, c)["work"], "events_count"); n != "3" {
			return fmt.Errorf("%s events are counted", n)
		}
		return nil
	})

	amended := c.must(t, "PUT", "/events/b", object{"event": object{"properties": object{"v": 50}}})
	if got := text(t, amended, "event", "weir", "revision"); got != "1" {
		t.Errorf("the amendment has revision %s, want 1", got)
	}
	unitsOfAcme(t, c, "work", "351 of 3") // 1 + 50 + 300
	cancelled := c.must(t, "DELETE", "/events/c?external_subscription_id=acme", nil)
	if got := text(t, cancelled, "event", "weir", "cancelled"); got != "true" {
		t.Errorf("cancelled is %s", got)
	}
	unitsOfAcme(t, c, "work", "51 of 2")
	// A cancelled id stays used: the node that remembers it says so.
	again := eventLine(t, "c", "work", value("04-03T00:00", 300))
	if status, answer := sendOneAs(t, c, again); status != http.StatusUnprocessableEntity {
		t.Errorf("the repeat of a cancelled event is answered with %d: %v", status, answer)
	}

	w.kill()
	w = start(t, "all", settings...)
	w.waitReady()
	c = newClient(w.url, "k")
	unitsOfAcme(t, c, "work", "51 of 2")
	// A node that has forgotten it takes it, and it counts nothing.
	if status, answer := sendOneAs(t, c, again); status != http.StatusOK {
		t.Errorf("the repeat is answered with %d: %v", status, answer)
	}
	eventually(t, 10*time.Second, func() error {
		if w.metrics()["weir_aggregator_duplicates_total"] < 1 {
			return errors.New("the repeat has not come to the aggregator")
		}
		return nil
	})
	unitsOfAcme(t, c, "work", "51 of 2")

	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": may}})
	if total := text(t, c.must(t, "GET", "/invoices", nil), "invoices", 0, "total_amount_cents"); total != "5100" {
		t.Errorf("the invoice is %s cents, want 5100", total)
	}
	c.must(t, "PUT", "/events/a", object{"event": object{"properties": object{"v": 3}}}) // too late for the invoice
	sendLines(t, c, eventLine(t, "late", "work", value("04-20T00:00", 10)))
	eventually(t, 10*time.Second, func() error {
		differences := c.must(t, "GET", "/customers/acme/usage_differences?external_subscription_id=acme", nil)
		if list, _ := dig(t, differences, "usage_differences").([]any); len(list) != 1 {
			return fmt.Errorf("%d differences: %v", len(list), differences)
		}
		// 3 instead of 1, and 10 more: 63 instead of 51, of 3 events instead of 2
		if got := plain(text(t, differences, "usage_differences", 0, "units_difference")); got != "12" {
			return fmt.Errorf("the difference is %s units, want 12: %v", got, differences)
		}
		return nil
	})
	if total := text(t, c.must(t, "GET", "/invoices", nil), "invoices", 0, "total_amount_cents"); total != "5100" {
		t.Errorf("a finalized invoice has become %s cents", total)
	}
	// The evidence behind the invoice is what it was when the invoice was made.
	invoice := text(t, c.must(t, "GET", "/invoices", nil), "invoices", 0, "lago_id")
	behind := c.must(t, "GET", "/events?external_subscription_id=acme&charge_code=work&invoice_id="+invoice, nil)
	var got []string
	events, _ := dig(t, behind, "events").([]any)
	for _, e := range events {
		got = append(got, text(t, e, "transaction_id")+" "+text(t, e, "properties", "v"))
	}
	if fmt.Sprint(got) != "[b 50 a 1]" {
		t.Errorf("behind the invoice are %v, want b with 50 and a with 1", got)
	}
	w.stop()
	replayed(t, settings, 0)
}

// sendOneAs posts one event to the JSON route.
func sendOneAs(t *testing.T, c *client, event object) (int, object) {
	t.Helper()
	status, answer, err := c.do(t.Context(), http.MethodPost, c.ingest+"/api/v1/events", "application/json", jsonLines(t, object{"event": event}))
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// TestRetroactive: a metric that is changed covers the open period and its past events; a
// finalized invoice stays as it is.
func TestRetroactive(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, "--sandbox")
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": april}})
	createSum(t, c, "work")
	for _, month := range []string{"04", "05"} {
		for day := 1; day <= 9; day++ {
			e := meteredEvent{at: fmt.Sprintf("%s-%02dT12:00", month, day), properties: object{"v": day, "w": 2}}
			sendLines(t, c, eventLine(t, fmt.Sprintf("%s-%d", month, day), "work", e))
		}
	}
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": may}})
	eventually(t, 10*time.Second, func() error { // 1 + … + 9
		if got := plain(text(t, usageOfAcme(t, c)["work"], "units")); got != "45" {
			return fmt.Errorf("units are %s", got)
		}
		return nil
	})
	for _, change := range []struct {
		change object
		want   string
	}{
		{object{"expression": "event.properties.v * event.properties.w"}, "90 of 9"},
		{object{"expression": "", "aggregation_type": "max_agg"}, "9 of 9"},
		{object{"aggregation_type": "unique_count_agg", "field_name": "w"}, "1 of 9"},
		{object{"aggregation_type": "count_agg"}, "9 of 9"},
	} {
		change.change["name"] = "work"
		c.must(t, "PUT", "/billable_metrics/work", object{"billable_metric": change.change})
		unitsOfAcme(t, c, "work", change.want) // at once: from raw events until the counters are there
		eventually(t, 10*time.Second, func() error {
			charge := usageOfAcme(t, c)["work"]
			if got := plain(text(t, charge, "units")) + " of " + text(t, charge, "events_count"); got != change.want {
				return fmt.Errorf("%s after the rebuild, want %s", got, change.want)
			}
			return nil
		})
	}
	if total := text(t, c.must(t, "GET", "/invoices", nil), "invoices", 0, "total_amount_cents"); total != "4500" {
		t.Errorf("the invoice of April has become %s cents, want 4500", total)
	}
}

// TestCloudEvents: the format that other metering systems take is taken, and counted.
func TestCloudEvents(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, "--sandbox")
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": april}})
	createSum(t, c, "work")
	cloudEvent := func(id string, v any) object {
		return object{
			"specversion": "1.0", "source": "test", "id": id, "type": "work", "subject": "acme",
			"time": "2024-04-02T03:04:05.678Z", "data": object{"v": v},
		}
	}
	post := func(contentType string, body any) {
		t.Helper()
		status, answer, err := c.do(t.Context(), http.MethodPost, c.ingest+"/api/v1/events", contentType, jsonLines(t, body))
		if err != nil || status >= 300 {
			t.Fatalf("%s: status %d: %v %v", contentType, status, answer, err)
		}
	}
	post("application/cloudevents+json", cloudEvent("1", 1))
	post("application/cloudevents-batch+json; charset=UTF-8", []any{cloudEvent("2", "20"), cloudEvent("3", 300)})
	eventually(t, 10*time.Second, func() error {
		if got := plain(text(t, usageOfAcme(t, c)["work"], "units")); got != "321" {
			return fmt.Errorf("units are %s", got)
		}
		return nil
	})
	event := c.must(t, "GET", "/events/1", nil)
	if got := text(t, event, "event", "weir", "timestamp"); got != "2024-04-02T03:04:05.678Z" {
		t.Errorf("the event's time is %s", got)
	}
}
