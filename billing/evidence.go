package billing

import (
	"encoding/json"
	"fmt"
	"time"

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
	Days    []time.Time      `json:"days,omitempty"` // query.UsageRequest.Days
	evidencePriced
}

type evidenceCharge struct {
	ID                 uuid.UUID         `json:"id"`
	Code               string            `json:"code"`
	InvoiceDisplayName string            `json:"invoice_display_name,omitempty"`
	Model              ChargeModel       `json:"charge_model"`
	Prorated           bool              `json:"prorated,omitempty"`
	MinAmountCents     int64             `json:"min_amount_cents,omitempty"`
	PricingUnit        *evidenceUnit     `json:"applied_pricing_unit,omitempty"`
	TaxCodes           []string          `json:"tax_codes,omitempty"` // the charge's own
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

// evidenceUnit is the pricing unit that a charge was priced in.
type evidenceUnit struct {
	ID             uuid.UUID       `json:"id"`
	Code           string          `json:"code"`
	Name           string          `json:"name"`
	ShortName      string          `json:"short_name"`
	ConversionRate decimal.Decimal `json:"conversion_rate"`
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

// EncodeEvidence returns as JSON what metering was asked for charges, with the local days it was
// told of, and how its answer was priced. DecodeEvidence gives back an equal question and equal
// prices.
func EncodeEvidence(charges []MeteredCharge, days []time.Time) []byte {
	return mustJSON(newEvidence(charges, days))
}

func newEvidence(charges []MeteredCharge, days []time.Time) evidence {
	e := evidence{Version: evidenceVersion, Charges: make([]evidenceCharge, len(charges))}
	for _, day := range days {
		e.Days = append(e.Days, day.UTC())
	}
	for i := range charges {
		e.Charges[i] = evidenceOf(&charges[i])
	}
	return e
}

func evidenceOf(m *MeteredCharge) evidenceCharge {
	ch := m.Charge
	e := evidenceCharge{
		ID:                 ch.ID,
		Code:               ch.Code,
		InvoiceDisplayName: ch.InvoiceDisplayName,
		Model:              ch.Model,
		Prorated:           ch.Prorated,
		MinAmountCents:     ch.MinAmountCents,
		Properties:         &ch.Properties,
		Metric:             evidenceMetricOf(&ch.Metric),
		Metering:           evidenceMeteringOf(m.Metric),
	}
	if applied := ch.PricingUnit; applied != nil {
		unit := &applied.Unit
		e.PricingUnit = &evidenceUnit{unit.ID, unit.Code, unit.Name, unit.ShortName, applied.ConversionRate}
	}
	for i := range ch.Taxes {
		e.TaxCodes = append(e.TaxCodes, ch.Taxes[i].Code)
	}
	for i := range ch.Filters {
		f := &ch.Filters[i]
		e.Filters = append(e.Filters, evidenceFilter{f.ID, f.InvoiceDisplayName, f.Values, &f.Properties})
	}
	e.Split = evidenceSplitOf(&m.Split)
	return e
}

func evidenceMetricOf(m *BillableMetric) evidenceMetric {
	return evidenceMetric{
		ID:                m.ID,
		Name:              m.Name,
		AggregationType:   m.AggregationType,
		WeightedInterval:  m.WeightedInterval,
		RoundingFunction:  m.RoundingFunction,
		RoundingPrecision: m.RoundingPrecision,
	}
}

func evidenceMeteringOf(m *aggregator.Metric) evidenceMetering {
	e := evidenceMetering{
		Code:          m.Code,
		FieldName:     m.FieldName,
		Expression:    expressionText(m),
		Recurring:     m.Recurring,
		ReceivedFrom:  m.ReceivedFrom,
		PreciseTotals: m.PreciseTotals,
		CellKeys:      m.CellKeys,
	}
	if m.Aggregation == aggregator.PercentileAgg {
		e.Percentile = &m.Percentile
	}
	return e
}

// DecodeEvidence returns the charges of an organization's invoice as they were metered and
// priced, and the days metering was told of, from what EncodeEvidence made. An error means that
// it was damaged, or that a newer version made it.
func DecodeEvidence(organization uuid.UUID, text []byte) ([]MeteredCharge, []time.Time, error) {
	var e evidence
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, nil, fmt.Errorf("cannot read an invoice's evidence: %w", err)
	}
	if e.Version != evidenceVersion {
		return nil, nil, fmt.Errorf("cannot read an invoice's evidence: version %d is not known", e.Version)
	}
	charges := make([]MeteredCharge, len(e.Charges))
	for i := range e.Charges {
		var err error
		if charges[i], err = e.Charges[i].meteredCharge(organization); err != nil {
			return nil, nil, fmt.Errorf("cannot read an invoice's evidence: charge %s: %w", e.Charges[i].ID, err)
		}
	}
	return charges, e.Days, nil
}

func (e *evidenceCharge) meteredCharge(organization uuid.UUID) (MeteredCharge, error) {
	ch := e.charge(organization)
	m := MeteredCharge{Charge: ch, Split: ChargeSplit(ch)}
	if err := ch.checkPrices(); err != nil {
		return m, err
	}
	if err := e.Split.into(&m.Split); err != nil {
		return m, err
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

// checkPrices returns an error if the charge can't be priced by its properties.
func (ch *Charge) checkPrices() error {
	codes := ch.Properties.Validate(ch.Model)
	for i := range ch.Filters {
		codes = append(codes, ch.Filters[i].Properties.Validate(ch.Model)...)
	}
	if len(codes) > 0 {
		return fmt.Errorf("it can't be priced: model %s, properties %v", ch.Model, codes)
	}
	return nil
}

// charge returns the charge as it was priced. Of its metric's declared filters nothing is
// kept: what they meant stands in the split; of its taxes the codes: the fees say what they were.
func (e *evidenceCharge) charge(organization uuid.UUID) *Charge {
	ch := &Charge{
		ID:                 e.ID,
		Code:               e.Code,
		InvoiceDisplayName: e.InvoiceDisplayName,
		Model:              e.Model,
		Prorated:           e.Prorated,
		MinAmountCents:     e.MinAmountCents,
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
	if unit := e.PricingUnit; unit != nil {
		ch.PricingUnit = &AppliedPricingUnit{
			Unit:           PricingUnit{ID: unit.ID, OrganizationID: organization, Code: unit.Code, Name: unit.Name, ShortName: unit.ShortName},
			ConversionRate: unit.ConversionRate,
		}
	}
	for _, code := range e.TaxCodes {
		ch.Taxes = append(ch.Taxes, Tax{OrganizationID: organization, Code: code})
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
