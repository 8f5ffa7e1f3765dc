package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/ingest/eventlog"
)

// Defaults and bounds of Options.
const (
	CheckpointIntervalDefault    = time.Second
	CheckpointIntervalMaxDefault = 5 * time.Second
	DirtyBytesMaxDefault         = 32 << 20
	DirtyBytesTotalMaxDefault    = 192 << 20
	QueueBytesMaxDefault         = 512 << 10
	StateBytesMaxDefault         = 512 << 20 // some million counters
	RecentIDsMaxDefault          = 1 << 22
	RunningChecksEveryDefault    = 1024
	CacheBytesDefault            = 128 << 20
)

// Options say what a Worker works with. Log, Assignor, Dir and Catalog are needed.
type Options struct {
	Log      eventlog.Log
	Assignor eventlog.Assignor
	// Dir holds a directory for each partition's store.
	Dir string
	// FS is where Dir is; nil = the disk.
	FS store.FS
	// Catalog returns the metrics to count by. It may return another one at any
	// time, and is called for every batch of records: it must be cheap. nil from it means that nothing is
	// known yet: events are kept, and counted later.
	Catalog func() *aggregator.Catalog
	// Forward appends a record to the partition that its events belong to; nil = Log.Append.
	Forward func(partition int32, value []byte, done func(offset int64, err error))
	// OnStop is told of each partition that is stopped for good, also at each later
	// start until it is cleared. It must not block for long. May be nil.
	OnStop func(partition int32, reason string)
	// Logger is told of changes and faults; nil = silence.
	Logger *slog.Logger
	// Registerer takes the metrics; nil = none.
	Registerer prometheus.Registerer

	// CheckpointInterval is the age at which what is in memory only goes to disk.
	CheckpointInterval time.Duration
	// CheckpointIntervalMax is that age under load, where fewer checkpoints cost less, and at the most, once,
	// CheckpointInterval more (schedule.go).
	CheckpointIntervalMax time.Duration
	// DirtyBytesMax, of one partition, starts a checkpoint before its time; at twice
	// that the partition waits for it.
	DirtyBytesMax int
	// DirtyBytesTotalMax bounds DirtyBytesMax for all partitions together: each has an equal part.
	DirtyBytesTotalMax int
	// QueueBytesMax bounds the records that were read from one partition's log and
	// are not counted yet. Parsed, they take about five times as much.
	QueueBytesMax int
	// StateBytesMax bounds the counters kept in memory, over all partitions. What
	// a checkpoint holds can be let go and is read again when it is needed.
	StateBytesMax int
	// RecentIDsMax is how many ids are kept in memory, over all partitions, about 45 bytes each.
	RecentIDsMax int
	// RunningChecksEvery is of how many answers of running totals one is compared with the
	// counters; 1 = each.
	RunningChecksEvery int
	// CacheBytes is the block cache that all stores share.
	CacheBytes int64
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what))
		}
	}
	need(o.Log != nil, "Log is missing")
	need(o.Assignor != nil, "Assignor is missing")
	need(o.Dir != "", "Dir is missing")
	need(o.Catalog != nil, "Catalog is missing")
	need(o.CheckpointInterval >= 0, "CheckpointInterval is negative")
	need(o.CheckpointIntervalMax >= 0, "CheckpointIntervalMax is negative")
	need(o.DirtyBytesMax >= 0, "DirtyBytesMax is negative")
	need(o.DirtyBytesTotalMax >= 0, "DirtyBytesTotalMax is negative")
	need(o.QueueBytesMax >= 0, "QueueBytesMax is negative")
	need(o.StateBytesMax >= 0, "StateBytesMax is negative")
	need(o.RecentIDsMax >= 0, "RecentIDsMax is negative")
	need(o.RunningChecksEvery >= 0, "RunningChecksEvery is negative")
	need(o.CacheBytes >= 0, "CacheBytes is negative")
	return errors.Join(errs...)
}

