package aggregator

import (
	"encoding/hex"
	"strings"
	"testing"

	"weir/ingest"
)

func property(name string, kind ingest.Kind, text string) ingest.Property {
	return ingest.Property{Name: []byte(name), Kind: kind, Text: []byte(text)}
}

func TestCells(t *testing.T) {
	t.Parallel()
	metric := Metric{CellKeys: []string{"a", "b"}}
	long := strings.Repeat("x", 300)
	f := func(want string, values []Value, properties ...ingest.Property) {
		t.Helper()
		cell := metric.AppendCell([]byte("before"), &ingest.Event{Properties: properties})
		if string(cell[:6]) != "before" {
			t.Fatalf("what stood before was overwritten: %q", cell)
		}
		cell = cell[6:]
		if hex.EncodeToString(cell) != want {
			t.Errorf("cell of %v is %x, want %s", properties, cell, want)
		}
		got, err := DecodeCell(cell, 2)
		if err != nil || CompareValues(got, values) != 0 {
			t.Errorf("cell of %v is %v (%v), want %v", properties, got, err, values)
		}
		for n := range cell {
			if _, err := DecodeCell(cell[:n], 2); err == nil {
				t.Errorf("the first %d of %d bytes of a cell were taken", n, len(cell))
			}
		}
	}
	null := Value{Null: true}
	f("0000", []Value{null, null})
	f("0000", []Value{null, null}, property("a", ingest.KindNull, ""), property("b", ingest.KindNested, `{"x":1}`))
	f("0100", []Value{{Text: ""}, null}, property("a", ingest.KindString, ""))
	f("0578797a77"+"05"+"74727565", []Value{{Text: "xyzw"}, {Text: "true"}}, property("a", ingest.KindString, "xyzw"), property("b", ingest.KindTrue, ""))
	f("0231"+"0231", []Value{{Text: "1"}, {Text: "1"}}, property("a", ingest.KindNumber, "1.0"), property("b", ingest.KindString, "1"))
	f("0231"+"06"+"66616c7365", []Value{{Text: "1"}, {Text: "false"}}, property("a", ingest.KindNumber, "1e0"), property("b", ingest.KindFalse, ""))
	f("ad02"+hex.EncodeToString([]byte(long))+"00", []Value{{Text: long}, null}, property("a", ingest.KindString, long))
}

func TestSumTakesNumbersOnly(t *testing.T) {
	t.Parallel()
	metric := &Metric{Aggregation: SumAgg, FieldName: "n"}
	reducer := NewReducer(metric)
	for i, p := range []ingest.Property{
		property("n", ingest.KindNumber, "2"),
		property("n", ingest.KindString, "0.5"),
		property("n", ingest.KindString, "two"),
		property("n", ingest.KindString, ""),
		property("n", ingest.KindTrue, ""),
		property("n", ingest.KindNull, ""),
		property("n", ingest.KindNested, "[1]"),
		property("other", ingest.KindNumber, "100"),
	} {
		reducer.AddEvent(&ingest.Event{Properties: []ingest.Property{p}}, ingest.Position(i))
	}
	usage, err := reducer.Usage()
	if err != nil || len(usage) != 1 || usage[0].Units.String() != "2.5" || usage[0].EventsCount != 2 {
		t.Errorf("usage is %+v (%v), want 2.5 of 2 events", usage, err)
	}
}

// TestCellsWithoutEventsAreLeftOut: a cell that only events without a number fell into does not show.
func TestCellsWithoutEventsAreLeftOut(t *testing.T) {
	t.Parallel()
	reducer := NewReducer(&Metric{Aggregation: SumAgg, FieldName: "n"})
	reducer.AddEvent(&ingest.Event{}, 0)
	reducer.AddCounter(nil, new(Counter))
	if usage, err := reducer.Usage(); err != nil || len(usage) != 0 {
		t.Errorf("usage is %+v, %v", usage, err)
	}
}
