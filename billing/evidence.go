package billing

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/ingest"
)

// evidenceVersion is the version of the JSON that EncodeEvidence makes. Members are added
// to a version, never renamed; what changes the meaning of one makes a new version.
const evidenceVersion = 1

// evidence is what an invoice keeps of what it asked metering and how it priced the
// answer: enough to ask the very same question again, whatever has become of the catalog.
type evidence struct {
	Version int              `json:"version"`
	Charges []evidenceCharge `json:"charges"`
}

type evidenceCharge struct {
	ID                 uuid.UUID         `json:"id"`
	Code               string            `json:"code"`
	InvoiceDisplayName string            `json:"invoice_display_name,omitempty"`
	Model              ChargeModel       `json:"charge_model"`
	Properties         *ChargeProperties `json:"properties"`
	Filters            []evidenceFilter  `json:"filters,omitempty"`
	Metric             evidenceMetric    `json:"billable_metric"`
	Metering           evidenceMetering  `json:"metering"`
	Split              evidenceSplit     `json:"split"`
}

type evidenceFilter struct {
	ID                 uuid.UUID           `json:"id"`
	InvoiceDisplayName string              `json:"invoice_display_name,omitempty"`
	Values             map[string][]string `json:"values"`
	Properties         *ChargeProperties   `json:"properties"`
}

// evidenceMetric is the billable metric as it was priced by.
type evidenceMetric struct {
	ID                uuid.UUID       `json:"id"`
	Name              string          `json:"name"`
	AggregationType   AggregationType `json:"aggregation_type"`
	WeightedInterval  string          `json:"weighted_interval,omitempty"`
	RoundingFunction  string          `json:"rounding_function,omitempty"`
	RoundingPrecision int             `json:"rounding_precision,omitempty"`
}

// evidenceMetering is the definition that metering was asked by.
type evidenceMetering struct {
	Code          string           `json:"code"`
	FieldName     string           `json:"field_name,omitempty"`
	Expression    string           `json:"expression,omitempty"`
	Recurring     bool             `json:"recurring,omitempty"`
	Percentile    *decimal.Decimal `json:"percentile,omitempty"`
	ReceivedFrom  int64            `json:"received_from,omitempty"` // nanoseconds since the Unix epoch
	PreciseTotals bool             `json:"precise_totals,omitempty"`
	CellKeys      []string         `json:"cell_keys,omitempty"`
}

// evidenceSplit is how metering was asked to divide the usage. What filters group by
// stands in their properties.
type evidenceSplit struct {
	Filters []evidenceConditions `json:"filters,omitempty"` // those of the charge, in their order
}

type evidenceConditions []evidenceCondition

type evidenceCondition struct {
	Key      string   `json:"key"`
	Values   []string `json:"values"` // of a wildcard: those that the metric declared
	Wildcard bool     `json:"wildcard,omitempty"`
}

// EncodeEvidence returns as JSON what metering was asked for charges and how its answer was
// priced. DecodeEvidence gives back an equal question and equal prices.
func EncodeEvidence(charges []MeteredCharge) []byte {
	e := evidence{Version: evidenceVersion, Charges: make([]evidenceCharge, len(charges))}
	for i := range charges {
		e.Charges[i] = evidenceOf(&charges[i])
	}
	return mustJSON(e)
}

func evidenceOf(m *MeteredCharge) evidenceCharge {
	ch, metric := m.Charge, &m.Charge.Metric
	e := evidenceCharge{
		ID:                 ch.ID,
		Code:               ch.Code,
		InvoiceDisplayName: ch.InvoiceDisplayName,
		Model:              ch.Model,
		Properties:         &ch.Properties,
		Metric: evidenceMetric{
			ID:                metric.ID,
			Name:              metric.Name,
			AggregationType:   metric.AggregationType,
			WeightedInterval:  metric.WeightedInterval,
			RoundingFunction:  metric.RoundingFunction,
			RoundingPrecision: metric.RoundingPrecision,
		},
		Metering: evidenceMetering{
			Code:          m.Metric.Code,
			FieldName:     m.Metric.FieldName,
			Expression:    expressionText(m.Metric),
			Recurring:     m.Metric.Recurring,
			ReceivedFrom:  m.Metric.ReceivedFrom,
			PreciseTotals: m.Metric.PreciseTotals,
			CellKeys:      m.Metric.CellKeys,
		},
	}
	if m.Metric.Aggregation == aggregator.PercentileAgg {
		e.Metering.Percentile = &m.Metric.Percentile
	}
	for i := range ch.Filters {
		f := &ch.Filters[i]
		e.Filters = append(e.Filters, evidenceFilter{f.ID, f.InvoiceDisplayName, f.Values, &f.Properties})
		var conditions evidenceConditions
		for _, c := range m.Split.Filters[i].Conditions {
			conditions = append(conditions, evidenceCondition{c.Key, c.Values, c.Wildcard})
		}
		e.Split.Filters = append(e.Split.Filters, conditions)
	}
	return e
}