func (o *Options) setDefaults() {
	if o.Forward == nil {
		o.Forward = func(partition int32, value []byte, done func(int64, error)) {
			o.Log.Append(partition, value, nil, done)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.CheckpointInterval = cmp.Or(o.CheckpointInterval, CheckpointIntervalDefault)
	o.CheckpointIntervalMax = cmp.Or(o.CheckpointIntervalMax, CheckpointIntervalMaxDefault)
	o.DirtyBytesMax = cmp.Or(o.DirtyBytesMax, DirtyBytesMaxDefault)
	o.DirtyBytesTotalMax = cmp.Or(o.DirtyBytesTotalMax, DirtyBytesTotalMaxDefault)
	o.QueueBytesMax = cmp.Or(o.QueueBytesMax, QueueBytesMaxDefault)
	o.StateBytesMax = cmp.Or(o.StateBytesMax, StateBytesMaxDefault)
	o.RecentIDsMax = cmp.Or(o.RecentIDsMax, RecentIDsMaxDefault)
	o.RunningChecksEvery = cmp.Or(o.RunningChecksEvery, RunningChecksEveryDefault)
	o.CacheBytes = cmp.Or(o.CacheBytes, CacheBytesDefault)
}

// checkpointsWritingMax is how many checkpoints of a process are written at a time.
const checkpointsWritingMax = 2

// Worker counts the events of the partitions that are assigned to it and
// answers usage questions about them.
type Worker struct {
	options    Options
	partitions int32 // of the log
	metrics    *metrics
	slots      chan struct{}
	// rebuildSlots bounds the rebuilds that run at a time.
	rebuildSlots chan struct{}
	chunkMax     int          // partition.chunkMax
	budget       query.Budget // of the questions under way

	mu       sync.RWMutex
	owned    map[int32]*partition
	assigned bool // the Assignor has spoken
	cache    *store.Cache
	cancel   context.CancelCauseFunc // ends Run
	failed   error                   // of partitions
}

// New returns a worker that does nothing until Run.
func New(options Options) (*Worker, error) {
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("cannot make a worker: %w", err)
	}
	options.setDefaults()
	w := &Worker{
		options:      options,
		partitions:   options.Log.Identity().Partitions,
		slots:        make(chan struct{}, checkpointsWritingMax),
		rebuildSlots: make(chan struct{}, rebuildsRunningMax),
		chunkMax:     chunkCountersMax,
		owned:        make(map[int32]*partition),
	}
	m, err := newMetrics(w, options.Registerer)
	if err != nil {
		return nil, fmt.Errorf("cannot make a worker: %w", err)
	}
	w.metrics = m
	return w, nil
}

// Run follows the Assignor until ctx ends or a partition fails: the log or the
// disk refused, and what is in memory can't be trusted to reach it. Before it returns,
// every partition is checkpointed where that is possible, and closed. It returns
// nil when it ended because of ctx. Run is called once.
func (w *Worker) Run(ctx context.Context) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.cancel = cancel
	w.cache = store.NewCache(w.options.CacheBytes)
	defer w.cache.Unref()

	var watching sync.WaitGroup
	watching.Go(func() { w.watchLag(inner) })
	err := w.options.Assignor.Run(inner, w.assign, w.revoke)
	w.revoke(w.numbers())
	ended := inner.Err() != nil // then the Assignor's error says no more than that
	cancel(nil)
	watching.Wait()
	if err != nil && !ended {
		return fmt.Errorf("cannot follow the assignment of partitions: %w", err)
	}
	return w.failure()
}

// Owned returns the partitions that this process owns, sorted.
func (w *Worker) Owned() []int32 {
	numbers := w.numbers()
	slices.Sort(numbers)
	return numbers
}

func (w *Worker) numbers() []int32 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return slices.Collect(maps.Keys(w.owned))
}

func (w *Worker) ownedCount() int {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return len(w.owned)
}

// partition returns the partition if it is owned here.
func (w *Worker) partition(number int32) (*partition, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if p := w.owned[number]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%w: partition %d", query.ErrNotOwner, number)
}

// assign starts the owners of partitions.
func (w *Worker) assign(numbers []int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.assigned = true
	for _, number := range numbers {
		if w.owned[number] != nil {
			continue
		}
		// Not the Assignor's context: revoke decides when an owner ends.
		ctx, cancel := context.WithCancel(context.Background())
		p := newPartition(w, number, cancel)
		w.owned[number] = p
		go func() {
			if err := p.run(ctx); err != nil {
				w.fail(err)
			}
			close(p.done)
		}()
	}
}

// revoke ends the owners of partitions, and waits until their last checkpoints
// are written and their stores closed.
func (w *Worker) revoke(numbers []int32) {
	var ending []*partition
	w.mu.Lock()
	for _, number := range numbers {
		if p := w.owned[number]; p != nil {
			ending = append(ending, p)
			p.cancel()
		}
	}
	w.mu.Unlock()
	for _, p := range ending {
		<-p.done
		w.mu.Lock()
		delete(w.owned, p.number)
		w.mu.Unlock()
		w.metrics.lost(p.number)
	}
}

// fail ends Run with the first error of a partition.
func (w *Worker) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = errors.Join(w.failed, err)
	w.cancel(err)
}

// failure returns the errors of partitions.
func (w *Worker) failure() error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.failed
}

var _ query.Querier = (*Worker)(nil)
