package worker_test

import (
	"context"
	"slices"
	"sync"

	"weir/ingest/eventlog"
)

// memoryLog is a log in memory, for tests that take its tail away, or delay it.
type memoryLog struct {
	id         string
	mu         sync.Mutex
	changed    *sync.Cond
	partitions [][]eventlog.Record
	unread     error // what readers get next, once
}

func newMemoryLog(id string, partitions int) *memoryLog {
	l := &memoryLog{id: id, partitions: make([][]eventlog.Record, partitions)}
	l.changed = sync.NewCond(&l.mu)
	return l
}

func (l *memoryLog) Identity() eventlog.Identity {
	return eventlog.Identity{ID: l.id, Partitions: int32(len(l.partitions))}
}

func (l *memoryLog) Append(partition int32, value, _ []byte, done func(int64, error)) {
	go func() { done(l.append(partition, value, 1_700_000_000_000_000_000), nil) }()
}

func (l *memoryLog) append(partition int32, value []byte, time int64) int64 {
	return l.put(partition, eventlog.Record{Time: time, Value: slices.Clone(value)})
}

// control appends a record of the log's own.
func (l *memoryLog) control(partition int32) {
	l.put(partition, eventlog.Record{Time: 1_700_000_000_000_000_000, Value: []byte{0, 0, 0, 1}, Control: true})
}

func (l *memoryLog) put(partition int32, r eventlog.Record) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Offset = int64(len(l.partitions[partition]))
	l.partitions[partition] = append(l.partitions[partition], r)
	l.changed.Broadcast()
	return r.Offset
}

// truncate takes the records from offset on away.
func (l *memoryLog) truncate(partition int32, offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partitions[partition] = slices.Clone(l.partitions[partition][:offset])
}

// swap puts other records into a partition, in one step with an error for its reader.
func (l *memoryLog) swap(partition int32, records []eventlog.Record, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partitions[partition], l.unread = records, err
	l.changed.Broadcast()
}

func (l *memoryLog) records(partition int32) []eventlog.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.partitions[partition])
}

func (l *memoryLog) Range(_ context.Context, partition int32) (start, end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return 0, int64(len(l.partitions[partition])), nil
}

func (l *memoryLog) Read(_ context.Context, partition int32, from int64) (eventlog.Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from < 0 || from > int64(len(l.partitions[partition])) {
		return nil, eventlog.ErrOutOfRange
	}
	return &memoryReader{l, partition, from}, nil
}

func (l *memoryLog) Close() error { return nil }

type memoryReader struct {
	log       *memoryLog
	partition int32
	next      int64
}

func (r *memoryReader) Next(ctx context.Context) ([]eventlog.Record, error) {
	stop := context.AfterFunc(ctx, func() {
		r.log.mu.Lock()
		defer r.log.mu.Unlock()
		r.log.changed.Broadcast()
	})
	defer stop()
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	for ctx.Err() == nil {
		if err := r.log.unread; err != nil {
			r.log.unread = nil
			return nil, err
		}
		if records := r.log.partitions[r.partition]; r.next < int64(len(records)) {
			batch := slices.Clone(records[r.next:])
			r.next = int64(len(records))
			return batch, nil
		}
		r.log.changed.Wait()
	}
	return nil, ctx.Err()
}

func (r *memoryReader) Close() {}

// allOf assigns partitions until ctx ends, as the embedded log does.
type allOf []int32

func (a allOf) Run(ctx context.Context, assigned, revoked func([]int32)) error {
	assigned(a)
	<-ctx.Done()
	revoked(a)
	return nil
}
