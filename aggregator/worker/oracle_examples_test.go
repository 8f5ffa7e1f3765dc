package worker_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/bench/oracle"
	"weir/ingest"
)

// exampleResult is an example's answer, worked out by hand, in the oracle's form.
func exampleResult(e *oracle.Example) oracle.Result {
	number := func(text string) *big.Rat {
		if text == "" {
			return new(big.Rat)
		}
		return oracle.Decimal(text)
	}
	result := oracle.Result{LeftOut: e.LeftOut}
	for _, b := range e.Want {
		bucket := oracle.Bucket{Filter: b.Filter, Group: b.Group, Units: number(b.Units), Events: b.Events, PreciseTotal: number(b.PreciseTotal)}
		if b.Closing != "" {
			bucket.Closing = number(b.Closing)
		}
		for _, s := range b.Presentation {
			bucket.Presentation = append(bucket.Presentation, oracle.Share{Values: s.Values, Units: number(s.Units), Events: s.Events})
		}
		result.Buckets = append(result.Buckets, bucket)
	}
	return result
}

func exampleCase(e *oracle.Example) oracle.Case {
	return oracle.Case{
		Subscription: oracle.ExampleSubscription, Log: e.Log, Periods: []oracle.Period{e.Period},
		Metrics: []oracle.CaseMetric{{Metric: e.Metric, Splits: []oracle.Split{e.Split}}},
	}
}

// TestOracleExamples: series and reducers give the answers that were worked out by hand.
func TestOracleExamples(t *testing.T) {
	t.Parallel()
	for i := range oracle.Examples {
		e := &oracle.Examples[i]
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			p := newPure(rand.New(rand.NewPCG(1, uint64(i))), engineMetric(uuid.UUID{1}, e.Metric, []oracle.Split{e.Split}))
			for at, entry := range e.Log {
				if entry.Subscription != oracle.ExampleSubscription {
					continue // it has a series of its own
				}
				p.take(pureEntry{engineEvent(entry), entry.ReceivedAt.UnixNano(), ingest.PositionOf(int64(at), 0)})
			}
			r := p.ask(aggregator.SpanOf(e.Period.From, e.Period.To))
			if d := reducerDifference(e.Metric, exampleResult(e), r, e.Split); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestOracleExamplesThroughWorker: so does a worker.
func TestOracleExamplesThroughWorker(t *testing.T) {
	t.Parallel()
	w := newOracleWorld(t, 1, 2)
	for i := range oracle.Examples {
		w.add(i, i, exampleCase(&oracle.Examples[i]))
	}
	w.publish()
	w.start()
	for i, c := range w.cases {
		for _, e := range c.Log {
			c.offsets = append(c.offsets, w.end(c.partition))
			w.append(c, e.ReceivedAt, engineEvent(e))
		}
		c.next = len(c.Log)
		c.wanted.period, c.wanted.entries, c.wanted.results = c.Periods[0], c.next, []oracle.Result{exampleResult(&oracle.Examples[i])}
		c.wanted.folds = make([][]oracle.FoldedBucket, 1) // asked for are none
	}
	w.checkAll(ask{}, ask{}, ask{raw: true}, ask{committed: true})
	w.restart()
	w.checkAll(ask{}, ask{committed: true})
	w.stop()
}
