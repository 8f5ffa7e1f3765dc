package worker_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/bench/oracle"
)

var (
	oracleCases  = flag.Int("oracle.cases", 20_000, "how many random cases engine and oracle are compared on")
	oracleWorker = flag.Int("oracle.worker", 5_000, "how many of them go through a worker and its store")
	oracleSeed   = flag.Uint64("oracle.seed", 0, "what the random cases follow from; 0 = the time")
	oracleCase   = flag.Int("oracle.case", -1, "run only the case with this number, without a worker")
)

// How the cases are divided: those of one world share a worker and a log.
const (
	worldCases = 300
	pureCases  = 500 // of one subtest
)

// TestOracle: for random metrics, splits, logs and periods, the engine gives what the
// oracle gives, to the last digit: the first -oracle.worker cases through workers that are
// stopped and killed and whose catalog changes, the rest by series and reducers alone.
func TestOracle(t *testing.T) {
	t.Parallel()
	seed := *oracleSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-oracle.seed=%d", seed)
	if *oracleCase >= 0 {
		runPure(t, seed, *oracleCase, *oracleCase+1, new(tally))
		return
	}
	cases, throughWorker := *oracleCases, min(*oracleWorker, *oracleCases)
	if testing.Short() {
		cases, throughWorker = cases/20, throughWorker/20
	}
	debug.SetGCPercent(400) // fractions make much garbage, and little of it lives
	var total tally
	start := time.Now()
	t.Run("cases", func(t *testing.T) {
		for number, from := 0, 0; from < throughWorker; number, from = number+1, from+worldCases {
			t.Run(fmt.Sprint("world ", number), func(t *testing.T) {
				t.Parallel()
				w := newOracleWorld(t, seed, number)
				w.failed = &total.failed
				for i := from; i < min(from+worldCases, throughWorker); i++ {
					w.addRandom(i)
				}
				w.run()
				for _, c := range w.cases {
					total.add(c.Features())
				}
				total.add(w.counts)
			})
		}
		for from := throughWorker; from < cases; from += pureCases {
			t.Run(fmt.Sprint("pure from ", from), func(t *testing.T) {
				t.Parallel()
				runPure(t, seed, from, min(from+pureCases, cases), &total)
			})
		}
	})
	t.Logf("%d cases in %s, %d of them through workers", cases, time.Since(start).Round(time.Second), throughWorker)
	total.print(t)
}

// runPure runs cases without a worker.
func runPure(t *testing.T, seed uint64, from, to int, total *tally) {
	for number := from; number < to; number++ {
		if total.failed.Load() {
			t.SkipNow() // another has said what is wrong
		}
		c := oracleRandom(seed, number, "sub")
		if d := pureCase(rand.New(rand.NewPCG(seed, uint64(number))), c); d != "" {
			total.failed.Store(true)
			t.Fatal(report(seed, number, c, d))
		}
		total.add(c.Features())
	}
}

// oracleRandom returns the case with a number: a function of it and the seed.
func oracleRandom(seed uint64, number int, subscription string) oracle.Case {
	return oracle.Random(rand.New(rand.NewPCG(seed, uint64(number))), subscription)
}

// tally adds up how often what occurred.
type tally struct {
	mu      sync.Mutex
	counts  map[string]int
	entries []int // of each case
	failed  atomic.Bool
}

func (t *tally) add(counts map[string]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	for name, n := range counts {
		t.counts[name] += n
	}
	if n, ok := counts["log entries"]; ok {
		t.entries = append(t.entries, n)
	}
}

func (t *tally) print(tb testing.TB) {
	slices.Sort(t.entries)
	if len(t.entries) == 0 {
		return
	}
	median := t.entries[len(t.entries)/2]
	tb.Logf("in the median a case has %d entries", median)
	if median < 50 && len(t.entries) >= worldCases {
		tb.Errorf("in the median a case has only %d entries", median)
	}
	for _, name := range slices.Sorted(maps.Keys(t.counts)) {
		tb.Logf("%10d  %s", t.counts[name], name)
	}
}

// report describes a failing case, made as small as the pure engine allows.
func report(seed uint64, number int, c oracle.Case, d string) string {
	fails := func(c oracle.Case) string {
		for try := range 20 {
			if d := pureCase(rand.New(rand.NewPCG(seed, uint64(try))), c); d != "" {
				return d
			}
		}
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "case %d of -oracle.seed=%d: %s\n", number, seed, d)
	if fails(c) == "" {
		b.WriteString("series and reducers alone have it right; the case is:\n")
	} else {
		c = shrink(fails, c)
		fmt.Fprintf(&b, "%d entries are enough: %s\n", len(c.Log), fails(c))
	}
	for _, e := range c.Log {
		fmt.Fprintln(&b, "  ", describeEntry(e))
	}
	return b.String()
}

func describeEntry(e oracle.Event) string {
	if e.Cancelled {
		return fmt.Sprintf("%s revision %d: cancelled", e.TransactionID, e.Revision)
	}
	return fmt.Sprintf("%s revision %d: %s at %s, received %s, %s, precise %q",
		e.TransactionID, e.Revision, e.Code, e.Time.UTC().Format(time.RFC3339Nano), e.ReceivedAt.UTC().Format(time.RFC3339Nano), mustJSON(e.Properties), e.PreciseTotal)
}

func describeQuestion(m oracle.Metric, s oracle.Split, p oracle.Period) string {
	expression := ""
	if m.Expression != nil {
		expression = m.Expression.Text
	}
	return fmt.Sprintf("%s %s of %q (%s), recurring %t, percentile %v, received from %s, split by %+v, over %s [%s, %s)",
		m.Code, m.Aggregation, m.Field, expression, m.Recurring, m.Percentile, m.ReceivedFrom, s, p.Name,
		p.From.UTC().Format(time.RFC3339Nano), p.To.UTC().Format(time.RFC3339Nano))
}
