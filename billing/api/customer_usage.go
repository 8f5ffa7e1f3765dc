package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/postgres"
)

// Limits of one question about the usage of any time.
const (
	usageBucketsMax  = 1000   // buckets of time
	usageFiguresMax  = 10_000 // buckets of time, times metrics
	usageGroupByMax  = 5      // properties to group by
	usageAskedAtOnce = 8      // questions put to the aggregators at the same time
	// usageRawRangeMax is the longest range that is grouped by properties which nothing on
	// a plan filters or groups by: every event in it is read.
	usageRawRangeMax = 366 * 24 * time.Hour
)

// usageOfTimeObject is ours: the usage of any span of time, in units alone.
type usageOfTimeObject struct {
	ExternalSubscriptionID string              `json:"external_subscription_id"`
	From                   string              `json:"from"`
	To                     string              `json:"to"` // exclusive
	Granularity            *string             `json:"granularity"`
	GroupBy                []string            `json:"group_by"`
	Metrics                []metricUsageObject `json:"metrics"`
}

type metricUsageObject struct {
	BillableMetric usageMetricObject  `json:"billable_metric"`
	Figures        unitsObject        `json:",embed"`
	Groups         []groupUnitsObject `json:"groups"`
	Buckets        []timeBucketObject `json:"buckets"`
}

// timeBucketObject is the usage of one hour, day or month.
type timeBucketObject struct {
	From    string             `json:"from"`
	To      string             `json:"to"` // exclusive
	Figures unitsObject        `json:",embed"`
	Groups  []groupUnitsObject `json:"groups"`
}

// unitsObject is usage that nothing prices: units are as they were measured, neither
// rounded as the metric says nor raised to 0.
type unitsObject struct {
	Units                string           `json:"units"`
	TotalAggregatedUnits string           `json:"total_aggregated_units"`
	EventsCount          int64            `json:"events_count"`
	Uncounted            map[string]int64 `json:"uncounted"` // events that take no part, by reason
}

type groupUnitsObject struct {
	GroupedBy            map[string]*string `json:"grouped_by"`
	Units                string             `json:"units"`
	TotalAggregatedUnits string             `json:"total_aggregated_units"`
	EventsCount          int64              `json:"events_count"`
}

// usageQuestion is a question about the usage of any time.
type usageQuestion struct {
	subscription string
	period       billing.Period
	granularity  string
	groupBy      []string
	location     *time.Location
	metrics      []billing.BillableMetric
	definitions  postgres.Definitions
}

// showUsage is GET /customers/{external_id}/usage, which is ours: units and events of the
// metrics in any span of time, by groups and by hours, days or months. Without from it
// begins at the beginning of time, without to it ends now.
func (a *api) showUsage(ctx context.Context, r request) (any, error) {
	customer, err := a.pathCustomer(ctx, r)
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	p := r.params()
	q, metricCode := p.usageQuestion(now)
	if err := p.err(); err != nil {
		return nil, err
	}
	if _, err := a.subscriptionsOf(ctx, &customer, q.subscription); err != nil {
		return nil, err
	}
	if q.location, err = billing.Location(&customer, &r.organization); err != nil {
		return nil, err
	}
	if q.metrics, err = a.metricsAsked(ctx, r, metricCode); err != nil {
		return nil, err
	}
	if q.definitions, err = a.definitions(ctx, r); err != nil {
		return nil, err
	}
	object, err := a.usageOfTime(ctx, r, &q)
	if err != nil {
		return nil, err
	}
	return struct {
		Usage usageOfTimeObject `json:"usage"`
	}{object}, nil
}

// usageQuestion reads what is asked, and of which metric ("" = all).
func (p params) usageQuestion(now time.Time) (q usageQuestion, metricCode string) {
	q = usageQuestion{
		subscription: p.text("external_subscription_id"),
		period:       p.span("from", "to", billing.Period{From: instantMin, To: now}),
		granularity:  p.text("granularity"),
		groupBy:      p.texts("group_by"),
	}
	slices.Sort(q.groupBy)
	q.groupBy = slices.Compact(q.groupBy)
	if q.subscription == "" {
		p.fault("external_subscription_id", billing.CodeMandatory)
	}
	if len(q.groupBy) > usageGroupByMax {
		p.overLimit("group_by", billing.CodeOutOfRange, fmt.Sprintf("at most %d", usageGroupByMax))
	}
	switch q.granularity {
	case "", granularityHour, granularityDay, granularityMonth:
	default:
		p.fault("granularity", billing.CodeInvalid)
	}
	return q, p.text("billable_metric_code")
}

// metricsAsked returns the metric with the code, or all of the organization.
func (a *api) metricsAsked(ctx context.Context, r request, code string) ([]billing.BillableMetric, error) {
	if code != "" {
		metric, err := a.DB.BillableMetric(ctx, r.organization.ID, code)
		return []billing.BillableMetric{metric}, err
	}
	metrics, total, err := a.DB.BillableMetrics(ctx, r.organization.ID, postgres.Page{Size: perPageMax})
	if err == nil && total > len(metrics) {
		return nil, tooMuch("billable_metric_code", fmt.Sprintf("name one of the %d metrics: at most %d at once", total, perPageMax))
	}
	return metrics, err
}

