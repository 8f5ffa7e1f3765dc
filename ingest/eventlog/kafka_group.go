package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Assignor returns an Assignor that shares the partitions with the other members
// of the consumer group. Each Run is a member of its own.
func (k *Kafka) Assignor() Assignor { return &groupAssignor{log: k} }

// groupAssignor is a member of a consumer group that never fetches: the group
// says who owns what, and where to resume is the owner's store's to say. Nothing
// is committed to the group either.
//
// The group's protocol is cooperative: a rebalance takes away only the partitions
// that move. An eager one would close and replay every partition of every process
// whenever one comes or goes.
type groupAssignor struct {
	log   *Kafka
	owned []int32 // touched by the group's callbacks, which do not overlap, and after they have ended
}

// Run is Assignor.Run. It returns nil when ctx ends, or why the group can't be joined.
func (a *groupAssignor) Run(ctx context.Context, assigned, revoked func(partitions []int32)) error {
	topic := a.log.opts.Topic
	gained := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		a.gain(partitions[topic], assigned)
	}
	lost := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		a.lose(partitions[topic], revoked)
	}
	client, err := kgo.NewClient(a.log.clientOptions(
		kgo.ConsumerGroup(a.log.opts.Group),
		kgo.ConsumeTopics(topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(a.log.opts.SessionTimeout),
		kgo.HeartbeatInterval(a.log.opts.SessionTimeout/4),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(gained),
		kgo.OnPartitionsRevoked(lost),
		kgo.OnPartitionsLost(lost),
		kgo.MaxConcurrentFetches(0), // fetch only when polled, and then there is nothing that is not paused
	)...)
	if err != nil {
		return fmt.Errorf("cannot join group %s: %w", a.log.opts.Group, err)
	}
	client.PauseFetchTopics(topic)
	err = a.watch(ctx, client)
	client.Close() // leaves the group, which revokes
	a.lose(slices.Clone(a.owned), revoked)
	return err
}

// watch waits for ctx to end. Polling is how kgo tells of a group that can't be
// joined; it goes on trying by itself, so this is for the log, and to tell what is final.
func (a *groupAssignor) watch(ctx context.Context, client *kgo.Client) error {
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fetches.Errors() {
			if errors.Is(e.Err, kgo.ErrClientClosed) {
				return fmt.Errorf("cannot stay in group %s: %w", a.log.opts.Group, ErrClosed)
			}
			a.log.opts.Logger.Warn("consumer group reports an error", "group", a.log.opts.Group, "error", e.Err)
		}
	}
}

func (a *groupAssignor) gain(partitions []int32, assigned func([]int32)) {
	a.owned = append(a.owned, partitions...)
	if len(partitions) > 0 {
		a.log.opts.Logger.Info("partitions assigned", "partitions", partitions)
	}
	assigned(partitions) // also when there is nothing new: the group has been joined
}

// lose revokes those of the partitions that are owned: kgo may report a loss twice.
func (a *groupAssignor) lose(partitions []int32, revoked func([]int32)) {
	var leaving []int32
	for _, p := range partitions {
		if i := slices.Index(a.owned, p); i >= 0 {
			a.owned = slices.Delete(a.owned, i, i+1)
			leaving = append(leaving, p)
		}
	}
	if len(leaving) == 0 {
		return
	}
	a.log.opts.Logger.Info("partitions revoked", "partitions", leaving)
	revoked(leaving)
}
