package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/aggregator/worker"
	"weir/ingest"
	"weir/ingest/eventlog"
)

var calls = &aggregator.Metric{Organization: orgA, Code: "calls", Aggregation: aggregator.CountAgg}

func call(txn string, properties ...ingest.Property) sent {
	return sent{org: orgA, txn: txn, sub: "alpha", code: "calls", timestamp: base + 1, properties: properties}
}

// startCounting starts a worker of one partition that counts calls.
func startCounting(t *testing.T) *rig {
	r := newRig(t, 1)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{calls}))
	r.start()
	return r
}

// wantUsage compares live and committed usage of alpha's calls with what is expected.
func (r *rig) wantUsage(metric *aggregator.Metric, want ...string) {
	r.tb.Helper()
	for _, committed := range []bool{false, true} {
		answer := r.usage(orgA, "alpha", base, base+day, committed, metric)
		if got := lines(answer.Items[0]); !slices.Equal(got, want) {
			r.tb.Fatalf("usage (committed %v) is %q, want %q", committed, got, want)
		}
		if end := r.end(answer.Partition); answer.Next != end || answer.LogID != r.log.id {
			r.tb.Fatalf("answer is of %s up to %d, want %s up to %d", answer.LogID, answer.Next, r.log.id, end)
		}
	}
}

// metric returns the sum of a metric's values over its labels.
func (r *rig) metric(name string) float64 {
	r.tb.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.tb.Fatalf("cannot gather metrics: %v", err)
	}
	sum, found := 0.0, false
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			found = true
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	if !found {
		r.tb.Fatalf("there is no metric %s", name)
	}
	return sum
}

func (r *rig) wantMetric(name string, want float64) {
	r.tb.Helper()
	if got := r.metric(name); got != want {
		r.tb.Fatalf("%s is %v, want %v", name, got, want)
	}
}

func TestResumesAtItsCheckpoint(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"), call("2"))
	r.send(0, call("3"))
	r.wantUsage(calls, " = 3 of 3") // committed: there is a checkpoint at 2
	r.send(0, call("4"))
	live := r.usage(orgA, "alpha", base, base+day, false, calls)
	if got := lines(live.Items[0]); !slices.Equal(got, []string{" = 4 of 4"}) {
		t.Fatalf("live usage is %q", got)
	}
	r.crash(vfs.CrashCloneCfg{})
	r.start()
	r.wantUsage(calls, " = 4 of 4")
	r.wantMetric("weir_aggregator_resume_offset", 2)
	r.wantMetric("weir_aggregator_replayed_records_total", 1)
	r.wantMetric("weir_aggregator_events_total", 1)
	r.stop()
}

func TestIdlePartitionWritesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.tune = func(o *worker.Options) { o.CheckpointInterval = time.Millisecond }
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{calls}))
	r.start()
	r.send(0, call("1"))
	r.wantUsage(calls, " = 1 of 1")
	written := r.metric("weir_aggregator_checkpoints_total")
	for range 20 { // each question passes through the loop that has the ticker
		time.Sleep(2 * time.Millisecond)
		r.wantUsage(calls, " = 1 of 1")
	}
	r.wantMetric("weir_aggregator_checkpoints_total", written)
	r.stop()
}

func TestRepeatsAndConflicts(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	first := call("1", text("model", "a"))
	filled := first
	filled.filled, filled.timestamp = true, base+77
	later := first
	later.timestamp++
	r.send(0, first, first, filled)                 // two repeats: a filled-in time is no other time
	r.send(0, later, call("1", text("model", "b"))) // two conflicts
	r.send(0, call("2", text("model", "a")))        // another id
	r.send(0, first)                                // a repeat
	model := &aggregator.Metric{Organization: orgA, Code: "calls", Aggregation: aggregator.CountAgg, CellKeys: []string{"model"}}
	r.wantUsage(model, `"a" = 2 of 2`)
	r.wantMetric("weir_aggregator_events_total", 2)
	r.wantMetric("weir_aggregator_duplicates_total", 3)
	r.wantMetric("weir_aggregator_conflicts_total", 2)
	r.stop()
	r.start() // ids are known over a restart
	r.send(0, first, later)
	r.wantUsage(model, `"a" = 2 of 2`)
	r.wantMetric("weir_aggregator_duplicates_total", 1)
	r.wantMetric("weir_aggregator_conflicts_total", 1)
	r.stop()

	asides, totals := r.asides(t, 0)
	want := []string{"1.0 conflict", "1.1 conflict", "4.1 conflict"}
	if !slices.Equal(asides, want) || totals.Aside[store.Conflict] != 3 || totals.Duplicates != 4 || totals.Events != 2 {
		t.Fatalf("set aside are %q with totals %+v, want %q", asides, totals, want)
	}
}

