package worker_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/bench/oracle"
	"weir/ingest"
)

// What the oracle speaks of, in the words of the engine.

var engineAggregations = map[oracle.Aggregation]aggregator.Aggregation{
	oracle.CountAgg:       aggregator.CountAgg,
	oracle.SumAgg:         aggregator.SumAgg,
	oracle.MaxAgg:         aggregator.MaxAgg,
	oracle.MinAgg:         aggregator.MinAgg,
	oracle.AvgAgg:         aggregator.AvgAgg,
	oracle.LatestAgg:      aggregator.LatestAgg,
	oracle.UniqueCountAgg: aggregator.UniqueCountAgg,
	oracle.WeightedSumAgg: aggregator.WeightedSumAgg,
	oracle.PercentileAgg:  aggregator.PercentileAgg,
}

// engineMetric returns the metric, its cells split by what the splits look at.
func engineMetric(organization uuid.UUID, m oracle.Metric, splits []oracle.Split) *aggregator.Metric {
	metric := &aggregator.Metric{
		Organization: organization, Code: m.Code, Aggregation: engineAggregations[m.Aggregation], FieldName: m.Field,
		Recurring: m.Recurring, PreciseTotals: true,
	}
	if m.Expression != nil {
		expression, err := ingest.ParseExpression(m.Expression.Text)
		if err != nil {
			panic(fmt.Sprintf("BUG: expression %q: %v", m.Expression.Text, err))
		}
		metric.Expression = expression
	}
	if m.Percentile != nil {
		metric.Percentile = engineDecimal(m.Percentile)
	}
	if !m.ReceivedFrom.IsZero() {
		metric.ReceivedFrom = m.ReceivedFrom.UnixNano()
	}
	for _, s := range splits {
		split := engineSplit(m, s)
		metric.CellKeys = append(metric.CellKeys, split.Keys()...)
	}
	slices.Sort(metric.CellKeys)
	metric.CellKeys = slices.Compact(metric.CellKeys)
	return metric
}

func engineDecimal(x *big.Rat) decimal.Decimal {
	digits, exact := x.FloatPrec()
	if !exact {
		panic("BUG: no decimal: " + x.RatString())
	}
	return decimal.RequireFromString(x.FloatString(digits))
}

func engineSplit(m oracle.Metric, s oracle.Split) aggregator.Split {
	split := aggregator.Split{GroupKeys: s.GroupKeys, PresentationKeys: s.PresentationKeys, Fold: engineFold(s.Fold)}
	for _, f := range s.Filters {
		filter := aggregator.Filter{GroupKeys: f.GroupKeys, PresentationKeys: f.PresentationKeys, Fold: engineFold(f.Fold)}
		for _, key := range slices.Sorted(maps.Keys(f.Values)) {
			condition := aggregator.FilterCondition{Key: key, Values: f.Values[key]}
			if slices.Equal(condition.Values, []string{oracle.AllValues}) {
				condition.Values, condition.Wildcard = m.Declared[key], true
			}
			filter.Conditions = append(filter.Conditions, condition)
		}
		split.Filters = append(split.Filters, filter)
	}
	return split
}

// engineEvent returns an entry of the log as the engine parses it.
func engineEvent(e oracle.Event) ingest.Event {
	event := ingest.Event{
		TransactionID: []byte(e.TransactionID), Subscription: []byte(e.Subscription), Revision: uint32(e.Revision),
	}
	if e.Cancelled {
		event.Entry = ingest.EntryCancellation
		return event
	}
	if e.Revision > 0 {
		event.Entry = ingest.EntryAmendment
	}
	event.Code, event.Timestamp = []byte(e.Code), e.Time.UnixNano()
	if e.PreciseTotal != "" {
		event.PreciseTotal = []byte(e.PreciseTotal)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Properties)) {
		p := ingest.Property{Name: []byte(name)}
		switch v := e.Properties[name].(type) {
		case nil:
			p.Kind = ingest.KindNull
		case bool:
			p.Kind = ingest.KindFalse
			if v {
				p.Kind = ingest.KindTrue
			}
		case string:
			p.Kind, p.Text = ingest.KindString, []byte(v)
		case json.Number:
			p.Kind, p.Text = ingest.KindNumber, []byte(v)
		default:
			p.Kind, p.Text = ingest.KindNested, mustJSON(v)
		}
		event.Properties = append(event.Properties, p)
	}
	return event
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("BUG: not JSON: %v", err))
	}
	return b
}

