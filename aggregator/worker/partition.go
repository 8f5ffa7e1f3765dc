package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest/eventlog"
)

// partition is one partition that this process owns. One goroutine, the owner
// (run), has all of the state below "the owner's"; nothing there is locked. Others
// reach it through questions.
type partition struct {
	number  int32
	options *Options
	logger  *slog.Logger
	metrics *metrics
	logID   string
	cache   *store.Cache
	slots   chan struct{} // bounds the checkpoints of a process that are written at a time
	owned   func() int    // partitions of this process
	// rebuildSlots bounds the rebuilds of a process that run at a time.
	rebuildSlots chan struct{}
	chunkMax     int // counters of a rebuild in memory: chunkCountersMax, less in tests

	questions chan *question
	hints     chan hint
	seeds     chan seed
	ready     chan struct{} // closed when store and stopped are set, or when there will be none
	ended     chan struct{} // closed when the owner answers no more questions
	done      chan struct{} // closed when all of it has ended
	cancel    context.CancelFunc

	// Set before ready is closed, except stopped, which may come later.
	store   *store.Store
	stopped atomic.Pointer[string] // why; nil = not stopped

	applied     atomic.Int64 // offset: every record below is counted
	appliedTime atomic.Int64 // when the log took the record before it
	taken       atomic.Int64 // events in those records, counted or not

	// The owner's.
	next         int64
	checksum     uint64
	committed    int64 // offset: every record below is in a checkpoint
	seriesNext   uint64
	totals       store.Totals
	catalog      *aggregator.Catalog
	generation   uint64      // of catalog; 0 = none was seen
	definitions  definitions // of the catalog's metrics
	series       seriesTable
	dirty        []*series
	stateBytes   int
	recent       recentIDs
	lookup       lookup
	toucher      toucher
	pending      *store.Pending
	loans        *loans // of pending
	asides       []*store.Aside
	asideBytes   int
	uncounted    uncounted
	waiting      []*question
	rebuilds     rebuildQueue
	rebuilding   int // how many are running
	rebuiltBytes int // of counters that rebuilds brought and no checkpoint has
	sweep        sweep
	schedule     schedule
	writing      *checkpointing
	thawed       frozen       // memory for the next checkpoint
	failed       error        // of what can't return it: the loop ends
	versions     []store.Seen // scratch
	superseded   store.Event  // scratch

	runningSeries []*series // with running totals, or lately so
	runningSwept  int       // index in it, up to where it was looked at
	runningHits   int       // answers that were running totals

	written    chan error     // how writing ended
	rebuilt    chan rebuilt   // how the running rebuilds ended
	swept      chan sweepPage // what the running sweep found
	background sync.WaitGroup
}

// questionsWaitingMax is how many questions may wait for a position of one partition.
const questionsWaitingMax = 10_000

// hintsWaitingMax is how many hints may wait for the owner; what is more is dropped.
const hintsWaitingMax = 16

// newPartition returns a partition of the worker whose owner is not running yet.
func newPartition(w *Worker, number int32, cancel context.CancelFunc) *partition {
	return &partition{
		number:       number,
		options:      &w.options,
		logger:       w.options.Logger,
		metrics:      w.metrics,
		logID:        w.options.Log.Identity().ID,
		cache:        w.cache,
		slots:        w.slots,
		owned:        w.ownedCount,
		rebuildSlots: w.rebuildSlots,
		chunkMax:     w.chunkMax,
		questions:    make(chan *question),
		hints:        make(chan hint, hintsWaitingMax),
		seeds:        make(chan seed, seedsWaitingMax),
		ready:        make(chan struct{}),
		ended:        make(chan struct{}),
		done:         make(chan struct{}),
		cancel:       cancel,
		loans:        new(loans),
		written:      make(chan error, 1),
		rebuilt:      make(chan rebuilt, rebuildsRunningMax),
		swept:        make(chan sweepPage),
	}
}

// run is the owner's life, until ctx ends. It returns an error that ends the worker.
func (p *partition) run(ctx context.Context) error {
	err := p.open(ctx)
	close(p.ready)
	if p.store == nil {
		close(p.ended)
		return err
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) { // revoked while it was being opened
		close(p.ended)
		return p.store.Close()
	}
	if err == nil && p.stopped.Load() == nil {
		err = p.own(ctx)
	}
	close(p.ended)
	if err == nil && p.stopped.Load() != nil {
		<-ctx.Done() // stays, so that questions are answered with ErrStopped
	}
	return errors.Join(err, p.store.Close())
}

