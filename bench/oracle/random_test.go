package oracle

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// TestRandomIsAFunctionOfTheSeed, so that a failing case can be had again.
func TestRandomIsAFunctionOfTheSeed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		a, b := Random(newRand(seed), "s"), Random(newRand(seed), "s")
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d gives two cases", seed)
		}
	}
}

// TestRandomMeetsItsPromise: bounds, sizes, and that everything hard occurs.
func TestRandomMeetsItsPromise(t *testing.T) {
	t.Parallel()
	const cases = 500
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := newRand(seed)
	total := map[string]int{}
	var sizes, counting []int
	buckets, several, grouped := 0, 0, 0
	for range cases {
		c := Random(rng, "s")
		checkCase(t, c)
		sizes = append(sizes, len(c.Log))
		features := c.Features()
		counting = append(counting, features["events that count"])
		for name, n := range features {
			total[name] += n
		}
		for _, m := range c.Metrics {
			for _, p := range c.Periods {
				got := Usage(c.Log, m.Metric, c.Subscription, p.From, p.To, m.Splits[0])
				buckets += len(got.Buckets)
				for _, b := range got.Buckets {
					if b.Events > 1 {
						several++
					}
					if len(b.Group) > 0 {
						grouped++
					}
				}
			}
		}
	}
	slices.Sort(sizes)
	slices.Sort(counting)
	if sizes[0] < 20 || sizes[cases-1] > 120 || counting[cases/2] < 50 {
		t.Errorf("logs have %d to %d entries, and in the median %d events that count", sizes[0], sizes[cases-1], counting[cases/2])
	}
	t.Logf("in the median %d entries and %d events that count", sizes[cases/2], counting[cases/2])
	for _, name := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%8d  %s", total[name], name)
	}
	t.Logf("%d buckets, %d of more than one event, %d of groups", buckets, several, grouped)
	for _, name := range mustOccur() {
		if total[name] < cases/25 {
			t.Errorf("%q occurs only %d times in %d cases", name, total[name], cases)
		}
	}
}

func checkCase(t *testing.T, c Case) {
	t.Helper()
	if n := len(c.Metrics); n < 1 || n > 3 {
		t.Fatalf("%d metrics", n)
	}
	if n := len(c.Periods); n < 2 || n > 4 {
		t.Fatalf("%d periods", n)
	}
	codes := map[string]bool{}
	for _, m := range c.Metrics {
		if codes[m.Code] || len(m.Splits) == 0 || m.Recurring && !m.Aggregation.CanRecur() {
			t.Fatalf("a bad metric: %+v", m)
		}
		codes[m.Code] = true
	}
	for _, p := range c.Periods {
		if p.To.Before(p.From) {
			t.Fatalf("a bad period: %+v", p)
		}
	}
	earliest, latest := time.Unix(0, 0), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, e := range c.Log {
		bad := e.Subscription != "s" || e.TransactionID == "" || e.Cancelled && e.Revision == 0 ||
			!e.Cancelled && (e.Code == "" || e.Time.Before(earliest) || !e.Time.Before(latest))
		if bad {
			t.Fatalf("a bad event: %+v", e)
		}
	}
}

// mustOccur names features by the kinds of things there are.
func mustOccur() []string {
	var names []string
	for _, a := range Aggregations {
		names = append(names, "metric: "+string(a))
		if a.CanRecur() {
			names = append(names, "metric: recurring "+string(a))
		}
	}
	for _, r := range []Rounding{Round, Ceil, Floor} {
		names = append(names, fmt.Sprintf("metric: %s units", r))
	}
	return append(names,
		"metric: expression", "metric: rounding, negative precision", "metric: received from", "metric: two charges",
		"split: filters", "split: groups", "split: presentation", "split: filters of two keys",
		"split: filters with all values", "split: groups of a filter",
		"fold: prorated sum_agg", "fold: prorated unique_count_agg", "fold: tiers", "fold: transactions",
		"fold: transactions cost no more than", "fold: free events", "fold: free units", "fold: free events and units, and transactions",
		"period: days of unequal length", "period: a part of a longer one",
		"period: empty", "period: not of whole hours", "period: a month or more", "period: an hour or less",
		"log: repeat", "log: repeat with another content", "log: event behind its correction", "log: corrected, never sent", "log: out of order",
		"correction: cancellation", "correction: amendment", "correction: another time", "correction: another code",
		"correction: other properties", "correction: revision below one before", "correction: repeat",
		"correction: equal revision, another content",
		"time: at a period's beginning", "time: at a period's end", "time: a nanosecond before a period's end",
		"time: at an hour's border", "time: at a day's border", "time: below a millisecond", "time: before the month",
		"time: behind the month", "time: in the future when received", "time: received a week late", "time: equal to another's",
		"value: precise total", "value: removal", "value: missing", "value: null", "value: boolean", "value: quoted number",
		"value: text", "value: exponent", "value: nested", "value: negative", "value: zero", "value: finer than billionths",
		"value: larger than an int64 of billionths", "dimension: missing", "dimension: null or nested", "dimension: number",
		"event: taken by a filter", "event: taken by several filters",
	)
}

// BenchmarkUsage is one question of a random case.
func BenchmarkUsage(b *testing.B) {
	b.ReportAllocs()
	rng := newRand(1)
	var cases []Case
	for range 100 {
		cases = append(cases, Random(rng, "s"))
	}
	for i := 0; b.Loop(); i++ {
		c := cases[i%len(cases)]
		m, p := c.Metrics[0], c.Periods[0]
		Usage(c.Log, m.Metric, c.Subscription, p.From, p.To, m.Splits[0])
	}
}
