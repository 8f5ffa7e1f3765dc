package eventlog

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// commitBytesMax bounds one batch. It stays well under half a memtable, above
	// which Pebble would give every batch a memtable of its own.
	commitBytesMax = 4 << 20
	// commitsWritingMax is how many batches may wait for their sync: one is synced
	// while the next is filled; more only make smaller batches.
	commitsWritingMax = 2
	// appendOverheadBytes is what an append costs beside its value, so that empty
	// records are bounded as well.
	appendOverheadBytes = 64
)

// pendingAppend is one Append on its way.
type pendingAppend struct {
	partition int32
	offset    int64 // set when it is written
	value     []byte
	done      func(offset int64, err error)
}

func (a *pendingAppend) bytes() int64 { return int64(len(a.value)) + appendOverheadBytes }

// commit is one batch of appends on its way to the disk.
type commit struct {
	appends []pendingAppend
	bytes   int64
	ends    []int64 // by partition: the end after this batch; 0 = not touched
	batch   *pebble.Batch
	written chan struct{} // closed when Pebble has taken the batch
	started time.Time
}

var commits = sync.Pool{New: func() any { return new(commit) }}

// Append queues a record; see Log.Append.
func (l *Embedded) Append(partition int32, value []byte, done func(offset int64, err error)) {
	if err := l.enqueue(pendingAppend{partition: partition, value: value, done: done}); err != nil {
		refuse(done, fmt.Errorf("cannot append to partition %d: %w", partition, err))
	}
}

func (l *Embedded) enqueue(a pendingAppend) error {
	if err := l.checkPartition(a.partition); err != nil {
		return err
	}
	if len(a.value) > RecordBytesMax {
		return fmt.Errorf("%w: %d bytes; at most %d", ErrTooLarge, len(a.value), RecordBytesMax)
	}
	q := &l.queue
	q.Lock()
	defer q.Unlock()
	if q.refuses != nil {
		return q.refuses
	}
	if q.bytes+a.bytes() > q.max {
		l.metrics.overloaded.Inc()
		return fmt.Errorf("%w: %d bytes wait; at most %d", ErrOverloaded, q.bytes, q.max)
	}
	q.bytes += a.bytes()
	q.waiting = append(q.waiting, a)
	l.unanswered.Add(1)
	l.wakeCommitter()
	return nil
}

// wakeCommitter is called under the queue's lock. A full channel means that the committer is woken already.
func (l *Embedded) wakeCommitter() {
	select {
	case l.queue.more <- struct{}{}:
	default:
	}
}

// stopTaking makes every later append an error; the first reason stays. What is
// queued is still written, unless the log fails.
func (l *Embedded) stopTaking(why error) {
	l.queue.Lock()
	defer l.queue.Unlock()
	if l.queue.refuses == nil {
		l.queue.refuses = why
	}
	l.wakeCommitter()
}

// take blocks until appends wait and returns a commit with as many as fit into a
// batch; nil when the log takes no more and nothing waits.
func (l *Embedded) take() *commit {
	c := commits.Get().(*commit)
	for range l.queue.more {
		if l.fill(c) {
			return c
		}
		l.queue.Lock()
		finished := l.queue.refuses != nil && len(l.queue.waiting) == 0
		l.queue.Unlock()
		if finished {
			break
		}
	}
	commits.Put(c)
	return nil
}

// fill moves waiting appends into the empty commit c, and reports whether there were any.
func (l *Embedded) fill(c *commit) bool {
	q := &l.queue
	q.Lock()
	defer q.Unlock()
	n := 0
	for n < len(q.waiting) && (n == 0 || c.bytes+q.waiting[n].bytes() <= commitBytesMax) {
		c.bytes += q.waiting[n].bytes()
		n++
	}
	if n == len(q.waiting) {
		c.appends, q.waiting = q.waiting, c.appends[:0]
	} else {
		c.appends = append(c.appends[:0], q.waiting[:n]...)
		rest := copy(q.waiting, q.waiting[n:])
		clear(q.waiting[rest:])
		q.waiting = q.waiting[:rest]
	}
	if len(q.waiting) > 0 || q.refuses != nil {
		l.wakeCommitter()
	}
	return n > 0
}

// commitLoop is the committer: it writes what waits, one batch after another.
func (l *Embedded) commitLoop() {
	defer close(l.writing)
	for c := l.take(); c != nil; c = l.take() {
		err := l.build(c)
		// From here on the acknowledger answers, whatever happens: it must do so as
		// well when Pebble never returns. The values are copied, nobody needs them.
		l.writing <- c
		if err == nil {
			err = l.Failed()
		}
		if err == nil {
			err = l.apply(c.batch)
		}
		if err != nil {
			l.fail(err)
			return
		}
		close(c.written)
	}
}

