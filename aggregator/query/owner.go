package query

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Owner says which process answers for a partition.
type Owner struct {
	Partition  int32
	Generation int64  // of the announcement; the highest for a partition holds
	URL        string // base of the process's internal routes, http://host:port
}

// ownersAgeMax is how long owners are believed without looking again. It bounds
// how long a process that lost a partition without noticing is still asked.
const ownersAgeMax = 5 * time.Second

// ownerTable is who owned what when it was looked up. It is immutable.
type ownerTable struct {
	readAt      time.Time
	byPartition map[int32]Owner
}

// group is the partitions that one process is asked for.
type group struct {
	url        string
	partitions []int32
}

// groups returns the partitions by owner, both in the order given.
func (t *ownerTable) groups(partitions []int32) ([]group, error) {
	var groups []group
	place := make(map[string]int)
	for _, partition := range partitions {
		owner, ok := t.byPartition[partition]
		if !ok {
			return nil, fmt.Errorf("partition %d has no announced owner: %w", partition, ErrNotOwner)
		}
		i, ok := place[owner.URL]
		if !ok {
			i = len(groups)
			place[owner.URL] = i
			groups = append(groups, group{url: owner.URL})
		}
		groups[i].partitions = append(groups[i].partitions, partition)
	}
	return groups, nil
}

// owners looks owners up and remembers them. It is used from any goroutine.
type owners struct {
	lookUp  func(context.Context) ([]Owner, error)
	metrics *clientMetrics
	table   atomic.Pointer[ownerTable]
	turn    chan struct{} // holds one token; whoever has it looks up, the others wait for its result
}

func newOwners(lookUp func(context.Context) ([]Owner, error), metrics *clientMetrics) *owners {
	o := &owners{lookUp: lookUp, metrics: metrics, turn: make(chan struct{}, 1)}
	o.turn <- struct{}{}
	return o
}

// get returns a table that is not the failed one (nil: none failed) and not too
// old. Where owners cannot be looked up, one that is merely old is used: an owner
// that moved says so itself.
func (o *owners) get(ctx context.Context, failed *ownerTable) (*ownerTable, error) {
	if table := o.table.Load(); table.usable(failed) {
		return table, nil
	}
	select {
	case <-o.turn:
		defer func() { o.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, &unreachableError{fmt.Errorf("cannot look up owners: %w", ctx.Err())}
	}
	old := o.table.Load()
	if old.usable(failed) {
		return old, nil // looked up while we waited
	}
	table, err := o.read(ctx)
	if err != nil {
		o.metrics.refreshes.WithLabelValues("failed").Inc()
		if old != nil {
			return old, nil
		}
		return nil, &unreachableError{fmt.Errorf("cannot look up owners: %w", err)}
	}
	o.metrics.refreshes.WithLabelValues("ok").Inc()
	o.table.Store(table)
	return table, nil
}

func (t *ownerTable) usable(failed *ownerTable) bool {
	return t != nil && t != failed && time.Since(t.readAt) <= ownersAgeMax
}

func (o *owners) read(ctx context.Context) (*ownerTable, error) {
	readAt := time.Now()
	list, err := o.lookUp(ctx)
	if err != nil {
		return nil, err
	}
	table := &ownerTable{readAt: readAt, byPartition: make(map[int32]Owner, len(list))}
	for _, owner := range list {
		known, ok := table.byPartition[owner.Partition]
		if !ok || owner.Generation > known.Generation {
			table.byPartition[owner.Partition] = owner
		}
	}
	return table, nil
}
