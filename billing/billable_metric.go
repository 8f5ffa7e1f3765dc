package billing

import (
	"time"

	"github.com/google/uuid"
)

// AggregationType is Lago's name of an aggregation.
type AggregationType string

// The aggregations that work today.
const (
	CountAgg AggregationType = "count_agg"
	SumAgg   AggregationType = "sum_agg"
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
	ID                uuid.UUID
	OrganizationID    uuid.UUID
	Code              string
	Name              string
	Description       string
	AggregationType   AggregationType
	FieldName         string // "" for count_agg
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
