package worker

import (
	"context"
	"errors"
	"fmt"
)

// errNotAssigned: nobody has said yet what this process owns.
var errNotAssigned = errors.New("no assignment of partitions yet")

// Ready returns nil when this process answers for what it owns: the Assignor has
// spoken, and the owner of every partition takes questions. Who was assigned
// nothing is ready: in a group with more members than partitions some stand by.
//
// It does not wait for partitions to catch up with the log. A question names the
// position that it needs and waits for it by itself; how far behind a partition is,
// the lag says. A stopped partition answers nothing, so it is not ready.
func (w *Worker) Ready(ctx context.Context) error {
	w.mu.RLock()
	assigned := w.assigned
	w.mu.RUnlock()
	if !assigned {
		return errNotAssigned
	}
	for _, number := range w.Owned() {
		p, err := w.partition(number)
		if err != nil {
			continue // lost meanwhile
		}
		// A checkpoint at any position: answered by the owner at once, and costs nothing.
		if _, err := p.viewAt(&question{ctx: ctx, committed: true}); err != nil {
			return fmt.Errorf("partition %d does not answer: %w", number, err)
		}
	}
	return nil
}
