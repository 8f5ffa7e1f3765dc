package query

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/ingest"
)

// The structs in this file, wire_fold.go, wire_event.go and wire_series.go are the wire: version 2 of the questions and answers.
// They are kept apart from the types of query.go so that those can change
// without changing what another process reads.

// decimalTextMax bounds the text of one number of units, in bytes: parsing time
// grows with its square.
const decimalTextMax = 4096

type wireMetric struct {
	Organization  uuid.UUID `json:"organization"`
	Code          string    `json:"code"`
	Aggregation   uint8     `json:"aggregation"`
	FieldName     string    `json:"field_name,omitzero"`
	Expression    string    `json:"expression,omitzero"`
	Recurring     bool      `json:"recurring,omitzero"`
	Percentile    string    `json:"percentile,omitzero"`
	ReceivedFrom  int64     `json:"received_from,string,omitzero"`
	PreciseTotals bool      `json:"precise_totals,omitzero"`
	CellKeys      []string  `json:"cell_keys"`
}

func metricToWire(m *aggregator.Metric) wireMetric {
	w := wireMetric{
		Organization: m.Organization, Code: m.Code, Aggregation: uint8(m.Aggregation), FieldName: m.FieldName,
		Recurring: m.Recurring, ReceivedFrom: m.ReceivedFrom, PreciseTotals: m.PreciseTotals, CellKeys: m.CellKeys,
	}
	if m.Expression != nil {
		w.Expression = m.Expression.String()
	}
	if m.Aggregation == aggregator.PercentileAgg {
		w.Percentile = m.Percentile.String()
	}
	return w
}

func (w wireMetric) metric() (*aggregator.Metric, error) {
	m := &aggregator.Metric{
		Organization: w.Organization, Code: w.Code, Aggregation: aggregator.Aggregation(w.Aggregation), FieldName: w.FieldName,
		Recurring: w.Recurring, ReceivedFrom: w.ReceivedFrom, PreciseTotals: w.PreciseTotals, CellKeys: w.CellKeys,
	}
	var err error
	if w.Expression != "" {
		if m.Expression, err = ingest.ParseExpression(w.Expression); err != nil {
			return nil, fmt.Errorf("cannot read expression of metric %q: %w", w.Code, err)
		}
	}
	if w.Percentile != "" {
		if m.Percentile, err = readDecimal(w.Percentile); err != nil {
			return nil, fmt.Errorf("cannot read percentile of metric %q: %w", w.Code, err)
		}
	}
	if !m.Valid() {
		return nil, fmt.Errorf("metric %q can't be counted", w.Code)
	}
	return m, nil
}

func readDecimal(text string) (decimal.Decimal, error) {
	if len(text) > decimalTextMax {
		return decimal.Decimal{}, fmt.Errorf("number has %d digits (limit %d)", len(text), decimalTextMax)
	}
	return decimal.NewFromString(text)
}

type wireCondition struct {
	Key      string   `json:"key"`
	Values   []string `json:"values"`
	Wildcard bool     `json:"wildcard,omitzero"`
}

type wireFilter struct {
	Conditions       []wireCondition `json:"conditions"`
	GroupKeys        []string        `json:"group_keys,omitempty"`
	PresentationKeys []string        `json:"presentation_keys,omitempty"`
	Fold             *wireFold       `json:"fold,omitempty"`
}

type wireSplit struct {
	Filters          []wireFilter `json:"filters,omitempty"`
	GroupKeys        []string     `json:"group_keys,omitempty"`
	PresentationKeys []string     `json:"presentation_keys,omitempty"`
	Fold             *wireFold    `json:"fold,omitempty"`
}

func splitToWire(s *aggregator.Split) wireSplit {
	w := wireSplit{GroupKeys: s.GroupKeys, PresentationKeys: s.PresentationKeys, Fold: foldToWire(s.Fold)}
	for i := range s.Filters {
		f := &s.Filters[i]
		filter := wireFilter{
			Conditions: []wireCondition{}, GroupKeys: f.GroupKeys, PresentationKeys: f.PresentationKeys, Fold: foldToWire(f.Fold),
		}
		for _, c := range f.Conditions {
			filter.Conditions = append(filter.Conditions, wireCondition(c))
		}
		w.Filters = append(w.Filters, filter)
	}
	return w
}

