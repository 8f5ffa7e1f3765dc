package aggregator

import (
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/ingest"
)

// Aggregation says how a metric turns events into units. The numbers are
// hashed into counters' definitions: they are for ever.
type Aggregation uint8

// The aggregations, by Lago's names; the last three are weir's own. What each
// makes of a period without events stands in its file.
const (
	CountAgg       Aggregation = 1 // count_agg: number of events
	SumAgg         Aggregation = 2 // sum_agg: sum of a numeric property
	MaxAgg         Aggregation = 3 // max_agg: highest value
	LatestAgg      Aggregation = 4 // latest_agg: value of the last event
	UniqueCountAgg Aggregation = 5 // unique_count_agg: distinct values, added and removed
	WeightedSumAgg Aggregation = 6 // weighted_sum_agg: running sum, averaged over the period's time
	MinAgg         Aggregation = 7 // min_agg: lowest value
	AvgAgg         Aggregation = 8 // avg_agg: mean of the values
	PercentileAgg  Aggregation = 9 // percentile_agg: a percentile of the values, by nearest rank

	aggregationsEnd = 10
)

// Metric is what metering needs to know of a billable metric: which events it
// takes (those of its Code), what it adds up, and by which properties its
// counters are split. Metrics are immutable; a change makes a new one.
type Metric struct {
	Organization uuid.UUID
	Code         string
	Aggregation  Aggregation
	FieldName    string // the property whose value is taken; "" for CountAgg
	// Expression makes the value of an event, in place of the property FieldName; nil = none.
	Expression *ingest.Expression
	// Recurring carries the value over periods: everything that ever happened to the
	// external subscription id counts. Only SumAgg, UniqueCountAgg and WeightedSumAgg can.
	Recurring bool
	// Percentile is which percentile PercentileAgg gives, above 0 and at most 100.
	Percentile decimal.Decimal
	// ReceivedFrom leaves out events that weir took in before this instant (nanoseconds
	// since the Unix epoch): those of a deleted metric with the same code. 0 leaves out none.
	ReceivedFrom int64
	// PreciseTotals adds up precise_total_amount_cents beside the values, for charges of
	// the dynamic model. An event without one adds 0.
	PreciseTotals bool
	// CellKeys are the names of the properties that some charge filters or groups
	// this metric by: sorted, unique.
	CellKeys []string
}

// Valid reports whether the metric is one that can be counted: what comes from
// another process may be anything.
func (m *Metric) Valid() bool {
	switch {
	case m.Aggregation < CountAgg || m.Aggregation >= aggregationsEnd:
		return false
	case m.Recurring && m.Aggregation != SumAgg && m.Aggregation != UniqueCountAgg && m.Aggregation != WeightedSumAgg:
		return false
	case m.Aggregation == PercentileAgg:
		return m.Percentile.IsPositive() && m.Percentile.LessThanOrEqual(hundred)
	}
	return true
}

// hasMembers reports whether the value of an event is a part of its cell: counters
// are then kept for each value by itself.
func (m *Metric) hasMembers() bool {
	return m.Aggregation == UniqueCountAgg || m.Aggregation == PercentileAgg
}

// Subtracts reports whether an event can be taken out of the metric's counters
// again. Where it can't, the counters of its hour are made anew.
func (m *Metric) Subtracts() bool {
	switch m.Aggregation {
	case MaxAgg, MinAgg, LatestAgg, UniqueCountAgg:
		return false
	default:
		return true
	}
}

// cellsMax bounds the cells of one series of the metric in counters.
func (m *Metric) cellsMax() int {
	if m.hasMembers() {
		return MembersMax
	}
	return CellsMax
}

// Catalog is an immutable set of the metrics in force.
type Catalog struct {
	Version     int64
	metrics     map[catalogKey]*Metric
	expressions map[catalogKey]*ingest.Expression // of those metrics that have one
}

type catalogKey struct {
	organization uuid.UUID
	code         string
}

// NewCatalog returns a catalog of the metrics, at most one for each
// organization and code; a later one replaces an earlier.
func NewCatalog(version int64, metrics []*Metric) *Catalog {
	c := &Catalog{
		Version: version, metrics: make(map[catalogKey]*Metric, len(metrics)), expressions: make(map[catalogKey]*ingest.Expression),
	}
	for _, m := range metrics {
		c.metrics[catalogKey{m.Organization, m.Code}] = m
	}
	for key, m := range c.metrics {
		if m.Expression != nil {
			c.expressions[key] = m.Expression
		}
	}
	return c
}

// Metric returns the organization's metric with the code, nil if there is none.
func (c *Catalog) Metric(organization uuid.UUID, code []byte) *Metric {
	return c.metrics[catalogKey{organization, string(code)}]
}

// Expression returns the expression of the organization's metric with the code, nil if it
// has none. It is asked for every event that comes in: where no metric has one, it costs nothing.
func (c *Catalog) Expression(organization uuid.UUID, code []byte) *ingest.Expression {
	if len(c.expressions) == 0 {
		return nil
	}
	return c.expressions[catalogKey{organization, string(code)}]
}
