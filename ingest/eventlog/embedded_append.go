package eventlog

import (
	"fmt"
	"runtime"
	"time"
)

const (
	// commitBytesMax bounds one batch. It stays well under half a memtable, above
	// which Pebble would give every batch a memtable of its own.
	commitBytesMax = 4 << 20
	// commitsWritingMax is how many commits may be under way: one is synced while
	// the next waits for it in Pebble. More only make smaller commits.
	commitsWritingMax = 2
	// commitEveryMin is how long after the one before a commit begins at the earliest,
	// when appends come faster than syncs return, and commitBytesReady how many bytes
	// end the waiting. A sync costs about as much processor time as two hundred events:
	// at 200,000 events a second this saves a third of the log's, for half a
	// millisecond. A sender that waits for each answer does not wait for this: then
	// no other commit is under way.
	commitEveryMin   = time.Millisecond
	commitBytesReady = 128 << 10
	// lingerYieldsMax is how often the committer lets others run before it takes what waits.
	lingerYieldsMax = 16
	// appendOverheadBytes is what an append costs beside its value, so that empty
	// records are bounded as well.
	appendOverheadBytes = 64
)

// pendingAppend is one Append on its way.
type pendingAppend struct {
	partition int32
	offset    int64 // set when it is written
	value     []byte
	note      []byte // nil = none
	done      func(offset int64, err error)
}

func (a *pendingAppend) bytes() int64 { return int64(len(a.value)+len(a.note)) + appendOverheadBytes }

// Append queues a record; see Log.Append.
func (l *Embedded) Append(partition int32, value, note []byte, done func(offset int64, err error)) {
	if len(note) > NoteBytesMax {
		note = nil
	}
	if err := l.enqueue(pendingAppend{partition: partition, value: value, note: note, done: done}); err != nil {
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
	if len(q.waiting) == 1 { // else it is woken already, or takes all that waits
		l.wakeCommitter()
	}
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
		bytes, refuses := l.waiting()
		if bytes > 0 {
			l.underWay <- struct{}{}
			l.awaitFollowers()
			l.linger(bytes)
			if l.fill(c) {
				return c
			}
			<-l.underWay // a failed log has answered what waited
		}
		if refuses {
			break
		}
	}
	commits.Put(c)
	return nil
}

// waiting returns the bytes of the appends that wait, counted up to
// commitBytesReady, and whether no more are taken.
func (l *Embedded) waiting() (bytes int64, refuses bool) {
	l.queue.Lock()
	defer l.queue.Unlock()
	for i := range l.queue.waiting {
		if bytes += l.queue.waiting[i].bytes(); bytes >= commitBytesReady {
			break
		}
	}
	return bytes, l.queue.refuses != nil
}

// linger lets more appends come: for some time while another commit is under
// way (see commitEveryMin), and as long as those that can run append more: the
// rest of a request, and the senders who were answered together just now.
func (l *Embedded) linger(bytes int64) {
	if len(l.underWay) > 1 && bytes < commitBytesReady {
		time.Sleep(time.Until(l.taken.Add(commitEveryMin)))
	}
	for range lingerYieldsMax {
		if bytes >= commitBytesReady {
			break
		}
		before := bytes
		runtime.Gosched()
		if bytes, _ = l.waiting(); bytes == before {
			break
		}
	}
	l.taken = time.Now()
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
