package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
	"weir/ingest/eventlog"
)

// BenchmarkApplyRunning is BenchmarkApply with running totals of every series in so many periods.
func BenchmarkApplyRunning(b *testing.B) {
	records := tokenRecords(2000)
	for periods := range 3 {
		b.Run(fmt.Sprintf("periods-%d", periods), func(b *testing.B) {
			p, g := applyPartition(b), new(group)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(records) == 0 {
					b.StopTimer()
					p.recent = recentIDs{} // the same ids come again
					if i > 0 {
						p.freeze()
						p.endCheckpoint()
					}
					b.StartTimer()
				}
				if err := p.takeRecord(g, &records[i%len(records)]); err != nil {
					b.Fatal(err)
				}
				if i == 0 {
					p.beginAll(b, periods)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*recordEvents), "ns/event")
		})
	}
}

const (
	hourNanos = int64(time.Hour)
	dayNanos  = 24 * hourNanos
	midnight  = 1_699_920_000 * int64(time.Second)
)

// BenchmarkUsageRange makes usage of windows, from a checkpoint: of 31 days between two odd
// instants, and of a recurring metric that began ten years ago. There are 4 cells, and 4 events
// an hour; the hours at the range's edges have as many as the name says.
func BenchmarkUsageRange(b *testing.B) {
	sum := &aggregator.Metric{Aggregation: aggregator.SumAgg, FieldName: "tokens", CellKeys: []string{"model"}}
	weighted := &aggregator.Metric{Aggregation: aggregator.WeightedSumAgg, FieldName: "tokens", CellKeys: []string{"model"}, Recurring: true}
	recurring := &aggregator.Metric{Aggregation: aggregator.SumAgg, FieldName: "tokens", CellKeys: []string{"model"}, Recurring: true}
	unique := &aggregator.Metric{Aggregation: aggregator.UniqueCountAgg, FieldName: "tokens", CellKeys: []string{"model"}, Recurring: true}
	for _, c := range []struct {
		name   string
		metric *aggregator.Metric
		days   int // of history
		edge   int // more events in the range's first hour and its last
	}{
		{"31-days", sum, 33, 0},
		{"31-days/edges-10000", sum, 33, 10_000},
		{"10-years-recurring-sum", recurring, 3653, 0},
		{"10-years-recurring-weighted", weighted, 3653, 0},
		{"10-years-recurring-unique", unique, 3653, 0}, // 16 members
	} {
		b.Run(c.name, func(b *testing.B) {
			p := applyPartition(b)
			metric := *c.metric
			metric.Organization, metric.Code = uuid.UUID{1}, "tokens"
			p.catalog = aggregator.NewCatalog(1, []*aggregator.Metric{&metric})
			catalog := p.catalog
			options := *p.options
			options.Catalog = func() *aggregator.Catalog { return catalog }
			p.options = &options
			first := midnight - int64(c.days-2)*dayNanos
			period := aggregator.Span{From: midnight - 30*dayNanos + 17*hourNanos/60, To: midnight + dayNanos + 43*hourNanos/60}
			p.fillHours(b, first, c.days*24, nil)
			p.fillHours(b, period.From, 1, make([]struct{}, c.edge))
			p.fillHours(b, period.To-hourNanos/2, 1, make([]struct{}, c.edge))
			if err := p.lastCheckpoint(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				p.usageOfWindows(b, &metric, period)
			}
		})
	}
}

// fillHours counts 4 events in each of some hours, or as many as more has in a few minutes.
func (p *partition) fillHours(b *testing.B, from int64, hours int, more []struct{}) {
	b.Helper()
	g := new(group)
	count := 4 * hours
	step := hourNanos / 4
	if more != nil {
		count, step = len(more), 1
	}
	for at := 0; at < count; {
		var events []ingest.Event
		for ; at < count && len(events) < 1000; at++ {
			events = append(events, ingest.Event{
				TransactionID: fmt.Appendf(nil, "%d-%d", from, at),
				Subscription:  []byte("subscription"), Code: []byte("tokens"), Timestamp: from + int64(at)*step,
				Properties: []ingest.Property{
					{Name: []byte("model"), Kind: ingest.KindString, Text: fmt.Appendf(nil, "model-%d", at%4)},
					{Name: []byte("tokens"), Kind: ingest.KindNumber, Text: fmt.Appendf(nil, "%d.25", at%16)},
				},
			})
		}
		header := ingest.Header{Organization: uuid.UUID{1}, ReceivedAt: midnight}
		record := eventlog.Record{Offset: p.next, Value: ingest.AppendRecord(nil, header, events)}
		if err := p.takeRecord(g, &record); err != nil {
			b.Fatal(err)
		}
	}
}

func (p *partition) usageOfWindows(b *testing.B, metric *aggregator.Metric, period aggregator.Span) {
	b.Helper()
	snapshot, err := p.store.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	defer snapshot.Close()
	scan := usageScan{
		ctx: context.Background(), view: snapshot.View(), period: period, committed: true,
		wanted: &wanted{metric: metric, definition: metric.Definition()}, reducer: aggregator.NewReducer(metric, period),
		name: store.SeriesName{Organization: metric.Organization, Subscription: "subscription", Code: "tokens"},
	}
	if quick, err := scan.run(); !quick || err != nil {
		b.Fatalf("not made of counters: %v", err)
	}
	buckets, err := scan.reducer.Buckets(&aggregator.Split{})
	if err != nil || len(buckets) != 1 || buckets[0].EventsCount < 4*24*31 {
		b.Fatalf("buckets are %+v, %v", buckets, err)
	}
}

// BenchmarkRunningAdd is what a running total costs an event that it takes: by how many periods have one.
func BenchmarkRunningAdd(b *testing.B) {
	for periods := range 3 {
		b.Run(fmt.Sprintf("periods-%d", periods), func(b *testing.B) {
			p, g := applyPartition(b), new(group)
			record := tokenRecords(1)[0]
			if err := p.takeRecord(g, &record); err != nil {
				b.Fatal(err)
			}
			p.beginAll(b, periods)
			event := &g.batch.Events[0]
			s, err := p.seriesOf(&g.records[0].header, event, g.events[0].series)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if s.running != nil {
					s.running.add(event, midnight, 1)
				}
			}
		})
	}
}
