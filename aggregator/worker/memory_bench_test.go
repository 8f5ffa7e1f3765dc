package worker

import (
	"flag"
	"fmt"
	"runtime"
	"testing"

	"weir/aggregator"
	"weir/ingest"
)

var memoryCounters = flag.Int("memory.counters", 1_000_000, "counters of BenchmarkCountersMemory")

// BenchmarkCountersMemory says what a counter takes in memory, all that belongs to its series included, and
// beside it what the worker believes it does.
func BenchmarkCountersMemory(b *testing.B) {
	for _, cells := range []int{1, 5, 50} {
		b.Run(fmt.Sprintf("cells=%d", cells), func(b *testing.B) {
			for b.Loop() {
				p := stagePartition(b)
				p.useCatalog()
				p.options.StateBytesMax = 1 << 40 // nothing is to go
				before := heapBytes()
				countCells(b, p, *memoryCounters/cells, cells)
				b.ReportMetric(float64(heapBytes()-before)/float64(*memoryCounters), "B/counter")
				b.ReportMetric(float64(p.stateBytes)/float64(*memoryCounters), "B-estimated/counter")
				runtime.KeepAlive(p)
			}
		})
	}
}

func heapBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// countCells counts an event in each cell of so many series, and writes what there is to a checkpoint.
func countCells(b *testing.B, p *partition, series, cells int) {
	header := ingest.Header{Organization: stageOrganization, ReceivedAt: 1_700_000_000_000_000_000}
	e := ingest.Event{
		TransactionID: []byte("t"), Code: []byte("load_units"), Timestamp: header.ReceivedAt,
		Properties: []ingest.Property{
			{Name: []byte("model"), Kind: ingest.KindString},
			{Name: []byte("region"), Kind: ingest.KindString, Text: []byte("eu-west-1")},
			{Name: []byte("units"), Kind: ingest.KindNumber, Text: []byte("1.5")},
		},
	}
	for i := range series {
		e.Subscription = fmt.Appendf(nil, "load-kx3a9c-%d", i)
		hash := hashSubscription(hashCode(stageOrganization, e.Code), e.Subscription)
		for cell := range cells {
			e.Properties[0].Text = fmt.Appendf(e.Properties[0].Text[:0], "model-%d", cell)
			s, err := p.seriesOf(&header, &e, hash)
			if err == nil {
				err = p.count(s, &e, header.ReceivedAt, 1, new(aggregator.Foreseen))
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	p.freeze()
	p.endCheckpoint()
	p.thawed, p.pending = frozen{}, nil
}
