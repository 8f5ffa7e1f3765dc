package eventlog

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// embeddedPartition is what the embedded log keeps in memory of one partition.
type embeddedPartition struct {
	start int64 // fixed while the log is open
	next  int64 // the offset that the next append gets; the committer's own

	end atomic.Int64 // the durable end; moves only after a sync has returned

	mu      sync.Mutex
	waiting []chan<- struct{} // each has a capacity of 1, and is told once when end moves; under mu
}

// wake tells who waits for the durable end that it has moved.
func (p *embeddedPartition) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, waiter := range p.waiting {
		select {
		case waiter <- struct{}{}:
		default: // told already
		}
		p.waiting[i] = nil
	}
	p.waiting = p.waiting[:0]
}

// wait has a channel told when the durable end moves past offset, and reports
// false when it has done so already. The end moves before wake is called, so
// either the end is seen here or the channel there.
func (p *embeddedPartition) wait(offset int64, waiter chan<- struct{}) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end.Load() > offset {
		return false
	}
	if !slices.Contains(p.waiting, waiter) {
		p.waiting = append(p.waiting, waiter)
	}
	return true
}

// await blocks until the durable end of the partition lies above offset, and
// returns it. What is durable can be read from a log that has failed. moved is
// the caller's own, of capacity 1, for this partition only.
func (l *Embedded) await(ctx context.Context, partition int32, offset int64, moved chan struct{}) (int64, error) {
	p := &l.partitions[partition]
	for {
		if end := p.end.Load(); end > offset || !p.wait(offset, moved) {
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
