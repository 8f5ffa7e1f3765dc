package billing

import "github.com/google/uuid"

// snapshotDefinition is what a snapshot keeps of how usage was priced. It is JSON for
// people and for recounting; its fields are added to, never renamed.
type snapshotDefinition struct {
	Metric     snapshotMetric      `json:"billable_metric"`
	Charge     uuid.UUID           `json:"charge_id"`
	Model      ChargeModel         `json:"charge_model"`
	Filter     map[string][]string `json:"filter,omitempty"`
	Properties *ChargeProperties   `json:"properties"`
	Prorated   bool                `json:"prorated,omitempty"`
	// PricingUnit are the amounts in the charge's pricing unit, and what one was worth.
	PricingUnit *PricingUnitAmounts `json:"pricing_unit,omitempty"`
}

type snapshotMetric struct {
	ID                uuid.UUID       `json:"lago_id"`
	Code              string          `json:"code"`
	AggregationType   AggregationType `json:"aggregation_type"`
	FieldName         string          `json:"field_name,omitempty"`
	RoundingFunction  string          `json:"rounding_function,omitempty"`
	RoundingPrecision int             `json:"rounding_precision,omitempty"`
}

func newSnapshot(invoice, subscription uuid.UUID, usage *ChargeUsage, bucket *BucketUsage) UsageSnapshot {
	charge, metric := usage.Charge, &usage.Charge.Metric
	definition := snapshotDefinition{
		Metric: snapshotMetric{
			ID:                metric.ID,
			Code:              metric.Code,
			AggregationType:   metric.AggregationType,
			FieldName:         metric.FieldName,
			RoundingFunction:  metric.RoundingFunction,
			RoundingPrecision: metric.RoundingPrecision,
		},
		Charge:     charge.ID,
		Model:      charge.Model,
		Properties: bucket.Properties(charge),
		Prorated:   charge.Prorated,

		PricingUnit: bucket.PricingUnit,
	}
	snapshot := UsageSnapshot{
		InvoiceID:      invoice,
		SubscriptionID: subscription,
		ChargeID:       charge.ID,
		GroupedBy:      bucket.GroupedBy,
		Units:          bucket.Units,
		EventsCount:    bucket.EventsCount,
	}
	if bucket.Filter != nil {
		snapshot.ChargeFilterID = &bucket.Filter.ID
		definition.Filter = bucket.Filter.Values
	}
	snapshot.Definition = mustJSON(definition)
	return snapshot
}
