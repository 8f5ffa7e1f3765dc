package api

import (
	"context"

	"github.com/google/uuid"

	"weir/billing"
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
		RoundingFunction: orNull(m.RoundingFunction),
		CreatedAt:        stamp(m.CreatedAt),
		FieldName:        orNull(m.FieldName),
		Filters:          m.Filters,
	}
	if m.RoundingFunction != "" {
		o.RoundingPrecision = &m.RoundingPrecision
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
	metric := readBillableMetric(f)
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

func readBillableMetric(f form) billing.BillableMetric {
	m := billing.BillableMetric{
		Name:             f.required("name"),
		Code:             f.required("code"),
		AggregationType:  readAggregation(f),
		RoundingFunction: f.choice("rounding_function", "round", "ceil", "floor"),
		Filters:          readMetricFilters(f),
	}
	f.into(&m.Description, "description", descriptionBytesMax)
	if precision, ok := f.integer("rounding_precision", -roundingPrecisionMax, roundingPrecisionMax); ok {
		m.RoundingPrecision = int(precision)
	}
	if m.AggregationType == billing.SumAgg {
		m.FieldName = f.required("field_name")
	}
	f.notYet("recurring", "expression", "weighted_interval", "custom_aggregator")
	return m
}

func readAggregation(f form) billing.AggregationType {
	switch name := f.required("aggregation_type"); name {
	case "", string(billing.CountAgg), string(billing.SumAgg):
		return billing.AggregationType(name)
	case "max_agg", "unique_count_agg", "latest_agg", "weighted_sum_agg", "custom_agg":
		f.fault("aggregation_type", billing.CodeNotSupported)
	default:
		f.fault("aggregation_type", billing.CodeInvalid)
	}
	return ""
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