// asides reads what was set aside from the store of a worker that has ended.
func (r *rig) asides(t *testing.T, partition int32) ([]string, store.Totals) {
	t.Helper()
	s, err := store.Open(store.Dir("/stores", partition), store.Options{FS: r.fs, Partition: partition})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var list []string
	err = snapshot.Asides(context.Background(), func(a store.Aside) error {
		list = append(list, fmt.Sprintf("%d.%d %s", a.Position.Offset(), a.Position.Index(), a.Reason))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list, snapshot.Progress().Totals
}

func TestBadRecordsAreSetAside(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.log.append(0, []byte(`{"organization_id":"`+orgA.String()+`","transaction_id":"","external_subscription_id":"alpha","code":"calls"}`), base)
	r.log.append(0, []byte(`{"not json`), base)
	r.log.append(0, []byte{0xff, 1, 2}, base)
	r.log.append(0, nil, base)
	r.send(0, call("1"))
	r.wantUsage(calls, " = 1 of 1")
	r.wantMetric("weir_aggregator_set_aside_total", 4)
	r.stop()
	asides, _ := r.asides(t, 0)
	if want := []string{"0.0 invalid", "1.0 malformed", "2.0 malformed", "3.0 malformed"}; !slices.Equal(asides, want) {
		t.Fatalf("set aside are %q, want %q", asides, want)
	}
}

func TestForeignEventsGoHome(t *testing.T) {
	t.Parallel()
	r := newRig(t, 4)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{calls}))
	r.start()
	one := call("1")
	home := r.home(&one)
	away := (home + 1) % 4
	// The same event in every partition, one of them home, as a producer of another
	// partitioner would spread its retries; and one without a time.
	for p := range int32(4) {
		r.send(p, one, call("2"))
	}
	r.log.append(away, []byte(`{"organization_id":"`+orgA.String()+`","transaction_id":"3","external_subscription_id":"alpha","code":"calls"}`), base+5)
	for r.end(home) < 1+3+1 { // its own record, three forwarded by now, and the last
		time.Sleep(time.Millisecond)
	}
	r.wantUsage(calls, " = 3 of 3")
	r.wantMetric("weir_aggregator_events_total", 3)
	r.wantMetric("weir_aggregator_duplicates_total", 6)
	r.wantMetric("weir_aggregator_forwarded_total", 7)

	events, err := r.worker.Event(r.ctx(), query.EventRequest{Organization: orgA, TransactionID: "3"})
	if err != nil || len(events) != 1 {
		t.Fatalf("event 3 is %v, %v", events, err)
	}
	if e := events[0]; e.Timestamp != base+5 || !e.Filled || e.ReceivedAt != base+5 || e.Partition != home {
		t.Fatalf("event 3 is %+v: want the record's time, flagged as filled in", e)
	}
	r.stop()
}

