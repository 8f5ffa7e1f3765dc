package worker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/ingest"
)

// usageAt asks for the usage as it was when the subscription's partition ended at an offset.
func (r *rig) usageAt(at int64, org uuid.UUID, subscription string, from, to int64, committed bool, metrics ...*aggregator.Metric) query.UsageAnswer {
	r.tb.Helper()
	answer, err := r.worker.Usage(r.ctx(), query.UsageRequest{
		Organization: org, Subscription: subscription, From: time.Unix(0, from), To: time.Unix(0, to),
		Items: itemsOf(metrics...), Committed: committed, At: at,
	})
	if err != nil || answer.Next != at {
		r.tb.Fatalf("usage at offset %d: it is at %d, %v; %s", at, answer.Next, err, r.fate())
	}
	return answer
}

// TestUsageAtAnOffset: what corrections did later is not in it, and what they did before is, wherever
// events and corrections stand: in memory, in a checkpoint, or one here and the other there.
func TestUsageAtAnOffset(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(*rig, int){
		"in memory":   func(*rig, int) {},
		"checkpoints": func(r *rig, _ int) { r.checkpoint() },
		"one half and one": func(r *rig, step int) {
			if step == 4 {
				r.checkpoint()
			}
		},
		"restart in the half": func(r *rig, step int) {
			if step == 4 {
				r.stop()
				r.start()
			}
		},
	} {
		r := newRig(t, 1)
		var metrics []*aggregator.Metric
		for aggregation := aggregator.CountAgg; aggregation <= aggregator.PercentileAgg; aggregation++ {
			if aggregation != aggregator.WeightedSumAgg { // TestAnyHistory has it
				metrics = append(metrics, tokensBy(aggregation))
			}
		}
		r.catalog.Store(aggregator.NewCatalog(1, metrics[1:2])) // one counts, and all others are read from events anyway
		r.start()
		for i := range correctionSteps {
			r.send(0, correctionSteps[i].records...)
			between(r, i)
		}
		for i := range correctionSteps {
			for _, committed := range []bool{false, true} {
				answer := r.usageAt(int64(i)+1, orgA, "alpha", base, base+day, committed, metrics...)
				for j, metric := range metrics {
					if got, want := lines(answer.Items[j]), correctionSteps[i].want.of(metric); !slices.Equal(got, want) {
						t.Errorf("%s: usage by aggregation %d after %q, committed %t: %q, want %q",
							name, metric.Aggregation, correctionSteps[i].name, committed, got, want)
					}
				}
			}
		}
		r.stop()
	}
}

// TestEventsAtAnOffset: the events behind an answer at an offset are those of it, with the content that
// they had then.
func TestEventsAtAnOffset(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	first := call("1", text("model", "a"))
	r.send(0, first, call("2"))
	r.send(0, first.amended(1, base+5, text("model", "b")))
	r.send(0, call("2").cancel(1), call("3"))
	check := func() {
		t.Helper()
		for at, want := range [][]string{nil, {"1+1", "2+1"}, {"1+5", "2+1"}, {"1+5", "3+1"}} {
			if at == 0 { // that is now
				want = []string{"1+5", "3+1"}
			}
			for _, of := range []*aggregator.Part{nil, {Metric: calls, Filter: aggregator.AnyFilter}} {
				answer, err := r.worker.Events(r.ctx(), query.EventsRequest{
					Organization: orgA, Subscription: "alpha", From: time.Unix(0, base), To: time.Unix(0, base+day), Limit: 10,
					Of: of, At: int64(at), AtLeast: map[int32]int64{0: r.end(0)},
				})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, e := range answer.Events {
					got = append(got, e.TransactionID+"+"+string('0'+rune(e.Timestamp-base)))
				}
				if !slices.Equal(got, want) || answer.Total != len(want) {
					t.Errorf("at offset %d there are %q of %d, want %q", at, got, answer.Total, want)
				}
			}
		}
	}
	check()
	r.checkpoint()
	check()
	r.send(0, call("3").cancel(1))
	r.send(0, call("3").amended(2, base+1)) // revived, with the content that it had
	check2 := func(at int64, want int) {
		t.Helper()
		answer := r.usageAt(at, orgA, "alpha", base, base+day, false, calls)
		if n := int64(want); len(answer.Items[0].Buckets) == 0 && n > 0 || n > 0 && answer.Items[0].Buckets[0].EventsCount != n {
			t.Errorf("at offset %d: %+v, want %d events", at, answer.Items[0], want)
		}
	}
	check2(3, 2)
	check2(4, 1)
	check2(5, 2)
	r.stop()
}

// recountAt is recount of one partition's records below an offset.
func (r *rig) recountAt(partition int32, at int64) recount {
	c := recount{events: map[string]sent{}}
	for _, record := range r.log.records(partition) {
		if record.Offset < at {
			c.record(r, partition, &record)
		}
	}
	for id, s := range c.events {
		if s.cancelled {
			delete(c.events, id)
		}
	}
	return c
}

// checkPast compares usage at an offset of the past with a recount of the records below it.
func (m *machine) checkPast() {
	t := m.t
	m.settle()
	for _, subscription := range subscriptions {
		org := rapid.SampledFrom([]uuid.UUID{orgA, orgB}).Draw(t, "org")
		partition := ingest.Partition(org, subscription, m.log.Identity().Partitions)
		end := m.end(partition)
		if end == 0 {
			continue
		}
		at := rapid.Int64Range(1, end).Draw(t, "at")
		metric := drawMetric(t, org)
		from := drawTimestamp(t) - 20*int64(time.Hour)
		to := from + rapid.Int64Range(1, 6*day).Draw(t, "length")
		committed := rapid.Bool().Draw(t, "committed")
		truth := m.recountAt(partition, at)
		answer := m.usageAt(at, org, subscription, from, to, committed, metric)
		if got, want := lines(answer.Items[0]), truth.usage(metric, subscription, from, to); !slices.Equal(got, want) {
			t.Fatalf("usage of %q %+v in [%d, %d) at offset %d of %d, committed %t:\n got %q\nwant %q", subscription, metric, from, to, at, end, committed, got, want)
		}
	}
}
