package worker_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/aggregator/worker"
	"weir/ingest"
)

const hour = int64(time.Hour)

// tokensBy returns a metric of the property tokens.
func tokensBy(aggregation aggregator.Aggregation) *aggregator.Metric {
	m := &aggregator.Metric{Organization: orgA, Code: "calls", Aggregation: aggregation}
	if aggregation != aggregator.CountAgg {
		m.FieldName = "tokens"
	}
	if aggregation == aggregator.PercentileAgg {
		m.Percentile = decimal.NewFromInt(50)
	}
	return m
}

// correctionSteps are records of alpha's calls, and what the day from base amounts to after
// each. A is the first event, B two hours later, C in A's hour, right behind A.
var correctionSteps = func() []correctionStep {
	a := call("a", number("tokens", "5"))
	a.timestamp = base
	b := call("b", number("tokens", "3"))
	b.timestamp = base + 2*hour
	c := call("c", number("tokens", "9"))
	c.timestamp = base + 1
	return []correctionStep{
		{"events", []sent{a, b, c}, // 5, 3, 9
			want{"3", "17", "9", "3", "3", "3", "3", "5.66666666666666666667", "5", 3}},
		{"amendment of C to 4", []sent{c.amended(1, c.timestamp, number("tokens", "4"))}, // 5, 3, 4
			want{"3", "12", "5", "3", "3", "3", "3", "4", "4", 3}},
		{
			"the same again",
			[]sent{c.amended(1, c.timestamp, number("tokens", "4"))},
			want{"3", "12", "5", "3", "3", "3", "3", "4", "4", 3},
		},
		{"cancellation of B", []sent{b.cancel(1)}, // 5, 4; the median is the first of two
			want{"2", "9", "5", "4", "4", "4", "2", "4.5", "4", 2}},
		{
			"event B again",
			[]sent{b},
			want{"2", "9", "5", "4", "4", "4", "2", "4.5", "4", 2},
		},
		{
			"amendment of B to 7, tomorrow",
			[]sent{b.amended(2, base+day+1, number("tokens", "7"))},
			want{"2", "9", "5", "4", "4", "4", "2", "4.5", "4", 2},
		},
		{"amendment of B to 7, now", []sent{b.amended(3, base+3*hour, number("tokens", "7"))}, // 5, 4, 7
			want{"3", "16", "7", "4", "7", "7", "3", "5.33333333333333333333", "5", 3}},
		{
			"cancellation of B that is older than that",
			[]sent{b.cancel(2)},
			want{"3", "16", "7", "4", "7", "7", "3", "5.33333333333333333333", "5", 3},
		},
		{"amendment of C to 5, of equal revision", []sent{c.amended(1, c.timestamp, number("tokens", "5"))}, // 5, 5, 7
			want{"3", "17", "7", "5", "7", "7", "2", "5.66666666666666666667", "5", 3}},
		{"amendment of A to nothing", []sent{a.amended(1, a.timestamp)}, // 5, 7
			want{"3", "12", "7", "5", "7", "7", "2", "6", "5", 2}},
		{
			"cancellation of all",
			[]sent{a.cancel(9), b.cancel(9), c.cancel(9)},
			want{},
		},
	}
}()

type correctionStep struct {
	name    string
	records []sent
	want    want
}

// want is what each aggregation gives; events is the number with a value.
type want struct {
	count, sum, max, min, latest, latestAgain, unique, avg, median string
	events                                                         int
}

func (w *want) of(m *aggregator.Metric) []string {
	if w.count == "" {
		return nil
	}
	units, events := map[aggregator.Aggregation]string{
		aggregator.CountAgg: w.count, aggregator.SumAgg: w.sum, aggregator.MaxAgg: w.max, aggregator.MinAgg: w.min,
		aggregator.LatestAgg: w.latest, aggregator.UniqueCountAgg: w.unique, aggregator.AvgAgg: w.avg, aggregator.PercentileAgg: w.median,
	}[m.Aggregation], fmt.Sprint(w.events)
	if m.Aggregation == aggregator.CountAgg {
		events = w.count
	}
	return []string{fmt.Sprintf(" = %s of %s", decimal.RequireFromString(units).Rat().RatString(), events)}
}

