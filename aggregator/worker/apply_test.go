package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
	"weir/ingest/eventlog"
)

// oneLog is a log of one partition that nobody reads.
type oneLog struct{ eventlog.Log }

func (oneLog) Identity() eventlog.Identity { return eventlog.Identity{ID: "l", Partitions: 1} }

// applyPartition returns the state of a partition that counts, without its goroutines.
func applyPartition(tb testing.TB) *partition {
	tb.Helper()
	organization := uuid.UUID{1}
	catalog := aggregator.NewCatalog(1, []*aggregator.Metric{{
		Organization: organization, Code: "tokens", Aggregation: aggregator.SumAgg, FieldName: "tokens", CellKeys: []string{"model"},
	}})
	w, err := New(Options{
		Log: oneLog{}, Assignor: eventlog.AllPartitions(1), Dir: "/s", FS: vfs.NewMem(),
		Catalog: func() *aggregator.Catalog { return catalog },
	})
	if err != nil {
		tb.Fatal(err)
	}
	p := newPartition(w, 0, nil)
	p.store, err = store.Open("/s", store.Options{FS: vfs.NewMem()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.store.Close(); err != nil {
			tb.Error(err)
		}
	})
	p.pending, p.seriesNext = new(store.Pending), 1
	return p
}

const recordEvents = 100

// tokenRecords makes records of events of 50 subscriptions and 4 models, every id a new one.
func tokenRecords(n int) []eventlog.Record {
	records := make([]eventlog.Record, n)
	for i := range records {
		events := make([]ingest.Event, recordEvents)
		for j := range events {
			id := i*recordEvents + j
			events[j] = ingest.Event{
				TransactionID: fmt.Appendf(nil, "transaction-%012d", id),
				Subscription:  fmt.Appendf(nil, "subscription-%04d", id%50),
				Code:          []byte("tokens"),
				Timestamp:     1_700_000_000_000_000_000 + int64(id%1000)*int64(time.Millisecond),
				Properties: []ingest.Property{
					{Name: []byte("model"), Kind: ingest.KindString, Text: fmt.Appendf(nil, "model-%d", id%4)},
					{Name: []byte("region"), Kind: ingest.KindString, Text: []byte("eu-west-1")},
					{Name: []byte("tokens"), Kind: ingest.KindNumber, Text: fmt.Appendf(nil, "%d.25", id%4096)},
				},
			}
		}
		header := ingest.Header{Organization: uuid.UUID{1}, ReceivedAt: 1_700_000_000_000_000_000}
		records[i] = eventlog.Record{Offset: int64(i), Value: ingest.AppendRecord(nil, header, events)}
	}
	return records
}

// takeRecord does with a record what reader and owner do between them.
func (p *partition) takeRecord(g *group, r *eventlog.Record) error {
	g.reset()
	g.add(r, 0, 1)
	return p.apply(g)
}

// reserve makes room in the index for ids: growing allocates.
func (r *recentIDs) reserve(ids int) {
	for i := range r.index.shards {
		shard := &r.index.shards[i]
		for shard.room < 2*ids/len(r.index.shards) {
			shard.room = 0 // it grows when nothing can go
			r.index.renew(shard, r.live())
		}
	}
}

func TestApplyAllocatesNothing(t *testing.T) {
	p, g := applyPartition(t), new(group)
	const runs = 50
	records := tokenRecords(20 + runs + 1)
	for i := range 20 {
		if err := p.takeRecord(g, &records[i]); err != nil {
			t.Fatal(err)
		}
	}
	// Room as after the first checkpoints and for some ids; its growth is not an event's.
	p.pending.Grow(10_000, 100*10_000)
	p.recent.reserve(20_000)
	at := 20
	allocations := testing.AllocsPerRun(runs, func() {
		if err := p.takeRecord(g, &records[at]); err != nil {
			t.Fatal(err)
		}
		at++
	})
	if allocations != 0 && !raceEnabled {
		t.Errorf("%v allocations for a record of %d events, want 0", allocations, recordEvents)
	}
	if want := int64((20 + runs + 1) * recordEvents); p.totals.Events != want {
		t.Errorf("%d events were counted, want %d", p.totals.Events, want)
	}
}

// BenchmarkApply is one event's way from the log's bytes to the counters, in
// records of 100, with a checkpoint begun and ended each 200,000 events.
func BenchmarkApply(b *testing.B) {
	records := tokenRecords(20_000)
	for _, stage := range []struct {
		name string
		take func(*partition, *group, *eventlog.Record) error
	}{
		{"parse", func(_ *partition, g *group, r *eventlog.Record) error { g.reset(); g.add(r, 0, 1); return nil }},
		{"parse+apply", (*partition).takeRecord},
	} {
		b.Run(stage.name, func(b *testing.B) {
			p, g := applyPartition(b), new(group)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(records) == 0 {
					b.StopTimer()
					p.recent = recentIDs{} // the same ids come again
					b.StartTimer()
				}
				if err := stage.take(p, g, &records[i%len(records)]); err != nil {
					b.Fatal(err)
				}
				if i%2000 == 1999 {
					p.freeze()
					p.endCheckpoint()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*recordEvents), "ns/event")
		})
	}
}

// BenchmarkCheckpoint writes checkpoints of 200,000 events each.
func BenchmarkCheckpoint(b *testing.B) {
	records := tokenRecords(2000)
	for b.Loop() {
		b.StopTimer()
		p, g := applyPartition(b), new(group)
		for i := range records {
			if err := p.takeRecord(g, &records[i]); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		p.freeze()
		if err := p.writing.write(p.store); err != nil {
			b.Fatal(err)
		}
		p.endCheckpoint()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)*recordEvents), "ns/event")
}
