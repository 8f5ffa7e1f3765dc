package billing

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"weir/aggregator"
)

// MeteredCharge is a charge with what metering is asked in order to price it.
type MeteredCharge struct {
	Charge *Charge
	Metric *aggregator.Metric
	Split  aggregator.Split
}

// MeterCharges returns what to ask metering for each of the charges, in their order. It
// decides so for current usage and for invoices.
//
// definitions are the organization's, by the metric's id: what the aggregators count by.
// One of them is used where it measures what the charge's own metric says and is split by
// all that the charge needs. Where the catalog was changed between the reading of the one
// and of the other it may not; then the definition is made from the charges, and the
// answer comes from the events. The error is a metric that can't be metered.
func MeterCharges(charges []*Charge, definitions map[uuid.UUID]*aggregator.Metric) ([]MeteredCharge, error) {
	chosen := make(map[uuid.UUID]*aggregator.Metric)
	metered := make([]MeteredCharge, len(charges))
	for i, charge := range charges {
		id := charge.Metric.ID
		if chosen[id] == nil {
			own, err := metricDefinition(charge.Metric, charges)
			if err != nil {
				return nil, fmt.Errorf("cannot meter charge %s: %w", charge.ID, err)
			}
			chosen[id] = own
			if definition := definitions[id]; definition != nil && covers(definition, own) {
				chosen[id] = definition
			}
		}
		metered[i] = MeteredCharge{Charge: charge, Metric: chosen[id], Split: ChargeSplit(charge)}
	}
	return metered, nil
}

// NeedsDays reports whether metering is asked for prorated units or a weighted sum, and so
// must be told the local days of the full period (query.UsageRequest.Days).
func NeedsDays(metered []MeteredCharge) bool {
	return slices.ContainsFunc(metered, func(m MeteredCharge) bool {
		return m.Metric.Aggregation == aggregator.WeightedSumAgg || m.Split.Prorates()
	})
}

// covers reports whether what is measured by have answers every question that own does.
func covers(have, own *aggregator.Metric) bool {
	return sameMeasure(have, own) && (have.PreciseTotals || !own.PreciseTotals) &&
		!slices.ContainsFunc(own.CellKeys, func(key string) bool { return !slices.Contains(have.CellKeys, key) })
}

// sameMeasure reports whether two definitions make the same of the same events, however
// they split it.
func sameMeasure(a, b *aggregator.Metric) bool {
	return a.Organization == b.Organization && a.Code == b.Code && a.Aggregation == b.Aggregation &&
		a.FieldName == b.FieldName && expressionText(a) == expressionText(b) && a.Recurring == b.Recurring &&
		a.Percentile.Equal(b.Percentile) && a.ReceivedFrom == b.ReceivedFrom
}

func expressionText(m *aggregator.Metric) string {
	if m.Expression == nil {
		return ""
	}
	return m.Expression.String()
}
