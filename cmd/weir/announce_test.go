package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"weir/billing/postgres/pgtest"
	"weir/ingest/eventlog"
)

// givenAssignor assigns partitions once, says so, and takes them back at the end.
type givenAssignor struct {
	partitions []int32
	assigned   chan struct{}
}

func (g givenAssignor) Run(ctx context.Context, assigned, revoked func([]int32)) error {
	assigned(g.partitions)
	close(g.assigned)
	<-ctx.Done()
	revoked(g.partitions)
	return nil
}

// TestAnnounceOverrules: an owner becomes known although another, whose clock was
// ahead and which is dead, seems to be the later one; and although somebody
// removed what it announced. When it ends it leaves nothing behind.
func TestAnnounceOverrules(t *testing.T) {
	t.Parallel()
	log, err := eventlog.OpenEmbedded(t.TempDir(), eventlog.EmbeddedOptions{Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	id := log.Identity().ID
	p := &process{db: pgtest.New(t), log: eventlog.NewGate(log), logger: slog.New(slog.DiscardHandler), ctx: t.Context()}
	if err := p.db.AnnounceOwner(t.Context(), id, 0, time.Now().Add(time.Hour).UnixNano(), "http://dead", time.Now()); err != nil {
		t.Fatal(err)
	}
	f := func(want ...string) {
		t.Helper()
		owners, err := p.db.Owners(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range owners {
			got = append(got, fmt.Sprint(o.Partition, " ", o.URL))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("announced are %q, want %q", got, want)
		}
	}

	given := givenAssignor{partitions: []int32{0, 1}, assigned: make(chan struct{})}
	a := &announcer{Assignor: given, process: p, url: "http://ours", owned: map[int32]*announcement{}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, func([]int32) {}, func([]int32) {}) }()
	<-given.assigned
	f("0 http://dead", "1 http://ours")
	for range unseenMax { // as long as the other may be alive and about to withdraw
		a.look(ctx)
		a.tell(ctx)
		f("0 http://dead", "1 http://ours")
	}
	a.look(ctx)
	a.tell(ctx)
	f("0 http://ours", "1 http://ours")

	if err := p.db.WithdrawOwner(ctx, id, 1, a.owned[1].generation, "http://ours"); err != nil {
		t.Fatal(err)
	}
	for range unseenMax + 1 {
		a.look(ctx)
		a.tell(ctx)
	}
	f("0 http://ours", "1 http://ours")
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	f()
}
