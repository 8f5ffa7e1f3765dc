package billing

import (
	"fmt"
	"slices"
	"testing"
)

func TestValidateMetric(t *testing.T) {
	t.Parallel()
	f := func(m BillableMetric, want ...string) {
		t.Helper()
		var got []string
		for field, codes := range m.Validate() {
			for _, code := range codes {
				got = append(got, field+": "+code)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", m, got, want)
		}
		if len(want) == 0 {
			if _, err := MetricDefinition(m, nil); err != nil {
				t.Errorf("a valid metric can't be metered: %v", err)
			}
		}
	}
	f(BillableMetric{AggregationType: CountAgg})
	f(BillableMetric{AggregationType: "custom_agg", Recurring: true}, "aggregation_type: value_is_invalid")
	for _, a := range []AggregationType{SumAgg, MaxAgg, MinAgg, AvgAgg, LatestAgg, UniqueCountAgg} {
		f(BillableMetric{AggregationType: a, FieldName: "n"})
		f(BillableMetric{AggregationType: a, FieldName: " "}, "field_name: value_is_mandatory")
		// The expression stands for the field, and yet Lago wants to know which.
		f(BillableMetric{AggregationType: a, Expression: "event.properties.a * 2"}, "field_name: value_is_mandatory")
	}
	for _, a := range []AggregationType{SumAgg, UniqueCountAgg} {
		f(BillableMetric{AggregationType: a, FieldName: "n", Recurring: true})
	}
	for _, a := range []AggregationType{MaxAgg, MinAgg, AvgAgg, LatestAgg} {
		f(BillableMetric{AggregationType: a, FieldName: "n", Recurring: true}, "recurring: not_compatible_with_aggregation_type")
	}
	f(BillableMetric{AggregationType: CountAgg, Recurring: true}, "recurring: not_compatible_with_aggregation_type")

	weighted := BillableMetric{AggregationType: WeightedSumAgg, FieldName: "n", WeightedInterval: "seconds", Recurring: true}
	f(weighted)
	weighted.WeightedInterval = ""
	f(weighted, "weighted_interval: value_is_invalid")
	weighted.WeightedInterval = "minutes"
	f(weighted, "weighted_interval: value_is_invalid")

	percentile := func(p string) BillableMetric {
		return BillableMetric{AggregationType: PercentileAgg, FieldName: "n", Percentile: dec(p)}
	}
	for _, p := range []string{"100", "99.9", "0.000001"} {
		f(percentile(p))
	}
	f(percentile("0"), "percentile: value_is_mandatory")
	f(percentile("100.000001"), "percentile: value_is_out_of_range")
	f(percentile("-1"), "percentile: value_is_out_of_range")
	f(BillableMetric{AggregationType: SumAgg, FieldName: "n", Percentile: dec("95")}, "percentile: value_must_be_blank")

	sum := BillableMetric{AggregationType: SumAgg, FieldName: "n", Expression: "round(event.properties.a / 3, 2)"}
	f(sum)
	sum.Expression = "event.properties.a +"
	f(sum, "expression: invalid_expression")
}

func TestFilterWithin(t *testing.T) {
	t.Parallel()
	metric := &BillableMetric{Filters: []MetricFilter{{Key: "region", Values: []string{"eu", "us"}}, {Key: "tier", Values: []string{"gold"}}}}
	f := func(values map[string][]string, want string) {
		t.Helper()
		filter := ChargeFilter{Values: values}
		before := fmt.Sprint(values)
		got, changed := filter.Within(metric)
		if text := fmt.Sprint(got, changed); text != want {
			t.Errorf("%v: %s, want %s", values, text, want)
		}
		if fmt.Sprint(values) != before {
			t.Errorf("the filter became %v", values)
		}
	}
	f(map[string][]string{"region": {"us", "eu"}}, "map[region:[us eu]] false")
	f(map[string][]string{"region": {AllFilterValues}, "tier": {"gold"}}, "map[region:["+AllFilterValues+"] tier:[gold]] false")
	f(map[string][]string{"region": {"asia", "eu"}, "tier": {"gold"}}, "map[region:[eu] tier:[gold]] true")
	f(map[string][]string{"region": {"eu"}, "tier": {"silver"}}, "map[] true") // no event could be in it
	f(map[string][]string{"cloud": {AllFilterValues}}, "map[] true")
}

func TestChargeCheck(t *testing.T) {
	t.Parallel()
	f := func(model ChargeModel, aggregation AggregationType, values map[string][]string, want string) {
		t.Helper()
		ch := testCharge(model, DefaultProperties(model), filterBy(DefaultProperties(model), values))
		ch.Metric.AggregationType = aggregation
		got := ""
		if err := ch.Check(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s on %s by %v: %q, want %q", model, aggregation, values, got, want)
		}
	}
	eu := map[string][]string{"region": {"eu"}}
	f(Standard, LatestAgg, eu, "")
	f(Dynamic, SumAgg, eu, "")
	f(Dynamic, AvgAgg, eu, "charge_model: invalid_aggregation_type_or_charge_model")
	f(Percentage, LatestAgg, eu, "charge_model: invalid_aggregation_type_or_charge_model")
	f(GraduatedPercentage, MinAgg, eu, "charge_model: invalid_aggregation_type_or_charge_model")
	f(Standard, SumAgg, map[string][]string{"region": {"mars"}}, "values: value_is_invalid")
	f(Standard, SumAgg, map[string][]string{"planet": {AllFilterValues}}, "values: value_is_invalid")
}
