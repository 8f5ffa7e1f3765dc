package aggregator

import (
	"crypto/sha256"
	"encoding/binary"
)

// definitionVersion changes when the meaning of a counter does: then every
// counter is rebuilt from the events.
const definitionVersion = 1

// Definition identifies what a counter counts: the aggregation, its value, the
// cell keys, and which events it leaves out. A counter answers only a question of an
// equal definition. What is applied when counters are read, such as Recurring
// and Percentile, is not part of it.
type Definition [16]byte

// The optional parts of a definition, by the byte they begin with. They stand in
// this order behind the cell keys, each only where it is not the zero value.
const (
	partExpression    = 'x'
	partReceivedFrom  = 'r'
	partPreciseTotals = 'p'
)

// Definition returns the hash of what the metric's counters hold. Neither the
// organization nor the code is part of it: they stand beside it.
func (m *Metric) Definition() Definition {
	b := []byte{definitionVersion, byte(m.Aggregation)}
	if m.Expression == nil {
		b = appendPart(b, m.FieldName)
	} else { // the expression takes the field's place
		b = appendPart(b, "")
	}
	b = binary.AppendUvarint(b, uint64(len(m.CellKeys)))
	for _, key := range m.CellKeys {
		b = appendPart(b, key)
	}
	if m.Expression != nil {
		b = appendPart(append(b, partExpression), m.Expression.String())
	}
	if m.ReceivedFrom != 0 {
		b = binary.BigEndian.AppendUint64(append(b, partReceivedFrom), uint64(m.ReceivedFrom))
	}
	if m.PreciseTotals {
		b = append(b, partPreciseTotals)
	}
	sum := sha256.Sum256(b)
	return Definition(sum[:len(Definition{})])
}

func appendPart(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