func TestMismatchStopsForGood(t *testing.T) {
	t.Parallel()
	cases := map[string]func(l *memoryLog) *memoryLog{
		"log id": func(l *memoryLog) *memoryLog {
			other := newMemoryLog("log-2", 1)
			other.partitions = l.partitions
			return other
		},
		"range": func(l *memoryLog) *memoryLog { l.truncate(0, 1); return l },
		"checksum": func(l *memoryLog) *memoryLog {
			l.truncate(0, 1)
			l.append(0, []byte("another record"), base)
			l.append(0, []byte("and another"), base)
			return l
		},
	}
	for want, change := range cases {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := startCounting(t)
			r.send(0, call("1"))
			r.send(0, call("2"))
			r.wantUsage(calls, " = 2 of 2")
			r.stop()
			good := newMemoryLog(r.log.id, 1)
			good.partitions = [][]eventlog.Record{r.log.records(0)}

			r.log = change(r.log)
			r.start()
			r.wantStopped(want)
			r.stop()
			r.log = good // the right log does not clear it
			r.start()
			r.wantStopped(want)
			r.stop()
		})
	}
}

// TestLogBecomesAnotherOne: while the reader can't read, the log gets another
// history, longer than what was read of it. Nothing of it is counted.
func TestLogBecomesAnotherOne(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	r.wantUsage(calls, " = 1 of 1")
	other := newMemoryLog(r.log.id, 1)
	other.append(0, []byte("another record"), base)
	other.append(0, []byte("and another"), base)
	r.log.swap(0, other.records(0), errors.New("broker is away"))
	r.wantStopped("checksum")
	r.wantMetric("weir_aggregator_set_aside_total", 0)
	r.stop()
}

func (r *rig) wantStopped(reason string) {
	r.tb.Helper()
	if got := <-r.stops; !strings.Contains(got, reason) {
		r.tb.Fatalf("stopped for %q, want %q", got, reason)
	}
	_, err := r.worker.Usage(r.ctx(), query.UsageRequest{Organization: orgA, Subscription: "alpha", Items: itemsOf(calls)})
	if !errors.Is(err, query.ErrStopped) {
		r.tb.Fatalf("usage of a stopped partition: %v", err)
	}
	_, err = r.worker.Event(r.ctx(), query.EventRequest{Organization: orgA, TransactionID: "1"})
	if !errors.Is(err, query.ErrStopped) {
		r.tb.Fatalf("events of a stopped partition: %v", err)
	}
	r.wantMetric("weir_aggregator_stopped", 1)
}

// TestControlRecords: what the log wrote for itself is no event, and an answer gets past it.
func TestControlRecords(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	r.log.control(0)
	r.wantUsage(calls, " = 1 of 1") // up to the log's end, behind it
	r.wantMetric("weir_aggregator_set_aside_total", 0)
	r.stop()
	r.start()
	r.log.control(0)
	r.send(0, call("2"))
	r.wantUsage(calls, " = 2 of 2")
	r.wantMetric("weir_aggregator_resume_offset", 2)
	r.stop()
}

// TestLogLosesTailAboveCheckpoint: what the log lost was not in a checkpoint, so
// that the log, grown again, is right.
func TestLogLosesTailAboveCheckpoint(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	r.wantUsage(calls, " = 1 of 1")
	r.send(0, call("2"), call("3"))
	if got := lines(r.usage(orgA, "alpha", base, base+day, false, calls).Items[0]); !slices.Equal(got, []string{" = 3 of 3"}) {
		t.Fatalf("live usage is %q", got)
	}
	r.crash(vfs.CrashCloneCfg{})
	r.log.truncate(0, 1)
	r.send(0, call("3"), call("4"), call("5"))
	r.start()
	r.wantUsage(calls, " = 4 of 4") // 1, 3, 4, 5
	r.stop()
}

func TestAnswersThatCannotBeGiven(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	for _, committed := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		_, err := r.worker.Usage(ctx, query.UsageRequest{Organization: orgA, Subscription: "alpha", AtLeast: 2, Committed: committed})
		cancel()
		if !errors.Is(err, query.ErrNotYet) {
			t.Errorf("usage at an offset that the log has not (committed %v): %v", committed, err)
		}
	}
	if _, err := r.worker.Event(r.ctx(), query.EventRequest{Partitions: []int32{1}}); !errors.Is(err, query.ErrNotOwner) {
		t.Errorf("events of another's partition: %v", err)
	}
	w := r.worker
	r.stop()
	if _, err := w.Usage(r.ctx(), query.UsageRequest{Organization: orgA, Subscription: "alpha"}); !errors.Is(err, query.ErrNotOwner) {
		t.Errorf("usage after the worker has ended: %v", err)
	}
}

