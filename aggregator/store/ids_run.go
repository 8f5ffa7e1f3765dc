package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"weir/ingest"
)

// A run is what one checkpoint brought of ids, or several runs made one: blocks of entries
// in order, a filter, and a row in the directory that makes both count. Blocks and
// filters without such a row are what something interrupted left.

// The kinds of rows of a run in spaceSeen.
const (
	runBlock  = 0 // then: id 16, revision 4, position 8 of the last entry
	runFilter = 1 // then: number of the piece 4
)

const (
	runHeadBytes     = 1 + 8
	idBlockKeyBytes  = runHeadBytes + 1 + 16 + 4 + 8
	filterPieceStart = runHeadBytes + 1
)

// idRun is a row of the directory.
type idRun struct {
	number    uint64
	count     int             // entries
	low, high ingest.Position // of all its entries
	bytes     int64           // of blocks
	filter    idFilter        // nil when it is not loaded: then everything may be in the run
}

const runVersion = 1

var errCorruptRun = errors.New("run of ids is corrupt")

func appendRunHead(dst []byte, space byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, space), number)
}

func appendIDBlockKey(dst []byte, run uint64, id *ingest.ID, revision uint32, position ingest.Position) []byte {
	dst = append(appendRunHead(dst, spaceSeen, run), runBlock)
	dst = append(dst, id[:]...)
	dst = binary.BigEndian.AppendUint32(dst, revision)
	return binary.BigEndian.AppendUint64(dst, uint64(position))
}

func appendFilterKey(dst []byte, run uint64, piece int) []byte {
	dst = append(appendRunHead(dst, spaceSeen, run), runFilter)
	return binary.BigEndian.AppendUint32(dst, uint32(piece))
}

// runOfKey returns the run of a key in spaceSeen or spaceRun.
func runOfKey(key []byte) (uint64, error) {
	if len(key) < runHeadBytes {
		return 0, corrupt(key, errCorruptKey)
	}
	return binary.BigEndian.Uint64(key[1:]), nil
}

func appendRun(dst []byte, r *idRun) []byte {
	dst = append(dst, runVersion)
	dst = binary.AppendUvarint(dst, uint64(r.count))
	dst = binary.AppendUvarint(dst, uint64(r.low))
	dst = binary.AppendUvarint(dst, uint64(r.high))
	dst = binary.AppendUvarint(dst, uint64(r.bytes))
	return binary.AppendUvarint(dst, uint64(filterLines(r.count)))
}

func decodeRun(number uint64, value []byte) (run idRun, lines int, err error) {
	r := valueReader{b: value}
	if r.byte() != runVersion {
		return idRun{}, 0, errCorruptRun
	}
	run = idRun{number: number, count: int(r.uvarint()), low: ingest.Position(r.uvarint()), high: ingest.Position(r.uvarint()), bytes: int64(r.uvarint())}
	lines = int(r.uvarint())
	if !r.done() || run.count < 1 || run.low < 0 || run.high < run.low || run.bytes < 0 || lines < 1 || lines > run.count {
		return idRun{}, 0, errCorruptRun
	}
	return run, lines, nil
}

// runsIn returns the runs that a reader's directory names, without their filters, in the order of their numbers.
func runsIn(reader pebble.Reader) ([]idRun, error) {
	var runs []idRun
	err := eachRun(reader, func(run idRun, _ int) error {
		runs = append(runs, run)
		return nil
	})
	return runs, err
}

func eachRun(reader pebble.Reader, f func(run idRun, lines int) error) (err error) {
	iter, err := reader.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceRun}, UpperBound: []byte{spaceRun + 1}})
	if err != nil {
		return fmt.Errorf("cannot read runs of ids: %w", err)
	}
	defer closeInto(iter, &err)
	for iter.First(); iter.Valid(); iter.Next() {
		number, err := runOfKey(iter.Key())
		if err != nil {
			return err
		}
		value, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("cannot read key %x: %w", iter.Key(), err)
		}
		run, lines, err := decodeRun(number, value)
		if err != nil {
			return corrupt(iter.Key(), err)
		}
		if err := f(run, lines); err != nil {
			return err
		}
	}
	if err := iter.Error(); err != nil {
		return fmt.Errorf("cannot read runs of ids: %w", err)
	}
	return nil
}

// loadFilter reads the filter of a run.
func (r *idRun) loadFilter(reader pebble.Reader, lines int) (err error) {
	lower := appendFilterKey(nil, r.number, 0)
	iter, err := reader.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: appendRunHead(nil, spaceSeen, r.number+1)})
	if err != nil {
		return fmt.Errorf("cannot read filter of run %d: %w", r.number, err)
	}
	defer closeInto(iter, &err)
	filter := make(idFilter, lines)
	next := 0
	for iter.First(); iter.Valid(); iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("cannot read key %x: %w", iter.Key(), err)
		}
		key := iter.Key()
		if len(key) != filterPieceStart+4 || int(binary.BigEndian.Uint32(key[filterPieceStart:])) != next {
			return corrupt(key, errCorruptKey)
		}
		if err := filter.setPiece(next, value); err != nil {
			return corrupt(key, err)
		}
		next++
	}
	if err := iter.Error(); err != nil {
		return fmt.Errorf("cannot read filter of run %d: %w", r.number, err)
	}
	if next != (lines+filterPieceLines-1)/filterPieceLines {
		return corrupt(lower, errCorruptRun)
	}
	r.filter = filter
	return nil
}

// runWriter writes the rows of a run in the order of their keys.
type runWriter struct {
	set     setter // may overwrite neither
	run     idRun
	waiting []idEntry // of the next block
	blocks  idBlockWriter
	hashes  []idHash
	key     []byte
	value   []byte
	pace    Pace
}

// newRunWriter returns a writer of a run that will have a number of entries.
func newRunWriter(number uint64, count int, set setter) *runWriter {
	return &runWriter{
		set:     set,
		run:     idRun{number: number, low: math.MaxInt64, filter: make(idFilter, filterLines(count))},
		waiting: make([]idEntry, 0, min(count, idBlockEntries)),
	}
}

// put takes the next entry. Entries come in their order.
func (w *runWriter) put(e *idEntry) error {
	w.waiting = append(w.waiting, *e)
	w.run.low, w.run.high = min(w.run.low, e.seen.Position), max(w.run.high, e.seen.Position)
	w.run.count++
	if len(w.waiting) < idBlockEntries {
		return nil
	}
	return w.flush()
}

func (w *runWriter) flush() error {
	if len(w.waiting) == 0 {
		return nil
	}
	w.pace.Rest()
	last := &w.waiting[len(w.waiting)-1]
	w.key = appendIDBlockKey(w.key[:0], w.run.number, &last.id, last.seen.Revision, last.seen.Position)
	w.value = w.blocks.append(w.value[:0], w.waiting)
	w.hashes = w.run.filter.add(w.hashes[:0], w.waiting)
	w.run.bytes += int64(len(w.value))
	w.waiting = w.waiting[:0]
	return w.set(w.key, w.value)
}

// finish writes what is left and returns the run; its row is for the caller to write.
func (w *runWriter) finish() (idRun, error) {
	if err := w.flush(); err != nil {
		return idRun{}, err
	}
	err := w.run.filter.pieces(func(number int, value []byte) error {
		w.pace.Rest()
		w.key = appendFilterKey(w.key[:0], w.run.number, number)
		return w.set(w.key, value)
	})
	return w.run, err
}
