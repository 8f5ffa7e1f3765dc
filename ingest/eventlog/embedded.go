package eventlog

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
)

// QueueBytesMaxDefault is how many bytes of records may wait for their sync.
const QueueBytesMaxDefault = 64 << 20

// EmbeddedOptions are the settings of OpenEmbedded. The zero value is ready for use.
type EmbeddedOptions struct {
	// Partitions is the number of partitions; 0 = as stored, PartitionsDefault for a
	// new log. Another number than the stored one is ErrMismatch.
	Partitions int32
	// ID is the log id that is expected; "" = any. Another one is ErrMismatch.
	ID string
	// FS is where the directory lives; nil = the disk.
	FS vfs.FS
	// Logger takes state changes and faults; nil = none.
	Logger *slog.Logger
	// Registerer takes the metrics while the log is open; nil = none.
	Registerer prometheus.Registerer
	// QueueBytesMax bounds the bytes of records that are appended and not yet
	// acknowledged; 0 = QueueBytesMaxDefault.
	QueueBytesMax int64

	memtableBytes uint64        // tests make it small, to see flushes; 0 = memtableBytes
	tailBytes     int           // tests make it small, to read Pebble; 0 = tailBytesMax
	patience      time.Duration // tests change it; 0 = followerPatience
	tailDropped   func(*frame)  // is told of each frame that leaves the tail, under its lock
}

// Embedded is a Log in a directory, kept in Pebble.
//
// Two goroutines write. The committer takes what waits, of all partitions and
// requests, and writes it as one frame, one Pebble batch; the acknowledger waits
// for the batch's sync, moves the durable ends and answers. So one frame is built
// while the one before is synced.
type Embedded struct {
	dir      string
	identity Identity
	db       *pebble.DB
	log      *slog.Logger
	metrics  *logMetrics

	partitions []embeddedPartition
	first      uint64 // number of the first frame; fixed while the log is open
	sequence   uint64 // number of the next frame; the committer's own
	tail       tail
	frames     frameMemory
	followers  followers

	queue struct {
		sync.Mutex
		waiting []pendingAppend
		bytes   int64 // of the appends that wait or are being written
		max     int64
		refuses error         // why no more appends are taken; nil = they are
		more    chan struct{} // capacity 1: something waits, or nothing will any more
	}
	writing     chan *commit  // from the committer to the acknowledger, in the order of writing
	underWay    chan struct{} // holds one for each commit from before it is filled until it is synced
	taken       time.Time     // when the last commit was filled; the committer's own
	syncing     chan *commit  // from the acknowledger to syncLoop, one at a time
	unanswered  sync.WaitGroup
	acknowledge sync.WaitGroup // the acknowledger and syncLoop, running

	// serving is true between opening and closing: while it is, an error of the
	// write-ahead log fails the log.
	serving atomic.Bool
	// failure is set once, before failed is closed.
	failure atomic.Pointer[error]
	failed  chan struct{}

	closeOnce sync.Once
	closeErr  error
	closing   chan struct{}
	// reading is held shared while Pebble is read, exclusively to close it.
	reading sync.RWMutex
	dbOpen  bool // under reading
}

// OpenEmbedded opens the log in dir, or creates one. The directory is locked
// until Close; a second opening, by this process or another, is an error.
func OpenEmbedded(dir string, opts EmbeddedOptions) (*Embedded, error) {
	if opts.Partitions < 0 || opts.Partitions > PartitionsMax {
		return nil, fmt.Errorf("cannot open log %s: %d partitions; at most %d", dir, opts.Partitions, PartitionsMax)
	}
	l := &Embedded{
		dir:      dir,
		log:      opts.Logger,
		metrics:  newLogMetrics(),
		writing:  make(chan *commit, commitsWritingMax),
		underWay: make(chan struct{}, commitsWritingMax),
		syncing:  make(chan *commit, 1),
		failed:   make(chan struct{}),
		closing:  make(chan struct{}),
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.queue.more = make(chan struct{}, 1)
	l.queue.max = opts.QueueBytesMax
	if l.queue.max <= 0 {
		l.queue.max = QueueBytesMaxDefault
	}
	l.tail.max, l.tail.dropped, l.tail.recycled = tailBytesMax, opts.tailDropped, &l.frames
	l.followers.start(opts.patience)
	if opts.tailBytes > 0 {
		l.tail.max = opts.tailBytes
	}
	if err := l.open(opts); err != nil {
		return nil, err
	}
	if err := l.metrics.register(opts.Registerer, storeCollector{l}); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open log %s: %w", dir, err), l.db.Close())
	}
	l.serving.Store(true)
	l.acknowledge.Go(l.acknowledgeLoop)
	l.acknowledge.Go(l.syncLoop)
	go l.commitLoop() // ends by closing l.writing, which ends the acknowledger
	return l, nil
}

// Identity returns the log's id, a UUID made when it was created, and its number of partitions.
func (l *Embedded) Identity() Identity { return l.identity }

// Assignor returns an Assignor that owns all partitions: nobody else can read this log.
func (l *Embedded) Assignor() Assignor { return AllPartitions(l.identity.Partitions) }

// Failed returns nil while the log takes records, and what stopped it once a
// write or sync has failed; then it wraps ErrFailed. A failed log still reads
// what was durable. Only the next process can append again: after a failed sync
// nobody knows what the disk holds until the files are read anew.
func (l *Embedded) Failed() error {
	if failure := l.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// fail marks the log as failed, once; whoever waits is answered.
func (l *Embedded) fail(cause error) {
	err := fmt.Errorf("%w: %w", ErrFailed, cause)
	if !l.failure.CompareAndSwap(nil, &err) {
		return
	}
	close(l.failed)
	l.log.Error("log has failed and takes no more records", "dir", l.dir, "error", cause)
	// Not here: fail may be called from inside Pebble, under its locks.
	go l.refuseQueued(err)
}

// Close waits until everything queued is durable, or has failed, and answered;
// then it ends the readers and releases the directory. Close of a failed log
// returns its failure and leaves the directory locked until the process ends,
// because Pebble's goroutines may still be writing there.
func (l *Embedded) Close() error {
	l.closeOnce.Do(func() { l.closeErr = l.close() })
	return l.closeErr
}

func (l *Embedded) close() error {
	l.stopTaking(ErrClosed)
	l.unanswered.Wait()
	close(l.closing)
	l.metrics.unregister()
	if l.Failed() == nil {
		l.acknowledge.Wait()
	}
	l.reading.Lock() // waits for readers that are inside Pebble
	defer l.reading.Unlock()
	l.dbOpen = false
	l.tail.drop()
	if err := l.Failed(); err != nil {
		return fmt.Errorf("cannot close log %s: %w", l.dir, err)
	}
	l.serving.Store(false)
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("cannot close log %s: %w", l.dir, err)
	}
	return nil
}

var (
	_ Log      = (*Embedded)(nil)
	_ Assignor = AllPartitions(0)
)
