package api

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/billing"
	"weir/ingest"
)

// Limits of a billable metric.
const (
	metricFiltersMax      = 100  // keys
	metricFilterValuesMax = 1000 // values of one key
	roundingPrecisionMax  = 15   // digits, either side of the point
)

const codeDuplicated = "value_is_duplicated"

// billableMetricObject is Lago's BillableMetricObject.
type billableMetricObject struct {
	LagoID            uuid.UUID              `json:"lago_id"`
	Name              string                 `json:"name"`
	Code              string                 `json:"code"`
	Description       *string                `json:"description"`
	AggregationType   string                 `json:"aggregation_type"`
	WeightedInterval  *string                `json:"weighted_interval"`
	Recurring         bool                   `json:"recurring"`
	RoundingFunction  *string                `json:"rounding_function"`
	RoundingPrecision *int                   `json:"rounding_precision"`
	CreatedAt         string                 `json:"created_at"`
	FieldName         *string                `json:"field_name"`
	Expression        string                 `json:"expression"`
	Filters           []billing.MetricFilter `json:"filters"`
	// Percentile is ours: only percentile_agg has it.
	Percentile *string `json:"percentile,omitempty"`

	// Deprecated counters: always 0, as in Lago.
	ActiveSubscriptionsCount int `json:"active_subscriptions_count"`
	DraftInvoicesCount       int `json:"draft_invoices_count"`
	PlansCount               int `json:"plans_count"`
}

func billableMetricOf(m *billing.BillableMetric) billableMetricObject {
	o := billableMetricObject{
		LagoID:           m.ID,
		Name:             m.Name,
		Code:             m.Code,
		Description:      orNull(m.Description),
		AggregationType:  string(m.AggregationType),
		WeightedInterval: orNull(m.WeightedInterval),
		Recurring:        m.Recurring,
		RoundingFunction: orNull(m.RoundingFunction),
		CreatedAt:        stamp(m.CreatedAt),
		FieldName:        orNull(m.FieldName),
		Expression:       m.Expression,
		Filters:          m.Filters,
	}
	if m.RoundingFunction != "" {
		o.RoundingPrecision = &m.RoundingPrecision
	}
	if m.AggregationType == billing.PercentileAgg {
		percentile := m.Percentile.String()
		o.Percentile = &percentile
	}
	return o
}

type billableMetricAnswer struct {
	BillableMetric billableMetricObject `json:"billable_metric"`
}

// createBillableMetric is POST /billable_metrics.
func (a *api) createBillableMetric(ctx context.Context, r request) (any, error) {
	f, err := r.form("billable_metric")
	if err != nil {
		return nil, err
	}
	var metric billing.BillableMetric
	readBillableMetric(f, &metric)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	metric.ID, metric.OrganizationID = newID(), r.organization.ID
	metric.CreatedAt, metric.UpdatedAt = now, now
	if err := a.DB.CreateBillableMetric(ctx, &metric); err != nil {
		return nil, err
	}
	return billableMetricAnswer{billableMetricOf(&metric)}, nil
}

// readBillableMetric takes over what a request says of a metric, new or not, and checks
// what becomes of it.
func readBillableMetric(f form, m *billing.BillableMetric) {
	f.demand(&m.Name, "name")
	f.demand(&m.Code, "code")
	f.into(&m.Description, "description", descriptionBytesMax)
	f.into(&m.FieldName, "field_name", textBytesMax)
	f.into(&m.Expression, "expression", ingest.ExpressionBytesMax)
	f.into(&m.WeightedInterval, "weighted_interval", textBytesMax)
	if f.has("recurring") {
		m.Recurring, _ = f.boolean("recurring")
	}
	if f.has("rounding_function") {
		m.RoundingFunction = f.choice("rounding_function", billing.RoundNearest, billing.RoundCeil, billing.RoundFloor)
	}
	if f.has("rounding_precision") {
		precision, _ := f.integer("rounding_precision", -roundingPrecisionMax, roundingPrecisionMax)
		m.RoundingPrecision = int(precision)
	}
	if f.has("filters") {
		m.Filters = readMetricFilters(f)
	}
	f.notYet("custom_aggregator")
	before := m.AggregationType
	readAggregation(f, m)
	readPercentile(f, m, m.AggregationType != before)
	if m.AggregationType == "" {
		return // what the rest means depends on it
	}
	if m.AggregationType == billing.CountAgg {
		m.FieldName = "" // as in Lago
	}
	if m.AggregationType != billing.WeightedSumAgg {
		m.WeightedInterval = ""
	}
	f.addFaults(m.Validate())
}

