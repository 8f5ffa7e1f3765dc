package worker_test

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/ingest"
	"weir/ingest/eventlog"
	"weir/ingest/eventlog/crashfs"
)

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// rig is a worker on a file system and a log that outlive it.
type rig struct {
	tb       tb
	fs       *crashfs.FS
	log      *memoryLog
	catalog  atomic.Pointer[aggregator.Catalog]
	tune     func(*worker.Options)
	chunkMax int // counters of a rebuild in memory; 0 = as always
	worker   *worker.Worker
	registry *prometheus.Registry
	stops    chan string
	cancel   context.CancelFunc
	ended    chan error
}

func newRig(t tb, partitions int) *rig {
	return &rig{tb: t, fs: crashfs.New(), log: newMemoryLog("log-1", partitions), stops: make(chan string, 100)}
}

// start runs a worker on what the last one left.
func (r *rig) start() {
	r.tb.Helper()
	r.registry = prometheus.NewRegistry()
	var all allOf
	for n := range r.log.Identity().Partitions {
		all = append(all, n)
	}
	options := worker.Options{
		Log: r.log, Assignor: all, Dir: "/stores", FS: r.fs, Registerer: r.registry,
		Catalog: func() *aggregator.Catalog { return r.catalog.Load() },
		OnStop:  func(_ int32, reason string) { r.stops <- reason },
		// Checkpoints are made when a test asks for them.
		CheckpointInterval: time.Hour,
		// Every running total that answers is compared with its windows.
		RunningChecksEvery: 1,
	}
	if r.tune != nil {
		r.tune(&options)
	}
	w, err := worker.New(options)
	if err != nil {
		r.tb.Fatalf("cannot make worker: %v", err)
	}
	if r.chunkMax > 0 {
		w.SetChunkMax(r.chunkMax)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.worker, r.cancel, r.ended = w, cancel, make(chan error, 1)
	ended := r.ended
	go func() { ended <- w.Run(ctx) }()
	for len(w.Owned()) < len(all) {
		time.Sleep(time.Millisecond)
	}
}

// stop ends the worker as a SIGTERM does.
func (r *rig) stop() {
	r.tb.Helper()
	r.wantMetric("weir_aggregator_running_mismatches_total", 0)
	r.cancel()
	if err := <-r.ended; err != nil {
		r.tb.Fatalf("worker failed: %v", err)
	}
	r.worker = nil
}

// crash leaves of the disk what was synced, and of what was not synced as the cfg says, and ends the worker.
func (r *rig) crash(cfg vfs.CrashCloneCfg) {
	r.tb.Helper()
	fs := r.fs.CrashClone(cfg)
	r.stop()
	r.fs = fs
}

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	_ = cancel // the timeout frees it
	return ctx
}

func (r *rig) end(partition int32) int64 {
	_, end, _ := r.log.Range(context.Background(), partition)
	return end
}

// usage asks for usage at the end of the log.
func (r *rig) usage(org uuid.UUID, subscription string, from, to int64, committed bool, metrics ...*aggregator.Metric) query.UsageAnswer {
	r.tb.Helper()
	partition := ingest.Partition(org, subscription, r.log.Identity().Partitions)
	answer, err := r.worker.Usage(r.ctx(), query.UsageRequest{
		Organization: org, Subscription: subscription, From: time.Unix(0, from), To: time.Unix(0, to),
		Items: itemsOf(metrics...), Committed: committed, AtLeast: r.end(partition),
	})
	if err != nil {
		r.tb.Fatalf("usage: %v; %s", err, r.fate())
	}
	return answer
}

// itemsOf asks for the usage of each cell of the metrics.
func itemsOf(metrics ...*aggregator.Metric) []query.UsageItem {
	items := make([]query.UsageItem, len(metrics))
	for i, metric := range metrics {
		items[i] = query.UsageItem{Metric: metric, Split: aggregator.Split{GroupKeys: metric.CellKeys}}
	}
	return items
}

// fate says how the worker ended, if it did.
func (r *rig) fate() string {
	select {
	case err := <-r.ended:
		return fmt.Sprintf("the worker ended: %v", err)
	case <-time.After(time.Second):
		return "the worker runs"
	}
}

// checkpoint has every partition write a checkpoint at its end of the log.
func (r *rig) checkpoint() {
	r.tb.Helper()
	r.reach(true)
}

// reach waits until every partition is at its end of the log.
func (r *rig) reach(committed bool) {
	r.tb.Helper()
	covered := map[int32]bool{}
	for i := 0; len(covered) < int(r.log.Identity().Partitions); i++ {
		subscription := fmt.Sprint("nobody-", i)
		if p := ingest.Partition(orgA, subscription, r.log.Identity().Partitions); !covered[p] {
			covered[p] = true
			r.usage(orgA, subscription, 0, 1, committed)
		}
	}
}