// open opens the store and compares it with the log.
func (p *partition) open(ctx context.Context) error {
	s, err := store.Open(store.Dir(p.options.Dir, p.number), store.Options{
		Partition: p.number, FS: p.options.FS, Cache: p.cache, Logger: p.logger,
		Remake: func(old eventlog.Progress) error { return p.canReplay(ctx, old) },
	})
	if err != nil {
		return err
	}
	p.store = s
	if reason := s.Stopped(); reason != "" {
		p.stopFor(reason)
		return nil
	}
	if err := p.verify(ctx); err != nil || p.stopped.Load() != nil {
		return err
	}
	progress := s.Progress()
	p.next, p.checksum, p.committed = progress.Next, progress.Checksum, progress.Next
	p.seriesNext, p.totals = progress.SeriesNext, progress.Totals
	p.applied.Store(p.next)
	p.taken.Store(p.totals.Taken())
	p.pending = new(store.Pending)
	p.generation, p.sweep.wanted = 1, true
	p.catalog = p.options.Catalog()
	p.metrics.catalog(p.number, p.catalog)
	return p.fillRecent(p.options.RecentIDsMax / max(1, p.owned()))
}

// errTrimmed: the log does not begin with offset 0 any more.
var errTrimmed = errors.New("log has no longer all records")

// canReplay reports whether a store that had come to old can be made again from the log: it is that log,
// and has all records.
func (p *partition) canReplay(ctx context.Context, old eventlog.Progress) error {
	if err := eventlog.Verify(ctx, p.options.Log, p.number, old); err != nil {
		return err
	}
	start, _, err := p.options.Log.Range(ctx, p.number)
	if err == nil && start > 0 {
		err = fmt.Errorf("%w: it begins at %d", errTrimmed, start)
	}
	return err
}

// verify compares the stored progress with the log, as often as it takes to
// reach the log. A mismatch stops the partition.
func (p *partition) verify(ctx context.Context) error {
	for delay := retryDelayMin; ; delay = min(2*delay, retryDelayMax) {
		err := eventlog.Verify(ctx, p.options.Log, p.number, p.store.Progress().Progress)
		if err == nil {
			err = p.announceResume(ctx)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, eventlog.ErrMismatch):
			return p.stop(err.Error())
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, eventlog.ErrFailed), errors.Is(err, eventlog.ErrClosed):
			return err
		}
		p.logger.Warn("cannot compare progress with log, trying again",
			"partition", p.number, "delay", delay, "error", err)
		if err := sleep(ctx, delay); err != nil {
			return err
		}
	}
}

func (p *partition) announceResume(ctx context.Context) error {
	_, end, err := p.options.Log.Range(ctx, p.number)
	if err != nil {
		return fmt.Errorf("cannot read end of partition %d: %w", p.number, err)
	}
	from := p.store.Progress().Next
	level := slog.LevelInfo
	if from == end { // as at most starts, for every partition
		level = slog.LevelDebug
	}
	p.logger.Log(ctx, level, "resumes at its checkpoint",
		"partition", p.number, "from_offset", from, "end_offset", end, "records_to_replay", end-from)
	p.metrics.resumed(p.number, from, end)
	return nil
}

// stop stops the partition for good and writes that down.
func (p *partition) stop(reason string) error {
	if err := p.store.Stop(reason); err != nil {
		return fmt.Errorf("cannot stop partition %d (%s): %w", p.number, reason, err)
	}
	p.stopFor(reason)
	return nil
}

func (p *partition) stopFor(reason string) {
	p.stopped.Store(&reason)
	p.metrics.stopped(p.number)
	p.logger.Error("partition is stopped until an operator clears it", "partition", p.number, "reason", reason)
	if p.options.OnStop != nil {
		p.options.OnStop(p.number, reason)
	}
}

// own is the loop of the owner: it applies what the reader brings, answers
// questions, and has checkpoints written, until ctx ends or something fails.
func (p *partition) own(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	groups, free, readerEnded := p.startReader(inner)
	err := p.loop(inner, groups, free, readerEnded)
	cancel()
	for range groups { // the reader closes it when it ends
	}
	return errors.Join(err, p.finish(err))
}

