package oracle

import (
	"math/big"
	"time"
)

// Aggregation says what a metric makes of its events, by the name that the API has for it.
type Aggregation string

// The aggregations. Each gives 0 where no event takes part.
const (
	CountAgg       Aggregation = "count_agg"        // how many
	SumAgg         Aggregation = "sum_agg"          // total, negative too
	MaxAgg         Aggregation = "max_agg"          // greatest
	MinAgg         Aggregation = "min_agg"          // smallest
	AvgAgg         Aggregation = "avg_agg"          // mean, rounded half away from zero to 20 decimals
	LatestAgg      Aggregation = "latest_agg"       // value of the greatest (timestamp, bytes of transaction_id)
	UniqueCountAgg Aggregation = "unique_count_agg" // how many values are present: added and not removed
	WeightedSumAgg Aggregation = "weighted_sum_agg" // running total, weighted by time, rounded up to 20 decimals
	PercentileAgg  Aggregation = "percentile_agg"   // nearest rank
)

// Aggregations are all of them.
var Aggregations = []Aggregation{
	CountAgg, SumAgg, MaxAgg, MinAgg, AvgAgg, LatestAgg, UniqueCountAgg, WeightedSumAgg, PercentileAgg,
}

// CanRecur reports whether the aggregation has a recurring form.
func (a Aggregation) CanRecur() bool {
	return a == SumAgg || a == UniqueCountAgg || a == WeightedSumAgg
}

// OperationType is the property that says whether an event of a unique count adds its
// value or removes it: the text Remove removes, anything else and nothing add.
const (
	OperationType = "operation_type"
	Remove        = "remove"
)

// Metric says what is counted.
type Metric struct {
	Code        string
	Aggregation Aggregation
	Field       string // the property that is aggregated; "" for CountAgg
	// Expression gives a value instead of the property; nil for none. CountAgg, which needs
	// no value, does not evaluate it.
	Expression *Expression
	Percentile *big.Rat // 0 < p ≤ 100; of PercentileAgg alone
	// Recurring carries the state over from all the time before the period.
	Recurring bool
	Rounding  Rounding
	Precision int // digits after the point that Rounding leaves; negative: zeros in front of it
	// Days are, of a weighted sum, the days of 24 hours that its period is taken to have; 0: it is as long as it is.
	Days int
	// ReceivedFrom leaves out the events whose counting entry (see Current: the correction,
	// where there is one) was received before it; the zero time leaves out none.
	ReceivedFrom time.Time
	// Declared are the filter keys of the metric and the values they may have: what
	// AllValues in a charge's filter stands for.
	Declared map[string][]string
}

// Rounding is how a metric's units are rounded.
type Rounding string

// The roundings. Round takes halves away from zero, Ceil and Floor go up and down
// also below zero (-1.5 becomes -1 and -2).
const (
	NotRounded Rounding = ""
	Round      Rounding = "round"
	Ceil       Rounding = "ceil"
	Floor      Rounding = "floor"
)

// Apply rounds x, which stays as it is, to so many digits after the point.
func (r Rounding) Apply(x *big.Rat, digits int) *big.Rat {
	switch r {
	case NotRounded:
		return new(big.Rat).Set(x)
	case Round:
		return roundHalfAway(x, digits)
	case Ceil:
		return ceil(x, digits)
	case Floor:
		return floor(x, digits)
	default:
		panic("BUG: no such rounding: " + string(r))
	}
}
