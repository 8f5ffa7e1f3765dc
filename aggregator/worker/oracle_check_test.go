package worker_test

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/bench/oracle"
	"weir/ingest"
)

// ask says how a question is asked.
type ask struct {
	committed bool // from a checkpoint
	raw       bool // by a definition that nothing was counted by
	eager     bool // of whatever the worker has reached by now
	// variant asks for another percentile, and for the recurring form instead of the other or the other way
	// round: counters serve both, answers must not.
	variant bool
	past    bool // as of some offset before
}

func (a ask) String() string {
	var ways []string
	for _, way := range []struct {
		is   bool
		name string
	}{{a.committed, "committed"}, {a.raw, "from raw events"}, {a.eager, "eager"}, {a.variant, "variant"}, {a.past, "past"}} {
		if way.is {
			ways = append(ways, way.name)
		}
	}
	if ways == nil {
		return "live"
	}
	return strings.Join(ways, ", ")
}

// apply returns the metric that is asked for, in the oracle's words and the engine's.
func (a ask) apply(m *worldMetric) (oracle.Metric, *aggregator.Metric) {
	asked, metric := m.Metric, *m.metric
	if a.raw {
		metric.CellKeys = append(slices.Clone(metric.CellKeys), "~")
	}
	if a.variant {
		asked.Recurring = asked.Aggregation.CanRecur() && !asked.Recurring
		metric.Recurring = asked.Recurring
		if asked.Percentile != nil {
			asked.Percentile, metric.Percentile = big.NewRat(60, 1), decimal.NewFromInt(60)
		}
	}
	return asked, &metric
}

// checkAll asks all questions of all cases, in these ways.
func (w *oracleWorld) checkAll(ways ...ask) {
	for _, c := range w.cases {
		for i, p := range c.Periods {
			for _, a := range ways {
				if !a.past || i == c.asked { // which takes its time
					w.check(c, p, a)
				}
			}
		}
		w.checkEvents(c)
	}
}

// check asks for a case's usage at the end of the log.
func (w *oracleWorld) check(c *worldCase, p oracle.Period, a ask) {
	w.counts["question: "+a.String()]++
	d := w.compare(c, p, a)
	if d == "" {
		return
	}
	d = a.String() + ", " + d
	for _, other := range []ask{{}, {committed: true}, {raw: true}, {committed: true, raw: true}} {
		verdict := "right"
		if w.compare(c, p, other) != "" {
			verdict = "wrong"
		}
		d += fmt.Sprintf("\nasked again %s: %s", other, verdict)
	}
	w.fail(c, d)
}

