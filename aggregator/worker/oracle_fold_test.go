package worker_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/bench/oracle"
)

// What the oracle says of folds, in the words of the engine, and how the two are compared.

func engineFold(f *oracle.Fold) *aggregator.Fold {
	if f == nil {
		return nil
	}
	fold := &aggregator.Fold{Prorated: f.Prorated}
	for _, bound := range f.Tiers {
		fold.Tiers = append(fold.Tiers, engineDecimal(bound))
	}
	if a := f.Allowance; a != nil {
		fold.Allowance = &aggregator.Allowance{Events: int64(a.Events), Units: engineDecimal(a.Units)}
	}
	if t := f.Transaction; t != nil {
		fold.Transaction = &aggregator.Transaction{Rate: engineDecimal(t.Rate), Fixed: engineDecimal(t.Fixed), Min: engineDecimal(t.Min)}
		if t.Max != nil {
			most := engineDecimal(t.Max)
			fold.Transaction.Max = &most
		}
	}
	return fold
}

// withoutFolds returns a split that asks for none.
func withoutFolds(s aggregator.Split) aggregator.Split {
	s.Fold = nil
	s.Filters = slices.Clone(s.Filters)
	for i := range s.Filters {
		s.Filters[i].Fold = nil
	}
	return s
}

// foldDifference says in what the folds of the engine's buckets are not those of the oracle, "" when they are. Each
// bucket of a filter that asks for one has a fold, and no other.
func foldDifference(split *aggregator.Split, want []oracle.FoldedBucket, got []aggregator.BucketUsage) string {
	for i := range got {
		b := &got[i]
		asked := split.Fold
		if b.Filter != aggregator.NoFilter {
			asked = split.Filters[b.Filter].Fold
		}
		if (asked != nil) != (b.Fold != nil) {
			return fmt.Sprintf("bucket %d %v has the fold %v, asked for was %v", b.Filter, b.Group, b.Fold, asked)
		}
		if asked == nil {
			continue
		}
		at := slices.IndexFunc(want, func(w oracle.FoldedBucket) bool { return w.Filter == b.Filter && sameValues(w.Group, b.Group) })
		if at < 0 {
			return fmt.Sprintf("bucket %d %v has a fold %+v, and the oracle none", b.Filter, b.Group, b.Fold)
		}
		if d := foldedDifference(&want[at], b.Fold); d != "" {
			return fmt.Sprintf("fold %+v of bucket %d %v: %s", asked, b.Filter, b.Group, d)
		}
	}
	return ""
}

func foldedDifference(want *oracle.FoldedBucket, got *aggregator.FoldUsage) string {
	numbers := []struct {
		name string
		want *big.Rat
		got  decimal.Decimal
	}{
		{"free units", want.FreeUnits, got.FreeUnits},
		{"amount of transactions", want.Transactions, got.TransactionsAmount},
		{"unit days", want.UnitDays, got.UnitDays},
		{"highest", want.Highest, got.Highest},
	}
	if len(want.TierUnitDays) != len(got.TierUnitDays) || int64(want.Days) != got.Days || int64(want.FreeEvents) != got.FreeEvents {
		return fmt.Sprintf("%d tiers, %d days and %d free events, want %d, %d and %d",
			len(got.TierUnitDays), got.Days, got.FreeEvents, len(want.TierUnitDays), want.Days, want.FreeEvents)
	}
	for _, n := range numbers {
		if !sameNumber(n.want, n.got) {
			return fmt.Sprintf("%s: %s, want %s", n.name, n.got, n.want.FloatString(40))
		}
	}
	for i := range want.TierUnitDays {
		if !sameNumber(want.TierUnitDays[i], got.TierUnitDays[i]) {
			return fmt.Sprintf("unit days of tier %d: %s, want %s", i, got.TierUnitDays[i], want.TierUnitDays[i].FloatString(40))
		}
	}
	return ""
}

// folderDifference is foldDifference of a folder that is fed with events.
func (p *pure) folderDifference(c oracle.Case, m oracle.CaseMetric, period oracle.Period, s oracle.Split, buckets []aggregator.BucketUsage) string {
	split := engineSplit(m.Metric, s)
	if !split.Folds() {
		return ""
	}
	folder := aggregator.NewFolder(p.metric, &split, aggregator.SpanOf(period.From, period.To), aggregator.InstantsOf(period.Days))
	if before, ok := folder.History(); ok {
		if err := folder.Open(p.ask(before)); err != nil {
			return err.Error()
		}
	}
	entries := p.entries()
	slices.SortFunc(entries, func(a, b pureEntry) int {
		return cmp.Or(cmp.Compare(a.event.Timestamp, b.event.Timestamp), bytes.Compare(a.event.TransactionID, b.event.TransactionID))
	})
	for _, e := range entries {
		folder.Add(&e.event, e.receivedAt)
	}
	folder.Fill(buckets)
	return foldDifference(&split, oracle.Folds(c.Log, m.Metric, c.Subscription, period, s), buckets)
}