// TestQuestionWaitsForItsPosition: a question for an offset that comes later is answered when it comes.
func TestQuestionWaitsForItsPosition(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	for _, committed := range []bool{false, true} {
		at := r.end(0)
		answered := make(chan query.UsageAnswer, 1)
		go func() {
			answer, err := r.worker.Usage(r.ctx(), query.UsageRequest{
				Organization: orgA, Subscription: "alpha", From: time.Unix(0, base), To: time.Unix(0, base+day),
				Items: itemsOf(calls), AtLeast: at + 1, Committed: committed,
			})
			if err != nil {
				t.Errorf("usage: %v", err)
			}
			answered <- answer
		}()
		r.send(0, call(fmt.Sprint(at)))
		answer := <-answered
		if answer.Next != at+1 || answer.Items[0].Buckets[0].EventsCount != at+1 {
			t.Fatalf("answer is %+v, want the first %d events", answer, at+1)
		}
	}
	r.stop()
}

// TestAnswersAreOfExactlyTheirPosition: while records come and checkpoints are
// written, an answer at Next is of all events below Next and of no other,
// whether it is made of counters, of events or of both.
func TestAnswersAreOfExactlyTheirPosition(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.tune = func(o *worker.Options) {
		o.CheckpointInterval = time.Millisecond
		o.StateBytesMax = 1 // counters are let go, and loaded again
	}
	byModel := &aggregator.Metric{Organization: orgA, Code: "calls", Aggregation: aggregator.CountAgg, CellKeys: []string{"model"}}
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{byModel}))
	r.start()
	const events, askers = 1500, 4
	var asking sync.WaitGroup
	for asker := range askers {
		asking.Go(func() {
			metrics := []*aggregator.Metric{calls, byModel}
			for last := int64(0); last < events; {
				answer, err := r.worker.Usage(r.ctx(), query.UsageRequest{
					Organization: orgA, Subscription: "alpha", Items: itemsOf(metrics...), Committed: asker%2 == 0, AtLeast: last,
					From: time.Unix(0, base-day-1), To: time.Unix(0, base+2*day+int64(20*time.Minute)),
				})
				if err != nil {
					t.Errorf("usage: %v", err)
					return
				}
				for i, metric := range answer.Items {
					if n := countOf(metric); n != answer.Next {
						t.Errorf("answer at %d is of %d events (metric %d, asker %d)", answer.Next, n, i, asker)
						return
					}
				}
				if answer.Next < last {
					t.Errorf("answer at %d, at least %d was asked for", answer.Next, last)
					return
				}
				last = max(last+1, answer.Next)
			}
		})
	}
	for i := range events {
		s := call(fmt.Sprint(i), text("model", fmt.Sprint(i%7)))
		s.timestamp = base + int64(i%60)*48*int64(time.Minute) // over two days, in hours and out
		r.send(0, s)
		if i%5 == 0 { // the stream stays just ahead of what is counted
			r.usage(orgA, "alpha", base, base+1, false, calls)
		}
	}
	asking.Wait()
	r.stop()
}

func countOf(usage query.ItemUsage) int64 {
	var n int64
	for _, cell := range usage.Buckets {
		n += cell.EventsCount
	}
	return n
}

// TestRebuildsCounters: counters of a definition that came after the events are made in the background.
func TestRebuildsCounters(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.start()
	r.send(0, call("1"), call("2"))
	r.wantUsage(calls, " = 2 of 2") // from the events: there is no catalog
	r.catalog.Store(aggregator.NewCatalog(2, []*aggregator.Metric{calls}))
	for r.metric("weir_aggregator_rebuilds_total") == 0 {
		r.wantUsage(calls, " = 2 of 2") // asking is what starts it
	}
	r.send(0, call("3"))
	r.wantUsage(calls, " = 3 of 3")
	r.stop()
	r.start() // and they last
	r.send(0, call("4"))
	r.wantUsage(calls, " = 4 of 4")
	r.wantMetric("weir_aggregator_rebuilds_total", 0)
	r.stop()
}

