package billing

import (
	"maps"
	"slices"

	"weir/aggregator"
)

// MetricDefinition returns what metering must know of a billable metric so that all of
// the charges on it can be priced: its cells are split by every property that some
// charge or filter of charges filters or groups by. Charges on other metrics are passed
// over. The metric's aggregation must be one that works today.
func MetricDefinition(metric BillableMetric, charges []Charge) *aggregator.Metric {
	var keys []string
	for i := range charges {
		if charges[i].Metric.ID == metric.ID {
			keys = append(keys, charges[i].cellKeys()...)
		}
	}
	slices.Sort(keys)
	definition := &aggregator.Metric{
		Organization: metric.OrganizationID,
		Code:         metric.Code,
		CellKeys:     slices.Compact(keys),
	}
	switch metric.AggregationType {
	case CountAgg:
		definition.Aggregation = aggregator.CountAgg
	case SumAgg:
		definition.Aggregation = aggregator.SumAgg
		definition.FieldName = metric.FieldName
	default:
		panic("BUG: metering of unknown aggregation " + string(metric.AggregationType))
	}
	return definition
}

// cellKeys returns every property that the charge filters or groups by, possibly twice.
func (ch *Charge) cellKeys() []string {
	keys := slices.Clone(ch.Properties.PricingGroupKeys)
	for i := range ch.Filters {
		keys = append(keys, ch.Filters[i].Properties.PricingGroupKeys...)
		keys = append(keys, ch.Filters[i].keys()...)
	}
	return keys
}

// missingCellKey returns a property that pricing the charge needs and cells lack, or "".
func missingCellKey(ch *Charge, cellKeys []string) string {
	for _, key := range ch.cellKeys() {
		if !slices.Contains(cellKeys, key) {
			return key
		}
	}
	return ""
}

// chargeFilters returns the charge's filters as metering sees them, in their order.
func chargeFilters(ch *Charge) []aggregator.Filter {
	filters := make([]aggregator.Filter, len(ch.Filters))
	for i := range ch.Filters {
		filters[i].GroupKeys = ch.Filters[i].Properties.PricingGroupKeys
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
