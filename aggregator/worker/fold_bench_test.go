package worker

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
)

// BenchmarkFold walks the events of one series of 31 days, from a checkpoint, as a fold does: what it costs an event
// of the period. "read" is the walk of a metric that none of them takes part in.
func BenchmarkFold(b *testing.B) {
	const events = 200_000
	p := applyPartition(b)
	p.options.RecentIDsMax = 4 * events
	fillSeries(b, p, events, 31*24*time.Hour)
	number := decimal.RequireFromString
	most := number("5")
	tiers := []decimal.Decimal{number("1000"), number("100000"), number("10000000")}
	sum := aggregator.Metric{Aggregation: aggregator.SumAgg, FieldName: "tokens", CellKeys: []string{"model"}}
	none, seats, unique := sum, sum, sum
	none.FieldName, seats.Recurring = "nothing", true
	unique.Aggregation, unique.Recurring = aggregator.UniqueCountAgg, true // 4096 members
	allowance := &aggregator.Allowance{Units: number("1000000")}
	transaction := &aggregator.Transaction{Rate: number("1.4"), Fixed: number("0.25"), Min: number("0.5"), Max: &most}
	for _, c := range []struct {
		name   string
		metric aggregator.Metric
		split  aggregator.Split
	}{
		{"read", none, aggregator.Split{Fold: &aggregator.Fold{Allowance: allowance}}},
		{"allowance", sum, aggregator.Split{Fold: &aggregator.Fold{Allowance: allowance}}},
		{"transactions", sum, aggregator.Split{Fold: &aggregator.Fold{Allowance: allowance, Transaction: transaction}}},
		{"transactions-by-group", sum, aggregator.Split{
			GroupKeys: []string{"model"}, Fold: &aggregator.Fold{Allowance: allowance, Transaction: transaction},
		}},
		{"prorated-sum", seats, aggregator.Split{Fold: &aggregator.Fold{Prorated: true}}},
		{"prorated-sum-tiers", seats, aggregator.Split{Fold: &aggregator.Fold{Prorated: true, Tiers: tiers}}},
		{"prorated-unique-count-tiers", unique, aggregator.Split{Fold: &aggregator.Fold{Prorated: true, Tiers: tiers}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			metric := c.metric
			metric.Organization, metric.Code = uuid.UUID{1}, "tokens"
			req := foldRequest(&metric, c.split, 32)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.foldsOf(b.Context(), new(query.Budget), &req); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
		})
	}
}

// foldRequest asks for the usage of fillSeries' events in some days, as of a checkpoint.
func foldRequest(metric *aggregator.Metric, split aggregator.Split, days int) query.UsageRequest {
	req := query.UsageRequest{
		Organization: uuid.UUID{1}, Subscription: "subscription", Committed: true,
		From: time.Unix(0, midnight), Items: []query.UsageItem{{Metric: metric, Split: split}},
	}
	for day := range days {
		req.Days = append(req.Days, req.From.AddDate(0, 0, day))
	}
	req.To = req.Days[days-1]
	return req
}

// foldsOf gives a question's one item a bucket for everything, and its folds.
func (p *partition) foldsOf(ctx context.Context, budget *query.Budget, req *query.UsageRequest) (*aggregator.FoldUsage, error) {
	wanted, period := wantedBy(req), aggregator.SpanOf(req.From, req.To)
	snapshot, err := p.store.Snapshot()
	if err != nil {
		return nil, err
	}
	v := &view{stored: snapshot.View(), series: make([]*seriesView, len(wanted))}
	defer v.close()
	held := budget.Reserve()
	defer held.Release()
	u := usages{partition: p, ctx: ctx, req: req, view: v, wanted: wanted, period: period, held: &held}
	items := []query.ItemUsage{{Buckets: []aggregator.BucketUsage{{Filter: aggregator.NoFilter}}}}
	if len(req.Items[0].Split.GroupKeys) > 0 {
		items[0].Buckets[0].Group = []aggregator.Value{{Text: "model-0"}}
	}
	if err := u.folds(items); err != nil {
		return nil, err
	}
	return items[0].Buckets[0].Fold, nil
}