// TestCorrections: what an id was is taken out of the counters and what it is now put in,
// wherever the two are: in memory, in a checkpoint, or in a store that was opened again.
func TestCorrections(t *testing.T) {
	t.Parallel()
	between := map[string]func(*rig){
		"in memory":      func(*rig) {},
		"checkpoints":    (*rig).checkpoint,
		"restarts":       func(r *rig) { r.stop(); r.start() },
		"memory is full": func(r *rig) { r.checkpoint() },
	}
	for aggregation := aggregator.CountAgg; aggregation <= aggregator.PercentileAgg; aggregation++ {
		if aggregation == aggregator.WeightedSumAgg { // TestAnyHistory has it
			continue
		}
		for name, between := range between {
			t.Run(fmt.Sprintf("aggregation %d, %s", aggregation, name), func(t *testing.T) {
				t.Parallel()
				metric := tokensBy(aggregation)
				r := newRig(t, 1)
				r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{metric}))
				if name == "memory is full" {
					r.tune = func(o *worker.Options) { o.RecentIDsMax, o.StateBytesMax = 8, 1 }
				}
				r.start()
				for i := range correctionSteps {
					step := &correctionSteps[i]
					for _, s := range step.records {
						r.send(0, s)
					}
					live := r.usage(orgA, "alpha", base, base+day, false, metric)
					if got, want := lines(live.Items[0]), step.want.of(metric); !slices.Equal(got, want) {
						t.Fatalf("after %s: %q, want %q", step.name, got, want)
					}
					between(r)
				}
				r.wantUsage(metric)
				r.stop()
			})
		}
	}
}

// TestCorrectionsInTotals: entries are counted once each, by what they are.
func TestCorrectionsInTotals(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	early := call("early")
	r.send(0, call("1"), call("2"))
	r.send(0, call("1").amended(1, base+5), call("2").cancel(4), early.cancel(1), call("unheard of").cancel(1))
	r.wantUsage(calls, " = 1 of 1")
	r.stop()
	r.start()                                                  // what corrections came before their events is known over a restart
	r.send(0, call("1").amended(1, base+5))                    // a retry
	r.send(0, call("2").amended(3, base+5))                    // outranked, and an amendment all the same
	r.send(0, early, early, call("early", text("model", "a"))) // late, then a repeat of it, then a conflict with it
	r.wantUsage(calls, " = 1 of 1")
	for name, want := range map[string]float64{
		`amended`: 1, `cancelled`: 0, `unchanged`: 1, `superseded`: 1,
	} {
		if got := r.labelled("weir_aggregator_corrections_total", name); got != want {
			t.Errorf("%s corrections are %v, want %v", name, got, want)
		}
	}
	r.stop()
	asides, totals := r.asides(t, 0)
	want := store.Totals{Events: 2, Superseded: 1, Amended: 2, Cancelled: 3, Duplicates: 2}
	want.Aside[store.Conflict] = 1
	if totals != want || !slices.Equal(asides, []string{"4.2 conflict"}) {
		t.Errorf("totals are %+v, want %+v; set aside are %q", totals, want, asides)
	}
}

// labelled returns a metric's value with one label of this value.
func (r *rig) labelled(name, label string) float64 {
	r.tb.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.tb.Fatalf("cannot gather metrics: %v", err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	r.tb.Fatalf("there is no metric %s with %q", name, label)
	return 0
}

// TestAmendmentMovesToAnotherCode: an event leaves the metric of one code for that of another.
func TestAmendmentMovesToAnotherCode(t *testing.T) {
	t.Parallel()
	tokens := &aggregator.Metric{Organization: orgA, Code: "tokens", Aggregation: aggregator.LatestAgg, FieldName: "n"}
	r := newRig(t, 1)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{calls, tokens}))
	r.start()
	for _, committed := range []bool{false, true} {
		moved := call(fmt.Sprint("moves ", committed), number("n", "8"))
		r.send(0, moved, call(fmt.Sprint("stays ", committed)))
		r.usage(orgA, "alpha", base, base+day, committed, calls)
		moved.code = "tokens"
		r.send(0, moved.amended(1, base+2, number("n", "7")))
	}
	r.wantUsage(calls, " = 2 of 2")
	r.wantUsage(tokens, " = 7 of 2")
	r.stop()
}

// TestForeignCorrectionsGoHome: corrections in a partition that is not theirs are sent on as they are.
func TestForeignCorrectionsGoHome(t *testing.T) {
	t.Parallel()
	r := newRig(t, 4)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{calls}))
	r.start()
	one, two := call("1"), call("2")
	home := r.home(&one)
	r.send(home, one, two, call("3"))
	r.send((home+1)%4, one.amended(7, base+day), two.cancel(8))
	for r.end(home) < 2 {
		time.Sleep(time.Millisecond)
	}
	r.wantUsage(calls, " = 1 of 1")
	events, err := r.worker.Event(r.ctx(), query.EventRequest{Organization: orgA, TransactionID: "1", Partitions: []int32{home}})
	if err != nil || len(events) != 1 || events[0].Revision != 7 || events[0].Timestamp != base+day {
		t.Errorf("event 1 is %+v, %v", events, err)
	}
	r.stop()
}

