package store

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// comparer orders keys by their bytes and tells Pebble their prefixes, which
// its filters are made of: of a block of events its day and series, of a tombstone or a counter its
// series, of what belongs to a run of ids the run. Other keys are whole. The name and
// the prefixes are for ever: they stand in every table.
var comparer = func() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "weir.aggregator.2"
	c.Compare = bytes.Compare
	c.Split = prefixBytes
	c.ImmediateSuccessor = nextPrefix
	return &c
}()

func prefixBytes(key []byte) int {
	if len(key) == 0 {
		return 0
	}
	switch key[0] {
	case spaceEvent:
		return min(len(key), blockDayBytes)
	case spaceCounter, spaceCell, spaceTomb, spaceSeen:
		return min(len(key), 1+8)
	default:
		return len(key)
	}
}

// nextPrefix appends the smallest prefix above a.
func nextPrefix(dst, a []byte) []byte {
	n := len(dst)
	dst = append(dst, a...)
	if len(a) == 0 || prefixBytes(append(a[:len(a):len(a)], 0)) != len(a) {
		return append(dst, 0) // of no fixed length
	}
	for i := len(dst) - 1; i > n; i-- {
		dst[i]++
		if dst[i] != 0 {
			return dst
		}
	}
	dst[n]++
	return dst[:n+1]
}