func readAggregation(f form, m *billing.BillableMetric) {
	name := string(m.AggregationType)
	f.demand(&name, "aggregation_type")
	if name == "custom_agg" {
		f.fault("aggregation_type", billing.CodeNotSupported)
		name = ""
	}
	m.AggregationType = billing.AggregationType(name)
}

// readPercentile reads the percentile: a decimal, as text or as a number. One that another
// aggregation had is forgotten.
func readPercentile(f form, m *billing.BillableMetric, changed bool) {
	value, given := f.given("percentile")
	if !given {
		if changed || f.has("percentile") {
			m.Percentile = decimal.Zero
		}
		return
	}
	percentile, ok := parseAmount(strings.Trim(string(value), `"`))
	if !ok {
		f.overLimit("percentile", billing.CodeInvalid, "a decimal above 0 and at most 100")
		return
	}
	m.Percentile = percentile.Decimal
}

func readMetricFilters(f form) []billing.MetricFilter {
	var filters []billing.MetricFilter
	keys := make(map[string]bool)
	for _, o := range f.objects("filters", metricFiltersMax) {
		filter := billing.MetricFilter{Key: o.required("key"), Values: distinct(o.texts("values", metricFilterValuesMax))}
		if keys[filter.Key] {
			o.fault("key", codeDuplicated)
		}
		keys[filter.Key] = true
		if len(filter.Values) == 0 {
			o.fault("values", billing.CodeMandatory)
		}
		filters = append(filters, filter)
	}
	return filters
}

// updateBillableMetric is PUT /billable_metrics/{code}. Lago locks most of a metric that is
// in use. Here all can be changed that can be counted again: the change covers the past,
// in the open period and in drafts, and nothing that is finalized.
func (a *api) updateBillableMetric(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "billable_metric")
	if err != nil {
		return nil, err
	}
	f, err := r.form("billable_metric")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	metric, err := a.DB.UpdateBillableMetric(ctx, r.organization.ID, code, now,
		func(m *billing.BillableMetric, charges []billing.Charge) error {
			readBillableMetric(f, m)
			checkCharged(f, code, m, charges)
			return f.faults.err()
		})
	if err != nil {
		return nil, err
	}
	return billableMetricAnswer{billableMetricOf(&metric)}, nil
}

// checkCharged records what can't be changed of a metric while there are charges on it: its
// code, which its events carry, its aggregation to one that a charge's model does not go with,
// and that it is recurring while a charge prorates that.
func checkCharged(f form, code string, m *billing.BillableMetric, charges []billing.Charge) {
	if len(charges) > 0 && m.Code != code {
		f.fault("code", billing.CodeAttached)
	}
	incompatible := func(field string) bool {
		return slices.ContainsFunc(charges, func(ch billing.Charge) bool {
			ch.Metric = *m
			return len(ch.Incompatible()[field]) > 0
		})
	}
	if incompatible("charge_model") {
		f.fault("aggregation_type", billing.CodeIncompatibleModel)
	}
	if incompatible("prorated") {
		f.fault("recurring", billing.CodeIncompatibleMetric)
	}
}

// deleteBillableMetric is DELETE /billable_metrics/{code}: the charges on it go, too. Its
// events stay as evidence, but a new metric with the same code counts none of them.
func (a *api) deleteBillableMetric(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "billable_metric")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	// Events are stamped by the system's clock when they come in, in a sandbox too.
	metric, err := a.DB.DeleteBillableMetric(ctx, r.organization.ID, code, now, a.Clock())
	if err != nil {
		return nil, err
	}
	return billableMetricAnswer{billableMetricOf(&metric)}, nil
}

// listBillableMetrics is GET /billable_metrics.
func (a *api) listBillableMetrics(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	metrics, total, err := a.DB.BillableMetrics(ctx, r.organization.ID, page)
	if err != nil {
		return nil, err
	}
	return struct {
		BillableMetrics []billableMetricObject `json:"billable_metrics"`
		Meta            meta                   `json:"meta"`
	}{each(metrics, billableMetricOf), metaOf(page, total)}, nil
}

// showBillableMetric is GET /billable_metrics/{code}.
func (a *api) showBillableMetric(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "billable_metric")
	if err != nil {
		return nil, err
	}
	metric, err := a.DB.BillableMetric(ctx, r.organization.ID, code)
	if err != nil {
		return nil, err
	}
	return billableMetricAnswer{billableMetricOf(&metric)}, nil
}
