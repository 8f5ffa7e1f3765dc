package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// lingerMax is how long the first record of a round waits for company: the rest of
	// its request.
	lingerMax = 250 * time.Microsecond
	// produceEveryMin is how long after the one before a round begins at the earliest,
	// when records come faster than that, and produceBytesReady how many bytes that wait
	// end the waiting. What the brokers and both clients do for a batch of a few records
	// costs them more than all that is done with its events; five milliseconds are what
	// Kafka's own producer waits.
	produceEveryMin   = 5 * time.Millisecond
	produceBytesReady = 512 << 10
	// bufferedRecordsMax bounds the records that the client has.
	bufferedRecordsMax = 1 << 18
)

// appendQueue makes rounds of the records. A round is open for lingerMax: what
// comes then goes to the client at once, which lingers as long. What comes later waits
// for the next round. So a record that comes alone is sent at once, and those of many
// senders go together.
type appendQueue struct {
	bytes atomic.Int64  // of all that is appended and not answered, with their overhead
	every time.Duration // produceEveryMin, except in tests

	sync.Mutex   // the client gets the records under it: they stay in the order of their appends
	opened       time.Time
	waiting      []*kafkaAppend
	waitingBytes int64
	timer        *time.Timer // opens the next round, while records wait
	closed       bool
}

// kafkaAppend is one Append on its way, in memory that is used again.
type kafkaAppend struct {
	log     *Kafka
	record  kgo.Record
	started time.Time
	done    func(offset int64, err error)
	answer  func(*kgo.Record, error) // a.answered, made once
}

var kafkaAppends sync.Pool

func newKafkaAppend() *kafkaAppend {
	a, _ := kafkaAppends.Get().(*kafkaAppend)
	if a == nil {
		a = &kafkaAppend{}
		a.answer = a.answered
	}
	return a
}

func (a *kafkaAppend) bytes() int64 { return int64(len(a.record.Value)) + appendOverheadBytes }

// Append queues a record; see Log.Append. A note is left out.
func (k *Kafka) Append(partition int32, value, _ []byte, done func(offset int64, err error)) {
	err := k.checkAppend(partition, value)
	if err == nil {
		a := newKafkaAppend()
		a.log, a.done, a.started = k, done, time.Now()
		a.record = kgo.Record{Partition: partition, Value: value}
		if err = k.enqueue(a); err != nil {
			a.release()
		}
	}
	if err != nil {
		refuse(done, fmt.Errorf("cannot append to partition %d: %w", partition, err))
	}
}

func (k *Kafka) checkAppend(partition int32, value []byte) error {
	if partition < 0 || partition >= k.identity.Partitions {
		return fmt.Errorf("%w: %d of %d", ErrNoPartition, partition, k.identity.Partitions)
	}
	if len(value) > RecordBytesMax {
		return fmt.Errorf("%w: %d bytes; at most %d", ErrTooLarge, len(value), RecordBytesMax)
	}
	return nil
}

// enqueue gives the record to the client, or lets it wait for the next round.
func (k *Kafka) enqueue(a *kafkaAppend) error {
	q := &k.queue
	if q.bytes.Add(a.bytes()) > k.opts.QueueBytesMax {
		q.bytes.Add(-a.bytes())
		k.metrics.overloaded.Inc()
		return fmt.Errorf("%w: more than %d bytes wait", ErrOverloaded, k.opts.QueueBytesMax)
	}
	q.Lock()
	defer q.Unlock()
	if q.closed {
		q.bytes.Add(-a.bytes())
		return ErrClosed
	}
	if len(q.waiting) == 0 && q.isOpen(a.started) {
		k.produce(a)
		return nil
	}
	q.waiting = append(q.waiting, a)
	q.waitingBytes += a.bytes()
	switch {
	case q.waitingBytes >= produceBytesReady:
		k.openRound(a.started)
	case len(q.waiting) == 1:
		q.timer.Reset(q.opened.Add(q.every).Sub(a.started))
	}
	return nil
}

// isOpen reports whether a record may go at once, and opens a round if it is time.
func (q *appendQueue) isOpen(now time.Time) bool {
	age := now.Sub(q.opened)
	if age >= q.every {
		q.opened = now
		return true
	}
	return age < lingerMax
}

// nextRound is what the timer calls.
func (k *Kafka) nextRound() {
	k.queue.Lock()
	defer k.queue.Unlock()
	k.openRound(time.Now())
}

// openRound gives to the client what waits, if anything does. The queue is locked.
func (k *Kafka) openRound(now time.Time) {
	q := &k.queue
	if len(q.waiting) == 0 {
		return
	}
	q.timer.Stop()
	q.opened = now
	for _, a := range q.waiting {
		k.produce(a)
	}
	clear(q.waiting)
	q.waiting, q.waitingBytes = q.waiting[:0], 0
}

// produce gives the record to the client, which answers from a goroutine of its own.
func (k *Kafka) produce(a *kafkaAppend) {
	k.client.TryProduce(context.Background(), &a.record, a.answer)
}

// closeQueue makes every later append an error, and gives to the client what waits.
func (k *Kafka) closeQueue() {
	k.queue.Lock()
	defer k.queue.Unlock()
	k.queue.closed = true
	k.openRound(time.Now())
}

// answered is called by the client, once.
func (a *kafkaAppend) answered(r *kgo.Record, err error) {
	k, done := a.log, a.done
	k.queue.bytes.Add(-a.bytes())
	partition, offset := r.Partition, r.Offset
	if err == nil {
		k.metrics.durable(1, int64(len(r.Value)), a.started)
	}
	a.release()
	if err != nil {
		done(-1, fmt.Errorf("cannot append to partition %d: %w", partition, k.appendError(err)))
		return
	}
	done(offset, nil)
}

// release makes the append usable for another record.
func (a *kafkaAppend) release() {
	a.log, a.done, a.record = nil, nil, kgo.Record{}
	kafkaAppends.Put(a)
}

// appendError says in the log's words why a record was not acknowledged.
func (k *Kafka) appendError(err error) error {
	switch {
	case errors.Is(err, kgo.ErrMaxBuffered):
		k.metrics.overloaded.Inc()
		return fmt.Errorf("%w: more than %d records wait", ErrOverloaded, bufferedRecordsMax)
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("%w for the topic: %w", ErrTooLarge, err)
	case errors.Is(err, kgo.ErrClientClosed):
		k.metrics.failures.Inc()
		return ErrClosed
	}
	k.metrics.failures.Inc()
	return err
}
