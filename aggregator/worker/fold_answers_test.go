package worker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
)

// foldsAt returns the folds of alpha's answer in the 30 days from base, as text.
func (r *rig) foldsAt(at int64, committed bool, items ...query.UsageItem) string {
	r.tb.Helper()
	req := query.UsageRequest{
		Organization: orgA, Subscription: "alpha", From: time.Unix(0, base), Items: items, Committed: committed, At: at, AtLeast: at,
	}
	for i := range 31 {
		req.Days = append(req.Days, req.From.Add(time.Duration(i)*24*time.Hour))
	}
	req.To = req.Days[30]
	if at == 0 {
		req.AtLeast = r.end(0)
	}
	answer, err := r.worker.Usage(r.ctx(), req)
	if err != nil {
		r.tb.Fatalf("usage: %v; %s", err, r.fate())
	}
	var texts []string
	for _, item := range answer.Items {
		for _, b := range item.Buckets {
			f := b.Fold
			if f == nil {
				r.tb.Fatalf("bucket %+v has no fold", b)
			}
			if f.Days > 0 {
				texts = append(texts, fmt.Sprintf("%s of %s over %d, %s, up to %s", b.Units, f.UnitDays, f.Days, f.TierUnitDays, f.Highest))
			} else {
				texts = append(texts, fmt.Sprintf("%s: free %d and %s, cost %s", b.Units, f.FreeEvents, f.FreeUnits, f.TransactionsAmount))
			}
		}
	}
	return strings.Join(texts, "; ")
}

// TestAnswersHaveFolds: live, when running totals answer the rest, of a checkpoint, and of the past, by the corrections
// that each of them knows of. Three charges ask for the seats, one of them by what each event costs; its
// events are of all time, as its units are.
func TestAnswersHaveFolds(t *testing.T) {
	t.Parallel()
	seats := tokensBy(aggregator.SumAgg)
	seats.Recurring = true
	most := decimal.NewFromInt(3)
	items := []query.UsageItem{
		{Metric: seats, Split: aggregator.Split{Fold: &aggregator.Fold{Prorated: true, Tiers: []decimal.Decimal{decimal.NewFromInt(10)}}}},
		{Metric: seats, Split: aggregator.Split{Fold: &aggregator.Fold{
			Allowance: &aggregator.Allowance{Units: decimal.NewFromInt(11)},
			// 200 percent of what is paid for, and 3 at most.
			Transaction: &aggregator.Transaction{Rate: decimal.NewFromInt(200), Max: &most},
		}}},
		{Metric: seats, Split: aggregator.Split{Fold: &aggregator.Fold{Prorated: true}}}, // the first without tiers
	}
	on := func(day int64, txn, n string) sent {
		s := call(txn, number("tokens", n))
		s.timestamp = base + (day-1)*24*int64(time.Hour) + 1
		return s
	}
	before, raise := on(-9, "a", "10"), on(16, "b", "1")
	steps := []struct {
		name string
		of   []sent
		want string
	}{
		// 10 × 30 and 1 × 15. Both events lie within what is free.
		{"10 seats, and 1 on day 16", []sent{before, raise}, "11 of 315 over 30, [300 15], up to 11; 11: free 1 and 11, cost 0"},
		// 10 × 30 and 2 × 15. 1 of the 2 is paid for.
		{"2 on day 16", []sent{raise.amended(1, raise.timestamp, number("tokens", "2"))}, "12 of 330 over 30, [300 30], up to 12; 12: free 1 and 11, cost 2"},
		// 3 × 30, on the first day, before b: 3 × 30 + 2 × 15 + 10 × 30. Running 10, 13, 15: 2 × 2, lowered to 3, and 3.
		{"3 on day 1", []sent{on(1, "c", "3")}, "15 of 420 over 30, [300 120], up to 15; 15: free 1 and 11, cost 6"},
		// b at the last day alone.
		{"2 on day 30", []sent{raise.amended(2, on(30, "", "").timestamp, number("tokens", "2"))}, "15 of 392 over 30, [300 92], up to 15; 15: free 1 and 11, cost 6"},
		// The opening ones were never there: 3 × 30 + 2.
		{"none before", []sent{before.cancel(1)}, "5 of 92 over 30, [92 0], up to 5; 5: free 2 and 5, cost 0"},
		// Nothing is left of a, and b is now of another day: 3 × 30 + 2 × 29.
		{"what takes no part", []sent{raise.amended(3, on(2, "", "").timestamp, number("tokens", "2")), on(3, "d", "no number")}, "5 of 148 over 30, [148 0], up to 5; 5: free 2 and 5, cost 0"},
	}
	for i := range steps {
		days, rest, _ := strings.Cut(steps[i].want, "[")
		_, rest, _ = strings.Cut(rest, "]")
		highest, _, _ := strings.Cut(rest, ";")
		steps[i].want += "; " + days + "[]" + highest
	}
	for name, between := range map[string]func(*rig){
		"in memory":   func(*rig) {},
		"checkpoints": func(r *rig) { r.checkpoint() },
		"restarts":    func(r *rig) { r.stop(); r.start() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.tune = neverChecked
			r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{seats}))
			r.start()
			for i, step := range steps {
				r.send(0, step.of...)
				for _, committed := range []bool{false, false, true} {
					if got := r.foldsAt(0, committed, items...); got != step.want {
						t.Errorf("after %q, committed %t:\n got %s\nwant %s", step.name, committed, got, step.want)
					}
				}
				for past := range i {
					if got := r.foldsAt(int64(past)+1, i%2 == 0, items...); got != steps[past].want {
						t.Errorf("after %q, at %q:\n got %s\nwant %s", step.name, steps[past].name, got, steps[past].want)
					}
				}
				between(r)
			}
			if name == "in memory" && r.hits() < float64(len(steps)) {
				t.Errorf("only %v answers were of running totals", r.hits())
			}
			r.stop()
		})
	}
}
