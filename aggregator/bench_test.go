package aggregator

import (
	"fmt"
	"testing"

	"weir/ingest"
)

// aggregationNames are those of the API.
var aggregationNames = map[Aggregation]string{
	CountAgg: "count", SumAgg: "sum", MaxAgg: "max", LatestAgg: "latest", UniqueCountAgg: "unique_count",
	WeightedSumAgg: "weighted_sum", MinAgg: "min", AvgAgg: "avg", PercentileAgg: "percentile",
}

// stream returns events of some hours, with values that come again, of a few cells.
func stream(n int) []ingest.Event {
	events := make([]ingest.Event, n)
	for i := range events {
		events[i] = ingest.Event{
			TransactionID: fmt.Appendf(nil, "0190a9c8-5a6e-7000-8000-%012d", i*7919%n),
			Timestamp:     int64(i%5)*hourNanos + int64(i),
			Properties: []ingest.Property{
				property("model", ingest.KindString, []string{"small", "large", "huge"}[i%3]),
				property("n", ingest.KindNumber, fmt.Sprintf("%d.%02d", i*31%100, i%100)),
			},
			PreciseTotal: []byte("1.25"),
		}
	}
	return events
}

// TestApplyAllocatesNothing after it has seen the cells and hours; of latest and unique
// counts, which keep an id where an event is later than the one before, when it is not.
func TestApplyAllocatesNothing(t *testing.T) {
	// Not parallel: allocations are counted over the whole process.
	events := stream(300)
	for aggregation := CountAgg; aggregation < aggregationsEnd; aggregation++ {
		for _, precise := range []bool{false, true} {
			s := NewSeries(&Metric{Aggregation: aggregation, FieldName: "n", CellKeys: []string{"model"}, PreciseTotals: precise}, true)
			apply := func() {
				for i := range events {
					if _, ok := s.Apply(&events[i], 0, 0); !ok {
						t.Fatal("too many cells")
					}
				}
			}
			apply()
			if n := testing.AllocsPerRun(10, apply); n != 0 {
				t.Errorf("%s, precise totals %t: %v allocations for %d events", aggregationNames[aggregation], precise, n, len(events))
			}
		}
	}
}

// BenchmarkApply is one event taken into counters that exist.
func BenchmarkApply(b *testing.B) {
	events := stream(3000)
	for aggregation := CountAgg; aggregation < aggregationsEnd; aggregation++ {
		b.Run(aggregationNames[aggregation], func(b *testing.B) {
			b.ReportAllocs()
			s := NewSeries(&Metric{Aggregation: aggregation, FieldName: "n", CellKeys: []string{"model"}}, true)
			for i := 0; b.Loop(); i++ {
				if _, ok := s.Apply(&events[i%len(events)], 0, ingest.Position(i)); !ok {
					b.Fatal("too many cells")
				}
			}
		})
	}
	expression, err := ingest.ParseExpression("event.properties.n * 2")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("sum of an expression", func(b *testing.B) {
		b.ReportAllocs()
		s := NewSeries(&Metric{Aggregation: SumAgg, Expression: expression, CellKeys: []string{"model"}}, true)
		for i := 0; b.Loop(); i++ {
			s.Apply(&events[i%len(events)], 0, ingest.Position(i))
		}
	})
}

// BenchmarkBuckets is an answer made of a reducer of a thousand cells.
func BenchmarkBuckets(b *testing.B) {
	for _, aggregation := range []Aggregation{SumAgg, UniqueCountAgg, PercentileAgg} {
		b.Run(aggregationNames[aggregation], func(b *testing.B) {
			b.ReportAllocs()
			r := NewReducer(&Metric{Aggregation: aggregation, FieldName: "n", CellKeys: []string{"model", "n"}, Percentile: hundred}, Span{0, 100 * hourNanos})
			for i := range 1000 {
				e := at(int64(i), fmt.Sprint(i), fmt.Sprint(i))
				r.AddEvent(e, 0, 0)
			}
			split := &Split{GroupKeys: []string{"n"}}
			for b.Loop() {
				if _, err := r.Buckets(split); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