// jsonRecord returns an event as a producer writes it straight to the log.
func jsonRecord(organization uuid.UUID, e oracle.Event) []byte {
	members := map[string]any{
		"organization_id": organization.String(), "transaction_id": e.TransactionID, "external_subscription_id": e.Subscription,
		"code": e.Code, "timestamp": json.Number(fmt.Sprintf("%d.%09d", e.Time.Unix(), e.Time.Nanosecond())), "properties": e.Properties,
	}
	if e.PreciseTotal != "" {
		members["precise_total_amount_cents"] = e.PreciseTotal
	}
	return mustJSON(members)
}

var engineReasons = map[oracle.Reason]aggregator.Reason{
	oracle.MissingProperty:  aggregator.MissingProperty,
	oracle.NotANumber:       aggregator.NotANumber,
	oracle.ExpressionFailed: aggregator.ExpressionFailed,
}

// difference says in what the engine's answer is not the oracle's, "" when it is.
//
// What opens a period of a recurring weighted sum may come to nothing in a bucket without
// events: the oracle leaves such a bucket out, the engine may show it.
func difference(m oracle.Metric, want oracle.Result, got query.ItemUsage) string {
	var uncounted aggregator.Uncounted
	for reason, n := range want.LeftOut {
		uncounted[engineReasons[reason]] = int64(n)
	}
	if got.Uncounted != uncounted {
		return fmt.Sprintf("uncounted are %v, want %v", got.Uncounted, uncounted)
	}
	opens := m.Recurring && m.Aggregation == oracle.WeightedSumAgg
	buckets := got.Buckets
	for _, w := range want.Buckets {
		for opens && len(buckets) > 0 && !sameBucket(w, buckets[0]) && isNothing(buckets[0]) {
			buckets = buckets[1:]
		}
		if len(buckets) == 0 {
			return fmt.Sprintf("bucket %d %v is missing", w.Filter, w.Group)
		}
		if d := bucketDifference(w, buckets[0], opens); d != "" {
			return fmt.Sprintf("bucket %d %v: %s", w.Filter, w.Group, d)
		}
		buckets = buckets[1:]
	}
	for _, b := range buckets {
		if !opens || !isNothing(b) {
			return fmt.Sprintf("a bucket too many: %+v", b)
		}
	}
	return ""
}

func isNothing(b aggregator.BucketUsage) bool { return b.EventsCount == 0 && b.Units.IsZero() }

func sameBucket(want oracle.Bucket, got aggregator.BucketUsage) bool {
	return want.Filter == got.Filter && sameValues(want.Group, got.Group)
}

func sameValues(want []oracle.Value, got []aggregator.Value) bool {
	return slices.EqualFunc(want, got, func(w oracle.Value, g aggregator.Value) bool { return w.Null == g.Null && w.Text == g.Text })
}

func bucketDifference(want oracle.Bucket, got aggregator.BucketUsage, opens bool) string {
	closing := want.Units
	if want.Closing != nil {
		closing = want.Closing
	}
	switch {
	case !sameBucket(want, got):
		return fmt.Sprintf("there is %d %v", got.Filter, got.Group)
	case !sameNumber(want.Units, got.Units):
		return fmt.Sprintf("units are %s, want %s", got.Units, want.Units.FloatString(40))
	case !sameNumber(closing, got.TotalUnits):
		return fmt.Sprintf("total units are %s, want %s", got.TotalUnits, closing.FloatString(40))
	case int64(want.Events) != got.EventsCount:
		return fmt.Sprintf("there are %d events, want %d", got.EventsCount, want.Events)
	case !sameNumber(want.PreciseTotal, got.PreciseTotal):
		return fmt.Sprintf("precise total is %s, want %s", got.PreciseTotal, want.PreciseTotal.FloatString(40))
	}
	shares := got.Presentation
	for _, w := range want.Presentation {
		for opens && len(shares) > 0 && !sameValues(w.Values, shares[0].Values) && shares[0].Units.IsZero() {
			shares = shares[1:]
		}
		if len(shares) == 0 || !sameValues(w.Values, shares[0].Values) || !sameNumber(w.Units, shares[0].Units) {
			return fmt.Sprintf("presentation is %+v, want %+v", got.Presentation, want.Presentation)
		}
		shares = shares[1:]
	}
	for _, s := range shares {
		if !opens || !s.Units.IsZero() {
			return fmt.Sprintf("presentation has one too many: %+v", s)
		}
	}
	return ""
}

func sameNumber(want *big.Rat, got decimal.Decimal) bool { return got.Rat().Cmp(want) == 0 }
