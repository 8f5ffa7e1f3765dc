package aggregator

import (
	"encoding/hex"
	"testing"

	"weir/ingest"
)

func TestGoldenDefinitions(t *testing.T) {
	t.Parallel()
	f := func(want string, m Metric) {
		t.Helper()
		d := m.Definition()
		if hex.EncodeToString(d[:]) != want {
			t.Errorf("definition of %+v is %x, want %s", m, d, want)
		}
	}
	// SHA-256 over: 01 01 00 00
	f("a0454a24dd4bc418448ca19320519ea3", Metric{Aggregation: CountAgg})
	// SHA-256 over: 01 02 06 "tokens" 02 05 "model" 06 "region"
	f("1f2c6ea1386e8e53964d7818f8ae65cf", Metric{Aggregation: SumAgg, FieldName: "tokens", CellKeys: []string{"model", "region"}})
	// SHA-256 over: 01 and the aggregation, 01 "n", 00
	f("d6d015e17bb82c86c242ae216a184140", Metric{Aggregation: MaxAgg, FieldName: "n"})
	f("4aa26a2fb8b21b10da6436cf86433248", Metric{Aggregation: LatestAgg, FieldName: "n"})
	f("7d8b46cdc9d74b86acd70ed5232c8bd8", Metric{Aggregation: UniqueCountAgg, FieldName: "n"})
	f("4f8459ea79dc59057d1a5699e343ada6", Metric{Aggregation: WeightedSumAgg, FieldName: "n"})
	f("fef8802779701b4eb45dee562c51d9e5", Metric{Aggregation: MinAgg, FieldName: "n"})
	f("063ab12533e46556a7c1b5f4288c10bf", Metric{Aggregation: AvgAgg, FieldName: "n"})
	f("0f22232cc7fa93385a06b01b35756967", Metric{Aggregation: PercentileAgg, FieldName: "n"})
	// Behind the cell keys: 'x' and the expression behind its length, whose field is left out.
	expression, err := ingest.ParseExpression("event.properties.a * 2")
	if err != nil {
		t.Fatal(err)
	}
	f("2e4a8b91ec99fda044bb8f76d903cf3c", Metric{Aggregation: SumAgg, FieldName: "tokens", Expression: expression, CellKeys: []string{"region"}})
	// 'r' and 8 bytes, big-endian.
	f("16c211a305cd97d0874f535e9c73ef02", Metric{Aggregation: SumAgg, FieldName: "tokens", ReceivedFrom: 1_700_000_000_000_000_000})
	// 'p'
	f("3e5bc950cc7da0c9bd1f4a1dc2b235e9", Metric{Aggregation: SumAgg, FieldName: "tokens", PreciseTotals: true})
	f("32382d33385c12f1edbee67c8188061e", Metric{Aggregation: WeightedSumAgg, FieldName: "n", Expression: expression, ReceivedFrom: 1, PreciseTotals: true})

	// What is applied when counters are read changes nothing in them.
	read := Metric{Aggregation: SumAgg, FieldName: "tokens", PreciseTotals: true, Recurring: true, Percentile: hundred}
	f("3e5bc950cc7da0c9bd1f4a1dc2b235e9", read)

	// What a metric is called, and whose it is, is not part of what its counters hold.
	a, b := Metric{Aggregation: CountAgg, Code: "a"}, Metric{Aggregation: CountAgg, Code: "b", Organization: [16]byte{1}}
	if a.Definition() != b.Definition() {
		t.Error("definitions differ by name")
	}
	// The parts can't run into each other.
	c, d := Metric{Aggregation: SumAgg, FieldName: "a", CellKeys: []string{"bc"}}, Metric{Aggregation: SumAgg, FieldName: "ab", CellKeys: []string{"c"}}
	if c.Definition() == d.Definition() {
		t.Error("definitions are equal although their parts differ")
	}
}
