package biller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/postgres"
)

// metered is a metric, what happens to it, and what April's invoice must say.
type metered struct {
	metric billing.BillableMetric // its code is set by the test
	events []string               // "day property=text …" of 2024, at midnight
	units  string                 // of April
	total  string                 // total_aggregated_units; "" = units
	count  int64                  // events of April
}

// everyAggregation has the values of March, which only recurring metrics see, and of April.
func everyAggregation() map[string]metered {
	values := []string{"03-10 n=50", "04-02 n=2", "04-03 n=9", "04-04 n=4"}
	deltas := []string{"03-10 n=7", "04-02 n=5", "04-03 n=-2"}
	members := []string{"03-10 n=c", "04-02 n=a", "04-03 n=b", "04-04 n=a", "04-05 n=b operation_type=remove"}
	levels := []string{"03-10 n=30", "04-11 n=100", "04-21 n=-40"}
	of := func(a billing.AggregationType) billing.BillableMetric {
		m := billing.BillableMetric{AggregationType: a, FieldName: "n"}
		if a == billing.WeightedSumAgg {
			m.WeightedInterval = billing.WeightedIntervalSeconds
		}
		return m
	}
	recurring := func(a billing.AggregationType) billing.BillableMetric {
		m := of(a)
		m.Recurring = true
		return m
	}
	median, product, hundreds := of(billing.PercentileAgg), of(billing.SumAgg), of(billing.SumAgg)
	median.Percentile = decimal.NewFromInt(50)
	product.Expression = "event.properties.a * event.properties.b"
	hundreds.RoundingFunction, hundreds.RoundingPrecision = billing.RoundCeil, -2
	return map[string]metered{
		"count":         {metric: billing.BillableMetric{AggregationType: billing.CountAgg}, events: values, units: "3", count: 3},
		"sum":           {metric: of(billing.SumAgg), events: deltas, units: "3", count: 2},
		"sum_recurring": {metric: recurring(billing.SumAgg), events: deltas, units: "10", count: 3}, // 7 + 5 - 2
		"max":           {metric: of(billing.MaxAgg), events: values, units: "9", count: 3},
		"min":           {metric: of(billing.MinAgg), events: values, units: "2", count: 3},
		"avg":           {metric: of(billing.AvgAgg), events: values, units: "5", count: 3}, // 15 / 3
		"latest":        {metric: of(billing.LatestAgg), events: values, units: "4", count: 3},
		"median":        {metric: median, events: values, units: "4", count: 3},                             // the second of 2, 4, 9
		"unique":        {metric: of(billing.UniqueCountAgg), events: members, units: "1", count: 4},        // a
		"unique_all":    {metric: recurring(billing.UniqueCountAgg), events: members, units: "2", count: 5}, // a and c
		"weighted":      {metric: of(billing.WeightedSumAgg), events: levels, units: "53.33333333333333333334", total: "60", count: 2},
		"weighted_all":  {metric: recurring(billing.WeightedSumAgg), events: levels, units: "83.33333333333333333334", total: "90", count: 2}, // 30 more
		"product":       {metric: product, events: []string{"04-02 a=2 b=3.5", "04-03 a=x b=1"}, units: "7", count: 1},
		"hundreds":      {metric: hundreds, events: values, units: "100", count: 3}, // 15
		"negative":      {metric: of(billing.SumAgg), events: []string{"04-02 n=-5"}, units: "0", count: 1},
	}
}

// meterAll makes a plan with a charge of 1.00 for each metric, a subscription from March on,
// and the events.
func (w *world) meterAll(metrics map[string]metered) {
	w.t.Helper()
	one := price("1")
	plan := billing.Plan{OrganizationID: w.org.ID, Code: "all", Name: "all", Interval: billing.Monthly, Currency: "USD", CreatedAt: w.org.CreatedAt}
	for code, m := range metrics {
		m.metric.OrganizationID, m.metric.Code, m.metric.Name, m.metric.CreatedAt = w.org.ID, code, code, w.org.CreatedAt
		w.must(w.db.CreateBillableMetric(w.ctx, &m.metric))
		plan.Charges = append(plan.Charges, billing.Charge{Metric: m.metric, Code: code, Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &one}})
		for _, e := range m.events {
			w.send(code, e)
		}
	}
	w.must(w.db.CreatePlan(w.ctx, &plan))
	w.subscribe("c", "s", plan, "2024-03-01T00:00:00Z")
}

// send makes an event "day property=text …" of subscription s.
func (w *world) send(code, event string) {
	day, properties, _ := strings.Cut(event, " ")
	w.usage.send("s", code, "2024-"+day+"T00:00:00Z", strings.Fields(properties)...)
}

