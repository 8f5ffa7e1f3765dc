package aggregator

import (
	"crypto/sha256"
	"encoding/binary"
)

// definitionVersion changes when the meaning of a counter does: then every
// counter is rebuilt from the events.
const definitionVersion = 1

// Definition identifies what a counter counts: the aggregation, its property and
// the cell keys. A counter answers only a question of an equal definition.
type Definition [16]byte

// Definition returns the hash of what the metric's counters hold. Neither the
// organization nor the code is part of it: they stand beside it.
func (m *Metric) Definition() Definition {
	b := []byte{definitionVersion, byte(m.Aggregation)}
	b = appendPart(b, m.FieldName)
	b = binary.AppendUvarint(b, uint64(len(m.CellKeys)))
	for _, key := range m.CellKeys {
		b = appendPart(b, key)
	}
	sum := sha256.Sum256(b)
	return Definition(sum[:len(Definition{})])
}

func appendPart(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
