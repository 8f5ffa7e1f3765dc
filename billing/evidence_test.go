package billing

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"weir/aggregator"
)

// evidenceCharges are charges of every kind of metric and model.
func evidenceCharges() []*Charge {
	id := counter()
	organization := uuid.UUID{1}
	metric := func(m BillableMetric) BillableMetric {
		m.ID, m.OrganizationID, m.Name = id(), organization, "Metric "+m.Code
		m.Filters = []MetricFilter{{Key: "region", Values: []string{"eu", "us"}}}
		return m
	}
	grouped := standardAt("0.10")
	grouped.PricingGroupKeys, grouped.PresentationGroupKeys = []string{"model"}, []string{"team"}
	byTeam := standardAt("2")
	byTeam.PricingGroupKeys = []string{"team"}
	return []*Charge{
		{
			ID: id(), Code: "tokens", Model: Standard, Properties: grouped, InvoiceDisplayName: "Tokens used",
			Metric: metric(BillableMetric{
				Code: "tokens", AggregationType: SumAgg, FieldName: "n", Recurring: true, ReceivedFrom: 1700000000123456789,
				Expression: "event.properties.a * 2", RoundingFunction: RoundCeil, RoundingPrecision: -2,
			}),
			Filters: []ChargeFilter{
				{ID: id(), InvoiceDisplayName: "Rest", Values: map[string][]string{"region": {AllFilterValues}}, Properties: standardAt("3")},
				{ID: id(), Values: map[string][]string{"region": {"eu"}}, Properties: byTeam},
			},
		},
		{
			ID: id(), Code: "p95", Model: Package, Properties: packageOf("25.00", 100, 50),
			Metric: metric(BillableMetric{Code: "latency", AggregationType: PercentileAgg, FieldName: "ms", Percentile: dec("99.9")}),
		},
		{
			ID: id(), Code: "storage", Model: Graduated, Properties: tiers(tier(0, to(10), "1.00", "5"), tier(11, nil, "0.5", "0")),
			Metric: metric(BillableMetric{Code: "gb", AggregationType: WeightedSumAgg, FieldName: "gb", WeightedInterval: "seconds"}),
		},
		{
			ID: id(), Code: "priced", Model: Dynamic,
			Metric: metric(BillableMetric{Code: "priced", AggregationType: SumAgg, FieldName: "n"}),
		},
	}
}

// The evidence of every invoice that was ever written must stay readable: these bytes do
// not change, and new members are left out where they are zero.
func TestEvidenceGolden(t *testing.T) {
	t.Parallel()
	charges := evidenceCharges()
	metered, err := MeterCharges(charges, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/evidence_v1.json")
	if err != nil {
		t.Fatal(err)
	}
	text := EncodeEvidence(metered)
	if string(text) != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("evidence is\n%s\nwant\n%s", text, want)
	}

	got, err := DecodeEvidence(uuid.UUID{1}, want)
	if err != nil {
		t.Fatal(err)
	}
	if again := EncodeEvidence(got); string(again) != string(text) {
		t.Errorf("read and written again it is\n%s", again)
	}
	for i := range metered {
		sameQuestion(t, &got[i], &metered[i])
	}
}

// sameQuestion checks that two metered charges ask and price the same.
func sameQuestion(t *testing.T, got, want *MeteredCharge) {
	t.Helper()
	if got.Metric.Definition() != want.Metric.Definition() || !covers(got.Metric, want.Metric) || !covers(want.Metric, got.Metric) {
		t.Errorf("metric %+v, want %+v", got.Metric, want.Metric)
	}
	if g, w := fmt.Sprintf("%+v", got.Split), fmt.Sprintf("%+v", want.Split); g != w {
		t.Errorf("split %s, want %s", g, w)
	}
	charge := *want.Charge
	charge.Metric.Filters = nil // they stand in the split
	if g, w := string(mustJSON(got.Charge)), string(mustJSON(charge)); g != w {
		t.Errorf("charge\n%s, want\n%s", g, w)
	}
}

// What a wildcard meant does not change with what the metric declares later.
func TestEvidenceKeepsWildcards(t *testing.T) {
	t.Parallel()
	metered, err := MeterCharges(evidenceCharges()[:1], nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeEvidence(uuid.UUID{1}, EncodeEvidence(metered))
	if err != nil {
		t.Fatal(err)
	}
	want := aggregator.FilterCondition{Key: "region", Values: []string{"eu", "us"}, Wildcard: true}
	if c := got[0].Split.Filters[0].Conditions; len(c) != 1 || !reflect.DeepEqual(c[0], want) {
		t.Errorf("conditions %+v", c)
	}
}

func TestEvidenceDamaged(t *testing.T) {
	t.Parallel()
	metered, err := MeterCharges(evidenceCharges(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(EncodeEvidence(metered))
	f := func(what, old, replacement string) {
		t.Helper()
		damaged := strings.Replace(text, old, replacement, 1)
		if damaged == text {
			t.Fatalf("%s: nothing was damaged", what)
		}
		if _, err := DecodeEvidence(uuid.UUID{1}, []byte(damaged)); err == nil {
			t.Errorf("%s was read", what)
		}
	}
	f("a newer version", `{"version":1`, `{"version":2`)
	f("half of it", text[len(text)/2:], "")
	f("an expression that is none", "event.properties.a * 2", "event.properties.a *")
	f("an unknown aggregation", `"sum_agg"`, `"mean_agg"`)
	f("a filter that was not metered", `"split":{"filters":[[`, `"split":{"filters":[[],[`)
	f("a group that is not split by", `"cell_keys":["model",`, `"cell_keys":[`)
	if _, err := DecodeEvidence(uuid.UUID{1}, []byte(text)); err != nil {
		t.Fatal(err)
	}
}
