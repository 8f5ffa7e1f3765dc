package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// crashRounds is how often weir is killed; -args -crash.rounds=1000 for a long run.
var crashRounds = flag.Int("crash.rounds", 20, "rounds of kill -9")

// What one crash test does.
const (
	crashSubscriptions  = 20
	crashSenders        = 8
	crashBatchEvents    = 40
	crashTornMin        = 5                      // kills that must fall inside a checkpoint
	crashExtraRoundsMax = 40                     // rounds added to reach crashTornMin
	crashLoadMax        = 900 * time.Millisecond // longest load before a kill
)

// crashBatch is one request's events.
type crashBatch struct {
	lines  []byte
	first  crashEvent // the one that may be cancelled later
	counts [crashSubscriptions]int64
	sums   [crashSubscriptions]int64 // thousandths
}

// crashEvent is one event, as it is needed to cancel it.
type crashEvent struct {
	id           string
	subscription int
	value        int64 // thousandths
}

// crashLoad is what was sent so far, and what of it was acknowledged.
type crashLoad struct {
	mu      sync.Mutex
	rand    *rand.Rand
	acked   []*crashBatch
	unacked []*crashBatch
	// cancelled were told to count no more; of uncancelled nobody knows.
	cancelled   []crashEvent
	uncancelled []crashEvent
	inFlight    atomic.Int64
}

// next makes a batch of new events of random subscriptions.
func (l *crashLoad) next(t *testing.T) *crashBatch {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := &crashBatch{}
	for range crashBatchEvents {
		subscription, value := l.rand.IntN(crashSubscriptions), l.rand.Int64N(10_000_000)
		batch.counts[subscription]++
		batch.sums[subscription] += value
		e := crashEvent{uuid.NewString(), subscription, value}
		if batch.first.id == "" {
			batch.first = e
		}
		batch.lines = append(batch.lines, jsonLines(t, object{
			"transaction_id":           e.id,
			"external_subscription_id": fmt.Sprintf("crash-%d", subscription),
			"code":                     "work",
			"timestamp":                1_700_000_000 + l.rand.Int64N(1_000_000),
			"properties":               object{"amount": fmt.Sprintf("%d.%03d", value/1000, value%1000)},
		})...)
	}
	return batch
}

// send posts a batch and remembers whether it was acknowledged.
func (l *crashLoad) send(ctx context.Context, c *client, batch *crashBatch) error {
	l.inFlight.Add(1)
	answer, err := c.events(ctx, batch.lines)
	l.inFlight.Add(-1)
	if err == nil && fmt.Sprint(answer["refused_count"]) != "0" {
		err = fmt.Errorf("refused: %v", answer)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.unacked = append(l.unacked, batch)
		return err
	}
	l.acked = append(l.acked, batch)
	return nil
}

// cancelOne cancels the first event of a batch that was acknowledged, once for each batch.
// The crash may come at any moment of it.
func (l *crashLoad) cancelOne(ctx context.Context, c *client) {
	l.mu.Lock()
	if len(l.acked) == 0 {
		l.mu.Unlock()
		return
	}
	batch := l.acked[l.rand.IntN(len(l.acked))]
	e := batch.first
	batch.first = crashEvent{}
	l.mu.Unlock()
	if e.id == "" { // it was this one's turn before
		return
	}
	err := c.cancelCrash(ctx, e)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.uncancelled = append(l.uncancelled, e)
		return
	}
	l.cancelled = append(l.cancelled, e)
}

// cancelCrash cancels an event; an error says that it may have been, or not.
func (c *client) cancelCrash(ctx context.Context, e crashEvent) error {
	url := fmt.Sprintf("%s/api/v1/events/%s?external_subscription_id=crash-%d", c.api, e.id, e.subscription)
	status, answer, err := c.do(ctx, http.MethodDelete, url, "", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %v", status, answer)
	}
	return err
}

