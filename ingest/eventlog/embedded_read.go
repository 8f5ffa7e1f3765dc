package eventlog

import (
	"context"
	"errors"
	"fmt"
)

const (
	// readBytesMax bounds the records that one Next returns, and a reader's memory.
	// It takes the largest record.
	readBytesMax = RecordBytesMax + recordHeaderBytes
	// readBytesMin is what a reader starts with: most are waiting for single records.
	readBytesMin = 16 << 10
	// readRecordsMax bounds the records that one Next returns.
	readRecordsMax = 4096
)

// Read returns a reader; see Log.Read. It does not block.
func (l *Embedded) Read(ctx context.Context, partition int32, from int64) (Reader, error) {
	start, end, err := l.Range(ctx, partition)
	if err != nil {
		return nil, fmt.Errorf("cannot read partition %d: %w", partition, err)
	}
	if from < start || from > end {
		return nil, outOfRange(partition, from, start, end)
	}
	return &embeddedReader{log: l, partition: partition, next: from}, nil
}

func outOfRange(partition int32, offset, start, end int64) error {
	return fmt.Errorf("cannot read partition %d from %d: %w [%d, %d]", partition, offset, ErrOutOfRange, start, end)
}

// embeddedReader copies records out of Pebble, a bounded batch at a time. It
// opens an iterator for each batch: one that stays open would keep Pebble from
// dropping the memtables and tables it has moved on from.
type embeddedReader struct {
	log       *Embedded
	partition int32
	next      int64
	records   []Record
	memory    []byte // what the records' values point into
}

// Next is Reader.Next.
func (r *embeddedReader) Next(ctx context.Context) ([]Record, error) {
	end, err := r.log.await(ctx, r.partition, r.next)
	if err == nil {
		err = r.read(end)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read partition %d at %d: %w", r.partition, r.next, err)
	}
	r.next += int64(len(r.records))
	return r.records, nil
}

// Close releases the reader's memory.
func (r *embeddedReader) Close() { r.records, r.memory = nil, nil }

// read fills records with what there is in [next, end), at least one.
func (r *embeddedReader) read(end int64) (err error) {
	l := r.log
	l.reading.RLock()
	defer l.reading.RUnlock()
	if !l.dbOpen {
		return ErrClosed
	}
	iter, err := l.db.NewIter(partitionBounds(r.partition, r.next, end))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	r.records, r.memory = r.records[:0], r.memory[:0]
	for valid := iter.First(); valid && len(r.records) < readRecordsMax; valid = iter.Next() {
		stored, err := iter.ValueAndErr()
		if err != nil {
			return err
		}
		if !r.makeRoom(len(stored)) {
			return nil
		}
		if err := r.take(iter.Key(), stored); err != nil {
			return err
		}
	}
	if err := iter.Error(); err != nil {
		return err
	}
	if len(r.records) == 0 {
		return fmt.Errorf("corrupt log: no record below the end %d", end)
	}
	return nil
}

// makeRoom reports whether n more bytes fit. Memory in which records of this
// batch lie does not grow; when it was too small, the next batch gets twice as much.
func (r *embeddedReader) makeRoom(n int) bool {
	if len(r.memory)+n <= cap(r.memory) {
		return true
	}
	grown := min(max(2*cap(r.memory), readBytesMin), readBytesMax)
	if len(r.records) > 0 {
		if grown > cap(r.memory) {
			r.memory = nil // the records keep what they point into
			r.memory = make([]byte, 0, grown)
		}
		return false
	}
	r.memory = make([]byte, 0, max(grown, n))
	return true
}

// take appends one stored record, which must be the next one.
func (r *embeddedReader) take(key, stored []byte) error {
	offset, err := recordKeyOffset(key)
	if err != nil {
		return err
	}
	if want := r.next + int64(len(r.records)); offset != want {
		return fmt.Errorf("corrupt log: record %d where %d should be", offset, want)
	}
	from := len(r.memory)
	r.memory = append(r.memory, stored...)
	time, value, err := splitRecordValue(r.memory[from:len(r.memory):len(r.memory)])
	if err != nil {
		return err
	}
	r.records = append(r.records, Record{Offset: offset, Time: time, Value: value})
	return nil
}
