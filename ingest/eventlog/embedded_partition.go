package eventlog

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// embeddedPartition is what the embedded log keeps in memory of one partition.
type embeddedPartition struct {
	start int64 // fixed while the log is open
	next  int64 // the offset that the next append gets; the committer's own

	end atomic.Int64 // the durable end; moves only after a sync has returned

	mu   sync.Mutex
	wake chan struct{} // closed when end moves; nil while nobody waits; under mu
}

// publish moves the durable end and wakes who waits for it. It is called by one
// goroutine, after the sync has returned.
func (p *embeddedPartition) publish(end int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end.Store(end)
	if p.wake != nil {
		close(p.wake)
		p.wake = nil
	}
}

// wakeup returns a channel that is closed when the durable end moves past end,
// or nil when it has done so already.
func (p *embeddedPartition) wakeup(end int64) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end.Load() > end {
		return nil
	}
	if p.wake == nil {
		p.wake = make(chan struct{})
	}
	return p.wake
}

// await blocks until the durable end of the partition lies above offset, and
// returns it. What is durable can be read from a log that has failed.
func (l *Embedded) await(ctx context.Context, partition int32, offset int64) (int64, error) {
	p := &l.partitions[partition]
	for {
		moved := p.wakeup(offset)
		if moved == nil {
			return p.end.Load(), nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-l.closing:
			return 0, ErrClosed
		case <-l.failed:
			return 0, l.Failed()
		}
	}
}

// Range returns the first offset of the partition and its durable end. It does not block.
func (l *Embedded) Range(_ context.Context, partition int32) (start, end int64, err error) {
	if err := l.checkPartition(partition); err != nil {
		return 0, 0, err
	}
	select {
	case <-l.closing:
		return 0, 0, ErrClosed
	default:
	}
	p := &l.partitions[partition]
	return p.start, p.end.Load(), nil
}

func (l *Embedded) checkPartition(partition int32) error {
	if partition < 0 || partition >= l.identity.Partitions {
		return fmt.Errorf("%w: %d of %d", ErrNoPartition, partition, l.identity.Partitions)
	}
	return nil
}
