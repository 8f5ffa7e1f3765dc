package worker

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
	"weir/ingest/eventlog"
)

var (
	stageEvents        = flag.Int("stages.events", 500_000, "events of BenchmarkStages")
	stageSubscriptions = flag.Int("stages.subscriptions", 20_000, "subscriptions of BenchmarkStages")
)

// stageModels and stageRegions are the values that the charges of the metric filter by: cells.
var (
	stageModels  = []string{"gpt-large", "gpt-small", "gpt-tiny", "embedding", "rerank"}
	stageRegions = []string{"eu-west-1"}
)

var stageOrganization = uuid.MustParse("0b7c3a52-77d5-4f5e-9f3a-3c1f0f9b0001")

// loadRecords makes framed records of the shape that the load generator sends: many subscriptions
// by Zipf's law, one metric of several cells, every id a new one.
func loadRecords(events, perRecord, subscriptions int) []eventlog.Record {
	random := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(random, 1.1, 1, uint64(subscriptions-1))
	records := make([]eventlog.Record, 0, events/perRecord)
	list := make([]ingest.Event, perRecord)
	for id := 0; len(records) < cap(records); {
		received := 1_700_000_000_000_000_000 + int64(id)*2000
		for i := range list {
			list[i] = loadEvent(random, id, int(zipf.Uint64()), received)
			id++
		}
		header := ingest.Header{Organization: stageOrganization, ReceivedAt: received}
		value := ingest.AppendRecord(nil, header, list)
		records = append(records, eventlog.Record{Offset: int64(len(records)), Time: received, Value: value})
	}
	return records
}

func loadEvent(random *rand.Rand, id, subscription int, now int64) ingest.Event {
	return ingest.Event{
		TransactionID: fmt.Appendf(nil, "kx3a9c-%d-%d", id%32, id),
		Subscription:  fmt.Appendf(nil, "load-kx3a9c-%d", subscription),
		Code:          []byte("load_units"),
		Timestamp:     now / int64(time.Millisecond) * int64(time.Millisecond),
		Properties: []ingest.Property{
			{Name: []byte("model"), Kind: ingest.KindString, Text: []byte(stageModels[random.IntN(len(stageModels))])},
			{Name: []byte("region"), Kind: ingest.KindString, Text: []byte(stageRegions[random.IntN(len(stageRegions))])},
			{Name: []byte("units"), Kind: ingest.KindNumber, Text: fmt.Appendf(nil, "%d.%03d", random.IntN(1000), random.IntN(1000))},
		},
	}
}

// stagePartition is a partition that counts them, without its goroutines.
func stagePartition(tb testing.TB) *partition {
	tb.Helper()
	catalog := aggregator.NewCatalog(1, []*aggregator.Metric{{
		Organization: stageOrganization, Code: "load_units", Aggregation: aggregator.SumAgg, FieldName: "units", CellKeys: []string{"model", "region"},
	}})
	p := applyPartition(tb)
	p.options.Catalog = func() *aggregator.Catalog { return catalog }
	return p
}

// groupsOf makes the groups that a reader would of records.
func groupsOf(records []eventlog.Record) []*group {
	var groups []*group
	for len(records) > 0 {
		g := new(group)
		records = records[g.fill(records):]
		groups = append(groups, g)
	}
	return groups
}

func (g *group) fill(records []eventlog.Record) int {
	g.reset()
	n := 0
	for n < len(records) && !g.full() {
		g.add(&records[n], 0, 1)
		n++
	}
	return n
}

// BenchmarkStages is what one event costs at each step of its way, for records of the load's shape.
func BenchmarkStages(b *testing.B) {
	for _, perRecord := range []int{6, 60} {
		records := loadRecords(*stageEvents, perRecord, *stageSubscriptions)
		events := len(records) * perRecord
		each := func(name string, run func(b *testing.B)) {
			b.Run(fmt.Sprintf("%s/record=%d", name, perRecord), func(b *testing.B) {
				b.ReportAllocs()
				run(b)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
			})
		}
		each("parse", func(b *testing.B) {
			var batch ingest.Batch
			for b.Loop() {
				for i := range records {
					if i%100 == 0 {
						batch.Reset()
					}
					if _, err := batch.ParseRecord(records[i].Value, 0); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		each("read", func(b *testing.B) {
			g := new(group)
			for b.Loop() {
				for rest := records; len(rest) > 0; {
					rest = rest[g.fill(rest):]
				}
			}
		})
		groups := groupsOf(records)
		each("count", func(b *testing.B) {
			p := stagePartition(b)
			p.useCatalog()
			countGroups(b, p, groups)
			for b.Loop() {
				countGroups(b, p, groups)
			}
		})
		each("keep", func(b *testing.B) {
			p := stagePartition(b)
			countGroups(b, p, groups)
			for b.Loop() {
				keepGroups(b, p, groups)
			}
		})
		each("apply", func(b *testing.B) {
			p := stagePartition(b)
			for _, g := range groups {
				if err := p.apply(g); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				b.StopTimer()
				p.forgetIDs() // the same ids come again
				b.StartTimer()
				for _, g := range groups {
					if err := p.apply(g); err != nil {
						b.Fatal(err)
					}
					if p.pending.Bytes() > 16<<20 {
						p.pending = store.NewPending(p.pending)
					}
				}
			}
		})
		each("freeze", func(b *testing.B) {
			p := stagePartition(b)
			for b.Loop() {
				b.StopTimer()
				p.pending = new(store.Pending)
				p.forgetIDs()
				for _, g := range groups {
					if err := p.apply(g); err != nil {
						b.Fatal(err)
					}
				}
				p.pending = new(store.Pending)
				b.StartTimer()
				p.freeze()
				b.StopTimer()
				p.endCheckpoint()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/freeze")
		})
	}
}

func countGroups(b *testing.B, p *partition, groups []*group) {
	for _, g := range groups {
		for i := range g.records {
			r := &g.records[i]
			for at := r.from; at < r.to; at++ {
				if at%touchedAtATime == 0 {
					p.foresee(g, i, at, min(at+touchedAtATime, len(g.events)))
				}
				e := &g.batch.Events[at]
				s, err := p.seriesOf(&r.header, e, g.events[at].series)
				if err == nil {
					err = p.count(s, e, r.header.ReceivedAt, ingest.PositionOf(r.offset, at-r.from), p.toucher.of(at))
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

func keepGroups(b *testing.B, p *partition, groups []*group) {
	name := &store.SeriesName{Number: 1, Subscription: "s", Code: "c"}
	for _, g := range groups {
		if p.pending.Bytes() > 16<<20 {
			p.pending = store.NewPending(p.pending)
		}
		for i := range g.records {
			r := &g.records[i]
			for at := r.from; at < r.to; at++ {
				p.pending.Append(name, g.events[at].id, g.events[at].content, &g.batch.Events[at], ingest.PositionOf(r.offset, at-r.from), r.header.ReceivedAt)
			}
		}
	}
}

func (p *partition) forgetIDs() { p.recent = recentIDs{} }
