package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// fetchBytesMax bounds one fetch of a reader, as stored (compressed).
	fetchBytesMax = 2 << 20
	// inflatedBatchBytesMax bounds what one batch may become: whoever may write to
	// the topic could send a bomb.
	inflatedBatchBytesMax = 64 << 20
	// fetchEveryMin is how long after the one before a fetch begins at the earliest, if
	// that one found little: fewer than fetchRecordsReady records. A fetch costs reader
	// and broker some 200 µs of processor time together, and readers that ask again at once get one
	// batch each time. Who waits for a record that comes alone does not wait for this.
	fetchEveryMin     = 20 * time.Millisecond
	fetchRecordsReady = 1024
	// rangeAttemptsMax and rangeRetryPause bound the wait for a leader that moves.
	rangeAttemptsMax = 20
	rangeRetryPause  = 100 * time.Millisecond
)

// Range asks Kafka for the partition's first offset and its last stable one. A
// record above that is not on all in-sync replicas, or is part of a transaction
// that may still be aborted (weir writes none, others may).
func (k *Kafka) Range(ctx context.Context, partition int32) (start, end int64, err error) {
	if partition < 0 || partition >= k.identity.Partitions {
		return 0, 0, fmt.Errorf("%w: %d of %d", ErrNoPartition, partition, k.identity.Partitions)
	}
	admin := kadm.NewClient(k.client)
	if start, err = k.listed(ctx, partition, admin.ListStartOffsets); err == nil {
		end, err = k.listed(ctx, partition, admin.ListCommittedOffsets)
	}
	if err != nil && k.closing.Err() != nil {
		err = ErrClosed // whatever a client says that is being closed
	}
	if err != nil {
		return 0, 0, fmt.Errorf("cannot ask for the range of partition %d: %w", partition, err)
	}
	return start, end, nil
}

type listOffsets func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)

// listed returns one partition's answer, trying again while its leader moves.
func (k *Kafka) listed(ctx context.Context, partition int32, list listOffsets) (int64, error) {
	for attempt := 1; ; attempt++ {
		offset, err := k.listedOnce(ctx, partition, list)
		if err == nil {
			return offset, nil
		}
		if attempt == rangeAttemptsMax || !isTransient(err) {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(rangeRetryPause):
		}
	}
}

func (k *Kafka) listedOnce(ctx context.Context, partition int32, list listOffsets) (int64, error) {
	offsets, err := list(ctx, k.opts.Topic)
	listed, ok := offsets.Lookup(k.opts.Topic, partition)
	if !ok {
		if err == nil {
			err = kerr.UnknownTopicOrPartition
		}
		return 0, err
	}
	if listed.Err != nil {
		return 0, listed.Err
	}
	return listed.Offset, nil // an error of another partition's broker is not ours
}

// Read returns a reader; see Log.Read. Each reader has a client of its own, so
// that a partition whose events are applied slowly holds up no other's.
func (k *Kafka) Read(ctx context.Context, partition int32, from int64) (Reader, error) {
	if k.closing.Err() != nil {
		return nil, fmt.Errorf("cannot read partition %d: %w", partition, ErrClosed)
	}
	start, end, err := k.Range(ctx, partition)
	if err != nil {
		return nil, err
	}
	if from < start || from > end {
		return nil, outOfRange(partition, from, start, end)
	}
	client, err := kgo.NewClient(k.clientOptions(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{k.opts.Topic: {partition: kgo.NewOffset().At(from)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // an error, never a jump
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // else a reader never gets to the end of a log that ends in one
		kgo.FetchMaxBytes(fetchBytesMax),
		kgo.FetchMaxPartitionBytes(fetchBytesMax),
		kgo.MaxConcurrentFetches(0), // when Next is called: what was fetched ahead would be little, and late
		kgo.MaxDecompressBatchBytes(inflatedBatchBytesMax),
	)...)
	if err != nil {
		return nil, fmt.Errorf("cannot read partition %d: %w", partition, err)
	}
	return &kafkaReader{log: k, client: client, partition: partition, next: from}, nil
}

// kafkaReader reads one partition. A broker that restarts or hands its
// leadership on is the client's to deal with; what can't be read as it was is an
// error that stays.
type kafkaReader struct {
	log       *Kafka
	client    *kgo.Client
	partition int32
	next      int64 // no record below this may come
	records   []Record
	began     time.Time // the last call of the client
	err       error     // stays: kgo reports what is final once, and is silent after it
}

// Next is Reader.Next.
func (r *kafkaReader) Next(ctx context.Context) ([]Record, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.log.closing, cancel)()
	for {
		if r.err != nil {
			return nil, fmt.Errorf("cannot read partition %d at %d: %w", r.partition, r.next, r.err)
		}
		r.pause(ctx)
		fetches := r.client.PollRecords(ctx, readRecordsMax)
		r.records = r.records[:0]
		fetches.EachError(func(_ string, _ int32, err error) { r.note(ctx, err) })
		fetches.EachRecord(r.take)
		if len(r.records) > 0 {
			return r.records, nil // an error that came along is for the next call
		}
		if r.err == nil && ctx.Err() != nil {
			return nil, fmt.Errorf("cannot read partition %d at %d: %w", r.partition, r.next, r.ended(ctx))
		}
	}
}

// pause lets more records come, when the last call found few and is not long ago.
func (r *kafkaReader) pause(ctx context.Context) {
	if n := len(r.records); 0 < n && n < fetchRecordsReady && r.client.BufferedFetchRecords() == 0 {
		if wait := fetchEveryMin - time.Since(r.began); wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
	}
	r.began = time.Now()
}

// ended says why ctx has ended: the caller's, or the log is closed.
func (r *kafkaReader) ended(ctx context.Context) error {
	if r.log.closing.Err() != nil {
		return ErrClosed
	}
	return ctx.Err()
}

// note keeps an error of a poll, unless it only says that ctx has ended.
func (r *kafkaReader) note(ctx context.Context, err error) {
	var loss *kgo.ErrDataLoss
	switch {
	case r.err != nil, ctx.Err() != nil && errors.Is(err, ctx.Err()):
	case errors.Is(err, kerr.OffsetOutOfRange), errors.As(err, &loss):
		r.err = fmt.Errorf("%w: %w", ErrOutOfRange, err)
	case errors.Is(err, kgo.ErrClientClosed):
		r.err = ErrClosed
	default:
		r.err = err
	}
}

// take keeps one fetched record, unless something before it went wrong.
func (r *kafkaReader) take(record *kgo.Record) {
	if r.err != nil && errors.Is(r.err, ErrOutOfRange) {
		return
	}
	if record.Offset < r.next {
		r.err = fmt.Errorf("%w: the log went back to %d", ErrOutOfRange, record.Offset)
		return
	}
	r.next = record.Offset + 1
	r.records = append(r.records, Record{
		Offset: record.Offset,
		Time:   record.Timestamp.UnixNano(),
		Key:    record.Key,
		Value:  record.Value,

		Control: record.Attrs.IsControl(),
	})
}

// Close disconnects the reader.
func (r *kafkaReader) Close() { r.client.Close() }
