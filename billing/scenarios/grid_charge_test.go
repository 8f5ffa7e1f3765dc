package scenarios

import "math/big"

// gridCharge is a charge of the grid: how it is written, and what it costs.
type gridCharge struct {
	line  string
	price func(u used) *big.Rat
}

var (
	gridTiers   = []tier{{5, "1.00", "2"}, {20, "0.75", "1"}, {0, "0.50", "3"}}
	gridVolumes = []tier{{5, "1.00", "2"}, {20, "0.80", "1"}, {0, "0.60", "0"}}
	gridRates   = []tier{{5, "10", "0"}, {20, "8", "1"}, {0, "5", "2"}}
)

// charges are those of the case's plan.
func (c *gridCase) charges() []gridCharge {
	if c.prorated {
		return proratedCharges()
	}
	charges := []gridCharge{
		{"standard 0.37", func(u used) *big.Rat { return times(u.units, fraction("0.37")) }},
		{"graduated 0-5:1.00+2 6-20:0.75+1 21-:0.50+3", func(u used) *big.Rat {
			return graduated(gridTiers, whole(1), u.units, func(at int) *big.Rat { return within(gridTiers, at, u.units) })
		}},
		{"package 3.00/4 free=3", func(u used) *big.Rat {
			return times(ceiling(over(greater(minus(u.units, whole(3)), new(big.Rat)), whole(4))), whole(3))
		}},
		{"volume 0-5:1.00+2 6-20:0.80+1 21-:0.60+0", func(u used) *big.Rat { return volume(gridVolumes, ceiling(u.units), u.units) }},
		{"custom units*1.1+ceil(units/3)*0.2", func(u used) *big.Rat {
			return plus(times(u.units, fraction("1.1")), times(ceiling(over(u.units, whole(3))), fraction("0.2")))
		}},
	}
	switch c.metric {
	case "level", "low", "mean", "p50": // no percentages go with these
		return charges
	}
	charges = append(charges, gridCharge{
		"graduated_percentage 0-5:10+0 6-20:8+1 21-:5+2", func(u used) *big.Rat {
			return graduated(gridRates, fraction("0.01"), u.units, func(at int) *big.Rat { return within(gridRates, at, u.units) })
		},
	})
	switch c.metric {
	case "seats", "members", "stock":
		return append(charges, gridCharge{"percentage 2.5", func(u used) *big.Rat { return times(u.units, fraction("0.025")) }})
	}
	charges = append(charges, gridCharge{"percentage 2.5 fixed=0.10", func(u used) *big.Rat {
		if u.units.Sign() == 0 {
			return new(big.Rat)
		}
		return plus(times(u.units, fraction("0.025")), times(whole(u.events), fraction("0.10")))
	}})
	if c.metric == "calls" || c.metric == "gb" {
		charges = append(charges, allowanceCharge())
	}
	if c.metric == "gb" {
		charges = append(charges, boundedCharge(), gridCharge{"dynamic", func(u used) *big.Rat { return over(u.costs, whole(100)) }})
	}
	return charges
}

// allowanceCharge is a percentage after two events or ten units.
func allowanceCharge() gridCharge {
	return gridCharge{"percentage 4 fixed=0.25 free_events=2 free_units=10", func(u used) *big.Rat {
		freeUnits, freeEvents := allowance(u.values, 2, whole(10))
		paid := max(0, u.events-freeEvents)
		return plus(times(minus(u.units, freeUnits), fraction("0.04")), times(whole(paid), fraction("0.25")))
	}}
}

// boundedCharge is a percentage with bounds for each event, after seven units.
func boundedCharge() gridCharge {
	return gridCharge{"percentage 5 fixed=0.10 low=0.50 high=1.00 free_units=7", func(u used) *big.Rat {
		return bounded(u.values, fraction("0.05"), fraction("0.10"), fraction("0.50"), whole(1), whole(7))
	}}
}

// proratedCharges are of the models that may be prorated.
func proratedCharges() []gridCharge {
	return []gridCharge{
		{"standard 3.70 prorated", func(u used) *big.Rat { return times(u.prorated(), fraction("3.70")) }},
		{"volume 0-5:1.00+2 6-20:0.80+1 21-:0.60+0 prorated", func(u used) *big.Rat {
			return volume(gridVolumes, u.units, u.prorated())
		}},
		{"graduated 0-5:1.00+2 6-20:0.75+1 21-:0.50+3 prorated", func(u used) *big.Rat {
			return graduated(gridTiers, whole(1), u.highest, func(at int) *big.Rat {
				sum := new(big.Rat)
				for _, units := range u.daily {
					sum = plus(sum, within(gridTiers, at, units))
				}
				return over(sum, whole(u.period))
			})
		}},
	}
}
