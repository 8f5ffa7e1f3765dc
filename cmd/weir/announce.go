package main

import (
	"context"
	"sync"
	"time"

	"weir/ingest/eventlog"
)

// announceInterval is how often an announcement that failed is tried again.
const announceInterval = time.Second

// announceTimeout bounds one announcement.
const announceTimeout = 5 * time.Second

// announcer wraps an Assignor so that the other roles learn which partitions
// this process owns. An announcement is not a lock: a stale owner's answer is
// harmless, because every answer carries its position.
type announcer struct {
	eventlog.Assignor
	process *process
	url     string

	mu    sync.Mutex
	owned map[int32]*announcement
}

// announcement is what the others are told of one partition.
type announcement struct {
	generation int64 // later ones are higher
	told       bool
}

// announce makes the worker that is started later announce its partitions under url.
func (p *process) announce(url string) {
	a := &announcer{Assignor: p.assignor, process: p, url: url, owned: map[int32]*announcement{}}
	p.assignor = a
	p.goUntilClose("announcements", a.repeat)
}

// Run follows the assignor inside; a partition is announced after the worker has
// it, and withdrawn before the worker gives it up.
func (a *announcer) Run(ctx context.Context, assigned, revoked func([]int32)) error {
	return a.Assignor.Run(ctx,
		func(partitions []int32) {
			assigned(partitions)
			a.mu.Lock()
			for _, partition := range partitions {
				a.owned[partition] = &announcement{generation: time.Now().UnixNano()}
			}
			a.mu.Unlock()
			a.tell(a.process.ctx)
		},
		func(partitions []int32) {
			a.withdraw(partitions)
			revoked(partitions)
		})
}

// repeat tries again what could not be announced, until ctx ends.
func (a *announcer) repeat(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(announceInterval):
			a.tell(ctx)
		}
	}
}

// tell announces every partition that is not announced yet.
func (a *announcer) tell(ctx context.Context) {
	p := a.process
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	for partition, owned := range a.owned {
		if owned.told {
			continue
		}
		if err := p.db.AnnounceOwner(ctx, p.log.Identity().ID, partition, owned.generation, a.url, time.Now()); err != nil {
			p.logger.Warn("cannot announce a partition; trying again", "partition", partition, "error", err)
			return
		}
		owned.told = true
	}
}

// withdraw takes announcements back. Failing is harmless: the next owner's has a higher generation.
func (a *announcer) withdraw(partitions []int32) {
	p := a.process
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), announceTimeout)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, partition := range partitions {
		owned := a.owned[partition]
		delete(a.owned, partition)
		if owned == nil || !owned.told {
			continue
		}
		if err := p.db.WithdrawOwner(ctx, p.log.Identity().ID, partition, owned.generation, a.url); err != nil {
			p.logger.Warn("cannot withdraw a partition", "partition", partition, "error", err)
		}
	}
}
