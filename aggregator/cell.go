package aggregator

import (
	"encoding/binary"
	"errors"

	"weir/ingest"
)

// CellsMax is how many cells one metric of one subscription may have in
// counters; MembersMax is that bound where values are a part of the cell
// (unique_count_agg, percentile_agg). Beyond it the counters are dropped and usage is
// read from the events.
const (
	CellsMax   = 10_000
	MembersMax = 100_000
)

// CellBytesMax bounds an encoded cell in counters; an event with a longer one
// has the same effect as a cell beyond CellsMax.
const CellBytesMax = 8 << 10

var errCorruptCell = errors.New("cell is corrupt")

// asideMark begins the cell of events that do not take part; the Reason follows. It
// is a length that is written longer than it need be, which no other cell begins with.
const asideMark = "\x80\x00"

// appendCellOf appends the cell that the event falls into: its values of the
// metric's cell keys, in their order, each as a length plus one and the text, or
// a zero for null. Where members are a part of the cell, theirs comes last.
func (m *Metric) appendCellOf(dst []byte, e *ingest.Event, reason Reason, q *Quantity) []byte {
	if reason != TakesPart {
		return append(append(dst, asideMark...), byte(reason))
	}
	if len(q.cellAt) < len(m.CellKeys) {
		q.cellAt = make([]int, len(m.CellKeys))
	}
	for i, key := range m.CellKeys {
		p, ok := propertyOf(e, key, &q.cellAt[i])
		dst = appendCellValue(dst, p, ok)
	}
	if m.hasMembers() {
		dst = binary.AppendUvarint(dst, uint64(len(q.member))+1)
		dst = append(dst, q.member...)
	}
	return dst
}

// asideReason returns the reason whose cell this is; ok is false for all other cells.
func asideReason(cell []byte) (reason Reason, ok bool) {
	if len(cell) != len(asideMark)+1 || string(cell[:len(asideMark)]) != asideMark {
		return 0, false
	}
	reason = Reason(cell[len(asideMark)])
	return reason, reason != TakesPart && reason < ReasonsEnd
}

// appendCellValue appends a value of a cell: that of a property, if there is one.
func appendCellValue(dst []byte, p ingest.Property, ok bool) []byte {
	if !ok {
		return append(dst, 0)
	}
	if p.Kind == ingest.KindString {
		return append(binary.AppendUvarint(dst, uint64(len(p.Text))+1), p.Text...)
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

// DecodeCell returns the values of a cell of n values, in memory of their own. A cell of
// a metric whose members are a part of it has one value more than cell keys.
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

// DescribeCell returns a cell as people read it: its values, or why events do not take part.
func DescribeCell(cell []byte) string {
	if reason, ok := asideReason(cell); ok {
		return reason.String()
	}
	for n := 0; n <= len(cell); n++ { // how many values it has is not known
		if values, err := DecodeCell(cell, n); err == nil {
			return describeValues(values)
		}
	}
	return "corrupt"
}
