package oracle

import (
	"math/big"
	"testing"
	"time"
)

// juneByDays has its 30 days.
func juneByDays() Period {
	p := june
	for day := range 31 {
		p.Days = append(p.Days, on(time.June, 1+day))
	}
	return p
}

// foldOf returns the one bucket's fold.
func foldOf(t *testing.T, m Metric, fold Fold, log []Event) FoldedBucket {
	t.Helper()
	folded := Folds(log, m, ExampleSubscription, juneByDays(), Split{Fold: &fold})
	if len(folded) != 1 {
		t.Fatalf("%d buckets", len(folded))
	}
	return folded[0]
}

func wantNumber(t *testing.T, what string, got *big.Rat, want string) {
	t.Helper()
	if got.Cmp(Decimal(want)) != 0 {
		t.Errorf("%s: %s, want %s", what, got.RatString(), want)
	}
}

// TestFoldAllowance: running totals 40, 70, 130: 100 of the units are free, and the 2 events before that.
func TestFoldAllowance(t *testing.T) {
	t.Parallel()
	b := foldOf(t, metric(SumAgg), Fold{Allowance: &Allowance{3, big.NewRat(100, 1)}}, daily(time.June, "40", "30", "60", "70"))
	wantNumber(t, "free units", b.FreeUnits, "100")
	if b.FreeEvents != 2 {
		t.Errorf("%d free events, want 2", b.FreeEvents)
	}
}

// TestFoldTransactions: 1 % of 10 is 0.10, raised to 0.30; 2.00; 10.00, lowered to 5.00.
func TestFoldTransactions(t *testing.T) {
	t.Parallel()
	fold := Fold{Transaction: &Transaction{Rate: big.NewRat(1, 1), Fixed: new(big.Rat), Min: Decimal("0.30"), Max: big.NewRat(5, 1)}}
	b := foldOf(t, metric(SumAgg), fold, daily(time.June, "10", "200", "1000"))
	wantNumber(t, "transactions", b.Transactions, "7.30")
	// With 100 units free, the first is free, of the second 110 are paid for: 1.10 and 5.00.
	fold.Allowance = &Allowance{Units: big.NewRat(100, 1)}
	b = foldOf(t, metric(SumAgg), fold, daily(time.June, "10", "200", "1000"))
	wantNumber(t, "transactions behind 100 free units", b.Transactions, "6.10")
}

// TestFoldProration: 10 seats for 30 days and 1 for 15: 10 × 30 + 1 × 15. In tiers of 10 the last one stands alone.
func TestFoldProration(t *testing.T) {
	t.Parallel()
	seats := []Event{sent("a", on(time.May, 3), numeric("10")), sent("b", on(time.June, 16), numeric("1"))}
	b := foldOf(t, recurring(SumAgg), Fold{Prorated: true, Tiers: []*big.Rat{big.NewRat(10, 1)}}, seats)
	wantNumber(t, "unit days", b.UnitDays, "315")
	wantNumber(t, "first tier", b.TierUnitDays[0], "300")
	wantNumber(t, "second tier", b.TierUnitDays[1], "15")
	wantNumber(t, "highest", b.Highest, "11")
	if b.Days != 30 {
		t.Errorf("%d days, want 30", b.Days)
	}
	// a is there all the time, b from the 10th to the 12th, c on the 20th, removed and back on one day and removed again.
	members := []Event{
		add("1", on(time.May, 3), "a"), add("2", on(time.June, 10), "b"), remove("3", on(time.June, 12).Add(5*time.Hour), "b"),
		add("4", on(time.June, 20), "c"), remove("5", on(time.June, 20).Add(time.Hour), "c"),
		add("6", on(time.June, 20).Add(2*time.Hour), "c"), remove("7", on(time.June, 20).Add(3*time.Hour), "c"),
	}
	b = foldOf(t, recurring(UniqueCountAgg), Fold{Prorated: true}, members)
	wantNumber(t, "days of members", b.UnitDays, "34")
	wantNumber(t, "highest", b.Highest, "2")
}