// recancel cancels everything of which nobody knows whether it was cancelled.
func (l *crashLoad) recancel(t *testing.T, c *client) {
	t.Helper()
	l.mu.Lock()
	again := l.uncancelled
	l.uncancelled = nil
	l.mu.Unlock()
	for _, e := range again {
		eventually(t, 30*time.Second, func() error { return c.cancelCrash(t.Context(), e) })
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancelled = append(l.cancelled, again...)
}

// resend sends everything that was not acknowledged, and a random tenth of what was.
func (l *crashLoad) resend(t *testing.T, c *client) {
	t.Helper()
	l.mu.Lock()
	again := l.unacked
	l.unacked = nil
	var repeats []*crashBatch
	for _, batch := range l.acked {
		if l.rand.IntN(10) == 0 {
			repeats = append(repeats, batch)
		}
	}
	l.mu.Unlock()
	for _, batch := range again {
		if err := l.send(t.Context(), c, batch); err != nil {
			t.Fatalf("cannot resend what was not acknowledged: %v", err)
		}
	}
	for _, batch := range repeats {
		if _, err := c.events(t.Context(), batch.lines); err != nil {
			t.Fatalf("cannot resend what was acknowledged: %v", err)
		}
	}
	l.recancel(t, c)
}

// TestCrash kills weir under load, again and again, and compares count and sum of every
// subscription with what was sent and cancelled: nothing lost, nothing twice.
func TestCrash(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dir := testDir(t)
	const key = "crash-test-key"
	settings := []string{"WEIR_DATA_DIR=" + dir, "WEIR_API_KEY=" + key, "WEIR_CHECKPOINT_INTERVAL=100ms", "WEIR_SANDBOX=true"}
	load := &crashLoad{rand: rand.New(rand.NewPCG(seed, 1))}

	w := start(t, "all", settings...)
	w.waitReady()
	createCrashPlan(t, newClient(w.url, key))

	torn, resumed := 0, 0
	for round := 0; round < *crashRounds || torn < crashTornMin; round++ {
		if round > *crashRounds+crashExtraRoundsMax {
			t.Fatalf("only %d of %d kills fell inside a checkpoint", torn, round)
		}
		c := newClient(w.url, key)
		load.resend(t, c)
		if killUnderLoad(t, w, c, load, dir, round%2 == 0) {
			torn++
		}

		w = start(t, "all", settings...)
		w.waitReady()
		if m := w.metrics(); m["weir_aggregator_resume_offset"] > 0 {
			resumed++
		}
	}
	c := newClient(w.url, key)
	load.resend(t, c)
	checkCrashUsage(t, c, load)
	t.Logf("%d events, %d of them cancelled, %d kills inside a checkpoint, %d restarts resumed behind offset 0", len(load.acked)*crashBatchEvents, len(load.cancelled), torn, resumed)
	if resumed < *crashRounds/2 {
		t.Errorf("only %d of %d restarts resumed from a checkpoint: the rest replayed from zero", resumed, *crashRounds)
	}
	w.stop()
	if pids := postgresProcesses(t, dir); len(pids) > 0 {
		t.Errorf("PostgreSQL processes are left running: %v", pids)
	}
}

// killUnderLoad sends new events from several senders and kills weir at a random
// moment, or, with inCheckpoint, as soon as a checkpoint is being written. It reports whether it was.
func killUnderLoad(t *testing.T, w *weir, c *client, load *crashLoad, dir string, inCheckpoint bool) (torn bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var senders sync.WaitGroup
	for range crashSenders {
		senders.Go(func() {
			for ctx.Err() == nil {
				if load.send(ctx, c, load.next(t)) != nil {
					return
				}
				load.cancelOne(ctx, c)
			}
		})
	}
	load.mu.Lock()
	moment := time.After(50*time.Millisecond + time.Duration(load.rand.Int64N(int64(crashLoadMax))))
	load.mu.Unlock()
	<-moment
	if inCheckpoint {
		torn = awaitCheckpoint(t, dir)
	}
	for load.inFlight.Load() == 0 { // a kill between two requests proves nothing
	}
	w.kill()
	cancel()
	senders.Wait()
	if len(load.unacked) == 0 {
		t.Fatal("no request was in flight when weir was killed")
	}
	return torn
}

// awaitCheckpoint waits until the write-ahead log, the manifest or a segment of a store is written to, which is where a
// checkpoint begins to be durable: its sync is under way, or a part of it is written and the rest is not.
func awaitCheckpoint(t *testing.T, dir string) bool {
	t.Helper()
	before := storeWrites(t, dir)
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); {
		now := storeWrites(t, dir)
		for path, written := range now {
			if old, ok := before[path]; ok && written.After(old) {
				return true
			}
		}
		before = now
	}
	return false
}

// storeWrites returns when each write-ahead log, manifest and segment of the stores was last written to.
func storeWrites(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	written := make(map[string]time.Time)
	for _, pattern := range []string{"db-2/*.log", "db-2/MANIFEST-*", "events/*.blocks"} {
		paths, err := filepath.Glob(filepath.Join(dir, "aggregator", "partition-*", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil { // it may have gone meanwhile
				written[path] = info.ModTime()
			}
		}
	}
	return written
}

// createCrashPlan makes a metric that sums, a plan, and the subscriptions.
func createCrashPlan(t *testing.T, c *client) {
	t.Helper()
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": "2023-11-01T00:00:00Z"}})
	metric := c.must(t, "POST", "/billable_metrics", object{"billable_metric": object{
		"name": "Work", "code": "work", "aggregation_type": "sum_agg", "field_name": "amount",
	}})
	c.must(t, "POST", "/plans", object{"plan": object{
		"name": "Crash", "code": "crash", "interval": "monthly", "amount_cents": 0, "amount_currency": "USD", "pay_in_advance": false,
		"charges": []any{object{
			"billable_metric_id": dig(t, metric, "billable_metric", "lago_id"),
			"charge_model":       "standard", "properties": object{"amount": "0.01"},
		}},
	}})
	c.must(t, "POST", "/customers", object{"customer": object{"external_id": "crash", "name": "Crash"}})
	for i := range crashSubscriptions {
		c.must(t, "POST", "/subscriptions", object{"subscription": object{
			"external_customer_id": "crash", "plan_code": "crash", "external_id": fmt.Sprintf("crash-%d", i),
			"subscription_at": "2023-11-01T00:00:00Z",
		}})
	}
}

// checkCrashUsage compares every subscription's usage with what was sent.
func checkCrashUsage(t *testing.T, c *client, load *crashLoad) {
	t.Helper()
	var counts, sums [crashSubscriptions]int64
	for _, batch := range load.acked {
		for i := range crashSubscriptions {
			counts[i] += batch.counts[i]
			sums[i] += batch.sums[i]
		}
	}
	for _, e := range load.cancelled {
		counts[e.subscription]--
		sums[e.subscription] -= e.value
	}
	for i := range crashSubscriptions {
		want := fmt.Sprintf("%d events, sum %s", counts[i], plain(fmt.Sprintf("%d.%03d", sums[i]/1000, sums[i]%1000)))
		eventually(t, 30*time.Second, func() error {
			usage := c.must(t, "GET", fmt.Sprintf("/customers/crash/current_usage?external_subscription_id=crash-%d", i), nil)
			charge := dig(t, usage, "customer_usage", "charges_usage", 0)
			got := fmt.Sprintf("%s events, sum %s", text(t, charge, "events_count"), plain(text(t, charge, "units")))
			if got != want {
				return fmt.Errorf("subscription crash-%d: %s; sent were %s", i, got, want)
			}
			return nil
		})
	}
}
