package worker_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/ingest"
)

// neverChecked: running totals answer by themselves.
func neverChecked(o *worker.Options) { o.RunningChecksEvery = 1 << 60 }

func (r *rig) hits() float64 {
	r.tb.Helper()
	return r.labelled("weir_aggregator_running_answers_total", "hit")
}

func (r *rig) misses() float64 {
	r.tb.Helper()
	return r.labelled("weir_aggregator_running_answers_total", "miss")
}

// everyAggregation returns a metric of each kind for events with one code.
func everyAggregation(code string) []*aggregator.Metric {
	var metrics []*aggregator.Metric
	for a := aggregator.CountAgg; a <= aggregator.PercentileAgg; a++ {
		for _, recurring := range []bool{false, true} {
			m := &aggregator.Metric{Organization: orgA, Code: code, Aggregation: a, FieldName: "tokens", Recurring: recurring, CellKeys: []string{"model"}}
			if a == aggregator.PercentileAgg {
				m.Percentile = decimal.NewFromInt(90)
			}
			if m.Valid() {
				metrics = append(metrics, m)
			}
		}
	}
	return metrics
}

// TestRunningTotalsInAnyHistory: events and corrections come in any order, in and around two
// periods that are asked for again and again, while counters are evicted, checkpoints written
// and definitions changed. A running total says what a checkpoint says.
func TestRunningTotalsInAnyHistory(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	t.Cleanup(func() { // after all worlds; in one, chance may leave few
		if n := hits.Load(); n < 36*20 {
			t.Errorf("only %d answers were running totals", n)
		}
	})
	for world := range 36 {
		metric := everyAggregation("calls")[world%12]
		checked := world >= 12
		t.Run(fmt.Sprint(metric.Aggregation, " recurring ", metric.Recurring, " ", world), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			h := history{rig: newRig(t, 1), rng: rand.New(rand.NewPCG(seed, 0)), metric: metric}
			h.tune = func(o *worker.Options) {
				if !checked {
					neverChecked(o)
				}
				if world >= 24 {
					o.StateBytesMax = 1
				}
			}
			h.run()
			h.halt()
			hits.Add(int64(h.hit))
		})
	}
}

// history is a random one of one series.
type history struct {
	*rig
	rng    *rand.Rand
	metric *aggregator.Metric
	sent   []sent
	hit    float64 // answers that were running totals
}

func (h *history) halt() {
	h.hit += h.hits()
	h.stop()
}

func (h *history) run() {
	other := *h.metric
	other.CellKeys = nil
	catalogs := []*aggregator.Catalog{
		aggregator.NewCatalog(1, []*aggregator.Metric{h.metric}),
		aggregator.NewCatalog(2, []*aggregator.Metric{&other}),
	}
	h.catalog.Store(catalogs[0])
	h.start()
	for range 150 {
		var record []sent
		for range 1 + h.rng.IntN(5) {
			record = append(record, h.entry())
		}
		h.send(0, record...)
		switch roll := h.rng.IntN(60); {
		case roll == 0:
			h.catalog.Store(catalogs[h.rng.IntN(4)/3]) // mostly that which is asked for
		case roll < 4:
			h.checkpoint()
		case roll == 4:
			h.halt()
			h.start()
		}
		h.ask()
	}
}

// entry makes an event in or around the periods, or a correction of an event that was sent or will be.
func (h *history) entry() sent {
	at := base + h.rng.Int64N(40)*int64(time.Hour) + h.rng.Int64N(3) - 1
	amount := []string{"1", "2", "-3.5", "12345678901234567890.5", "x"}[h.rng.IntN(5)]
	properties := []ingest.Property{text("model", string(rune('a'+h.rng.IntN(2)))), number("tokens", amount)}
	if h.rng.IntN(5) == 0 {
		properties = append(properties[:1:1], text("operation_type", "remove"), properties[1])
	}
	if amount == "x" {
		properties = properties[:1]
	}
	if len(h.sent) == 0 || h.rng.IntN(3) > 0 {
		s := call(fmt.Sprint("t", len(h.sent)), properties...)
		s.timestamp = at
		h.sent = append(h.sent, s)
		return s
	}
	s := h.sent[h.rng.IntN(len(h.sent))]
	if h.rng.IntN(3) == 0 {
		return s.cancel(1 + h.rng.Uint32N(3))
	}
	return s.amended(1+h.rng.Uint32N(3), at, properties...)
}

// ask compares the live answer with that of a checkpoint, in two periods.
func (h *history) ask() {
	for range 1 + h.rng.IntN(3) {
		from := base + int64(h.rng.IntN(2))*5*int64(time.Hour)
		to := from + 20*int64(time.Hour) + 1
		live := h.usage(orgA, "alpha", from, to, false, h.metric)
		if h.rng.IntN(4) > 0 {
			continue
		}
		committed := h.usage(orgA, "alpha", from, to, true, h.metric)
		if got, want := describe(live.Items[0]), describe(committed.Items[0]); got != want {
			h.tb.Fatalf("live usage of [%d, %d) is\n%s\nfrom the checkpoint it is\n%s", from-base, to-base, got, want)
		}
	}
}