// DecodeEvidence returns the charges of an organization's invoice as they were metered and
// priced, from what EncodeEvidence made. An error means that it was damaged, or that a
// newer version made it.
func DecodeEvidence(organization uuid.UUID, text []byte) ([]MeteredCharge, error) {
	var e evidence
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("cannot read an invoice's evidence: %w", err)
	}
	if e.Version != evidenceVersion {
		return nil, fmt.Errorf("cannot read an invoice's evidence: version %d is not known", e.Version)
	}
	charges := make([]MeteredCharge, len(e.Charges))
	for i := range e.Charges {
		var err error
		if charges[i], err = e.Charges[i].meteredCharge(organization); err != nil {
			return nil, fmt.Errorf("cannot read an invoice's evidence: charge %s: %w", e.Charges[i].ID, err)
		}
	}
	return charges, nil
}

func (e *evidenceCharge) meteredCharge(organization uuid.UUID) (MeteredCharge, error) {
	ch := e.charge(organization)
	m := MeteredCharge{Charge: ch, Split: ChargeSplit(ch)}
	if len(e.Split.Filters) != len(ch.Filters) {
		return m, fmt.Errorf("%d filters were metered, and %d priced", len(e.Split.Filters), len(ch.Filters))
	}
	for i, conditions := range e.Split.Filters {
		m.Split.Filters[i].Conditions = nil
		for _, c := range conditions {
			condition := aggregator.FilterCondition{Key: c.Key, Values: c.Values, Wildcard: c.Wildcard}
			m.Split.Filters[i].Conditions = append(m.Split.Filters[i].Conditions, condition)
		}
	}
	m.Metric = &aggregator.Metric{
		Organization:  organization,
		Code:          e.Metering.Code,
		Aggregation:   aggregations[e.Metric.AggregationType],
		FieldName:     e.Metering.FieldName,
		Recurring:     e.Metering.Recurring,
		Percentile:    ch.Metric.Percentile,
		ReceivedFrom:  e.Metering.ReceivedFrom,
		PreciseTotals: e.Metering.PreciseTotals,
		CellKeys:      e.Metering.CellKeys,
	}
	if e.Metering.Expression != "" {
		var err error
		if m.Metric.Expression, err = ingest.ParseExpression(e.Metering.Expression); err != nil {
			return m, err
		}
	}
	if !m.Metric.Valid() {
		return m, fmt.Errorf("aggregation %s is not known", e.Metric.AggregationType)
	}
	return m, m.Split.Check(m.Metric)
}

// charge returns the charge as it was priced. Of its metric's declared filters nothing is
// kept: what they meant stands in the split.
func (e *evidenceCharge) charge(organization uuid.UUID) *Charge {
	ch := &Charge{
		ID:                 e.ID,
		Code:               e.Code,
		InvoiceDisplayName: e.InvoiceDisplayName,
		Model:              e.Model,
		Metric: BillableMetric{
			ID:                e.Metric.ID,
			OrganizationID:    organization,
			Code:              e.Metering.Code,
			Name:              e.Metric.Name,
			AggregationType:   e.Metric.AggregationType,
			FieldName:         e.Metering.FieldName,
			Expression:        e.Metering.Expression,
			Recurring:         e.Metering.Recurring,
			WeightedInterval:  e.Metric.WeightedInterval,
			ReceivedFrom:      e.Metering.ReceivedFrom,
			RoundingFunction:  e.Metric.RoundingFunction,
			RoundingPrecision: e.Metric.RoundingPrecision,
		},
	}
	if e.Properties != nil {
		ch.Properties = *e.Properties
	}
	if e.Metering.Percentile != nil {
		ch.Metric.Percentile = *e.Metering.Percentile
	}
	for _, f := range e.Filters {
		filter := ChargeFilter{ID: f.ID, InvoiceDisplayName: f.InvoiceDisplayName, Values: f.Values}
		if f.Properties != nil {
			filter.Properties = *f.Properties
		}
		ch.Filters = append(ch.Filters, filter)
	}
	return ch
}