// tooMuch is the refusal of a question that is too large to answer.
func tooMuch(field, limit string) error {
	var wrong faults
	wrong.addLimit(field, billing.CodeOutOfRange, limit)
	return wrong.err()
}

// usageOfTime asks for the whole span, and then for each bucket of it.
func (a *api) usageOfTime(ctx context.Context, r request, q *usageQuestion) (usageOfTimeObject, error) {
	o := usageOfTimeObject{
		ExternalSubscriptionID: q.subscription, From: stampNano(q.period.From), To: stampNano(q.period.To),
		Granularity: orNull(q.granularity), GroupBy: q.groupBy,
	}
	buckets, err := q.buckets()
	if err != nil {
		return o, err
	}
	items, err := q.items()
	if err != nil {
		return o, err
	}
	answers, err := a.askAll(ctx, r, q.subscription, append([]billing.Period{q.period}, buckets...), items)
	if err != nil {
		return o, err
	}
	for i := range q.metrics {
		m := metricUsageObject{BillableMetric: usageMetricOf(&q.metrics[i])}
		m.Figures, m.Groups = q.figures(answers[0], i)
		for j, bucket := range buckets {
			b := timeBucketObject{From: stampNano(bucket.From), To: stampNano(bucket.To)}
			b.Figures, b.Groups = q.figures(answers[j+1], i)
			m.Buckets = append(m.Buckets, b)
		}
		o.Metrics = append(o.Metrics, m)
	}
	return o, nil
}

// askAll asks for the items in each of the periods, and says in the answer's header up to
// where in the log all of the answers are.
func (a *api) askAll(ctx context.Context, r request, subscription string, periods []billing.Period, items []query.UsageItem) ([]query.UsageAnswer, error) {
	answers := make([]query.UsageAnswer, len(periods))
	running, groupCtx := errgroup.WithContext(ctx)
	running.SetLimit(usageAskedAtOnce)
	for i, period := range periods {
		running.Go(func() (err error) {
			answers[i], err = a.askUsage(groupCtx, r, askedUsage{subscription: subscription, period: period, items: items})
			return err
		})
	}
	if err := running.Wait(); err != nil {
		return nil, err
	}
	for i := range answers {
		r.covers(answers[i].Partition, answers[i].Next)
	}
	return answers, nil
}

// items returns what to ask: each metric undivided, and if groups are asked for, once more
// by them, since what groups come to does not add up for every aggregation.
func (q *usageQuestion) items() ([]query.UsageItem, error) {
	var items []query.UsageItem
	for i := range q.metrics {
		metric := q.definitions.Metrics[q.metrics[i].ID]
		if metric == nil {
			var err error
			if metric, err = billing.MetricDefinition(q.metrics[i], nil); err != nil {
				return nil, err
			}
		}
		split := aggregator.Split{GroupKeys: q.groupBy}
		if split.Check(metric) != nil { // counted without these keys: the answer comes from the events
			if q.period.To.Sub(q.period.From) > usageRawRangeMax {
				return nil, tooMuch("group_by", fmt.Sprintf(
					"%s is not counted by %s: from from to to is at most 366 days", metric.Code, strings.Join(q.groupBy, ", ")))
			}
			by := *metric
			by.CellKeys = slices.Concat(metric.CellKeys, q.groupBy)
			slices.Sort(by.CellKeys)
			by.CellKeys = slices.Compact(by.CellKeys)
			metric = &by
		}
		items = append(items, query.UsageItem{Metric: metric})
		if len(q.groupBy) > 0 {
			items = append(items, query.UsageItem{Metric: metric, Split: split})
		}
	}
	return items, nil
}

// figures returns what an answer says of the metric with the index.
func (q *usageQuestion) figures(answer query.UsageAnswer, metric int) (unitsObject, []groupUnitsObject) {
	perMetric := 1 + min(len(q.groupBy), 1)
	total := &answer.Items[metric*perMetric]
	var groups []groupUnitsObject
	if perMetric > 1 {
		for _, b := range answer.Items[metric*perMetric+1].Buckets {
			groups = append(groups, groupUnitsObject{
				GroupedBy: groupOf(q.groupBy, b.Group), Units: billing.FormatDecimal(b.Units),
				TotalAggregatedUnits: billing.FormatDecimal(b.TotalUnits), EventsCount: b.EventsCount,
			})
		}
	}
	return unitsOf(total), groups
}

// unitsOf describes usage that is not divided.
func unitsOf(usage *query.ItemUsage) unitsObject {
	var b aggregator.BucketUsage
	if len(usage.Buckets) > 0 {
		b = usage.Buckets[0]
	}
	return unitsObject{
		Units: billing.FormatDecimal(b.Units), TotalAggregatedUnits: billing.FormatDecimal(b.TotalUnits),
		EventsCount: b.EventsCount, Uncounted: uncountedOf(&usage.Uncounted),
	}
}

// uncountedOf names the reasons for which events take no part, with how many do not.
func uncountedOf(uncounted *aggregator.Uncounted) map[string]int64 {
	counts := make(map[string]int64)
	for reason, n := range uncounted {
		if n != 0 {
			counts[aggregator.Reason(reason).String()] = n
		}
	}
	return counts
}
