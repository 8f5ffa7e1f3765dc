package oracle

import (
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"
)

func TestExamples(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, example := range Examples {
		if names[example.Name] {
			t.Errorf("two examples have the name %q", example.Name)
		}
		names[example.Name] = true
		t.Run(example.Name, func(t *testing.T) {
			t.Parallel()
			checkExample(t, example)
		})
	}
}

func checkExample(t *testing.T, x Example) {
	t.Helper()
	got := Usage(x.Log, x.Metric, ExampleSubscription, x.Period.From, x.Period.To, x.Split)
	if !maps.Equal(got.LeftOut, x.LeftOut) {
		t.Errorf("left out: %v, want %v", got.LeftOut, x.LeftOut)
	}
	if len(got.Buckets) != len(x.Want) {
		t.Fatalf("%d buckets, want %d: %+v", len(got.Buckets), len(x.Want), got.Buckets)
	}
	for i, want := range x.Want {
		checkBucket(t, got.Buckets[i], want)
	}
}

func checkBucket(t *testing.T, got Bucket, want ExampleBucket) {
	t.Helper()
	if got.Filter != want.Filter || !slices.Equal(got.Group, want.Group) || got.Events != want.Events {
		t.Errorf("filter %d, group %v, %d events; want %d, %v, %d",
			got.Filter, got.Group, got.Events, want.Filter, want.Group, want.Events)
	}
	checkRat(t, "units", got.Units, want.Units)
	rounded, total := want.Rounded, want.PreciseTotal
	if rounded == "" {
		rounded = want.Units
	}
	if total == "" {
		total = "0"
	}
	checkRat(t, "rounded units", got.Rounded, rounded)
	checkRat(t, "precise total", got.PreciseTotal, total)
	if (got.Closing != nil) != (want.Closing != "") {
		t.Errorf("closing is %v, want %q", got.Closing, want.Closing)
	} else if got.Closing != nil {
		checkRat(t, "closing", got.Closing, want.Closing)
	}
	if len(got.Presentation) != len(want.Presentation) {
		t.Fatalf("%d shares, want %d", len(got.Presentation), len(want.Presentation))
	}
	for i, share := range want.Presentation {
		if s := got.Presentation[i]; !slices.Equal(s.Values, share.Values) || s.Events != share.Events {
			t.Errorf("share %d is %v of %d events, want %v of %d", i, s.Values, s.Events, share.Values, share.Events)
		}
		checkRat(t, "share", got.Presentation[i].Units, share.Units)
	}
}

func checkRat(t *testing.T, what string, got *big.Rat, want string) {
	t.Helper()
	if got.Cmp(Decimal(want)) != 0 {
		t.Errorf("%s: %s, want %s", what, got.FloatString(40), want)
	}
}

// TestAnyOrder: usage does not depend on the order of the log, but for the contents of one id.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := newRand(seed)
	for _, x := range Examples {
		x.Log = Shuffled(rng, x.Log)
		checkExample(t, x)
	}
	for range 100 {
		c := Random(rng, "s")
		shuffled := Shuffled(rng, c.Log)
		for _, m := range c.Metrics {
			for _, p := range c.Periods {
				want := Usage(c.Log, m.Metric, "s", p.From, p.To, m.Splits[0]).String()
				if got := Usage(shuffled, m.Metric, "s", p.From, p.To, m.Splits[0]).String(); got != want {
					t.Fatalf("%+v, %s: in another order\n%swas\n%s", m, p.Name, got, want)
				}
			}
		}
	}
}

func TestShuffled(t *testing.T) {
	t.Parallel()
	log := make([]Event, 0, 60)
	for i := range 60 {
		log = append(log, Event{TransactionID: string(rune('a' + i%20)), Revision: i})
	}
	got := Shuffled(newRand(1), log)
	last, moved := map[string]int{}, 0
	for i, e := range got {
		if before, is := last[e.TransactionID]; is && before >= e.Revision {
			t.Errorf("of %s, %d comes behind %d", e.TransactionID, e.Revision, before)
		}
		last[e.TransactionID] = e.Revision
		if e.Revision != i {
			moved++
		}
	}
	if len(got) != len(log) || moved < len(log)/2 {
		t.Errorf("%d entries, %d of them moved", len(got), moved)
	}
}