// TestHoursAreRecountedOnce: however many corrections come, an hour is counted again once
// for a question and once for a checkpoint.
func TestHoursAreRecountedOnce(t *testing.T) {
	t.Parallel()
	metric := tokensBy(aggregator.MaxAgg)
	r := newRig(t, 1)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{metric}))
	r.start()
	for i := range 10 {
		r.send(0, call(fmt.Sprint(i), number("tokens", fmt.Sprint(i))))
	}
	r.wantUsage(metric, " = 9 of 10")
	r.wantMetric("weir_aggregator_hours_recounted_total", 0)
	for i := range 9 {
		r.send(0, call(fmt.Sprint(9-i)).cancel(1))
	}
	r.wantUsage(metric, " = 0 of 1") // live and committed, in one recount
	r.wantMetric("weir_aggregator_hours_recounted_total", 1)
	r.send(0, call("0").cancel(1))
	r.wantUsage(metric)
	r.wantMetric("weir_aggregator_hours_recounted_total", 2)
	r.stop()
}

// TestUncountedEvents: an event that takes no part is counted by why.
func TestUncountedEvents(t *testing.T) {
	t.Parallel()
	expression, err := ingest.ParseExpression("event.properties.tokens / event.properties.zero")
	if err != nil {
		t.Fatal(err)
	}
	sum := tokensBy(aggregator.SumAgg)
	quotient := &aggregator.Metric{Organization: orgA, Code: "quotients", Aggregation: aggregator.SumAgg, Expression: expression}
	r := newRig(t, 1)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{sum, quotient}))
	r.start()
	other, failing := call("4"), call("5", number("tokens", "1"), number("zero", "0"))
	other.code, failing.code = "nobody counts this", "quotients"
	r.send(0, call("1", number("tokens", "1")), call("2"), call("3", text("tokens", "many")), other, failing)
	r.wantUsage(sum, " = 1 of 1")
	for _, reason := range []string{"missing_property", "not_a_number", "expression_failed", "unknown_code"} {
		if got := r.labelled("weir_aggregator_events_uncounted_total", reason); got != 1 {
			t.Errorf("%v events are not counted for %s, want 1", got, reason)
		}
	}
	r.stop()
}

// TestCorrectionsOfARebuild: what is corrected while a series is rebuilt is not counted
// twice, whether the rebuild had read it or not.
func TestCorrectionsOfARebuild(t *testing.T) {
	t.Parallel()
	for _, aggregation := range []aggregator.Aggregation{aggregator.SumAgg, aggregator.MaxAgg, aggregator.UniqueCountAgg} {
		t.Run(fmt.Sprint("aggregation ", aggregation), func(t *testing.T) {
			t.Parallel()
			metric := tokensBy(aggregation)
			r := newRig(t, 1)
			r.chunkMax = 1
			r.start()
			const events = 3000
			var batch []sent
			for i := range events {
				s := call(fmt.Sprint(i), number("tokens", fmt.Sprint(i)))
				s.timestamp = base + int64(i%40)*hour
				if batch = append(batch, s); len(batch) == 1000 {
					r.send(0, batch...)
					batch = nil
				}
			}
			r.checkpoint()
			r.catalog.Store(aggregator.NewCatalog(2, []*aggregator.Metric{metric}))
			for i := range events - 1 { // all but the last: 2999
				r.send(0, call(fmt.Sprint(i)).cancel(1))
				late := call(fmt.Sprint("late ", i), number("tokens", "1000000"))
				late.timestamp = base + int64(i%40)*hour
				r.send(0, late, late.cancel(1))
			}
			for r.metric("weir_aggregator_rebuilds_total") == 0 {
				r.usage(orgA, "alpha", base, base+day, false, metric)
			}
			want := " = 2999 of 1"
			if aggregation == aggregator.UniqueCountAgg {
				want = " = 1 of 1"
			}
			for _, committed := range []bool{false, true} {
				answer := r.usage(orgA, "alpha", base, base+2*day, committed, metric)
				if got := lines(answer.Items[0]); !slices.Equal(got, []string{want}) {
					t.Errorf("usage (committed %v) is %q, want %q", committed, got, want)
				}
			}
			r.stop()
		})
	}
}
