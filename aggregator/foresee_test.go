package aggregator

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/ingest"
)

// TestForeseen: what is applied as it was foreseen, some events ahead, leaves the counters and gives the reasons that
// Apply alone does; also for events of another series, of cells that were new when they were foreseen, of
// more cells than are looked through, and of cells that are not shared.
func TestForeseen(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	long := strings.Repeat("x", sharedKeyBytesMax)
	event := func(n int) *ingest.Event {
		e := at(rng.Int64N(30)*hourNanos+rng.Int64N(hourNanos), fmt.Sprint(n), fmt.Sprint(rng.IntN(100), ".5"))
		switch rng.IntN(10) {
		case 0:
			e.Properties = nil // missing
		case 1:
			e.Properties[0].Kind, e.Properties[0].Text = ingest.KindString, []byte("x") // not a number
		case 2:
			e.Properties[0].Text = []byte("1e30") // wide
		}
		if rng.IntN(4) > 0 { // before n, as the order of names has it: n then stands elsewhere
			model := property("model", ingest.KindString, fmt.Sprint("m", rng.IntN(2*cellsScannedMax)))
			if rng.IntN(20) == 0 {
				model.Text = []byte(long)
			}
			e.Properties = append([]ingest.Property{model}, e.Properties...)
		}
		return e
	}
	for aggregation := CountAgg; aggregation < aggregationsEnd; aggregation++ {
		for _, precise := range []bool{false, true} {
			metric := &Metric{
				Aggregation: aggregation, FieldName: "n", CellKeys: []string{"model"}, PreciseTotals: precise, ReceivedFrom: 2,
			}
			counting := NewCounting(metric)
			series := [2]*Series{counting.NewSeries(true), counting.NewSeries(true)}
			want := [2]*Series{NewSeries(metric, true), NewSeries(metric, true)}
			var events [16]*ingest.Event
			var foreseen [len(events)]Foreseen
			for round := range 60 {
				receivedAt := int64(1 + rng.IntN(10)) // seldom before the metric
				for i := range events {
					events[i] = event(round*len(events) + i)
					series[i/3%2].Foresee(events[i], receivedAt, &foreseen[i])
					_ = foreseen[i].TouchCell() + foreseen[i].TouchCounter()
				}
				for i, e := range events {
					of := i / 3 % 2
					if rng.IntN(10) == 0 {
						of = 1 - of
					}
					position := ingest.Position(round*len(events) + i)
					wantReason, wantOK := want[of].Apply(e, receivedAt, position)
					reason, ok := series[of].ApplyForeseen(&foreseen[i], e, receivedAt, position)
					if reason != wantReason || ok != wantOK {
						t.Fatalf("aggregation %d: %s %t, want %s %t", aggregation, reason, ok, wantReason, wantOK)
					}
				}
				if round%20 == 19 {
					for of := range series {
						if got, want := counters(series[of]), counters(want[of]); !maps.Equal(got, want) {
							t.Fatalf("aggregation %d: counters are %v, want %v", aggregation, got, want)
						}
					}
				}
			}
		}
	}
}

// TestForeseenSeesTheUsual: of the usual metrics everything is foreseen, once their cells are there; of
// those that bring more than a value, nothing.
func TestForeseenSeesTheUsual(t *testing.T) {
	t.Parallel()
	f := func(metric *Metric, want bool) {
		t.Helper()
		s := NewSeries(metric, true)
		e := at(0, "a", "1")
		mustApply(t, s, e, 0)
		var f Foreseen
		s.Foresee(e, 0, &f)
		if got := f.of == s && f.cell != nil && f.TouchCell() != 0; got != want {
			t.Errorf("aggregation %d: %t, want %t", metric.Aggregation, got, want)
		}
	}
	for _, aggregation := range []Aggregation{CountAgg, SumAgg, MaxAgg, LatestAgg, WeightedSumAgg, MinAgg, AvgAgg} {
		f(&Metric{Aggregation: aggregation, FieldName: "n", CellKeys: []string{"n"}}, true)
	}
	f(&Metric{Aggregation: UniqueCountAgg, FieldName: "n"}, false)
	f(&Metric{Aggregation: PercentileAgg, FieldName: "n"}, false)
	f(&Metric{Aggregation: SumAgg, FieldName: "n", PreciseTotals: true}, false)
}
