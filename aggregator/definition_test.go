package aggregator

import (
	"encoding/hex"
	"testing"
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