func TestTooManyCells(t *testing.T) {
	t.Parallel()
	byID := &aggregator.Metric{Organization: orgA, Code: "calls", Aggregation: aggregator.CountAgg, CellKeys: []string{"id"}}
	r := newRig(t, 1)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{byID}))
	r.start()
	var batch []sent
	for i := range aggregator.CellsMax + 10 {
		batch = append(batch, call(fmt.Sprint(i), text("id", fmt.Sprint("cell-", i))))
		if len(batch) == 1000 || i == aggregator.CellsMax+9 {
			r.send(0, batch...)
			batch = nil
		}
	}
	for range 2 {
		for _, committed := range []bool{false, true} {
			cells := r.usage(orgA, "alpha", base, base+day, committed, byID).Items[0].Buckets
			if len(cells) != aggregator.CellsMax+10 {
				t.Fatalf("there are %d cells, want %d", len(cells), aggregator.CellsMax+10)
			}
		}
		r.stop()
		r.start() // and the store remembers not to try again
		r.send(0, call("0"))
	}
	r.wantMetric("weir_aggregator_cell_overflows_total", 0)
	r.wantMetric("weir_aggregator_rebuilds_total", 0)
	r.stop()
}

// TestManyPagesOfEvents: pages tile the list, newest first, over memory and store.
func TestManyPagesOfEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.start()
	var want []string
	for i := range 60 {
		s := call(fmt.Sprintf("%02d", i))
		s.timestamp = base + int64(i/2) // two of each time
		s.sub = subscriptions[i%3]
		s.code = codes[i%2]
		r.send(r.home(&s), s)
		want = append(want, s.txn)
		if i == 40 {
			r.checkpoint()
		}
	}
	slices.SortFunc(want, func(a, b string) int { // newest first, ties by id
		if a[:1] == b[:1] && (a[1]-'0')/2 == (b[1]-'0')/2 {
			return strings.Compare(a, b)
		}
		return strings.Compare(b, a)
	})
	atLeast := map[int32]int64{0: r.end(0), 1: r.end(1)}
	for _, size := range []int{1, 7, 60} {
		var got []string
		for offset := 0; offset < 60; offset += size {
			answer, err := r.worker.Events(r.ctx(), query.EventsRequest{
				Organization: orgA, From: time.Unix(0, base), To: time.Unix(0, base+day), Offset: offset, Limit: size, AtLeast: atLeast,
			})
			if err != nil || answer.Total != 60 {
				t.Fatalf("page at %d: total %d, %v", offset, answer.Total, err)
			}
			for _, e := range answer.Events {
				got = append(got, e.TransactionID)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pages of %d give\n%q, want\n%q", size, got, want)
		}
	}
	answer, err := r.worker.Events(r.ctx(), query.EventsRequest{
		Organization: orgA, Subscription: "alpha", Code: "calls", From: time.Unix(0, base), To: time.Unix(0, base+day), Limit: 100, AtLeast: atLeast,
	})
	if err != nil || answer.Total != 10 { // multiples of 6 below 60
		t.Fatalf("alpha's calls are %d (%v), want 10", answer.Total, err)
	}
	r.stop()
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := worker.New(worker.Options{DirtyBytesMax: -1})
	for _, want := range []string{"Log", "Assignor", "Dir", "Catalog", "DirtyBytesMax"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s: %v", want, err)
		}
	}
}

// failingAssignor can't find out what to assign.
type failingAssignor struct{}

func (failingAssignor) Run(context.Context, func([]int32), func([]int32)) error {
	return errors.New("no coordinator")
}

func TestRunReportsItsAssignor(t *testing.T) {
	t.Parallel()
	w, err := worker.New(worker.Options{
		Log: newMemoryLog("l", 1), Assignor: failingAssignor{}, Dir: "/s", FS: vfs.NewMem(), Registerer: prometheus.NewRegistry(),
		Catalog: func() *aggregator.Catalog { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "no coordinator") {
		t.Errorf("Run returned %v", err)
	}
}