// compare says in what the answer to a question differs from the oracle's, "" when it does not.
func (w *oracleWorld) compare(c *worldCase, p oracle.Period, a ask) string {
	req := query.UsageRequest{
		Organization: c.organization, Subscription: c.Subscription, From: p.From, To: p.To,
		Committed: a.committed,
	}
	if !a.eager {
		req.AtLeast = w.end(c.partition)
	}
	if a.past && c.next > 0 {
		req.At = 1 + c.offsets[w.rng.IntN(c.next)]
		req.AtLeast = req.At
	}
	req.Days = p.Days
	var asked []oracle.Metric
	for i := range c.metrics {
		m := &c.metrics[i]
		as, metric := a.apply(m)
		for j := range m.splits {
			asked = append(asked, as)
			split := m.splits[j]
			if a.variant { // where other folds could be made
				split = withoutFolds(split)
			}
			req.Items = append(req.Items, query.UsageItem{Metric: metric, Split: split})
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := w.worker.Usage(ctx, req)
	if err != nil {
		return fmt.Sprintf("%v; %s", err, w.fate())
	}
	if !a.eager && answer.Next != req.AtLeast {
		return fmt.Sprintf("the answer is of what lies below %d, and the log ends at %d", answer.Next, req.AtLeast)
	}
	counted, _ := slices.BinarySearch(c.offsets, answer.Next)
	wants, folds := c.wants(p, counted, a.variant, asked)
	for i, item := range answer.Items {
		d := difference(asked[i], wants[i], item)
		if d == "" {
			d = foldDifference(&req.Items[i].Split, folds[i], item.Buckets)
		}
		if d != "" {
			return describeQuestion(asked[i], c.splits[i], p) + ": " + d
		}
	}
	return ""
}

// wants returns the oracle's answers for so many entries of the log: for each metric that is
// asked for, split as the case has it.
func (c *worldCase) wants(p oracle.Period, entries int, variant bool, asked []oracle.Metric) ([]oracle.Result, [][]oracle.FoldedBucket) {
	if c.wanted.period.Name == p.Name && c.wanted.entries == entries && !variant {
		return c.wanted.results, c.wanted.folds
	}
	var results []oracle.Result
	var folds [][]oracle.FoldedBucket
	current := oracle.Current(c.Log[:entries]) // which is its own
	for i, m := range asked {
		m.Days = max(0, len(p.Days)-1)
		results = append(results, oracle.Usage(current, m, c.Subscription, p.From, p.To, c.splits[i]))
		folds = append(folds, oracle.Folds(current, m, c.Subscription, p, c.splits[i]))
	}
	if !variant {
		c.wanted.period, c.wanted.entries, c.wanted.results, c.wanted.folds = p, entries, results, folds
	}
	return results, folds
}

// fail ends the test with what is wrong with a case.
func (w *oracleWorld) fail(c *worldCase, d string) {
	w.t.Helper()
	w.failed.Store(true)
	sent := c.Case
	sent.Log = c.Log[:c.next]
	sent.Metrics = nil
	for i := range c.metrics {
		sent.Metrics = append(sent.Metrics, c.metrics[i].CaseMetric)
	}
	w.t.Fatal(report(w.seed, c.number, sent, d))
}

// checkEvents compares the list of events with those that count.
func (w *oracleWorld) checkEvents(c *worldCase) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := w.worker.Events(ctx, query.EventsRequest{
		Organization: c.organization, Subscription: c.Subscription, From: time.Unix(0, 0), To: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
		Limit: query.EventsLimitMax, AtLeast: map[int32]int64{c.partition: w.end(c.partition)},
	})
	if err != nil {
		w.t.Fatalf("case %d: events: %v; %s", c.number, err, w.fate())
	}
	want := map[string]oracle.Event{}
	for _, e := range oracle.Current(c.Log[:c.next]) {
		if e.Subscription == c.Subscription {
			want[e.TransactionID] = e
		}
	}
	if len(answer.Events) != len(want) || answer.Total != len(want) {
		w.fail(c, fmt.Sprintf("%d events are listed, of %d in all; want %d", len(answer.Events), answer.Total, len(want)))
	}
	for i := range answer.Events {
		e := &answer.Events[i]
		if current, ok := want[e.TransactionID]; !ok || !sameEvent(current, e) {
			w.fail(c, fmt.Sprintf("event is listed as\n%+v, want\n%s", e, describeEntry(current)))
		}
		delete(want, e.TransactionID) // once
		if i > 0 && query.CompareEvents(&answer.Events[i-1], e) >= 0 {
			w.fail(c, fmt.Sprintf("event %d is listed out of order", i))
		}
	}
}

func sameEvent(of oracle.Event, got *query.Event) bool {
	want := engineEvent(of)
	return string(want.Subscription) == got.Subscription && string(want.Code) == got.Code && want.Timestamp == got.Timestamp &&
		string(want.PreciseTotal) == got.PreciseTotal && want.Revision == got.Revision && !got.Cancelled &&
		of.ReceivedAt.UnixNano() == got.ReceivedAt &&
		slices.EqualFunc(want.Properties, got.Properties, func(w ingest.Property, g query.Property) bool {
			return string(w.Name) == g.Name && w.Kind == g.Kind && string(w.Text) == g.Text
		})
}

func (w *oracleWorld) end(partition int32) int64 {
	_, end, err := w.log.Range(context.Background(), partition)
	if err != nil {
		w.t.Fatal(err)
	}
	return end
}

// fate says how the worker ended, if it did.
func (w *oracleWorld) fate() string {
	select {
	case err := <-w.ended:
		return fmt.Sprintf("the worker ended: %v", err)
	default:
		return "the worker runs"
	}
}

// liveCatalog is a catalog that changes.
type liveCatalog struct {
	version int64
	current atomic.Pointer[aggregator.Catalog]
}

func (l *liveCatalog) get() *aggregator.Catalog { return l.current.Load() }

func (l *liveCatalog) publish(metrics []*aggregator.Metric) {
	l.version++
	l.current.Store(aggregator.NewCatalog(l.version, metrics))
}
