package worker_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/ingest"
)

const day = 24 * int64(time.Hour)

// base is a midnight, 2023-11-14 UTC.
const base = 1_699_920_000 * int64(time.Second)

var (
	subscriptions = []string{"alpha", "be\x00ta", "gamma/1"}
	codes         = []string{"calls", "tokens"}
	cellKeys      = [][]string{nil, {"model"}, {"model", "region"}}
)

func drawTimestamp(t *rapid.T) int64 {
	hour := int64(time.Hour)
	offset := rapid.SampledFrom([]int64{0, 1, -1, hour / 2, hour, day, day - 1, day + hour, 2*day + 5, 5 * hour}).Draw(t, "offset")
	return base + offset + rapid.Int64Range(0, 40).Draw(t, "hours")*hour
}

// drawEvent makes an event of few identities, so that many repeat. Its content
// follows from its identity, but for now and then.
func drawEvent(t *rapid.T, org uuid.UUID) sent {
	n := rapid.IntRange(0, 150).Draw(t, "id")
	s := sent{org: org, txn: fmt.Sprint("t", n), sub: subscriptions[n%3], code: codes[n/3%2]}
	s.timestamp = base + int64(n%7)*23*int64(time.Minute) + int64(n%2)*day
	variant := n
	if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
		variant = rapid.IntRange(0, 150).Draw(t, "variant")
		s.timestamp = drawTimestamp(t)
		s.filled = rapid.Bool().Draw(t, "filled")
	}
	switch variant % 6 {
	case 0:
		s.properties = append(s.properties, text("model", "a"))
	case 1:
		s.properties = append(s.properties, number("model", "1.0"))
	case 2:
		s.properties = append(s.properties, text("model", "1"))
	case 3:
		s.properties = append(s.properties, ingest.Property{Name: []byte("model"), Kind: ingest.KindNull})
	case 4:
		s.properties = append(s.properties, ingest.Property{Name: []byte("model"), Kind: ingest.KindTrue})
	}
	if variant%5 == 0 {
		s.properties = append(s.properties, text("operation_type", "remove"))
	}
	if variant%2 == 0 {
		s.properties = append(s.properties, text("region", "eu"))
	}
	amounts := []ingest.Property{
		number("tokens", "12"), number("tokens", "-3.5"), text("tokens", "0.000000001"), text("tokens", "abc"),
		number("tokens", "12345678901234567890.123456789012"), number("tokens", "1e-12"), number("tokens", "2e3"),
	}
	if variant%8 < len(amounts) {
		s.properties = append(s.properties, amounts[variant%8])
	}
	return s
}

// drawCorrection makes a correction of an event that drawEvent may make, sent before it or after.
func drawCorrection(t *rapid.T, org uuid.UUID) sent {
	s, other := drawEvent(t, org), drawEvent(t, org)
	revision := rapid.Uint32Range(1, 3).Draw(t, "revision")
	if rapid.IntRange(0, 2).Draw(t, "cancel") == 0 {
		return s.cancel(revision)
	}
	s.code = other.code
	return s.amended(revision, other.timestamp, other.properties...)
}

func drawAny(t *rapid.T, org uuid.UUID) sent {
	if rapid.IntRange(0, 3).Draw(t, "correction") == 0 {
		return drawCorrection(t, org)
	}
	return drawEvent(t, org)
}

func drawMetric(t *rapid.T, org uuid.UUID) *aggregator.Metric {
	m := &aggregator.Metric{
		Organization: org,
		Code:         rapid.SampledFrom(codes).Draw(t, "code"),
		Aggregation: rapid.SampledFrom([]aggregator.Aggregation{
			aggregator.CountAgg, aggregator.SumAgg, aggregator.MaxAgg, aggregator.LatestAgg, aggregator.UniqueCountAgg,
			aggregator.WeightedSumAgg, aggregator.MinAgg, aggregator.AvgAgg, aggregator.PercentileAgg,
		}).Draw(t, "aggregation"),
		CellKeys: rapid.SampledFrom(cellKeys).Draw(t, "keys"),
	}
	switch m.Aggregation {
	case aggregator.CountAgg:
		return m
	case aggregator.SumAgg:
		m.Recurring = rapid.Bool().Draw(t, "recurring")
	case aggregator.UniqueCountAgg:
		m.Recurring = rapid.Bool().Draw(t, "recurring")
	case aggregator.PercentileAgg:
		m.Percentile = decimal.NewFromInt(50)
	}
	m.FieldName = "tokens"
	return m
}

// machine is a worker that is stopped, killed and given other catalogs while
// records come. What it says must be what a recount of the log says.
type machine struct {
	*rig
	t       *rapid.T
	catalog []*aggregator.Metric
	version int64
}