// describe writes down all that there is of a usage.
func describe(item query.ItemUsage) string {
	text := fmt.Sprint(item.Uncounted)
	for _, b := range item.Buckets {
		text += fmt.Sprintf("\n%d %v: %s %s of %d, %s", b.Filter, b.Group, b.Units, b.TotalUnits, b.EventsCount, b.PreciseTotal)
	}
	return text
}

// TestRunningTotalAnswers: the second question of a period is answered without its windows, also
// after what came in between, and a correction is seen at once.
func TestRunningTotalAnswers(t *testing.T) {
	t.Parallel()
	for _, metric := range everyAggregation("calls") {
		t.Run(fmt.Sprint(metric.Aggregation, " recurring ", metric.Recurring), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.tune = neverChecked
			r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{metric}))
			r.start()
			amount := func(n string) []ingest.Property { return []ingest.Property{text("model", "a"), number("tokens", n)} }
			r.send(0, call("1", amount("3")...), call("2", amount("5")...))
			ask := func() string {
				return describe(r.usage(orgA, "alpha", base, base+day, false, metric).Items[0])
			}
			ask()
			if r.hits() != 0 || r.misses() != 1 {
				t.Fatalf("the first question: %v hits, %v misses", r.hits(), r.misses())
			}
			r.send(0, call("3", amount("4")...))
			got := ask()
			if r.hits() != 1 {
				t.Fatalf("the second question: %v hits", r.hits())
			}
			if want := describe(r.usage(orgA, "alpha", base, base+day, true, metric).Items[0]); got != want {
				t.Errorf("running total is %s, want %s", got, want)
			}
			r.send(0, call("2").cancel(1))
			corrected := ask()
			hits := 1.0
			if metric.Subtracts() {
				hits++ // else it was dropped
			}
			if r.hits() != hits {
				t.Errorf("after a correction: %v hits, want %v", r.hits(), hits)
			}
			if want := describe(r.usage(orgA, "alpha", base, base+day, true, metric).Items[0]); corrected != want {
				t.Errorf("after a correction it is %s, want %s", corrected, want)
			}
			r.stop()
		})
	}
}

// TestRunningMismatch: a running total that is wrong is found out, told of, and gone.
func TestRunningMismatch(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	r.wantUsage(calls, " = 1 of 1")
	r.wantUsage(calls, " = 1 of 1")
	req := query.UsageRequest{
		Organization: orgA, Subscription: "alpha", From: time.Unix(0, base), To: time.Unix(0, base+day), Items: itemsOf(calls),
	}
	nobodys := call("2")
	e := nobodys.event()
	if ok, err := r.worker.SpoilRunning(r.ctx(), req, &e); !ok || err != nil {
		t.Fatalf("there is no running total to spoil: %v", err)
	}
	r.wantUsage(calls, " = 1 of 1")
	r.wantMetric("weir_aggregator_running_mismatches_total", 1)
	before := r.misses()
	r.wantUsage(calls, " = 1 of 1") // it begins anew
	if r.misses() != before+1 {
		t.Errorf("%v questions were not answered by a running total, want 1", r.misses()-before)
	}
	r.wantUsage(calls, " = 1 of 1")
	r.wantMetric("weir_aggregator_running_mismatches_total", 1)
	r.cancel() // not stop: it wants no mismatch
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
}

// TestRunningPeriods: two periods of a series have a running total. A third takes the place of one
// when nobody has asked for that in a while.
func TestRunningPeriods(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	ask := func(period int64) bool {
		hits := r.hits()
		answer := r.usage(orgA, "alpha", base, base+day+period, false, calls)
		if n := countOf(answer.Items[0]); n != 1 {
			t.Fatalf("usage is %d, want 1", n)
		}
		return r.hits() > hits
	}
	for i, c := range []struct {
		period int64
		hit    bool
	}{{1, false}, {2, false}, {1, true}, {2, true}, {3, false}, {3, false}, {1, true}, {2, true}} {
		if got := ask(c.period); got != c.hit {
			t.Fatalf("question %d, of period %d: answered by a running total %v, want %v", i, c.period, got, c.hit)
		}
	}
	// Period 1 was asked for last but one: it makes room first, with the ninth question for others.
	for i := range 8 {
		if ask(3) {
			t.Fatalf("question %d of the third period was answered by a running total", i)
		}
	}
	if !ask(3) {
		t.Fatal("the third period has no running total after many questions")
	}
	if ask(1) {
		t.Fatal("the first period still has a running total")
	}
	r.stop()
}

