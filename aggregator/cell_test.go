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
		cell := metric.appendCellOf([]byte("before"), &ingest.Event{Properties: properties}, TakesPart, new(Quantity))
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

// TestCellsOfMembers: where values are a part of the cell, theirs comes last.
func TestCellsOfMembers(t *testing.T) {
	t.Parallel()
	f := func(want string, aggregation Aggregation, properties ...ingest.Property) {
		t.Helper()
		metric := Metric{Aggregation: aggregation, FieldName: "n", CellKeys: []string{"a"}}
		e := &ingest.Event{Properties: properties}
		var q Quantity
		cell := metric.appendCellOf(nil, e, metric.Take(e, 0, &q), &q)
		if hex.EncodeToString(cell) != want {
			t.Errorf("cell of %v is %x, want %s", properties, cell, want)
		}
	}
	f("0278"+"0231", UniqueCountAgg, property("a", ingest.KindString, "x"), property("n", ingest.KindNumber, "1.0"))
	f("00"+"0231", UniqueCountAgg, property("n", ingest.KindString, "1"))
	f("00"+"01", UniqueCountAgg, property("n", ingest.KindString, ""))
	f("0278"+"04302e35", PercentileAgg, property("a", ingest.KindString, "x"), property("n", ingest.KindNumber, "5e-1"))
}

// TestGoldenAsideCells: events that take no part are counted in a cell for each
// reason, whatever the metric's keys are; no other cell is one of them.
func TestGoldenAsideCells(t *testing.T) {
	t.Parallel()
	for reason, want := range map[Reason]string{MissingProperty: "800001", NotANumber: "800002", ExpressionFailed: "800003"} {
		for _, keys := range [][]string{nil, {"a"}, {"a", "b"}} {
			metric := Metric{Aggregation: SumAgg, FieldName: "n", CellKeys: keys}
			cell := metric.appendCellOf(nil, new(ingest.Event), reason, new(Quantity))
			if hex.EncodeToString(cell) != want {
				t.Errorf("cell of %s is %x, want %s", reason, cell, want)
			}
			if got, ok := asideReason(cell); !ok || got != reason {
				t.Errorf("%x is of %s, %t; want %s", cell, got, ok, reason)
			}
			if got := DescribeCell(cell); got != reason.String() {
				t.Errorf("%x is described as %s", cell, got)
			}
		}
	}
	for _, no := range []string{"", "\x80\x00", "\x80\x00\x00", "\x80\x00\x05", "\x80\x00\x01\x00", "\x80\x01\x01", "\x00\x00\x01"} {
		if reason, ok := asideReason([]byte(no)); ok {
			t.Errorf("%x is taken for %s", no, reason)
		}
	}
	// The shortest cell that begins with the mark's first byte: a value of 127 bytes, its length plus one 80 01.
	metric := Metric{CellKeys: []string{"a"}}
	e := &ingest.Event{Properties: []ingest.Property{property("a", ingest.KindString, strings.Repeat("\x01", 127))}}
	if _, ok := asideReason(metric.appendCellOf(nil, e, TakesPart, new(Quantity))); ok {
		t.Error("the cell of a value is taken for one of events that take no part")
	}
}

func TestDescribeCell(t *testing.T) {
	t.Parallel()
	f := func(want, cell string) {
		t.Helper()
		if got := DescribeCell([]byte(cell)); got != want {
			t.Errorf("%x is described as %s, want %s", cell, got, want)
		}
	}
	f("[]", "")
	f(`[null "eu" ""]`, "\x00\x03eu\x01")
	f("corrupt", "\x05eu")
}
