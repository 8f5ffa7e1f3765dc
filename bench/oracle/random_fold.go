package oracle

import "math/big"

// folds asks for folds of some of a split's buckets.
func (g *generator) folds(m Metric, s *Split) {
	if g.chance(50) {
		return
	}
	s.Fold = g.fold(m)
	for i := range s.Filters {
		if g.chance(80) {
			s.Filters[i].Fold = g.fold(m)
		}
	}
}

func (g *generator) fold(m Metric) *Fold {
	var f Fold
	if m.Recurring && m.Aggregation != WeightedSumAgg && g.chance(75) {
		f.Prorated = true
		if g.chance(65) {
			for _, bound := range []string{"0", "0.5", "1", "2", "3", "5", "12.345", "100", "1e10", "1e20"} {
				if g.chance(35) {
					f.Tiers = append(f.Tiers, Decimal(bound))
				}
			}
		}
		return &f
	}
	if g.chance(75) {
		f.Allowance = &Allowance{
			Events: oneOf(g, 0, 0, 1, 2, 3, 10, 1000),
			Units:  Decimal(oneOf(g, "0", "0", "1", "2.5", "4", "10", "100", "0.0000000001", "1e10", "1e20")),
		}
	}
	if f.Allowance == nil || g.chance(60) {
		f.Transaction = g.transaction()
	}
	return &f
}

func (g *generator) transaction() *Transaction {
	t := Transaction{
		Rate: Decimal(oneOf(g, "0", "1", "2.9", "100", "0.3333333333", "300")), Fixed: Decimal(oneOf(g, "0", "0.3", "1", "0.01", "2")),
		Min: Decimal(oneOf(g, "0", "0", "0.3", "1.01", "0.0000000003")),
	}
	if g.chance(50) {
		t.Max = new(big.Rat).Add(t.Min, Decimal(oneOf(g, "0", "0.02", "1", "4.7", "1e15")))
	}
	return &t
}
