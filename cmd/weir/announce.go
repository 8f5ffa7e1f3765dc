package main

import (
	"context"
	"sync"
	"time"

	"weir/billing/postgres"
	"weir/ingest/eventlog"
)

// announceInterval is how often an announcement that failed is tried again, and
// how often owners look whether theirs still stands.
const announceInterval = time.Second

// unseenMax is how many looks in a row an owner does not find its announcement
// before it makes a higher one. Whoever lost a partition without noticing learns
// of it sooner (a member of the group asks every few seconds), so that two of
// them don't overrule each other for long.
const unseenMax = 5

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
	unseen     int // looks in a row that did not find it
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

// repeat keeps the announcements known, until ctx ends.
func (a *announcer) repeat(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(announceInterval):
			a.look(ctx)
			a.tell(ctx)
		}
	}
}

// look finds announcements of ours that nobody sees, and has them made again with
// a higher generation. Generations come from clocks: one of an owner that was
// killed, whose clock was ahead, would hide its successor's for ever.
func (a *announcer) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	owners, err := a.process.db.Owners(ctx, a.process.log.Identity().ID)
	if err != nil {
		return // readiness says that the database is not there
	}
	announced := make(map[int32]postgres.Owner, len(owners))
	for _, owner := range owners {
		announced[owner.Partition] = owner
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for partition, owned := range a.owned {
		other := announced[partition]
		switch {
		case !owned.told || other.URL == a.url && other.Generation == owned.generation:
			owned.unseen = 0
		case owned.unseen < unseenMax:
			owned.unseen++
		default:
			owned.generation = max(owned.generation, other.Generation) + 1
			owned.told, owned.unseen = false, 0
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
