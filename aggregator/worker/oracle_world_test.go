package worker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator"
	"weir/aggregator/worker"
	"weir/bench/oracle"
	"weir/ingest"
	"weir/ingest/eventlog"
	"weir/ingest/eventlog/crashfs"
)

// oracleWorld is a worker, its log and many cases, whose entries come all mixed up. What
// the worker says of each case must be what the oracle says of it alone.
type oracleWorld struct {
	t          *testing.T
	seed       uint64
	rng        *rand.Rand
	fs         *crashfs.FS
	log        eventlog.Log
	memory     *memoryLog // log, when it is one
	partitions int32
	cases      []*worldCase
	counts     map[string]int // how often what happened
	failed     *atomic.Bool   // this world, or another of the test

	catalog  *liveCatalog
	tune     func(*worker.Options)
	worker   *worker.Worker
	registry *prometheus.Registry
	cancel   context.CancelFunc
	ended    chan error
}

// worldCase is one case and how far its log has been sent.
type worldCase struct {
	number       int
	organization uuid.UUID
	partition    int32
	oracle.Case
	next    int     // the first entry of Log that was not sent yet
	offsets []int64 // of the records that the entries before it are in
	metrics []worldMetric
	splits  []oracle.Split // of all metrics, one after the other
	asked   int            // the period that is asked for in between
	wanted  struct {       // the last answers of the oracle
		period  oracle.Period
		entries int // of the log
		results []oracle.Result
		folds   [][]oracle.FoldedBucket
	}
}

// worldMetric is a metric of a case: as it is asked for, and as it is counted by now.
type worldMetric struct {
	oracle.CaseMetric
	metric, other *aggregator.Metric // other has another definition
	inForce       *aggregator.Metric // nil: none
	splits        []aggregator.Split
}

// worldSubscriptions are those of the cases that share an organization.
var worldSubscriptions = []string{"alpha", "bé/ta", "alpha/1"}

// newOracleWorld returns a world without cases. From its number follow the number of partitions, the kind
// of log, and how the worker is set up.
func newOracleWorld(t *testing.T, seed uint64, number int) *oracleWorld {
	w := &oracleWorld{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, uint64(number)<<32)), fs: crashfs.New(),
		partitions: int32(1 + number%3), counts: map[string]int{}, failed: new(atomic.Bool), catalog: new(liveCatalog),
	}
	if number%4 == 3 {
		log, err := eventlog.OpenEmbedded("/log", eventlog.EmbeddedOptions{Partitions: w.partitions, FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := log.Close(); err != nil {
				t.Error(err)
			}
		})
		w.log = log
	} else {
		w.memory = newMemoryLog(fmt.Sprint("log-", number), int(w.partitions))
		w.log = w.memory
	}
	small, quick := number%2 == 1, number%3 == 0
	w.tune = func(o *worker.Options) {
		o.CacheBytes = 8 << 20
		if small { // ids are forgotten and counters let go of all the time
			o.RecentIDsMax, o.StateBytesMax = 64, 1
		}
		if quick {
			o.CheckpointInterval = 20 * time.Millisecond
		}
	}
	return w
}

// addRandom adds a random case, as one of several in its organization, whose metrics have codes of their own.
func (w *oracleWorld) addRandom(number int) {
	shared := len(worldSubscriptions)
	c := oracleRandom(w.seed, number, worldSubscriptions[number%shared])
	code := func(code string) string { return fmt.Sprint(code, number%shared) }
	for i := range c.Log {
		if !c.Log[i].Cancelled {
			c.Log[i].Code = code(c.Log[i].Code)
		}
	}
	for i := range c.Metrics {
		c.Metrics[i].Code = code(c.Metrics[i].Code)
	}
	w.add(number, number/shared, c)
}

// add adds a case to an organization.
func (w *oracleWorld) add(number, organization int, of oracle.Case) {
	c := &worldCase{number: number, Case: of}
	c.organization = uuid.UUID{1, byte(organization >> 16), byte(organization >> 8), byte(organization)}
	c.partition = ingest.Partition(c.organization, c.Subscription, w.partitions)
	for _, m := range c.Metrics {
		c.metrics = append(c.metrics, w.newMetric(c.organization, m))
		c.splits = append(c.splits, m.Splits...)
	}
	c.asked = w.rng.IntN(len(c.Periods))
	w.cases = append(w.cases, c)
}

func (w *oracleWorld) newMetric(organization uuid.UUID, m oracle.CaseMetric) worldMetric {
	wm := worldMetric{CaseMetric: m, metric: engineMetric(organization, m.Metric, m.Splits)}
	for _, s := range m.Splits {
		wm.splits = append(wm.splits, engineSplit(m.Metric, s))
	}
	other := *wm.metric
	if w.rng.IntN(2) == 0 {
		other.CellKeys = append(slices.Clone(other.CellKeys), "zone")
	} else {
		other.Aggregation, other.Recurring, other.FieldName = aggregator.MaxAgg, false, "b"
	}
	wm.other = &other
	switch w.rng.IntN(10) {
	case 0, 1: // it comes later
	case 2, 3:
		wm.inForce = wm.other
	default:
		wm.inForce = wm.metric
	}
	return wm
}

