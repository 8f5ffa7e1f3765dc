package aggregator

import "github.com/google/uuid"

// Aggregation says how a metric turns events into units. The numbers are
// hashed into counters' definitions: they are for ever.
type Aggregation uint8

// The aggregations, by Lago's names.
const (
	CountAgg Aggregation = 1 // count_agg: number of events
	SumAgg   Aggregation = 2 // sum_agg: sum of a numeric property
)

// Metric is what metering needs to know of a billable metric: which events it
// takes (those of its Code), what it adds up, and by which properties its
// counters are split. Metrics are immutable; a change makes a new one.
type Metric struct {
	Organization uuid.UUID
	Code         string
	Aggregation  Aggregation
	FieldName    string // the property that is summed; "" for CountAgg
	// CellKeys are the names of the properties that some charge filters or groups
	// this metric by: sorted, unique.
	CellKeys []string
}

// Catalog is an immutable set of the metrics in force.
type Catalog struct {
	Version int64
	metrics map[catalogKey]*Metric
}

type catalogKey struct {
	organization uuid.UUID
	code         string
}

// NewCatalog returns a catalog of the metrics, at most one for each
// organization and code; a later one replaces an earlier.
func NewCatalog(version int64, metrics []*Metric) *Catalog {
	c := &Catalog{Version: version, metrics: make(map[catalogKey]*Metric, len(metrics))}
	for _, m := range metrics {
		c.metrics[catalogKey{m.Organization, m.Code}] = m
	}
	return c
}

// Metric returns the organization's metric with the code, nil if there is none.
func (c *Catalog) Metric(organization uuid.UUID, code []byte) *Metric {
	return c.metrics[catalogKey{organization, string(code)}]
}
