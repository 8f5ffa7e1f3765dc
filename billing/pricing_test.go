package billing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"weir/aggregator"
)

func value(text string) aggregator.Value {
	if text == "" {
		return aggregator.Value{Null: true}
	}
	return aggregator.Value{Text: text}
}

// cellUsage is usage whose events have the same values of the metric's cell keys.
type cellUsage struct {
	units  string
	events int64
	values []string // "" stands for a missing property
}

func cell(units string, events int64, values ...string) cellUsage {
	return cellUsage{units, events, values}
}

// measured returns the buckets of a charge's usage, as metering answers: a sum over the
// cells that belong to each.
func measured(t *testing.T, ch *Charge, cells []cellUsage) []aggregator.BucketUsage {
	t.Helper()
	metric, err := MetricDefinition(ch.Metric, []Charge{*ch})
	if err != nil {
		t.Fatal(err)
	}
	split := ChargeSplit(ch)
	if err := split.Check(metric); err != nil {
		t.Fatal(err)
	}
	var buckets []aggregator.BucketUsage
	for _, c := range cells {
		filter, group := split.Place(func(key string) aggregator.Value {
			return value(c.values[slices.Index(metric.CellKeys, key)])
		})
		at := slices.IndexFunc(buckets, func(b aggregator.BucketUsage) bool {
			return b.Filter == filter && aggregator.CompareValues(b.Group, group) == 0
		})
		if at < 0 {
			at = len(buckets)
			buckets = append(buckets, aggregator.BucketUsage{Filter: filter, Group: group})
		}
		b := &buckets[at]
		b.Units, b.EventsCount = b.Units.Add(dec(c.units)), b.EventsCount+c.events
		b.TotalUnits = b.Units
	}
	slices.SortFunc(buckets, func(a, b aggregator.BucketUsage) int {
		if a.Filter != b.Filter {
			return a.Filter - b.Filter
		}
		return aggregator.CompareValues(a.Group, b.Group)
	})
	return buckets
}

func testCharge(model ChargeModel, p ChargeProperties, filters ...ChargeFilter) *Charge {
	metric := BillableMetric{
		ID: uuid.New(), OrganizationID: uuid.New(), Code: "tokens", Name: "Tokens",
		AggregationType: SumAgg, FieldName: "amount",
		Filters: []MetricFilter{{Key: "region", Values: []string{"eu", "us"}}, {Key: "tier", Values: []string{"gold"}}},
	}
	return &Charge{ID: uuid.New(), Metric: metric, Code: "tokens", Model: model, Properties: p, Filters: filters}
}

func filterBy(p ChargeProperties, values map[string][]string) ChargeFilter {
	return ChargeFilter{ID: uuid.New(), Values: values, Properties: p}
}

// describeBuckets is one line for each bucket: filter's index, group, units, events, cents.
func describeBuckets(u ChargeUsage) []string {
	lines := make([]string, 0, len(u.Buckets))
	for _, b := range u.Buckets {
		filter := aggregator.NoFilter
		for i := range u.Charge.Filters {
			if b.Filter == &u.Charge.Filters[i] {
				filter = i
			}
		}
		group := make([]string, 0, len(b.GroupedBy))
		for key, v := range b.GroupedBy {
			if v == nil {
				group = append(group, key+"=null")
			} else {
				group = append(group, key+"="+*v)
			}
		}
		slices.Sort(group)
		lines = append(lines, fmt.Sprintf("%d [%s] %s units %d events %d cents", filter, strings.Join(group, " "), b.Units, b.EventsCount, b.AmountCents))
	}
	return lines
}

