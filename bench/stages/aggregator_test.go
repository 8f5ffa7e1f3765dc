package stages

import (
	"context"
	"fmt"
	"testing"
	"time"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/aggregator/worker"
	"weir/bench/made"
	"weir/bench/yardstick"
	"weir/ingest"
)

// A made partition: some subscriptions, each with some counters.
const (
	madeSubscriptions = 2_000
	madeCells         = 5
	madeStep          = int64(time.Second / 10_000) // events come 10,000 a second
)

// TestAggregator bounds the stages of the aggregator, in yardsticks per event.
func TestAggregator(t *testing.T) {
	yardstick.Ratio(t, "make, read, look up, count and keep", 75, func() func(int) { return countStage(t) })
	yardstick.Ratio(t, "keep", 13, keepStage)
	yardstick.Ratio(t, "look up an id never seen", 6, func() func(int) { return lookupStage(t) })
	yardstick.Ratio(t, "checkpoint", 70, func() func(int) { return checkpointStage(t) })
}

// countStage gives events to a worker, which reads them from a log that makes them up. No
// checkpoint falls into a round: they are hours apart.
func countStage(t *testing.T) func(n int) {
	log := made.New(made.Shape{Partitions: 1, Subscriptions: madeSubscriptions, Cells: madeCells, Step: madeStep})
	catalog := aggregator.NewCatalog(1, []*aggregator.Metric{{
		Organization: made.Organization, Code: made.Code, Aggregation: aggregator.SumAgg,
		FieldName: made.UnitsField, CellKeys: []string{made.CellField},
	}})
	w, err := worker.New(worker.Options{
		Log: log, Assignor: log.Assignor(), Dir: t.TempDir(), Catalog: func() *aggregator.Catalog { return catalog },
		CheckpointInterval: time.Hour, DirtyBytesMax: 1 << 30,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for len(w.Owned()) == 0 {
		time.Sleep(time.Millisecond) // it has no way to tell
	}
	stage := func(n int) {
		log.Grow(int64(n/made.EventsPerRecord + 1))
		_, err := w.Usage(ctx, query.UsageRequest{
			Organization: made.Organization, Subscription: "nobody", From: time.Unix(0, 0), To: time.Unix(0, 1), AtLeast: log.End(0),
		})
		if err != nil {
			panic(err)
		}
	}
	stage(madeSubscriptions * madeCells)
	return stage
}

// kept is one event and what a Pending is told of it.
type kept struct {
	name  store.SeriesName
	event ingest.Event
}

func keptEvents() []kept {
	events := make([]kept, madeSubscriptions)
	var batch *ingest.Batch
	for i := range events {
		if i%batchEvents == 0 {
			batch = parsed(i)
		}
		events[i] = kept{
			store.SeriesName{Number: uint64(i + 1), Organization: organization, Subscription: fmt.Sprintf("sub_%06d", i), Code: "load_units"},
			batch.Events[i%batchEvents],
		}
	}
	return events
}

// keepIn adds n events, from serial on.
func keepIn(p *store.Pending, events []kept, serial uint64, n int) {
	for i := range uint64(n) {
		at := serial + i
		e := &events[mixed(at)%uint64(len(events))]
		p.Append(&e.name, scattered(at), uint32(at), &e.event, ingest.PositionOf(int64(at/6), int(at%6)), e.event.Timestamp)
	}
}

// mixed returns a number that looks random.
func mixed(n uint64) uint64 {
	id := scattered(n)
	return uint64(id[0]) | uint64(id[1])<<8 | uint64(id[2])<<16
}

func keepStage() func(n int) {
	const checkpointEvents = 100_000
	events := keptEvents()
	p, serial, held := new(store.Pending), uint64(0), 0
	return func(n int) {
		for n > 0 {
			some := min(n, checkpointEvents-held)
			keepIn(p, events, serial, some)
			serial, held, n = serial+uint64(some), held+some, n-some
			if held == checkpointEvents {
				p, held = store.NewPending(p), 0
			}
		}
	}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// writeEvents writes a checkpoint of n events and of a tenth as many counters.
func writeEvents(s *store.Store, events []kept, serial uint64, n int) {
	c := new(store.Checkpoint)
	keepIn(&c.Pending, events, serial, n)
	c.Progress.Next = int64((serial + uint64(n)) / 6)
	counter := aggregator.Counter{EventsCount: int64(serial)}
	for i := range min(n/10, len(events)) {
		c.PutCounter(events[i].name.Number, aggregator.Definition{1}, store.Hour, 475_000, "gpt-large", &counter)
	}
	if err := s.Write(c); err != nil {
		panic(err)
	}
}

// lookupStage asks a store of some checkpoints for ids that are new, by groups.
func lookupStage(t *testing.T) func(n int) {
	const checkpoints, each, groupIDs = 20, 10_000, 2_048
	s, events, serial := openStore(t), keptEvents(), uint64(0)
	for range checkpoints {
		writeEvents(s, events, serial, each)
		serial += each
	}
	ids := make([]ingest.ID, groupIDs)
	return func(n int) {
		for ; n > 0; n -= groupIDs {
			for i := range ids {
				ids[i] = scattered(serial)
				serial++
			}
			if err := s.Lookup(ids, func(int, store.Seen) { panic("BUG: it was never written") }); err != nil {
				panic(err)
			}
		}
	}
}

// checkpointStage writes checkpoints of at most 20,000 events and 2,000 counters to the
// disk; what compactions take meanwhile counts.
func checkpointStage(t *testing.T) func(n int) {
	const checkpointEvents = 20_000
	s, events, serial := openStore(t), keptEvents(), uint64(0)
	return func(n int) {
		for n > 0 {
			some := min(n, checkpointEvents)
			writeEvents(s, events, serial, some)
			serial, n = serial+uint64(some), n-some
		}
	}
}
