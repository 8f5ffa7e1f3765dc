package billing

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/ingest"
)

// AggregationType is Lago's name of an aggregation.
type AggregationType string

// The aggregations. The last three are weir's own.
const (
	CountAgg       AggregationType = "count_agg"
	SumAgg         AggregationType = "sum_agg"
	MaxAgg         AggregationType = "max_agg"
	LatestAgg      AggregationType = "latest_agg"
	UniqueCountAgg AggregationType = "unique_count_agg"
	WeightedSumAgg AggregationType = "weighted_sum_agg"
	MinAgg         AggregationType = "min_agg"
	AvgAgg         AggregationType = "avg_agg"
	PercentileAgg  AggregationType = "percentile_agg"
)

// How a metric's units of a period are rounded; "" leaves them as they are.
const (
	RoundNearest = "round" // half away from zero
	RoundCeil    = "ceil"
	RoundFloor   = "floor"
)

// Bounds of BillableMetric.RoundingPrecision.
const (
	RoundingPrecisionMin = -18
	RoundingPrecisionMax = 18
)

// BillableMetric says what of the events is counted.
type BillableMetric struct {
	ID              uuid.UUID
	OrganizationID  uuid.UUID
	Code            string
	Name            string
	Description     string
	AggregationType AggregationType
	FieldName       string // "" for count_agg
	// Expression makes the value of an event, in place of the property FieldName; "" = none.
	Expression string
	// Recurring carries the value over periods.
	Recurring bool
	// WeightedInterval is "seconds" for weighted_sum_agg, "" for all others.
	WeightedInterval string
	// Percentile is which one percentile_agg gives, above 0 and at most 100; 0 for all others.
	Percentile decimal.Decimal
	// ReceivedFrom leaves out events received before this instant, nanoseconds since the
	// Unix epoch: those of a deleted metric with the same code. 0 leaves out none.
	ReceivedFrom      int64
	RoundingFunction  string // "", round, ceil, floor: of the period's units
	RoundingPrecision int    // digits after the point; negative: before it
	Filters           []MetricFilter
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// MetricFilter declares a property and the values that charges may filter by.
type MetricFilter struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

// WeightedIntervalSeconds is the one weighted interval there is.
const WeightedIntervalSeconds = "seconds"

// percentileMax is the highest percentile: the highest value.
var percentileMax = decimal.NewFromInt(100)

// Validate returns what is wrong with how the metric measures, by field of the API, in
// Lago's codes; nil when nothing is. A metric that is valid can be metered.
func (m *BillableMetric) Validate() Faults {
	var faults Faults
	if _, known := aggregations[m.AggregationType]; !known {
		faults.Add("aggregation_type", CodeInvalid)
		return faults // the rest depends on it
	}
	if m.AggregationType != CountAgg && strings.TrimSpace(m.FieldName) == "" {
		faults.Add("field_name", CodeMandatory)
	}
	if m.Recurring && !m.AggregationType.canRecur() {
		faults.Add("recurring", CodeIncompatible)
	}
	if m.AggregationType == WeightedSumAgg && m.WeightedInterval != WeightedIntervalSeconds {
		faults.Add("weighted_interval", CodeInvalid)
	}
	m.validatePercentile(&faults)
	if m.Expression != "" {
		if _, err := ingest.ParseExpression(m.Expression); err != nil {
			faults.Add("expression", CodeInvalidExpression)
		}
	}
	return faults
}

func (m *BillableMetric) validatePercentile(faults *Faults) {
	switch {
	case m.AggregationType != PercentileAgg:
		if !m.Percentile.IsZero() {
			faults.Add("percentile", CodeMustBeBlank)
		}
	case m.Percentile.IsZero():
		faults.Add("percentile", CodeMandatory)
	case m.Percentile.IsNegative() || m.Percentile.GreaterThan(percentileMax):
		faults.Add("percentile", CodeOutOfRange)
	}
}

// canRecur reports whether the aggregation can carry its value over periods.
func (a AggregationType) canRecur() bool {
	return a == SumAgg || a == UniqueCountAgg || a == WeightedSumAgg
}

// Declares reports whether the metric declares a property for filters, and the values of
// it. AllFilterValues is declared wherever the property is.
func (m *BillableMetric) Declares(key string, values []string) bool {
	at := slices.IndexFunc(m.Filters, func(f MetricFilter) bool { return f.Key == key })
	if at < 0 {
		return false
	}
	return !slices.ContainsFunc(values, func(value string) bool {
		return value != AllFilterValues && !slices.Contains(m.Filters[at].Values, value)
	})
}