var (
	orgA = uuid.MustParse("0b7c3a52-77d5-4f5e-9f3a-3c1f0f9b0001")
	orgB = uuid.MustParse("0b7c3a52-77d5-4f5e-9f3a-3c1f0f9b0002")
)

// sent is an event as a test sends it.
type sent struct {
	org            uuid.UUID
	txn, sub, code string
	timestamp      int64
	filled         bool
	properties     []ingest.Property // sorted by name
	revision       uint32            // of a correction
	cancelled      bool              // it is a cancellation
}

func (s *sent) event() ingest.Event {
	e := ingest.Event{TransactionID: []byte(s.txn), Subscription: []byte(s.sub), Revision: s.revision}
	if s.cancelled {
		e.Entry = ingest.EntryCancellation
		return e
	}
	if s.revision > 0 {
		e.Entry = ingest.EntryAmendment
	}
	e.Code, e.Timestamp, e.Filled, e.Properties = []byte(s.code), s.timestamp, s.filled, s.properties
	return e
}

// amended returns a correction of the event that gives it other content.
func (s sent) amended(revision uint32, timestamp int64, properties ...ingest.Property) sent {
	s.revision, s.timestamp, s.properties = revision, timestamp, properties
	return s
}

// cancel returns a correction of the event that takes it back.
func (s sent) cancel(revision uint32) sent {
	return sent{org: s.org, txn: s.txn, sub: s.sub, revision: revision, cancelled: true}
}

func text(name, value string) ingest.Property {
	return ingest.Property{Name: []byte(name), Kind: ingest.KindString, Text: []byte(value)}
}

func number(name, value string) ingest.Property {
	return ingest.Property{Name: []byte(name), Kind: ingest.KindNumber, Text: []byte(value)}
}

// send appends events of one organization as one record of a partition.
func (r *rig) send(partition int32, events ...sent) {
	var list []ingest.Event
	for i := range events {
		list = append(list, events[i].event())
	}
	header := ingest.Header{Organization: events[0].org, ReceivedAt: 1_700_000_000_000_000_000}
	r.log.append(partition, ingest.AppendRecord(nil, header, list), header.ReceivedAt)
}

func (r *rig) home(s *sent) int32 {
	return ingest.Partition(s.org, s.sub, r.log.Identity().Partitions)
}

// recount is the slow, obviously right answer: it goes through all of the log.
type recount struct {
	events map[string]sent // by identity: its current content, or that it is cancelled
}

func (r *rig) recount() recount {
	c := recount{events: map[string]sent{}}
	for p := range r.log.Identity().Partitions {
		for _, record := range r.log.records(p) {
			c.record(r, p, &record)
		}
	}
	for id, s := range c.events {
		if s.cancelled {
			delete(c.events, id)
		}
	}
	return c
}

func (c *recount) record(r *rig, partition int32, record *eventlog.Record) {
	var batch ingest.Batch
	header, err := batch.ParseRecord(record.Value, record.Time)
	if err != nil {
		r.tb.Fatalf("bad record: %v", err)
	}
	for _, e := range batch.Events {
		s := sent{
			org: header.Organization, txn: string(e.TransactionID), sub: string(e.Subscription), code: string(e.Code),
			timestamp: e.Timestamp, filled: e.Filled, properties: e.Properties,
			revision: e.Revision, cancelled: e.Entry == ingest.EntryCancellation,
		}
		if r.home(&s) != partition {
			continue // it counts where it is sent on to
		}
		// Of corrections the highest revision counts, of equal ones the later; without, the first event.
		id := fmt.Sprintf("%s/%q/%q", s.org, s.sub, s.txn)
		if before, known := c.events[id]; !known || s.revision > 0 && s.revision >= before.revision {
			c.events[id] = s
		}
	}
}

func (s *sent) content() string {
	var b strings.Builder
	b.WriteString(s.code)
	for _, p := range s.properties {
		fmt.Fprintf(&b, "|%q %d %q", p.Name, p.Kind, p.Text)
	}
	return b.String()
}

// usage returns what a metric amounts to: cell, units and events as text, sorted.
func (c *recount) usage(m *aggregator.Metric, subscription string, from, to int64) []string {
	cells := map[string][]sent{}
	for _, s := range c.events {
		early := s.timestamp < from && !m.Recurring
		if s.org != m.Organization || s.sub != subscription || s.code != m.Code || early || s.timestamp >= to || !s.takesPart(m) {
			continue
		}
		cell := s.cell(m.CellKeys)
		cells[cell] = append(cells[cell], s)
	}
	var lines []string
	for cell, events := range cells {
		slices.SortFunc(events, func(a, b sent) int {
			return cmp.Or(cmp.Compare(a.timestamp, b.timestamp), strings.Compare(a.txn, b.txn))
		})
		lines = append(lines, fmt.Sprintf("%s = %s of %d", cell, unitsOf(m, events, from, to).RatString(), len(events)))
	}
	slices.Sort(lines)
	return lines
}