func (m *machine) append() {
	t := m.t
	for range rapid.IntRange(1, 4).Draw(t, "records") {
		org := rapid.SampledFrom([]uuid.UUID{orgA, orgB}).Draw(t, "org")
		byPartition := map[int32][]sent{}
		for range rapid.IntRange(1, 12).Draw(t, "events") {
			s := drawAny(t, org)
			p := m.home(&s)
			byPartition[p] = append(byPartition[p], s)
		}
		for p, events := range byPartition {
			m.send(p, events...)
		}
	}
}

// appendAstray puts events into a partition that need not be theirs, as a producer
// with another partitioner does.
func (m *machine) appendAstray() {
	org := rapid.SampledFrom([]uuid.UUID{orgA, orgB}).Draw(m.t, "org")
	var events []sent
	for range rapid.IntRange(1, 12).Draw(m.t, "events") {
		events = append(events, drawAny(m.t, org))
	}
	m.send(rapid.Int32Range(0, m.log.Identity().Partitions-1).Draw(m.t, "astray"), events...)
}

// settle waits until all events are where they belong, and counted: a partition
// moves past a foreign event when its own partition has it.
func (m *machine) settle() {
	for range 2 {
		m.reach(false)
	}
}

func (m *machine) swapCatalog() {
	m.catalog = nil
	for _, org := range []uuid.UUID{orgA, orgB} {
		for range rapid.IntRange(0, 2).Draw(m.t, "metrics") {
			m.catalog = append(m.catalog, drawMetric(m.t, org))
		}
	}
	m.version++
	m.rig.catalog.Store(aggregator.NewCatalog(m.version, m.catalog))
}

func (m *machine) crashAndStart() {
	seed := rapid.Int64().Draw(m.t, "crash seed")
	m.crash(vfs.CrashCloneCfg{
		UnsyncedDataPercent: rapid.SampledFrom([]int{0, 50, 100}).Draw(m.t, "unsynced kept"),
		RNG:                 newRand(seed),
	})
	m.start()
}

func (m *machine) check() {
	t := m.t
	m.settle()
	truth := m.recount()
	for n := range 2 * len(subscriptions) {
		org, subscription := []uuid.UUID{orgA, orgB}[n%2], subscriptions[n/2]
		metrics := []*aggregator.Metric{drawMetric(t, org)}
		for _, metric := range m.catalog {
			if metric.Organization == org {
				metrics = append(metrics, metric)
			}
		}
		from := drawTimestamp(t) - 20*int64(time.Hour)
		to := from + rapid.Int64Range(1, 6*day).Draw(t, "length")
		committed := rapid.Bool().Draw(t, "committed")
		answer := m.usage(org, subscription, from, to, committed, metrics...)
		for i, metric := range metrics {
			want := truth.usage(metric, subscription, from, to)
			if got := lines(answer.Items[i]); !slices.Equal(got, want) {
				t.Fatalf("usage of %q %+v in [%d, %d), committed %v:\n got %q\nwant %q", subscription, metric, from, to, committed, got, want)
			}
		}
	}
}

// checkEvents compares every stored event, by range and by id, with the recount.
func (m *machine) checkEvents() {
	t := m.t
	m.settle()
	truth := m.recount()
	atLeast := map[int32]int64{}
	for p := range m.log.Identity().Partitions {
		atLeast[p] = m.end(p)
	}
	total := 0
	for _, org := range []uuid.UUID{orgA, orgB} {
		answer, err := m.worker.Events(m.ctx(), query.EventsRequest{
			Organization: org, From: time.Unix(0, 0), To: time.Unix(0, base+1000*day), Limit: 1000, AtLeast: atLeast,
		})
		if err != nil {
			t.Fatalf("events: %v", err)
		}
		if answer.Total != len(answer.Events) {
			t.Fatalf("total %d of %d events", answer.Total, len(answer.Events))
		}
		total += answer.Total
		for i, e := range answer.Events {
			m.same(&truth, &e)
			if i > 0 && answer.Events[i-1].Timestamp < e.Timestamp {
				t.Fatalf("event %d is newer than the one before", i)
			}
			byID, err := m.worker.Event(m.ctx(), query.EventRequest{Organization: org, TransactionID: e.TransactionID})
			if err != nil || len(byID) != 1 || byID[0].Position != e.Position {
				t.Fatalf("event %q by id: %v %v", e.TransactionID, byID, err)
			}
		}
	}
	if total != len(truth.events) {
		t.Fatalf("%d events stored, want %d", total, len(truth.events))
	}
}