func TestPriceCharge(t *testing.T) {
	t.Parallel()
	f := func(ch *Charge, cells []cellUsage, want ...string) {
		t.Helper()
		usage, err := PriceCharge(ch, measured(t, ch, cells), "USD")
		if err != nil {
			t.Fatal(err)
		}
		if got := describeBuckets(usage); !slices.Equal(got, want) {
			t.Errorf("buckets:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
		units, events, cents := dec("0"), int64(0), int64(0)
		for _, b := range usage.Buckets {
			units, events, cents = units.Add(b.Units), events+b.EventsCount, cents+b.AmountCents
		}
		if !usage.Units.Equal(units) || usage.EventsCount != events || usage.AmountCents != cents {
			t.Errorf("sums are %s, %d, %d", usage.Units, usage.EventsCount, usage.AmountCents)
		}
	}

	plain := testCharge(Standard, standardAt("0.05"))
	f(plain, []cellUsage{cell("120", 7)}, "-1 [] 120 units 7 events 600 cents")
	f(plain, nil, "-1 [] 0 units 0 events 0 cents")
	f(plain, []cellUsage{cell("-3", 2)}, "-1 [] 0 units 2 events 0 cents")

	// A flat amount is due without any usage.
	graduated := testCharge(Graduated, tiers(tier(0, to(10), "1", "5"), tier(11, nil, "0.5", "2")))
	f(graduated, nil, "-1 [] 0 units 0 events 500 cents")
	f(graduated, []cellUsage{cell("15", 1)}, "-1 [] 15 units 1 events 1950 cents")

	// Each filter has its bucket, used or not; the default one comes last.
	filtered := testCharge(Standard, standardAt("1"),
		filterBy(standardAt("2"), map[string][]string{"region": {"eu"}}),
		filterBy(standardAt("3"), map[string][]string{"region": {AllFilterValues}, "tier": {"gold"}}),
		filterBy(standardAt("4"), map[string][]string{"region": {AllFilterValues}}),
		filterBy(standardAt("5"), map[string][]string{"region": {"mars"}}))
	f(filtered, []cellUsage{
		cell("1", 1, "", ""), cell("10", 1, "asia", "gold"), // no declared region: default
		cell("100", 1, "eu", ""),      // filter 0 names the value, filter 2 only wildcards it
		cell("1000", 1, "us", "gold"), // filter 1: most keys
		cell("10000", 1, "us", ""),
	}, "0 [] 100 units 1 events 20000 cents",
		"1 [] 1000 units 1 events 300000 cents",
		"2 [] 10000 units 1 events 4000000 cents",
		"3 [] 0 units 0 events 0 cents",
		"-1 [] 11 units 2 events 1100 cents")

	// Free units apply in each group by itself, and only groups that were seen appear.
	grouped := packageOf("1", 10, 5)
	grouped.PricingGroupKeys = []string{"model"}
	f(testCharge(Package, grouped), []cellUsage{cell("5", 1, ""), cell("6", 1, "a"), cell("26", 3, "b")},
		"-1 [model=null] 5 units 1 events 0 cents",
		"-1 [model=a] 6 units 1 events 100 cents",
		"-1 [model=b] 26 units 3 events 300 cents")
	f(testCharge(Package, grouped), nil)

	// A filter groups by its own keys, not by the charge's. Cells are split by
	// model, region, team: all that one of them needs.
	byTeam := standardAt("2")
	byTeam.PricingGroupKeys = []string{"team"}
	byModel := standardAt("1")
	byModel.PricingGroupKeys = []string{"model"}
	f(testCharge(Standard, byModel, filterBy(byTeam, map[string][]string{"region": {"eu"}}), filterBy(standardAt("3"), map[string][]string{"region": {"us"}})),
		[]cellUsage{
			cell("1", 1, "a", "", "x"), cell("2", 1, "a", "", "y"), cell("4", 1, "b", "", "x"),
			cell("10", 1, "a", "eu", "x"), cell("20", 1, "b", "eu", "x"), cell("40", 1, "b", "eu", "y"),
			cell("100", 1, "a", "us", "x"), cell("200", 1, "b", "us", "y"),
		},
		"0 [team=x] 30 units 2 events 6000 cents",
		"0 [team=y] 40 units 1 events 8000 cents",
		"1 [] 300 units 2 events 90000 cents",
		"-1 [model=a] 3 units 2 events 300 cents",
		"-1 [model=b] 4 units 1 events 400 cents")

	// Units are rounded by bucket, after the sum: 2.4 is 2, and not 1.2 and 1.2 each.
	rounded := testCharge(Standard, standardAt("1"))
	rounded.Metric.RoundingFunction = RoundNearest
	rounded.Metric.Filters = nil
	rounded.Filters = []ChargeFilter{filterBy(standardAt("1"), map[string][]string{"region": {"eu"}})}
	f(rounded, []cellUsage{cell("1.2", 1, ""), cell("1.3", 1, "us"), cell("1.4", 1, "eu")},
		"0 [] 1 units 1 events 100 cents",
		"-1 [] 3 units 2 events 300 cents")
}

func TestPriceChargePreciseAmount(t *testing.T) {
	t.Parallel()
	ch := testCharge(Standard, standardAt("0.001"))
	usage, err := PriceCharge(ch, measured(t, ch, []cellUsage{cell("33.5", 3)}), "USD")
	if err != nil {
		t.Fatal(err)
	}
	b := usage.Buckets[0]
	// 33.5 x 0.001 = 0.0335 USD = 3.35 cents
	if b.AmountCents != 3 || !b.PreciseAmount.Equal(dec("3.35")) || !b.UnitAmount.Equal(dec("0.001")) {
		t.Errorf("%d cents, precisely %s, %s a unit", b.AmountCents, b.PreciseAmount, b.UnitAmount)
	}
}

// Whatever a metric measures is rounded as it says, then bounded.
func TestPriceChargeRounds(t *testing.T) {
	t.Parallel()
	f := func(aggregation AggregationType, function string, precision int, measured, total, units, totalUnits string) {
		t.Helper()
		ch := testCharge(Standard, standardAt("1"))
		ch.Metric.AggregationType, ch.Metric.RoundingFunction, ch.Metric.RoundingPrecision = aggregation, function, precision
		b := aggregator.BucketUsage{Filter: aggregator.NoFilter, Units: dec(measured), TotalUnits: dec(total)}
		usage, err := PriceCharge(ch, []aggregator.BucketUsage{b}, "USD")
		if err != nil {
			t.Fatal(err)
		}
		if got := usage.Buckets[0]; !got.Units.Equal(dec(units)) || !got.TotalUnits.Equal(dec(totalUnits)) {
			t.Errorf("%s of %s %s %d: %s units, %s in total; want %s, %s", aggregation, measured, function, precision, got.Units, got.TotalUnits, units, totalUnits)
		}
	}
	for aggregation := range aggregations {
		if aggregation == WeightedSumAgg {
			continue
		}
		f(aggregation, "", 0, "1234.567", "1234.567", "1234.567", "1234.567")
		f(aggregation, RoundNearest, 0, "1234.5", "1234.5", "1235", "1235")
		f(aggregation, RoundNearest, 2, "1234.565", "1234.565", "1234.57", "1234.57")
		f(aggregation, RoundNearest, -2, "1250", "1250", "1300", "1300")
		f(aggregation, RoundCeil, -2, "1201", "1201", "1300", "1300")
		f(aggregation, RoundFloor, -2, "1299.9", "1299.9", "1200", "1200")
		f(aggregation, RoundFloor, 1, "0.19", "0.19", "0.1", "0.1")
		f(aggregation, "", 0, "-0.1", "-0.1", "0", "0")
		f(aggregation, RoundFloor, -2, "-1", "-1", "0", "0")
	}
	// +100 at day 11 and -40 at day 21 of 30: (100 x 10 + 60 x 10) / 30, and 60 in the end.
	f(WeightedSumAgg, "", 0, "53.33333333333333333334", "60", "53.33333333333333333334", "60")
	f(WeightedSumAgg, RoundNearest, 2, "53.33333333333333333334", "60", "53.33", "60")
	f(WeightedSumAgg, "", 0, "-3", "-5", "0", "-5")
}

func TestPriceChargePresents(t *testing.T) {
	t.Parallel()
	p := standardAt("1")
	p.PresentationGroupKeys = []string{"team", "user"}
	ch := testCharge(Standard, p)
	ch.Metric.RoundingFunction = RoundCeil
	usage, err := PriceCharge(ch, []aggregator.BucketUsage{{
		Filter: aggregator.NoFilter, Units: dec("1.5"),
		Presentation: []aggregator.PresentationUsage{
			{Values: []aggregator.Value{value(""), value("u")}, Units: dec("1.1")},
			{Values: []aggregator.Value{value("x"), value("u")}, Units: dec("0.4")},
		},
	}}, "USD")
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"presentation_by":{"team":null,"user":"u"},"units":"1.1"},{"presentation_by":{"team":"x","user":"u"},"units":"0.4"}]`
	if got := string(mustJSON(usage.Buckets[0].Presentation)); got != want {
		t.Errorf("presentation %s, want %s", got, want)
	}
	if len(usage.Buckets) != 1 || usage.AmountCents != 200 {
		t.Errorf("%d buckets of %d cents: it must be priced as one", len(usage.Buckets), usage.AmountCents)
	}
}

func TestPriceChargeRefuses(t *testing.T) {
	t.Parallel()
	ch := testCharge(Standard, standardAt("1e30"))
	if _, err := PriceCharge(ch, measured(t, ch, []cellUsage{cell("1", 1)}), "USD"); err == nil {
		t.Error("an amount beyond int64 was priced")
	}
}

func TestMetricDefinition(t *testing.T) {
	t.Parallel()
	ch := testCharge(Standard, ChargeProperties{PricingGroupKeys: []string{"z", "model"}},
		filterBy(ChargeProperties{PricingGroupKeys: []string{"team"}}, map[string][]string{"region": {"eu"}, "tier": {"gold"}}))
	other := testCharge(Standard, ChargeProperties{PricingGroupKeys: []string{"unrelated"}})
	second := *ch
	second.Properties.PricingGroupKeys = []string{"a", "model"}
	second.Filters = nil

	got, err := MetricDefinition(ch.Metric, []Charge{*ch, *other, second})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "model", "region", "team", "tier", "z"}; !slices.Equal(got.CellKeys, want) {
		t.Errorf("cell keys %v, want %v", got.CellKeys, want)
	}
	if got.Organization != ch.Metric.OrganizationID || got.Code != "tokens" || got.Aggregation != aggregator.SumAgg || got.FieldName != "amount" {
		t.Errorf("definition %+v", got)
	}
	count := ch.Metric
	count.AggregationType = CountAgg
	if got, err = MetricDefinition(count, nil); err != nil || got.Aggregation != aggregator.CountAgg || got.FieldName != "" || len(got.CellKeys) != 0 {
		t.Errorf("definition %+v, %v", got, err)
	}
}
