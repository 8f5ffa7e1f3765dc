package billing

import (
	"fmt"
	"maps"
	"slices"

	"weir/aggregator"
	"weir/ingest"
)

// aggregations are metering's names of Lago's aggregations.
var aggregations = map[AggregationType]aggregator.Aggregation{
	CountAgg:       aggregator.CountAgg,
	SumAgg:         aggregator.SumAgg,
	MaxAgg:         aggregator.MaxAgg,
	LatestAgg:      aggregator.LatestAgg,
	UniqueCountAgg: aggregator.UniqueCountAgg,
	WeightedSumAgg: aggregator.WeightedSumAgg,
	MinAgg:         aggregator.MinAgg,
	AvgAgg:         aggregator.AvgAgg,
	PercentileAgg:  aggregator.PercentileAgg,
}

// MetricDefinition returns what metering must know of a billable metric so that all of
// the charges on it can be priced: its cells are split by every property that some
// charge or filter of charges filters or groups by. Charges on other metrics are passed
// over. The error is a metric that can't be metered, which was refused when it was made.
func MetricDefinition(metric BillableMetric, charges []Charge) (*aggregator.Metric, error) {
	pointers := make([]*Charge, len(charges))
	for i := range charges {
		pointers[i] = &charges[i]
	}
	return metricDefinition(metric, pointers)
}

func metricDefinition(metric BillableMetric, charges []*Charge) (*aggregator.Metric, error) {
	definition := &aggregator.Metric{
		Organization: metric.OrganizationID,
		Code:         metric.Code,
		Aggregation:  aggregations[metric.AggregationType],
		Recurring:    metric.Recurring,
		Percentile:   metric.Percentile,
		ReceivedFrom: metric.ReceivedFrom,
	}
	if metric.AggregationType != CountAgg {
		definition.FieldName = metric.FieldName
	}
	if metric.Expression != "" {
		expression, err := ingest.ParseExpression(metric.Expression)
		if err != nil {
			return nil, fmt.Errorf("cannot meter %s: %w", metric.Code, err)
		}
		definition.Expression = expression
	}
	for _, charge := range charges {
		if charge.Metric.ID != metric.ID {
			continue
		}
		split := ChargeSplit(charge)
		definition.CellKeys = append(definition.CellKeys, split.Keys()...)
		definition.PreciseTotals = definition.PreciseTotals || charge.Model == Dynamic
	}
	slices.Sort(definition.CellKeys)
	definition.CellKeys = slices.Compact(definition.CellKeys)
	if !definition.Valid() {
		return nil, fmt.Errorf("cannot meter %s: aggregation %s", metric.Code, metric.AggregationType)
	}
	return definition, nil
}

// ChargeSplit returns how the charge divides the usage of its metric: what to ask metering for.
func ChargeSplit(ch *Charge) aggregator.Split {
	return aggregator.Split{
		Filters:          chargeFilters(ch),
		GroupKeys:        ch.Properties.PricingGroupKeys,
		PresentationKeys: ch.Properties.PresentationGroupKeys,
		Fold:             ch.fold(&ch.Properties),
	}
}

// chargeFilters returns the charge's filters as metering sees them, in their order.
func chargeFilters(ch *Charge) []aggregator.Filter {
	filters := make([]aggregator.Filter, len(ch.Filters))
	for i := range ch.Filters {
		properties := &ch.Filters[i].Properties
		filters[i].GroupKeys = properties.PricingGroupKeys
		filters[i].PresentationKeys = properties.PresentationGroupKeys
		filters[i].Fold = ch.fold(properties)
		for _, key := range ch.Filters[i].keys() {
			values := ch.Filters[i].Values[key]
			condition := aggregator.FilterCondition{Key: key, Values: values}
			if slices.Contains(values, AllFilterValues) {
				condition.Wildcard = true
				condition.Values = ch.Metric.declaredValues(key)
			}
			filters[i].Conditions = append(filters[i].Conditions, condition)
		}
	}
	return filters
}

// keys returns the properties that the filter looks at, sorted.
func (f *ChargeFilter) keys() []string { return slices.Sorted(maps.Keys(f.Values)) }

// declaredValues returns the values that the metric declares for a filter's key.
func (m *BillableMetric) declaredValues(key string) []string {
	for _, f := range m.Filters {
		if f.Key == key {
			return f.Values
		}
	}
	return nil
}