func (s *sent) takesPart(m *aggregator.Metric) bool {
	switch m.Aggregation {
	case aggregator.CountAgg:
		return true
	case aggregator.UniqueCountAgg:
		p := s.property(m.FieldName)
		return p != nil && p.Kind != ingest.KindNull && p.Kind != ingest.KindNested
	default:
		return s.number(m.FieldName) != nil
	}
}

// unitsOf returns the units of events in the order of their times; there is at least one.
func unitsOf(m *aggregator.Metric, events []sent, from, to int64) *big.Rat {
	if m.Aggregation == aggregator.CountAgg {
		return big.NewRat(int64(len(events)), 1)
	}
	if m.Aggregation == aggregator.UniqueCountAgg {
		there := map[string]bool{}
		for i := range events {
			operation := events[i].property("operation_type")
			there[events[i].cell([]string{m.FieldName})] = operation == nil || string(operation.Text) != "remove"
		}
		units := new(big.Rat)
		for _, is := range there {
			if is {
				units.Add(units, big.NewRat(1, 1))
			}
		}
		return units
	}
	var values []*big.Rat
	sum, weighted := new(big.Rat), new(big.Rat)
	for i := range events {
		value := events[i].number(m.FieldName)
		values = append(values, value)
		sum.Add(sum, value)
		weighted.Add(weighted, new(big.Rat).Mul(value, big.NewRat(to-events[i].timestamp, to-from)))
	}
	last := values[len(values)-1]
	slices.SortFunc(values, (*big.Rat).Cmp)
	switch m.Aggregation {
	case aggregator.SumAgg:
		return sum
	case aggregator.MaxAgg:
		return values[len(values)-1]
	case aggregator.MinAgg:
		return values[0]
	case aggregator.LatestAgg:
		return last
	case aggregator.PercentileAgg: // the 50th: place ⌈n/2⌉, from 1
		return values[(len(values)+1)/2-1]
	case aggregator.AvgAgg:
		mean, _ := new(big.Rat).SetString(sum.Mul(sum, big.NewRat(1, int64(len(values)))).FloatString(20))
		return mean
	case aggregator.WeightedSumAgg: // up to 20 digits after the point
		shift := new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)
		scaled := weighted.Mul(weighted, new(big.Rat).SetInt(shift))
		ceiling := new(big.Int).Neg(new(big.Int).Div(new(big.Int).Neg(scaled.Num()), scaled.Denom())) // Div rounds down
		return new(big.Rat).SetFrac(ceiling, shift)
	}
	panic("no such aggregation")
}

func (s *sent) property(name string) *ingest.Property {
	for i := range s.properties {
		if string(s.properties[i].Name) == name {
			return &s.properties[i]
		}
	}
	return nil
}

func (s *sent) number(name string) *big.Rat {
	p := s.property(name)
	if p == nil || p.Kind != ingest.KindNumber && p.Kind != ingest.KindString {
		return nil
	}
	if strings.ContainsAny(string(p.Text), "/_xX ") || p.Kind == ingest.KindString && strings.ContainsAny(string(p.Text), "eE+") {
		return nil
	}
	n, ok := new(big.Rat).SetString(string(p.Text))
	if !ok {
		return nil
	}
	return n
}

func (s *sent) cell(keys []string) string {
	var values []string
	for _, key := range keys {
		p := s.property(key)
		switch {
		case p == nil || p.Kind == ingest.KindNull || p.Kind == ingest.KindNested:
			values = append(values, "null")
		case p.Kind == ingest.KindTrue:
			values = append(values, `"true"`)
		case p.Kind == ingest.KindFalse:
			values = append(values, `"false"`)
		case p.Kind == ingest.KindNumber:
			n, _ := new(big.Rat).SetString(string(p.Text))
			plain := n.FloatString(40)
			plain = strings.TrimRight(strings.TrimRight(plain, "0"), ".")
			values = append(values, fmt.Sprintf("%q", plain))
		default:
			values = append(values, fmt.Sprintf("%q", p.Text))
		}
	}
	return strings.Join(values, ",")
}

// lines writes an answer as recount.usage does.
func lines(item query.ItemUsage) []string {
	var lines []string
	for _, bucket := range item.Buckets {
		var values []string
		for _, v := range bucket.Group {
			if v.Null {
				values = append(values, "null")
			} else {
				values = append(values, fmt.Sprintf("%q", v.Text))
			}
		}
		lines = append(lines, fmt.Sprintf("%s = %s of %d", strings.Join(values, ","), bucket.Units.Rat().RatString(), bucket.EventsCount))
	}
	slices.Sort(lines)
	return lines
}