// TestRunningCells: with many cells there is no running total, but there are answers.
func TestRunningCells(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	byID := &aggregator.Metric{Organization: orgA, Code: "calls", Aggregation: aggregator.CountAgg, CellKeys: []string{"id"}}
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{byID}))
	r.start()
	send := func(from, to int) {
		var events []sent
		for i := from; i < to; i++ {
			events = append(events, call(fmt.Sprint(i), number("id", fmt.Sprint(i))))
		}
		r.send(0, events...)
	}
	want := func(n int, hit bool) {
		t.Helper()
		hits := r.hits()
		if got := len(r.usage(orgA, "alpha", base, base+day, false, byID).Items[0].Buckets); got != n {
			t.Fatalf("%d groups, want %d", got, n)
		}
		if (r.hits() > hits) != hit {
			t.Fatalf("with %d cells: answered by a running total %v", n, !hit)
		}
	}
	send(0, 1000)
	want(1000, false)
	want(1000, true)
	send(1000, 1001)
	want(1001, false)
	want(1001, false)
	r.stop()
}

// TestRunningTotalAfterRestart: who asks has the series taken into memory, and its running total begun.
func TestRunningTotalAfterRestart(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	r.checkpoint()
	r.stop()
	r.start()
	for i := 0; r.hits() == 0; i++ {
		if i == 1000 {
			t.Fatal("no question is answered by a running total")
		}
		answer := r.usage(orgA, "alpha", base, base+day, false, calls)
		if n := countOf(answer.Items[0]); n != 1 {
			t.Fatalf("usage is %d, want 1", n)
		}
	}
	r.stop()
}

// TestOneMetricOfManyItems: items of one metric are answered alike, by running totals or not.
func TestOneMetricOfManyItems(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.tune = neverChecked
	byModel := &aggregator.Metric{Organization: orgA, Code: "calls", Aggregation: aggregator.CountAgg, CellKeys: []string{"model"}}
	none := &aggregator.Metric{Organization: orgA, Code: "none", Aggregation: aggregator.CountAgg}
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{byModel, none}))
	r.start()
	r.send(0, call("1", text("model", "a")), call("2", text("model", "b")), call("3", text("model", "b")))
	filter := aggregator.Filter{Conditions: []aggregator.FilterCondition{{Key: "model", Values: []string{"b"}}}}
	req := query.UsageRequest{
		Organization: orgA, Subscription: "alpha", From: time.Unix(0, base), To: time.Unix(0, base+day), AtLeast: 1,
		Items: []query.UsageItem{
			{Metric: byModel, Split: aggregator.Split{GroupKeys: []string{"model"}}},
			{Metric: none},
			{Metric: byModel},
			{Metric: byModel, Split: aggregator.Split{Filters: []aggregator.Filter{filter}}},
		},
	}
	var first query.UsageAnswer
	for i := range 3 {
		answer, err := r.worker.Usage(r.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range answer.Items {
			got = append(got, describe(item))
		}
		want := []string{
			"[0 0 0 0 0]\n-1 [{a false}]: 1 1 of 1, 0\n-1 [{b false}]: 2 2 of 2, 0",
			"[0 0 0 0 0]",
			"[0 0 0 0 0]\n-1 []: 3 3 of 3, 0",
			"[0 0 0 0 0]\n-1 []: 1 1 of 1, 0\n0 []: 2 2 of 2, 0",
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("answer %d is %q, want %q", i, got, want)
		}
		if i == 0 {
			first = answer
		} else if describe(first.Items[0]) != describe(answer.Items[0]) {
			t.Fatal("an answer that was given has changed")
		}
	}
	if r.hits() != 2 {
		t.Errorf("%v answers were running totals, want 2", r.hits())
	}
	r.stop()
}

// TestRunningTotalsTellMetricsApart: a metric and its recurring form, and two percentiles, count
// by one definition, and are not the same.
func TestRunningTotalsTellMetricsApart(t *testing.T) {
	t.Parallel()
	sum := &aggregator.Metric{Organization: orgA, Code: "calls", Aggregation: aggregator.SumAgg, FieldName: "n"}
	recurring := *sum
	recurring.Recurring = true
	median := &aggregator.Metric{
		Organization: orgA, Code: "calls", Aggregation: aggregator.PercentileAgg, FieldName: "n", Percentile: decimal.NewFromInt(50),
	}
	highest := *median
	highest.Percentile = decimal.NewFromInt(100)
	for _, c := range []struct {
		counted, other *aggregator.Metric
		want           [2]string // units
	}{
		{sum, &recurring, [2]string{"7", "12"}}, // 3 + 4, and the 5 of the day before
		{median, &highest, [2]string{"3", "4"}},
	} {
		r := newRig(t, 1)
		r.tune = neverChecked
		r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{c.counted}))
		r.start()
		before := call("0", number("n", "5"))
		before.timestamp = base - 1
		r.send(0, before, call("1", number("n", "3")), call("2", number("n", "4")))
		for range 3 {
			for i, metric := range []*aggregator.Metric{c.counted, c.other} {
				answer := r.usage(orgA, "alpha", base, base+day, false, metric)
				if got := answer.Items[0].Buckets[0].Units.String(); got != c.want[i] {
					t.Errorf("metric %d of aggregation %d: %s units, want %s", i, metric.Aggregation, got, c.want[i])
				}
			}
		}
		if r.hits() != 4 { // the first of each begins it
			t.Errorf("%v answers were running totals, want 4", r.hits())
		}
		r.stop()
	}
}
