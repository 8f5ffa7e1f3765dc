package eventlog

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// frameBatchBytes is more than Pebble puts before and into a batch of one key.
const frameBatchBytes = 64

// commit is one batch of appends on its way to the disk.
type commit struct {
	appends []pendingAppend
	bytes   int64 // as the queue counts them
	values  int64 // bytes of the values alone
	frame   *frame
	encoder frameEncoder
	batch   *pebble.Batch
	written chan struct{} // closed when Pebble has taken the batch
	synced  chan error    // capacity 1: what the sync came to
	started time.Time
}

var commits = sync.Pool{New: func() any { return &commit{synced: make(chan error, 1)} }}

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

// build gives the commit's appends their offsets and makes a frame of them: once
// as it is for the readers at the end, and once packed, in a batch.
func (l *Embedded) build(c *commit) error {
	c.started = time.Now()
	c.written = make(chan struct{})
	c.frame = l.newFrame(c)
	c.encoder.encode(c.frame)
	n := len(c.encoder.header) + len(c.encoder.packed)
	c.batch = l.db.NewBatchWithSize(n + frameBatchBytes)
	op := c.batch.SetDeferred(frameKeyBytes, n)
	putFrameKey(op.Key, c.frame.sequence)
	copy(op.Value[copy(op.Value, c.encoder.header):], c.encoder.packed)
	if err := op.Finish(); err != nil {
		return fmt.Errorf("cannot fill a batch: %w", err)
	}
	return nil
}

// newFrame copies the appended values, sorted by partition.
func (l *Embedded) newFrame(c *commit) *frame {
	f := l.emptyFrame(c)
	for i := range c.appends {
		a := &c.appends[i]
		p := &f.parts[a.partition]
		a.offset = p.end()
		p.count++
		p.to += int32(recordSize(a.value))
		if len(f.notes) > 0 {
			p.notesTo += int32(noteSize(a.note))
		}
	}
	size, notes := int32(0), int32(0)
	for i := range f.parts {
		p := &f.parts[i]
		l.partitions[i].next = p.end()
		p.from, p.to, size = size, size, size+p.to                    // to moves on with each record
		p.notesFrom, p.notesTo, notes = notes, notes, notes+p.notesTo // likewise
	}
	for i := range c.appends {
		a := &c.appends[i]
		p := &f.parts[a.partition]
		p.to += int32(putRecord(f.raw[p.to:], a.value))
		if len(f.notes) > 0 {
			p.notesTo += int32(putNote(f.notes[p.notesTo:], a.note))
		}
	}
	f.sumSections()
	return f
}

// emptyFrame returns a frame with room for the commit's values and notes. If none has a
// note, there is no room for any.
func (l *Embedded) emptyFrame(c *commit) *frame {
	size, notes, noted := 0, 0, false
	for i := range c.appends {
		a := &c.appends[i]
		c.values += int64(len(a.value))
		size += recordSize(a.value)
		notes += noteSize(a.note)
		noted = noted || len(a.note) > 0
	}
	if !noted {
		notes = 0
	}
	f := l.frames.take(len(l.partitions), size+notes)
	f.raw, f.notes = f.memory[:size:size], f.memory[size:size+notes:size+notes]
	f.sequence, f.time = l.sequence, c.started.UnixNano()
	l.sequence++
	for i := range f.parts {
		f.parts[i] = part{first: l.partitions[i].next}
	}
	return f
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
		<-l.underWay
		if err == nil {
			l.publish(c)
		}
		l.answer(c.appends, err)
		if err == nil {
			l.wake(c.frame)
			l.recycle(c)
		}
	}
	close(l.syncing)
}

// awaitSync returns nil once the commit is durable. After the log has failed no
// commit is acknowledged, not even one whose own sync succeeded: it may stand
// behind one that is lost. In a failed log Pebble may never return; then syncLoop
// is left behind, until the process ends.
func (l *Embedded) awaitSync(c *commit) error {
	select {
	case <-c.written:
	case <-l.failed:
		return l.Failed()
	}
	select {
	case l.syncing <- c:
	case <-l.failed: // syncLoop may be left behind with another
		return l.Failed()
	}
	select {
	case err := <-c.synced:
		if err != nil {
			l.fail(fmt.Errorf("cannot sync a batch: %w", err))
		}
	case <-l.failed:
	}
	return l.Failed()
}

// syncLoop waits for Pebble's syncs. In a failed log it may be left behind in the middle of one.
func (l *Embedded) syncLoop() {
	for c := range l.syncing {
		c.synced <- c.batch.SyncWait()
	}
}

// publish makes the commit's records readable; they are durable.
func (l *Embedded) publish(c *commit) {
	l.tail.push(c.frame, l.partitions)
	l.metrics.durable(len(c.appends), c.values, c.started)
}

// wake tells the readers that wait for the commit's records.
func (l *Embedded) wake(f *frame) {
	for i := range f.parts {
		if f.parts[i].count > 0 {
			l.partitions[i].wake()
		}
	}
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
	l.frames.release(c.frame)
	clear(c.appends) // values and callbacks are the callers' again
	*c = commit{appends: c.appends[:0], encoder: c.encoder, synced: c.synced}
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