// Every aggregation is billed, and billed as its usage is shown in the period's last instant.
func TestEveryAggregation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	metrics := everyAggregation()
	w.meterAll(metrics)
	w.tick("2024-04-01T01:00:00Z", 1)
	w.tick("2024-05-01T01:00:00Z", 1)
	inv := w.invoices("c")[1]
	billed := map[string]billing.Fee{}
	for _, fee := range inv.Fees {
		billed[fee.ItemCode] = fee
	}
	for code, want := range metrics {
		fee, ok := billed[code]
		if !ok {
			t.Errorf("%s was not billed", code)
			continue
		}
		total := want.total
		if total == "" {
			total = want.units
		}
		if fee.Units.String() != want.units || fee.TotalUnits.String() != total || fee.EventsCount != want.count {
			t.Errorf("%s: %s units, %s in total, of %d events; want %s, %s, %d", code, fee.Units, fee.TotalUnits, fee.EventsCount, want.units, total, want.count)
		}
	}
	w.wantDifferences("2024-04")
	w.wantDifferences("2024-03")
}

// asked asks again what an invoice asked.
func (w *world) asked(u *billing.InvoicedUsage) [][]aggregator.BucketUsage {
	w.t.Helper()
	req := query.UsageRequest{Organization: w.org.ID, Subscription: u.ExternalID, From: u.Period.From, To: u.Period.To}
	for i := range u.Metered {
		req.Items = append(req.Items, query.UsageItem{Metric: u.Metered[i].Metric, Split: u.Metered[i].Split})
	}
	answer, err := w.usage.Usage(w.ctx, req)
	w.must(err)
	buckets := make([][]aggregator.BucketUsage, len(answer.Items))
	for i := range answer.Items {
		buckets[i] = answer.Items[i].Buckets
	}
	return buckets
}