// startReader starts the goroutine that reads the log.
func (p *partition) startReader(ctx context.Context) (groups, free chan *group, ended chan error) {
	waiting := max(1, p.options.QueueBytesMax/groupBytesMax)
	groups, free = make(chan *group, waiting), make(chan *group, waiting+2)
	for range cap(free) {
		free <- new(group)
	}
	ended = make(chan error, 1)
	r := &reader{
		log: p.options.Log, forward: p.options.Forward, logger: p.logger,
		partition: p.number, partitions: p.options.Log.Identity().Partitions,
		next: p.next, checksum: p.checksum, groups: groups, free: free,
	}
	p.background.Go(func() { ended <- r.run(ctx) })
	return groups, free, ended
}

func (p *partition) loop(ctx context.Context, groups <-chan *group, free chan<- *group, readerEnded <-chan error) error {
	p.schedule.start(time.Now(), p.number, p.options.CheckpointInterval, p.options.CheckpointIntervalMax)
	defer p.schedule.timer.Stop()
	ticker := time.NewTicker(p.options.CheckpointInterval)
	defer ticker.Stop()
	catalogTicker := time.NewTicker(catalogInterval)
	defer catalogTicker.Stop()
	for {
		from, swept, rebuildSlots := groups, p.swept, p.rebuildSlots
		if p.dirtyBytes()-p.rebuiltBytes >= 2*p.dirtyBytesMax() {
			from = nil // until the checkpoint that is being written is done
		}
		if !p.sweepRoom() {
			swept = nil
		}
		if !p.canRebuild() {
			rebuildSlots = nil
		}
		p.plan(ctx)
		var err error
		select {
		case g, ok := <-from:
			if !ok {
				return p.logEnded(ctx, <-readerEnded)
			}
			err = p.apply(g)
			free <- g
		case q := <-p.questions:
			p.ask(q)
		case h := <-p.hints:
			err = p.follow(h)
		case sown := <-p.seeds:
			p.takeSeed(sown)
		case <-catalogTicker.C:
			p.useCatalog()
		case <-ticker.C:
			if !p.behind() { // idle: what the last burst needed is not kept
				p.pending, p.thawed = new(store.Pending), frozen{}
			}
			p.sweepRunning(time.Now())
		case <-p.schedule.timer.C:
			p.schedule.set = time.Time{}
		case <-p.schedule.granted:
			p.beginCheckpoint()
		case err = <-p.written:
			if err == nil {
				p.endCheckpoint()
			} else {
				p.writing = nil
			}
		case rebuildSlots <- struct{}{}:
			err = p.beginRebuild(ctx)
		case done := <-p.rebuilt:
			err = p.finishRebuild(done)
		case page := <-swept:
			err = p.takeSwept(page)
		case <-ctx.Done():
			return nil
		}
		p.askWaiting()
		p.endSweep()
		if err == nil {
			err = p.startSweep(ctx)
		}
		if err = cmp.Or(err, p.failed); err != nil {
			return fmt.Errorf("partition %d: %w", p.number, err)
		}
		p.answerWaiting()
	}
}

// logEnded decides what it means that the reader has ended.
func (p *partition) logEnded(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, eventlog.ErrOutOfRange), errors.Is(err, eventlog.ErrMismatch):
		return p.stop(fmt.Sprintf("log can't be read at offset %d: %v", p.next, err))
	default:
		return fmt.Errorf("partition %d: %w", p.number, err)
	}
}

// finish waits for what runs beside the owner and, when nothing has failed, writes a last checkpoint.
func (p *partition) finish(failed error) error {
	p.background.Wait()
	p.schedule.release(p.slots)
	var err error
	if p.writing != nil {
		if err = <-p.written; err == nil {
			p.endCheckpoint()
		}
	}
	if failed == nil && err == nil && p.stopped.Load() == nil && (p.behind() || len(p.dirty) > 0) {
		err = p.lastCheckpoint()
	}
	for _, q := range p.waiting {
		q.give(nil, p.gone())
	}
	p.waiting = nil
	if err != nil {
		return fmt.Errorf("partition %d: %w", p.number, err)
	}
	return nil
}