// build gives the commit's appends their offsets and copies them into a batch,
// together with the new ends of their partitions. The ends are written and not
// found out from the records: after a trim there may be no record to find.
func (l *Embedded) build(c *commit) error {
	c.started = time.Now()
	c.written = make(chan struct{})
	c.batch = l.db.NewBatchWithSize(int(c.bytes) + len(l.partitions)*appendOverheadBytes)
	if len(c.ends) != len(l.partitions) {
		c.ends = make([]int64, len(l.partitions))
	}
	now := c.started.UnixNano()
	for i := range c.appends {
		a := &c.appends[i]
		p := &l.partitions[a.partition]
		a.offset = p.next
		p.next++
		c.ends[a.partition] = p.next
		op := c.batch.SetDeferred(recordKeyBytes, recordHeaderBytes+len(a.value))
		putRecordKey(op.Key, a.partition, a.offset)
		putRecordValue(op.Value, now, a.value)
		if err := op.Finish(); err != nil {
			return fmt.Errorf("cannot fill a batch: %w", err)
		}
	}
	for p, end := range c.ends {
		if end == 0 {
			continue
		}
		op := c.batch.SetDeferred(partitionKeyBytes, offsetBytes)
		putPartitionKey(op.Key, keyEnd, int32(p))
		binary.BigEndian.PutUint64(op.Value, uint64(end))
		if err := op.Finish(); err != nil {
			return fmt.Errorf("cannot fill a batch: %w", err)
		}
	}
	return nil
}

// apply hands a batch to Pebble without waiting for the sync.
func (l *Embedded) apply(batch *pebble.Batch) error {
	if err := l.db.ApplyNoSyncWait(batch, pebble.Sync); err != nil {
		return fmt.Errorf("cannot write a batch: %w", err)
	}
	return nil
}

// acknowledgeLoop is the acknowledger: it answers the commits in the order in
// which they were written. It outlives a failure, until every append is answered.
func (l *Embedded) acknowledgeLoop() {
	for c := range l.writing {
		err := l.awaitSync(c)
		if err == nil {
			l.publish(c)
		}
		l.answer(c.appends, err)
		if err == nil {
			l.recycle(c)
		}
	}
}

// awaitSync returns nil once the commit is durable. After the log has failed no
// commit is acknowledged, not even one whose own sync succeeded: it may stand
// behind one that is lost. In a failed log Pebble may never return; then the
// goroutine that waits for the sync is left behind, until the process ends.
func (l *Embedded) awaitSync(c *commit) error {
	select {
	case <-c.written:
	case <-l.failed:
		return l.Failed()
	}
	batch := c.batch
	synced := make(chan error, 1)
	go func() { synced <- batch.SyncWait() }()
	select {
	case err := <-synced:
		if err != nil {
			l.fail(fmt.Errorf("cannot sync a batch: %w", err))
		}
	case <-l.failed:
	}
	return l.Failed()
}

// publish makes the commit's records readable; they are durable.
func (l *Embedded) publish(c *commit) {
	for p, end := range c.ends {
		if end != 0 {
			l.partitions[p].publish(end)
		}
	}
	l.metrics.durable(len(c.appends), c.bytes-int64(len(c.appends))*appendOverheadBytes, c.started)
}

// answer calls done of every append and gives their bytes back to the queue.
func (l *Embedded) answer(appends []pendingAppend, err error) {
	var bytes int64
	for i := range appends {
		a := &appends[i]
		bytes += a.bytes()
		if err != nil {
			l.metrics.failures.Inc()
			a.done(-1, fmt.Errorf("cannot append to partition %d: %w", a.partition, err))
		} else {
			a.done(a.offset, nil)
		}
		l.unanswered.Done()
	}
	l.queue.Lock()
	l.queue.bytes -= bytes
	l.queue.Unlock()
}

// recycle keeps the commit's memory for a later one.
func (l *Embedded) recycle(c *commit) {
	if err := c.batch.Close(); err != nil {
		l.fail(fmt.Errorf("cannot release a batch: %w", err))
		return
	}
	clear(c.appends) // values and callbacks are the callers' again
	clear(c.ends)
	*c = commit{appends: c.appends[:0], ends: c.ends}
	commits.Put(c)
}

// refuseQueued answers what waits in a failed log.
func (l *Embedded) refuseQueued(failure error) {
	l.stopTaking(failure)
	l.queue.Lock()
	waiting := l.queue.waiting
	l.queue.waiting = nil
	l.queue.Unlock()
	l.answer(waiting, failure)
}
