package billing

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

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
	text := EncodeEvidence(metered, nil)
	if string(text) != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("evidence is\n%s\nwant\n%s", text, want)
	}

	got, _, err := DecodeEvidence(uuid.UUID{1}, want)
	if err != nil {
		t.Fatal(err)
	}
	if again := EncodeEvidence(got, nil); string(again) != string(text) {
		t.Errorf("read and written again it is\n%s", again)
	}
	for i := range metered {
		sameQuestion(t, &got[i], &metered[i])
	}
}

// pricedCharges are charges of the models that were added, and with what was added to charges.
func pricedCharges() []*Charge {
	id := counter()
	organization := uuid.UUID{1}
	metric := func(m BillableMetric) BillableMetric {
		m.ID, m.OrganizationID, m.Name = id(), organization, "Metric "+m.Code
		m.Filters = []MetricFilter{{Key: "region", Values: []string{"eu", "us"}}}
		return m
	}
	eu, us := map[string][]string{"region": {"eu"}}, map[string][]string{"region": {"us"}}
	paid := metric(BillableMetric{Code: "paid", AggregationType: SumAgg, FieldName: "n"})
	seats := metric(BillableMetric{Code: "seats", AggregationType: UniqueCountAgg, FieldName: "user", Recurring: true})
	return []*Charge{
		{
			ID: id(), Code: "paid", Model: Percentage, Metric: paid, Properties: percentOfEvents("2", "0.50", 3, "100", "0.30", "5"),
			MinAmountCents: 1000, Taxes: []Tax{{ID: id(), Code: "vat", Name: "VAT", Rate: dec("20")}, {Code: "city"}},
			Filters: []ChargeFilter{
				{ID: id(), Values: eu, Properties: percentOfEvents("1", "", 0, "", "", "")}, // asks for nothing
				{ID: id(), Values: us, Properties: percentOfEvents("1", "", 0, "", "0.1", "")},
			},
		},
		{
			ID: id(), Code: "seats", Model: Graduated, Metric: seats, Prorated: true,
			Properties: tiers(tier(0, to(10), "1", "0"), tier(11, nil, "0.5", "2")),
			PricingUnit: &AppliedPricingUnit{
				Unit:           PricingUnit{ID: id(), OrganizationID: organization, Code: "credits", Name: "Credits", ShortName: "CR"},
				ConversionRate: dec("0.25"),
			},
		},
		{
			ID: id(), Code: "seats_by_volume", Model: Volume, Metric: seats, Prorated: true,
			Properties: volumes(volume(0, to(100), "1", "0"), volume(101, nil, "0.8", "3")),
		},
		{
			ID: id(), Code: "share", Model: GraduatedPercentage, Metric: paid,
			Properties: percentTiers(percentTier(0, to(1000), "1", "0"), percentTier(1001, nil, "0.5", "2")),
		},
		{ID: id(), Code: "own", Model: Custom, Metric: paid, Properties: customOf("units * 0.1 + events_count")},
	}
}

// What was added to the first version reads and writes the same bytes for ever, too.
func TestEvidenceOfPricesGolden(t *testing.T) {
	t.Parallel()
	metered, err := MeterCharges(pricedCharges(), nil)
	if err != nil {
		t.Fatal(err)
	}
	berlin := time.FixedZone("CET", 3600)
	days := []time.Time{time.Date(2024, 2, 1, 0, 0, 0, 0, berlin), time.Date(2024, 2, 2, 0, 0, 0, 0, berlin)}
	want, err := os.ReadFile("testdata/evidence_v1_prices.json")
	if err != nil {
		t.Fatal(err)
	}
	if text := EncodeEvidence(metered, days); string(text) != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("evidence is\n%s\nwant\n%s", text, want)
	}
	got, gotDays, err := DecodeEvidence(uuid.UUID{1}, want)
	if err != nil {
		t.Fatal(err)
	}
	if again := EncodeEvidence(got, gotDays); string(again) != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("read and written again it is\n%s", again)
	}
	if !slices.EqualFunc(gotDays, days, time.Time.Equal) {
		t.Errorf("days %v", gotDays)
	}
	for i := range metered {
		for j, tax := range metered[i].Charge.Taxes { // of taxes the codes are kept
			metered[i].Charge.Taxes[j] = Tax{OrganizationID: uuid.UUID{1}, Code: tax.Code}
		}
		sameQuestion(t, &got[i], &metered[i])
	}
	// What was asked stays what was asked, whatever would be asked today.
	other := strings.Replace(string(want), `"tiers":["10"]`, `"tiers":["10","20"]`, 1)
	if got, _, err := DecodeEvidence(uuid.UUID{1}, []byte(other)); err != nil || len(got[1].Split.Fold.Tiers) != 2 {
		t.Errorf("another fold was not read: %v", err)
	}
	other = strings.Replace(string(want), `"filter_folds":[null,`, `"filter_folds":[`, 1)
	if _, _, err := DecodeEvidence(uuid.UUID{1}, []byte(other)); err == nil {
		t.Error("a fold for one of two filters was read")
	}
}

// sameQuestion checks that two metered charges ask and price the same.
func sameQuestion(t *testing.T, got, want *MeteredCharge) {
	t.Helper()
	if got.Metric.Definition() != want.Metric.Definition() || !covers(got.Metric, want.Metric) || !covers(want.Metric, got.Metric) {
		t.Errorf("metric %+v, want %+v", got.Metric, want.Metric)
	}
	if g, w := string(mustJSON(got.Split)), string(mustJSON(want.Split)); g != w { // folds are pointers
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
	got, _, err := DecodeEvidence(uuid.UUID{1}, EncodeEvidence(metered, nil))
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
	text := string(EncodeEvidence(metered, nil))
	f := func(what, old, replacement string) {
		t.Helper()
		damaged := strings.Replace(text, old, replacement, 1)
		if damaged == text {
			t.Fatalf("%s: nothing was damaged", what)
		}
		if _, _, err := DecodeEvidence(uuid.UUID{1}, []byte(damaged)); err == nil {
			t.Errorf("%s was read", what)
		}
	}
	f("a newer version", `{"version":1`, `{"version":2`)
	f("half of it", text[len(text)/2:], "")
	f("an expression that is none", "event.properties.a * 2", "event.properties.a *")
	f("an unknown aggregation", `"sum_agg"`, `"mean_agg"`)
	f("a filter that was not metered", `"split":{"filters":[[`, `"split":{"filters":[[],[`)
	f("a group that is not split by", `"cell_keys":["model",`, `"cell_keys":[`)
	f("an unknown model", `"charge_model":"standard"`, `"charge_model":"flat"`)
	f("a charge without its price", `"amount":"0.10",`, "")
	f("a filter without its price", `"properties":{"amount":"3"}`, `"properties":{}`)
	f("packages of nothing", `"package_size":100`, `"package_size":0`)
	if _, _, err := DecodeEvidence(uuid.UUID{1}, []byte(text)); err != nil {
		t.Fatal(err)
	}
}