func (m *machine) same(truth *recount, e *query.Event) {
	got := sent{org: e.Organization, txn: e.TransactionID, sub: e.Subscription, code: e.Code, timestamp: e.Timestamp, filled: e.Filled}
	for _, p := range e.Properties {
		got.properties = append(got.properties, ingest.Property{Name: []byte(p.Name), Kind: p.Kind, Text: []byte(p.Text)})
	}
	want := truth.events[fmt.Sprintf("%s/%q/%q", got.org, got.sub, got.txn)]
	if got.content() != want.content() || got.timestamp != want.timestamp || got.filled != want.filled {
		m.t.Fatalf("stored event is\n %+v, want\n %+v", got, want)
	}
}

// TestAnyHistory: whatever happens between the records, usage, seen ids and
// stored events are those of a recount of the log.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{rig: newRig(t, rapid.IntRange(1, 3).Draw(t, "partitions")), t: t}
		small := rapid.Bool().Draw(t, "small memory")
		chunkMax := rapid.SampledFrom([]int{0, 1, 5}).Draw(t, "chunk")
		interval := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Hour}).Draw(t, "interval")
		m.tune = func(o *worker.Options) {
			o.CacheBytes = 1 << 20
			o.CheckpointInterval = interval
			m.chunkMax = chunkMax
			if small { // ids are forgotten and counters evicted all the time
				o.RecentIDsMax, o.StateBytesMax = 8, 1
			}
		}
		m.swapCatalog()
		m.start()
		steps := []func(){
			m.append, m.append, m.append, m.append, m.appendAstray, m.checkpoint, m.check, m.check, m.check, m.checkPast,
			m.swapCatalog, m.swapCatalog, m.crashAndStart, func() { m.stop(); m.start() },
		}
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			rapid.SampledFrom(steps).Draw(t, "step")()
		}
		m.check()
		m.checkEvents()
		m.resendAll()
		m.check()
		m.checkEvents()
		m.stop()
	})
}

// resendAll sends all that was ever sent again. Every id is known: nothing counts.
func (m *machine) resendAll() {
	m.stop()
	m.start()
	for p := range m.log.Identity().Partitions {
		for _, record := range m.log.records(p) {
			m.log.append(p, record.Value, record.Time)
		}
	}
	m.checkpoint()
	m.wantMetric("weir_aggregator_events_total", 0)
}

// TestOrderDoesNotMatter: one set of events, sent in two orders, cut into
// records in two ways, with other repeats and checkpoints, gives equal usage and equal events.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var set []sent
		known := map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			s := drawEvent(t, orgA)
			if !known[s.txn] { // one content for each id: what counts of two depends on the order
				known[s.txn] = true
				set = append(set, s)
			}
		}
		metrics := []*aggregator.Metric{drawMetric(t, orgA), drawMetric(t, orgA)}
		var first string
		for run := range 2 {
			r := newRig(t, 2)
			r.catalog.Store(aggregator.NewCatalog(1, metrics[run:run+1]))
			r.start()
			r.sendShuffled(t, set)
			got := r.everything(metrics)
			if run == 0 {
				first = got
			} else if got != first {
				t.Fatalf("in another order:\n%s\nwas\n%s", got, first)
			}
			r.stop()
		}
	})
}

// sendShuffled sends a set in random order, in records of random length, with
// random repeats and checkpoints.
func (r *rig) sendShuffled(t *rapid.T, set []sent) {
	seed := rapid.Int64().Draw(t, "shuffle seed")
	rng := newRand(seed)
	queue := slices.Clone(set)
	for range rng.IntN(len(set) + 1) {
		queue = append(queue, set[rng.IntN(len(set))])
	}
	rng.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	for len(queue) > 0 {
		n := 1 + rng.IntN(min(10, len(queue)))
		byPartition := map[int32][]sent{}
		for _, s := range queue[:n] {
			byPartition[r.home(&s)] = append(byPartition[r.home(&s)], s)
		}
		for p, events := range byPartition {
			r.send(p, events...)
		}
		queue = queue[n:]
		if rng.IntN(4) == 0 {
			r.checkpoint()
		}
	}
}

// everything writes usage by all the metrics, and all events, as text.
func (r *rig) everything(metrics []*aggregator.Metric) string {
	r.tb.Helper()
	var b strings.Builder
	for _, subscription := range subscriptions {
		answer := r.usage(orgA, subscription, base-day, base+5*day, false, metrics...)
		for i := range metrics {
			fmt.Fprintln(&b, subscription, i, lines(answer.Items[i]))
		}
	}
	answer, err := r.worker.Events(r.ctx(), query.EventsRequest{
		Organization: orgA, From: time.Unix(0, 0), To: time.Unix(0, base+1000*day), Limit: 1000,
		AtLeast: map[int32]int64{0: r.end(0), 1: r.end(1)},
	})
	if err != nil {
		r.tb.Fatalf("events: %v", err)
	}
	for _, e := range answer.Events {
		e.Position = 0
		fmt.Fprintf(&b, "%+v\n", e)
	}
	return b.String()
}

func newRand(seed int64) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 1)) }
