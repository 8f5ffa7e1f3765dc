package worker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/ingest"
	"weir/ingest/eventlog"
)

// TestOnTheEmbeddedLog: records go in through a real log, before a restart of
// both and after it, and are counted once each.
func TestOnTheEmbeddedLog(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	catalog := aggregator.NewCatalog(1, []*aggregator.Metric{calls})
	const rounds, perRound = 3, 200
	for round := range rounds {
		log, err := eventlog.OpenEmbedded("/log", eventlog.EmbeddedOptions{Partitions: 4, FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		w, err := worker.New(worker.Options{
			Log: log, Assignor: log.Assignor(), Dir: "/stores", FS: fs, CheckpointInterval: 10 * time.Millisecond,
			Catalog: func() *aggregator.Catalog { return catalog },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()

		ends := map[int32]int64{}
		for i := range perRound {
			s := call(fmt.Sprint(round*perRound/2 + i)) // half of them are those of the round before
			s.sub = fmt.Sprint("sub-", i%10)
			partition := ingest.Partition(s.org, s.sub, 4)
			value := ingest.AppendRecord(nil, ingest.Header{Organization: s.org}, []ingest.Event{s.event()})
			done := make(chan error, 1)
			log.Append(partition, value, nil, func(offset int64, err error) {
				ends[partition] = offset + 1
				done <- err
			})
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		want := int64((round + 2) * perRound / 2)
		if got := countCalls(t, w, orgA, ends); got != want {
			t.Fatalf("round %d: %d calls are counted, want %d", round, got, want)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func countCalls(t *testing.T, w *worker.Worker, org uuid.UUID, ends map[int32]int64) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var sum int64
	for i := range 10 {
		subscription := fmt.Sprint("sub-", i)
		answer, err := w.Usage(ctx, query.UsageRequest{
			Organization: org, Subscription: subscription, From: time.Unix(0, base), To: time.Unix(0, base+day),
			Items: itemsOf(calls), AtLeast: ends[ingest.Partition(org, subscription, 4)], Committed: i%2 == 0,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range answer.Items[0].Buckets {
			sum += cell.EventsCount
		}
	}
	return sum
}
