package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"weir/aggregator"
)

// rows are keys and values on their way into the store, in one piece of memory.
type rows struct {
	list  []row
	arena []byte
	order []rowOrder // of list, once it is sorted
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

// putValue puts a row whose value is what appendValue appends.
func (r *rows) putValue(key []byte, appendValue func(dst []byte) []byte) {
	at := len(r.arena)
	r.arena = append(r.arena, key...)
	value := len(r.arena)
	r.arena = appendValue(r.arena)
	r.put(at, value)
}

// rowOrder is a row on its way to being sorted.
type rowOrder struct {
	head, next uint64 // the first 16 bytes of its key
	at         int32  // in the list
}

// rowHeadBytes is how much of a key rowOrder has.
const rowHeadBytes = 16

// sort finds the order of the rows by their keys; of those with one key, the order in which they were put.
func (r *rows) sort() {
	var pace Pace
	r.order = slices.Grow(r.order[:0], len(r.list))[:len(r.list)]
	for i, row := range r.list {
		var head [rowHeadBytes]byte
		copy(head[:], r.key(row)) // and zeros: what follows tells keys apart that are equal then
		r.order[i] = rowOrder{binary.BigEndian.Uint64(head[:]), binary.BigEndian.Uint64(head[8:]), int32(i)}
	}
	slices.SortFunc(r.order, func(a, b rowOrder) int {
		pace.Step()
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		if a.next != b.next {
			return cmp.Compare(a.next, b.next)
		}
		return cmp.Or(bytes.Compare(r.key(r.list[a.at]), r.key(r.list[b.at])), cmp.Compare(a.at, b.at))
	})
}

// each gives set the rows in the order of their keys: of rows with one key, the last that was put.
func (r *rows) each(set setter) error {
	r.sort()
	var pace Pace
	for i, o := range r.order {
		pace.Step()
		row := r.list[o.at]
		if i+1 < len(r.order) && bytes.Equal(r.key(row), r.key(r.list[r.order[i+1].at])) {
			continue
		}
		if err := set(r.key(row), r.value(row)); err != nil {
			return err
		}
	}
	return nil
}

// checkpointRows keep the memory of the rows of checkpoints.
var checkpointRows spares[rows]

// rowsKeptBytesMax is of how many bytes of rows the memory is kept.
const rowsKeptBytesMax = 16 << 20

// recycle gives the memory to the rows of the next checkpoints, and leaves none.
func (r *rows) recycle() {
	if cap(r.arena) <= rowsKeptBytesMax {
		checkpointRows.put(&rows{list: r.list[:0], arena: r.arena[:0], order: r.order[:0]})
	}
	*r = rows{}
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