// wantDifferences checks what has become of the usage of a month since it was billed:
// "charge: units of then/events/cents -> now".
func (w *world) wantDifferences(month string, want ...string) {
	w.t.Helper()
	usages, _, err := w.db.InvoicedUsage(w.ctx, w.org.ID, w.customer("c").ID, postgres.InvoicedUsageFilter{SubscriptionExternalID: "s"}, postgres.Page{})
	w.must(err)
	at := slices.IndexFunc(usages, func(u billing.InvoicedUsage) bool { return u.Period.From.Format("2006-01") == month })
	if at < 0 {
		w.t.Fatalf("%s was not billed", month)
	}
	differences, err := billing.Difference(&usages[at], w.asked(&usages[at]))
	w.must(err)
	got := []string{}
	for _, d := range differences {
		got = append(got, fmt.Sprintf("%s: %s/%d/%d -> %s/%d/%d", d.Charge.Code, d.Billed.Units, d.Billed.EventsCount, d.Billed.AmountCents,
			d.Now.Units, d.Now.EventsCount, d.Now.AmountCents))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		w.t.Errorf("differences of %s:\n got %s\nwant %s", month, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// What comes late is a visible difference, whatever has become of metrics and charges.
func TestLateUsageIsADifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.meterAll(everyAggregation())
	w.tick("2024-04-01T01:00:00Z", 1)
	w.tick("2024-05-01T01:00:00Z", 1)
	w.send("sum", "04-30 n=10")
	w.send("sum_recurring", "03-20 n=1.5")
	w.send("min", "04-01 n=1")
	w.send("max", "05-01 n=1000") // in May
	w.send("hundreds", "04-20 n=85")
	_, err := w.db.UpdateBillableMetric(w.ctx, w.org.ID, "min", w.org.CreatedAt, func(m *billing.BillableMetric, _ []billing.Charge) error {
		m.AggregationType, m.RoundingFunction = billing.CountAgg, ""
		return nil
	})
	w.must(err)
	_, err = w.db.DeleteBillableMetric(w.ctx, w.org.ID, "sum", w.org.CreatedAt, w.org.CreatedAt)
	w.must(err)

	w.wantDifferences("2024-03", "sum_recurring: 7/1/700 -> 8.5/2/850")
	w.wantDifferences("2024-04",
		"hundreds: 100/3/10000 -> 100/4/10000", // 15 and 100: both a hundred, when they are rounded up
		"min: 2/3/200 -> 1/4/100",
		"sum: 3/2/300 -> 13/3/1300",
		"sum_recurring: 10/3/1000 -> 11.5/4/1150")
}

// A dynamic charge bills what its events say: 1.5 and 2.25 cents are 0.0375, rounded 0.04.
func TestDynamicCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plan := billing.Plan{
		OrganizationID: w.org.ID, Code: "dynamic", Name: "dynamic", Interval: billing.Monthly, Currency: "USD", CreatedAt: w.org.CreatedAt,
		Charges: []billing.Charge{{Metric: w.tokens, Code: "tokens", Model: billing.Dynamic}},
	}
	w.must(w.db.CreatePlan(w.ctx, &plan))
	w.subscribe("c", "s", plan, "2024-04-01T00:00:00Z")
	w.send("tokens", "04-02 n=2 precise=1.5")
	w.send("tokens", "04-03 n=3 precise=2.25")
	w.send("tokens", "04-04 n=5") // without a price
	w.tick("2024-05-01T01:00:00Z", 1)
	wantLines(t, w.invoices("c")[0], "ACM-0001-001-001 2024-05-01 4 USD", "subscription dynamic 1 units 0 events 0",
		"charge tokens 10 units 3 events 4")
	w.wantDifferences("2024-04")
	w.send("tokens", "04-04 n=0 precise=100")
	w.wantDifferences("2024-04", "tokens: 10/3/4 -> 10/4/104")
}

// An invoice shows names and parts as they were when it was made.
func TestFeeKeepsWhatItShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := price("1")
	plan := billing.Plan{
		OrganizationID: w.org.ID, Code: "f", Name: "f", Interval: billing.Monthly, Currency: "USD", CreatedAt: w.org.CreatedAt,
		Charges: []billing.Charge{{
			Metric: w.tokens, Code: "tokens", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &one},
			Filters: []billing.ChargeFilter{{
				InvoiceDisplayName: "Europe", Values: map[string][]string{"region": {"eu"}},
				Properties: billing.ChargeProperties{Amount: &one, PresentationGroupKeys: []string{"team"}},
			}},
		}},
	}
	w.must(w.db.CreatePlan(w.ctx, &plan))
	w.subscribe("c", "s", plan, "2024-04-01T00:00:00Z")
	w.send("tokens", "04-02 n=2 region=eu team=b")
	w.send("tokens", "04-03 n=3 region=eu")
	w.send("tokens", "04-04 n=5 region=eu team=b")
	w.send("tokens", "04-05 n=7 team=b")
	w.tick("2024-05-01T01:00:00Z", 1)
	_, err := w.db.UpdatePlan(w.ctx, w.org.ID, "f", w.org.CreatedAt, func(p *billing.Plan, live bool) error {
		if !live {
			t.Error("nobody lives on the plan")
		}
		p.Charges[0].Filters[0].InvoiceDisplayName = "The old world"
		return nil
	})
	w.must(err)

	inv := w.invoices("c")[0]
	wantLines(t, inv, "ACM-0001-001-001 2024-05-01 1700 USD", "subscription f 1 units 0 events 0",
		"charge tokens 10 units 3 events 1000", "charge tokens 7 units 1 events 700")
	fee := inv.Fees[1]
	if fee.FilterDisplayName != "Europe" || fee.Filter.InvoiceDisplayName != "The old world" {
		t.Errorf("filter is shown as %q, and named %q", fee.FilterDisplayName, fee.Filter.InvoiceDisplayName)
	}
	var parts []string
	for _, part := range fee.Presentation {
		team := "null"
		if p := part.PresentedBy["team"]; p != nil {
			team = *p
		}
		parts = append(parts, team+"="+part.Units.String())
	}
	if !slices.Equal(parts, []string{"null=3", "b=7"}) || inv.Fees[2].Presentation != nil {
		t.Errorf("parts %v and %v", parts, inv.Fees[2].Presentation)
	}
}

// A plan that is changed within a period bills the whole period by what it says in the end.
func TestEditedChargeAppliesToTheOpenPeriod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe("c", "s", w.plan, "2024-03-01T00:00:00Z")
	w.send("tokens", "03-02 n=100")
	w.send("tokens", "04-02 n=100")
	w.tick("2024-04-01T01:00:00Z", 1)
	dear := price("1")
	_, err := w.db.UpdatePlan(w.ctx, w.org.ID, w.plan.Code, at("2024-04-20T00:00:00Z"), func(p *billing.Plan, _ bool) error {
		p.AmountCents = 500
		p.Charges[0].Properties.Amount = &dear
		p.Charges = p.Charges[:1]
		return nil
	})
	w.must(err)
	w.tick("2024-05-01T01:00:00Z", 1)
	invoices := w.invoices("c")
	wantLines(t, invoices[0], "ACM-0001-001-001 2024-04-01 3500 USD", "subscription pro 1 units 0 events 3000",
		"charge tokens 100 units 1 events 500")
	wantLines(t, invoices[1], "ACM-0001-001-002 2024-05-01 10500 USD", "subscription pro 1 units 0 events 500",
		"charge tokens 100 units 1 events 10000")
	w.wantDifferences("2024-03") // it was priced as it was priced
}
