package aggregator

import (
	"encoding/binary"
	"errors"

	"weir/ingest"
)

// CellsMax is how many cells one metric of one subscription may have in
// counters. Beyond it the counters are dropped and usage is read from the events.
const CellsMax = 10_000

// CellBytesMax bounds an encoded cell in counters; an event with a longer one
// has the same effect as a cell beyond CellsMax.
const CellBytesMax = 8 << 10

var errCorruptCell = errors.New("cell is corrupt")

// AppendCell appends the cell that the event falls into: its values of the
// metric's cell keys, in their order, each as a length plus one and the text, or
// a zero for null.
func (m *Metric) AppendCell(dst []byte, e *ingest.Event) []byte {
	for _, key := range m.CellKeys {
		dst = appendCellValue(dst, e, key)
	}
	return dst
}

func appendCellValue(dst []byte, e *ingest.Event, key string) []byte {
	p, ok := e.Property(key)
	if !ok {
		return append(dst, 0)
	}
	start := len(dst)
	dst, ok = appendValue(dst, p)
	if !ok {
		return append(dst[:start], 0)
	}
	// The length goes before the text, whose length is known only now.
	var prefix [binary.MaxVarintLen64]byte
	length := len(dst) - start
	size := binary.PutUvarint(prefix[:], uint64(length)+1)
	dst = append(dst, prefix[:size]...)
	copy(dst[start+size:], dst[start:start+length])
	copy(dst[start:], prefix[:size])
	return dst
}

// DecodeCell returns the values of a cell of a metric with n cell keys, in
// memory of their own.
func DecodeCell(cell []byte, n int) ([]Value, error) {
	values := make([]Value, n)
	for i := range values {
		length, size := binary.Uvarint(cell)
		if size <= 0 || uint64(len(cell)-size)+1 < length {
			return nil, errCorruptCell
		}
		cell = cell[size:]
		if length == 0 {
			values[i].Null = true
			continue
		}
		values[i].Text = string(cell[:length-1])
		cell = cell[length-1:]
	}
	if len(cell) != 0 {
		return nil, errCorruptCell
	}
	return values, nil
}