func (w wireSplit) split() (aggregator.Split, error) {
	s := aggregator.Split{GroupKeys: w.GroupKeys, PresentationKeys: w.PresentationKeys}
	var err error
	if s.Fold, err = w.Fold.fold(); err != nil {
		return s, err
	}
	for _, f := range w.Filters {
		filter := aggregator.Filter{GroupKeys: f.GroupKeys, PresentationKeys: f.PresentationKeys}
		if filter.Fold, err = f.Fold.fold(); err != nil {
			return s, err
		}
		for _, c := range f.Conditions {
			filter.Conditions = append(filter.Conditions, aggregator.FilterCondition(c))
		}
		s.Filters = append(s.Filters, filter)
	}
	return s, nil
}

// wireItem names its metric by its place in the list: several items ask for one.
type wireItem struct {
	Metric int       `json:"metric"`
	Split  wireSplit `json:"split"`
}

type wireUsageRequest struct {
	Organization uuid.UUID    `json:"organization"`
	Subscription string       `json:"subscription"`
	From         time.Time    `json:"from"`
	To           time.Time    `json:"to"`
	Metrics      []wireMetric `json:"metrics"`
	Items        []wireItem   `json:"items"`
	Days         []time.Time  `json:"days,omitempty"`
	AtLeast      int64        `json:"at_least,string"`
	Committed    bool         `json:"committed,omitzero"`
	At           int64        `json:"at,string,omitzero"`
}

func usageRequestToWire(req UsageRequest) wireUsageRequest {
	w := wireUsageRequest{
		Organization: req.Organization, Subscription: req.Subscription,
		From: req.From.UTC(), To: req.To.UTC(),
		Metrics: []wireMetric{}, Items: make([]wireItem, len(req.Items)),
		AtLeast: req.AtLeast, Committed: req.Committed, At: req.At,
	}
	for _, day := range req.Days {
		w.Days = append(w.Days, day.UTC())
	}
	places := make(map[*aggregator.Metric]int)
	for i := range req.Items {
		item := &req.Items[i]
		place, known := places[item.Metric]
		if !known {
			place = len(w.Metrics)
			places[item.Metric] = place
			w.Metrics = append(w.Metrics, metricToWire(item.Metric))
		}
		w.Items[i] = wireItem{place, splitToWire(&item.Split)}
	}
	return w
}

func (w wireUsageRequest) request() (UsageRequest, error) {
	req := UsageRequest{
		Organization: w.Organization, Subscription: w.Subscription, From: w.From, To: w.To,
		Items: make([]UsageItem, len(w.Items)), Days: w.Days, AtLeast: w.AtLeast, Committed: w.Committed, At: w.At,
	}
	metrics := make([]*aggregator.Metric, len(w.Metrics))
	for i := range w.Metrics {
		var err error
		if metrics[i], err = w.Metrics[i].metric(); err != nil {
			return req, err
		}
	}
	for i, item := range w.Items {
		if item.Metric < 0 || item.Metric >= len(metrics) {
			return req, fmt.Errorf("item %d asks for metric %d of %d", i, item.Metric, len(metrics))
		}
		split, err := item.Split.split()
		if err != nil {
			return req, err
		}
		req.Items[i] = UsageItem{metrics[item.Metric], split}
	}
	return req, nil
}

type wirePresentation struct {
	Values []*string `json:"values"`
	Units  string    `json:"units"`
}

type wireBucket struct {
	Filter       int                `json:"filter"`
	Group        []*string          `json:"group,omitempty"` // nil: the null value
	Units        string             `json:"units"`
	TotalUnits   string             `json:"total_units"`
	EventsCount  int64              `json:"events_count,string"`
	PreciseTotal string             `json:"precise_total"`
	Presentation []wirePresentation `json:"presentation,omitempty"`
	Fold         *wireFoldUsage     `json:"fold,omitempty"`
}

// wireUncounted is how many events did not take part for one reason.
type wireUncounted struct {
	Reason uint8 `json:"reason"`
	Count  int64 `json:"count,string"`
}

