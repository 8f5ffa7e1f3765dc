package store

import (
	"bytes"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"weir/aggregator"
)

// rows are keys and values on their way into the store, in one piece of memory.
type rows struct {
	list  []row
	arena []byte
}

type row struct{ at, keyBytes, valueBytes int }

// put ends a row whose key lies in the arena from at to value, and whose value follows.
func (r *rows) put(at, value int) {
	r.list = append(r.list, row{at, value - at, len(r.arena) - value})
}

func (r *rows) key(row row) []byte { return r.arena[row.at : row.at+row.keyBytes] }

func (r *rows) value(row row) []byte {
	at := row.at + row.keyBytes
	return r.arena[at : at+row.valueBytes]
}

// bytes returns about what the rows take in a batch.
func (r *rows) bytes() int {
	const rowBytes = 16
	return len(r.arena) + rowBytes*len(r.list)
}

// setIn puts the rows into a batch, in the order of their keys.
func (r *rows) setIn(batch *pebble.Batch) error {
	var pace Pace
	slices.SortFunc(r.list, func(a, b row) int {
		pace.Step()
		return bytes.Compare(r.key(a), r.key(b))
	})
	for _, row := range r.list {
		pace.Step()
		if err := batch.Set(r.key(row), r.value(row), nil); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) putCell(series uint64, d aggregator.Definition, cell string) {
	at := len(r.arena)
	r.arena = appendCellKey(r.arena, series, d, cell)
	r.put(at, len(r.arena))
}

func (r *rows) putCounter(series uint64, d aggregator.Definition, w Window, number int32, cell string, counter *aggregator.Counter) {
	at := len(r.arena)
	r.arena = appendCounterKey(r.arena, series, d, w, number, cell)
	value := len(r.arena)
	r.arena = aggregator.AppendCounter(r.arena, counter)
	r.put(at, value)
}
