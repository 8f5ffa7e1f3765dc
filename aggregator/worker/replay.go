package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest/eventlog"
)

// ReplayOptions say what to replay, and to where. All but the last four are needed.
type ReplayOptions struct {
	Log       eventlog.Log
	Partition int32
	// Until is the offset after the last record to replay.
	Until int64
	// Dir is where the new store goes, as Options.Dir; it must have none of the partition.
	Dir     string
	Catalog *aggregator.Catalog

	FS     store.FS     // nil = the disk
	Logger *slog.Logger // nil = silence
	// DirtyBytesMax is Options.DirtyBytesMax.
	DirtyBytesMax int
	// Progress is told now and then below which offset everything is counted; nil = nobody is.
	Progress func(offset int64)
}

// replayLook is how often Progress is told.
const replayLook = 200 * time.Millisecond

// Replay makes the store of one partition anew, of exactly the records below Until. It
// does what the worker of the partition does, but for sending foreign events on: that was
// done when the records were read for the first time.
func Replay(ctx context.Context, o ReplayOptions) error {
	w, err := New(Options{
		Log:           bounded{Log: o.Log, until: o.Until},
		Assignor:      onePartition(o.Partition),
		Dir:           o.Dir,
		FS:            o.FS,
		Catalog:       func() *aggregator.Catalog { return o.Catalog },
		Forward:       func(_ int32, _ []byte, done func(int64, error)) { go done(0, nil) },
		Logger:        o.Logger,
		DirtyBytesMax: o.DirtyBytesMax,
	})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(running) }()
	err = w.awaitReplay(running, &o, ended)
	cancel()
	return errors.Join(err, <-ended)
}

// awaitReplay returns when a checkpoint at o.Until is written, or the worker has ended; then
// the outcome is put back for who waits for it.
func (w *Worker) awaitReplay(ctx context.Context, o *ReplayOptions, ended chan error) error {
	done := make(chan error, 1)
	go func() { done <- w.committed(ctx, o.Partition, o.Until) }()
	look := time.NewTicker(replayLook)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			if err == nil && o.Progress != nil {
				o.Progress(o.Until)
			}
			return err
		case err := <-ended:
			ended <- err
			return fmt.Errorf("partition %d ended at its replay", o.Partition)
		case <-look.C:
			if p, err := w.partition(o.Partition); err == nil && o.Progress != nil {
				o.Progress(p.applied.Load())
			}
		}
	}
}

// committed waits until a checkpoint of the partition covers every record below offset.
func (w *Worker) committed(ctx context.Context, number int32, offset int64) error {
	p, err := w.partition(number)
	for err != nil { // it is about to be assigned
		if err := sleep(ctx, time.Millisecond); err != nil {
			return err
		}
		p, err = w.partition(number)
	}
	snapshot, err := p.snapshotAt(ctx, offset)
	if err != nil {
		return err
	}
	return snapshot.Close()
}

// onePartition is the Assignor of a worker that has one partition for all of its life.
type onePartition int32

func (n onePartition) Run(ctx context.Context, assigned, revoked func(partitions []int32)) error {
	assigned([]int32{int32(n)})
	<-ctx.Done()
	revoked([]int32{int32(n)})
	return nil
}

// bounded is a log that ends at an offset, although it goes on.
type bounded struct {
	eventlog.Log
	until int64
}

func (b bounded) Range(ctx context.Context, partition int32) (start, end int64, err error) {
	start, end, err = b.Log.Range(ctx, partition)
	return start, min(end, b.until), err
}

func (b bounded) Read(ctx context.Context, partition int32, from int64) (eventlog.Reader, error) {
	reader, err := b.Log.Read(ctx, partition, from)
	if err != nil {
		return nil, err
	}
	return &boundedReader{Reader: reader, until: b.until}, nil
}

type boundedReader struct {
	eventlog.Reader
	until int64
	ended bool
}

// Next gives what lies below the end; behind it there is nothing to wait for but ctx.
func (r *boundedReader) Next(ctx context.Context) ([]eventlog.Record, error) {
	for !r.ended {
		records, err := r.Reader.Next(ctx)
		if err != nil {
			return nil, err
		}
		for i := range records {
			if records[i].Offset >= r.until {
				records, r.ended = records[:i], true
				break
			}
		}
		r.ended = r.ended || len(records) > 0 && records[len(records)-1].Offset == r.until-1
		if len(records) > 0 {
			return records, nil
		}
	}
	<-ctx.Done()
	return nil, ctx.Err()
}