type wireItemUsage struct {
	Buckets   []wireBucket    `json:"buckets"`
	Uncounted []wireUncounted `json:"uncounted,omitempty"`
}

type wireUsageAnswer struct {
	LogID     string          `json:"log_id"`
	Partition int32           `json:"partition"`
	Next      int64           `json:"next,string"`
	Items     []wireItemUsage `json:"items"`
}

func usageAnswerToWire(answer UsageAnswer) wireUsageAnswer {
	w := wireUsageAnswer{answer.LogID, answer.Partition, answer.Next, make([]wireItemUsage, len(answer.Items))}
	for i := range answer.Items {
		item := &answer.Items[i]
		w.Items[i].Buckets = make([]wireBucket, len(item.Buckets))
		for j := range item.Buckets {
			w.Items[i].Buckets[j] = bucketToWire(&item.Buckets[j])
		}
		for reason, count := range item.Uncounted {
			if count != 0 {
				w.Items[i].Uncounted = append(w.Items[i].Uncounted, wireUncounted{uint8(reason), count})
			}
		}
	}
	return w
}

func bucketToWire(b *aggregator.BucketUsage) wireBucket {
	w := wireBucket{
		Filter: b.Filter, Group: valuesToWire(b.Group),
		Units: b.Units.String(), TotalUnits: b.TotalUnits.String(),
		EventsCount: b.EventsCount, PreciseTotal: b.PreciseTotal.String(), Fold: foldUsageToWire(b.Fold),
	}
	for _, p := range b.Presentation {
		w.Presentation = append(w.Presentation, wirePresentation{valuesToWire(p.Values), p.Units.String()})
	}
	return w
}

func valuesToWire(values []aggregator.Value) []*string {
	texts := make([]*string, len(values))
	for i := range values {
		if !values[i].Null {
			texts[i] = &values[i].Text
		}
	}
	return texts
}

func valuesFromWire(texts []*string) []aggregator.Value {
	if len(texts) == 0 {
		return nil
	}
	values := make([]aggregator.Value, len(texts))
	for i, text := range texts {
		if text == nil {
			values[i].Null = true
		} else {
			values[i].Text = *text
		}
	}
	return values
}

func (w wireUsageAnswer) answer() (UsageAnswer, error) {
	answer := UsageAnswer{LogID: w.LogID, Partition: w.Partition, Next: w.Next, Items: make([]ItemUsage, len(w.Items))}
	for i := range w.Items {
		item := &answer.Items[i]
		item.Buckets = make([]aggregator.BucketUsage, len(w.Items[i].Buckets))
		for j := range item.Buckets {
			var err error
			if item.Buckets[j], err = w.Items[i].Buckets[j].bucket(); err != nil {
				return UsageAnswer{}, err
			}
		}
		for _, u := range w.Items[i].Uncounted {
			if u.Reason >= uint8(len(item.Uncounted)) {
				return UsageAnswer{}, fmt.Errorf("reason %d is not known", u.Reason)
			}
			item.Uncounted[u.Reason] = u.Count
		}
	}
	return answer, nil
}

func (w *wireBucket) bucket() (aggregator.BucketUsage, error) {
	b := aggregator.BucketUsage{Filter: w.Filter, Group: valuesFromWire(w.Group), EventsCount: w.EventsCount}
	var errs [4]error
	b.Units, errs[0] = readDecimal(w.Units)
	b.TotalUnits, errs[1] = readDecimal(w.TotalUnits)
	b.PreciseTotal, errs[2] = readDecimal(w.PreciseTotal)
	b.Fold, errs[3] = w.Fold.usage()
	if err := errors.Join(errs[:]...); err != nil {
		return b, fmt.Errorf("cannot read units: %w", err)
	}
	for _, p := range w.Presentation {
		units, err := readDecimal(p.Units)
		if err != nil {
			return b, fmt.Errorf("cannot read units: %w", err)
		}
		b.Presentation = append(b.Presentation, aggregator.PresentationUsage{Values: valuesFromWire(p.Values), Units: units})
	}
	return b, nil
}
