package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"weir/ingest"
	"weir/ingest/eventlog"
)

// Bounds of retries when the log can't be reached.
const (
	retryDelayMin = 50 * time.Millisecond
	retryDelayMax = 5 * time.Second
)

// reader reads one partition's log, parses and hashes, sends foreign events to
// where they belong, and hands groups to the owner. What it has handed over needs
// nothing more from the log.
type reader struct {
	log        eventlog.Log
	forward    func(partition int32, value []byte, done func(offset int64, err error))
	logger     *slog.Logger
	partition  int32
	partitions int32
	next       int64
	checksum   uint64 // of the record before next

	groups chan *group // to the owner; its length bounds what waits
	free   chan *group // back from the owner
	idle   []*group    // back from the owner and taken from free, the last one last
}

// run reads until ctx ends or the log can't be read any more. It returns why:
// a lasting fault of the log, or eventlog.ErrOutOfRange and ErrMismatch when it is
// not the log that it should be.
func (r *reader) run(ctx context.Context) error {
	defer close(r.groups)
	delay := retryDelayMin
	read := r.read // the owner has compared the log with its progress just now
	for {
		before := r.next
		err := read(ctx)
		read = r.resume
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, eventlog.ErrOutOfRange), errors.Is(err, eventlog.ErrMismatch),
			errors.Is(err, eventlog.ErrFailed), errors.Is(err, eventlog.ErrClosed):
			return err
		}
		if r.next > before {
			delay = retryDelayMin
		}
		r.logger.Warn("cannot read log, trying again",
			"partition", r.partition, "offset", r.next, "delay", delay, "error", err)
		if err := sleep(ctx, delay); err != nil {
			return err
		}
		delay = min(2*delay, retryDelayMax)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resume compares the log with what was read of it, and reads on. After an error
// it may have become another one, with other records where the next were to come.
func (r *reader) resume(ctx context.Context) error {
	progress := eventlog.Progress{LogID: r.log.Identity().ID, Next: r.next, Checksum: r.checksum}
	if err := eventlog.Verify(ctx, r.log, r.partition, progress); err != nil {
		return err
	}
	return r.read(ctx)
}

func (r *reader) read(ctx context.Context) error {
	records, err := r.log.Read(ctx, r.partition, r.next)
	if err != nil {
		return err
	}
	defer records.Close()
	for {
		batch, err := records.Next(ctx)
		if err != nil {
			return err
		}
		for len(batch) > 0 {
			n, err := r.handOver(ctx, batch)
			if err != nil {
				return err
			}
			batch = batch[n:]
		}
	}
}

// handOver makes a group of the first records, and returns how many.
func (r *reader) handOver(ctx context.Context, batch []eventlog.Record) (int, error) {
	g, err := r.emptyGroup(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for n < len(batch) && !g.full() {
		if batch[n].Offset < r.next {
			return 0, fmt.Errorf("%w: record %d came after %d", eventlog.ErrMismatch, batch[n].Offset, r.next-1)
		}
		g.add(&batch[n], r.partition, r.partitions)
		r.next = g.next
		n++
	}
	r.checksum = eventlog.Checksum(batch[n-1].Value)
	g.checksum = r.checksum
	if g.foreign > 0 {
		if err := r.forwardAll(ctx, g); err != nil {
			return 0, err
		}
	}
	select {
	case r.groups <- g:
		return n, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// emptyGroup waits for a group that the owner has handed back. Of several it takes the last
// one: its memory is the likeliest to be still in the processor's caches.
func (r *reader) emptyGroup(ctx context.Context) (*group, error) {
	for {
		select {
		case g := <-r.free:
			r.idle = append(r.idle, g)
			continue
		default:
		}
		break
	}
	if len(r.idle) == 0 {
		select {
		case g := <-r.free:
			r.idle = append(r.idle, g)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	last := len(r.idle) - 1
	g := r.idle[last]
	r.idle = r.idle[:last]
	g.reset()
	return g, nil
}

// forwarded is a record of foreign events on its way to where they belong.
type forwarded struct {
	partition int32
	value     []byte
	err       error
}

// forwardAll appends the group's foreign events to their partitions, trying
// until the log has all of them: this partition may not move on before. Whoever reads them
// there takes a second one for a repeat, so that a crash after this, which leads
// here again, does no harm.
func (r *reader) forwardAll(ctx context.Context, g *group) error {
	waiting := r.foreignRecords(g)
	delay := retryDelayMin
	for {
		acknowledged := make(chan *forwarded, len(waiting))
		for _, f := range waiting {
			r.forward(f.partition, f.value, func(_ int64, err error) {
				f.err = err
				acknowledged <- f
			})
		}
		failed, err := awaitForwarded(ctx, acknowledged, len(waiting))
		if err != nil || len(failed) == 0 {
			return err
		}
		r.logger.Warn("cannot forward events, trying again",
			"partition", r.partition, "to", failed[0].partition, "delay", delay, "error", failed[0].err)
		if err := sleep(ctx, delay); err != nil {
			return err
		}
		waiting, delay = failed, min(2*delay, retryDelayMax)
	}
}

// awaitForwarded waits for n outcomes and returns what has to be tried again.
func awaitForwarded(ctx context.Context, acknowledged <-chan *forwarded, n int) ([]*forwarded, error) {
	var failed []*forwarded
	for range n {
		select {
		case f := <-acknowledged:
			switch {
			case f.err == nil:
			case errors.Is(f.err, eventlog.ErrFailed), errors.Is(f.err, eventlog.ErrClosed):
				return nil, fmt.Errorf("cannot forward events to partition %d: %w", f.partition, f.err)
			default:
				failed = append(failed, f)
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return failed, nil
}

// foreignRecords makes records of a group's foreign events, one for each record
// that they came in and partition that they go to.
func (r *reader) foreignRecords(g *group) []*forwarded {
	var records []*forwarded
	for i := range g.records {
		record := &g.records[i]
		indexes := make(map[int32][]int32)
		for at := record.from; at < record.to; at++ {
			if g.events[at].foreign {
				partition := ingest.Partition(record.header.Organization, g.batch.Events[at].Subscription, r.partitions)
				indexes[partition] = append(indexes[partition], int32(at))
			}
		}
		for partition, of := range indexes {
			value := ingest.AppendRecordOf(nil, record.header, g.batch.Events, of)
			records = append(records, &forwarded{partition: partition, value: value})
		}
	}
	return records
}