// changeCatalog has some metrics come, change, and go.
func (w *oracleWorld) changeCatalog(share float64) {
	for _, c := range w.cases {
		for i := range c.metrics {
			m := &c.metrics[i]
			if w.rng.Float64() >= share {
				continue
			}
			before := m.inForce
			switch w.rng.IntN(8) {
			case 0:
				m.inForce = nil
			case 1:
				m.inForce = m.other
			default:
				m.inForce = m.metric
			}
			switch {
			case before == m.inForce:
			case before == nil:
				w.counts["catalog: metric comes later"]++
			case m.inForce == nil:
				w.counts["catalog: metric goes"]++
			default:
				w.counts["catalog: definition changes"]++
			}
		}
	}
	w.publish()
}

func (w *oracleWorld) publish() {
	var metrics []*aggregator.Metric
	for _, c := range w.cases {
		for i := range c.metrics {
			if m := c.metrics[i].inForce; m != nil {
				metrics = append(metrics, m)
			}
		}
	}
	w.catalog.publish(metrics)
}

// run sends all entries of all cases, with whatever can happen in between, and checks all answers.
func (w *oracleWorld) run() {
	w.publish()
	w.start()
	for {
		open := slices.DeleteFunc(slices.Clone(w.cases), func(c *worldCase) bool { return c.next == len(c.Log) })
		if len(open) == 0 {
			break
		}
		for range len(open) { // each as often as any other, in the mean
			if w.failed.Load() {
				w.t.SkipNow() // another has said what is wrong
			}
			if c := open[w.rng.IntN(len(open))]; c.next < len(c.Log) {
				w.send(c)
			}
			w.happen()
		}
	}
	w.checkAll(ask{}, ask{}, ask{raw: true}, ask{committed: true}, ask{past: true})
	w.changeCatalog(0.3)
	w.restart()
	w.checkAll(ask{}, ask{committed: true}, ask{past: true, committed: true})
	w.stop()
}

// happen does what may happen between two records.
func (w *oracleWorld) happen() {
	switch roll := w.rng.IntN(3000); {
	case roll < 60:
		c := w.cases[w.rng.IntN(len(w.cases))]
		for range 1 + w.rng.IntN(3) { // the second is hot
			w.check(c, c.Periods[c.asked], ask{})
		}
		if w.rng.IntN(5) == 0 {
			w.check(c, c.Periods[c.asked], ask{variant: true})
		}
	case roll < 110: // while records are on their way
		c := w.cases[w.rng.IntN(len(w.cases))]
		for range w.rng.IntN(6) {
			if c.next < len(c.Log) {
				w.send(c)
			}
			w.check(c, c.Periods[c.asked], ask{eager: true, committed: w.rng.IntN(8) == 0, raw: w.rng.IntN(8) == 0})
		}
		w.check(c, c.Periods[c.asked], ask{})
	case roll < 114:
		c := w.cases[w.rng.IntN(len(w.cases))]
		w.check(c, c.Periods[c.asked], ask{committed: true})
	case roll < 121:
		w.restart()
	case roll < 135:
		w.changeCatalog([]float64{0.05, 0.5}[w.rng.IntN(2)])
	}
}

// send appends a record with the next entries of a case, and maybe of others of its organization.
func (w *oracleWorld) send(c *worldCase) {
	sharers := []*worldCase{c}
	for _, other := range w.cases {
		if other != c && other.organization == c.organization && other.partition == c.partition && w.rng.IntN(2) == 0 {
			sharers = append(sharers, other)
		}
	}
	received := c.Log[c.next].ReceivedAt
	offset := w.end(c.partition) // nobody else appends
	var events []ingest.Event
	for range 1 + w.rng.IntN(8) {
		s := sharers[w.rng.IntN(len(sharers))]
		if s.next == len(s.Log) {
			continue
		}
		e := &s.Log[s.next]
		s.next++
		s.offsets = append(s.offsets, offset)
		e.ReceivedAt = received // as all of a record
		if len(events) == 0 && e.Revision == 0 && w.memory != nil && w.rng.IntN(20) == 0 {
			w.counts["record: JSON"]++
			w.memory.append(c.partition, jsonRecord(c.organization, *e), received.UnixNano())
			return
		}
		events = append(events, engineEvent(*e))
	}
	if len(events) > 0 {
		w.append(c, received, events...)
	}
}

// append appends a framed record of a case's organization.
func (w *oracleWorld) append(c *worldCase, received time.Time, events ...ingest.Event) {
	w.counts["record: framed"]++
	value := ingest.AppendRecord(nil, ingest.Header{Organization: c.organization, ReceivedAt: received.UnixNano()}, events)
	if w.memory != nil {
		w.memory.append(c.partition, value, time.Now().UnixNano())
		return
	}
	done := make(chan error, 1)
	w.log.Append(c.partition, value, nil, func(_ int64, err error) { done <- err })
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
}
