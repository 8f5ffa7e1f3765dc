package worker

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
	"weir/ingest/eventlog"
)

var rebuildEvents = flag.Int("rebuild.events", 2_000_000, "events of BenchmarkRebuild")

// BenchmarkRebuild makes the counters of one series anew from the events of 31 days.
func BenchmarkRebuild(b *testing.B) {
	p := applyPartition(b)
	p.options.RecentIDsMax = 4 * *rebuildEvents // filling the store is not what is measured
	fillSeries(b, p, *rebuildEvents, 31*24*time.Hour)
	for _, metric := range []*aggregator.Metric{
		{Aggregation: aggregator.CountAgg},
		{Aggregation: aggregator.SumAgg, FieldName: "tokens", CellKeys: []string{"model", "region"}},
		{Aggregation: aggregator.WeightedSumAgg, FieldName: "tokens", CellKeys: []string{"model"}},
		{Aggregation: aggregator.UniqueCountAgg, FieldName: "tokens"}, // 4096 members: 3 million counters, in chunks
	} {
		b.Run(fmt.Sprintf("aggregation-%d", metric.Aggregation), func(b *testing.B) {
			for b.Loop() {
				rebuildOnce(b, p, metric)
			}
			b.ReportMetric(float64(b.N**rebuildEvents)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func rebuildOnce(b *testing.B, p *partition, metric *aggregator.Metric) {
	b.Helper()
	for s := range p.series.all() {
		snapshot, err := p.store.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		definition := metric.Definition()
		work := rebuilder{
			store: p.store, snapshot: snapshot, name: s.name, definition: definition, chunkMax: chunkCountersMax,
			counters: aggregator.NewSeries(metric, true), chunk: store.NewCounters(s.name.Number, definition),
		}
		if err := work.run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecount counts one hour of 20,000 events again, as after a correction of what
// can't be taken out of counters.
func BenchmarkRecount(b *testing.B) {
	const events = 20_000
	p := applyPartition(b)
	catalog := aggregator.NewCatalog(1, []*aggregator.Metric{{Organization: uuid.UUID{1}, Code: "tokens", Aggregation: aggregator.MaxAgg, FieldName: "tokens"}})
	p.options.Catalog = func() *aggregator.Catalog { return catalog }
	fillSeries(b, p, events, time.Hour)
	for b.Loop() {
		for s := range p.series.all() {
			s.stale.note(aggregator.HourOf(1_699_920_000_000_000_000), 0)
			if err := p.recount(s); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
}

// fillSeries puts events of one series, spread over a time, into checkpoints of the partition's store.
func fillSeries(b testing.TB, p *partition, n int, over time.Duration) {
	b.Helper()
	const perRecord, perCheckpoint = 1000, 200_000
	g := new(group)
	step := int64(over) / int64(n)
	for i := range n / perRecord {
		events := make([]ingest.Event, perRecord)
		for j := range events {
			id := i*perRecord + j
			events[j] = ingest.Event{
				TransactionID: fmt.Appendf(nil, "transaction-%012d", id),
				Subscription:  []byte("subscription"),
				Code:          []byte("tokens"),
				Timestamp:     1_699_920_000_000_000_000 + int64(id)*step,
				Properties: []ingest.Property{
					{Name: []byte("model"), Kind: ingest.KindString, Text: fmt.Appendf(nil, "model-%d", id%4)},
					{Name: []byte("region"), Kind: ingest.KindString, Text: []byte("eu-west-1")},
					{Name: []byte("tokens"), Kind: ingest.KindNumber, Text: fmt.Appendf(nil, "%d.25", id%4096)},
				},
			}
		}
		header := ingest.Header{Organization: uuid.UUID{1}, ReceivedAt: 1_700_000_000_000_000_000}
		record := eventlog.Record{Offset: int64(i), Value: ingest.AppendRecord(nil, header, events)}
		if err := p.takeRecord(g, &record); err != nil {
			b.Fatal(err)
		}
		if (i+1)*perRecord%perCheckpoint == 0 || (i+1)*perRecord == n {
			if err := p.lastCheckpoint(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