func TestResultString(t *testing.T) {
	t.Parallel()
	r := Result{
		Buckets: []Bucket{{
			Filter: 1, Group: []Value{Text("eu"), Null()}, Units: Decimal("2.50"), Rounded: Decimal("3"), Events: 2,
			PreciseTotal: Decimal("0"), Closing: Decimal("-1"),
			Presentation: []Share{{Values: []Value{Text("x")}, Units: Decimal("2.5"), Events: 2}},
		}},
		LeftOut: map[Reason]int{NotANumber: 2, MissingProperty: 1},
	}
	want := `filter 1, group ["eu" null]: 2.5 units, rounded 3, of 2 events, 0 cents, closing -1; ["x"]: 2.5 units of 2 events
left out: map[missing_property:1 not_a_number:2]
`
	if got := r.String(); got != want {
		t.Errorf("result is\n%swant\n%s", got, want)
	}
}

// TestEveryAggregationOfNothing gives 0.
func TestEveryAggregationOfNothing(t *testing.T) {
	t.Parallel()
	for _, a := range Aggregations {
		m := metric(a)
		m.Percentile = big.NewRat(50, 1)
		if units := m.units(gathered{}, june.From, june.To); units.Sign() != 0 {
			t.Errorf("%s of nothing is %s", a, units.RatString())
		}
		got := Usage(nil, m, ExampleSubscription, june.From, june.To, Split{})
		if b := got.Find(NoFilter); len(got.Buckets) != 0 || b.Units.Sign() != 0 || b.Rounded.Sign() != 0 || b.Events != 0 {
			t.Errorf("%s of nothing is %+v", a, got)
		}
	}
}

func TestNotNegative(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"-3": "0", "0": "0", "0.5": "0.5"} {
		checkRat(t, in, NotNegative(Decimal(in)), want)
	}
}

func TestRounding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		x                  string
		digits             int
		round, ceil, floor string
	}{
		{"2.5", 0, "3", "3", "2"},
		{"-2.5", 0, "-3", "-2", "-3"},
		{"2.4999", 0, "2", "3", "2"},
		{"2", 0, "2", "2", "2"},
		{"0", 3, "0", "0", "0"},
		{"1.2345", 3, "1.235", "1.235", "1.234"},
		{"-1.2344", 3, "-1.234", "-1.234", "-1.235"},
		{"150", -2, "200", "200", "100"},
		{"-150", -2, "-200", "-100", "-200"},
		{"49", -2, "0", "100", "0"},
		{"99999999999999999999999999999999999999.5", 0, "1e38", "1e38", "99999999999999999999999999999999999999"},
	} {
		x := Decimal(c.x)
		checkRat(t, "round "+c.x, Round.Apply(x, c.digits), c.round)
		checkRat(t, "ceil "+c.x, Ceil.Apply(x, c.digits), c.ceil)
		checkRat(t, "floor "+c.x, Floor.Apply(x, c.digits), c.floor)
		checkRat(t, "not rounded "+c.x, NotRounded.Apply(x, c.digits), c.x)
		checkRat(t, "argument", x, c.x)
	}
}

// TestNanoseconds: longer than a time.Duration, which ends at 292 years.
func TestNanoseconds(t *testing.T) {
	t.Parallel()
	from := time.Date(1700, 1, 1, 0, 0, 0, 999_999_999, time.UTC)
	to := time.Date(2100, 1, 1, 0, 0, 0, 1, time.UTC)
	// 400 years of the Gregorian calendar are 146,097 days of 86,400 s.
	checkRat(t, "400 years, less 999,999,998 ns", nanoseconds(from, to), "12622780799000000002")
}
