package oracle

import (
	"math/big"
	"time"
)

// Fold asks for what the events of a bucket come to by their order, or by their days.
type Fold struct {
	Allowance   *Allowance   // what is free; nil for nothing
	Transaction *Transaction // what an event costs by itself; nil for nothing
	// Prorated asks for the days that units are there, of a recurring sum or unique count; Tiers divides them.
	Prorated bool
	Tiers    []*big.Rat // upper bounds of all but the last, ascending
}

// Allowance is free: so many events and so many units, whichever ends first; 0 is no limit, and no limit
// at all is nothing.
type Allowance struct {
	Events int
	Units  *big.Rat
}

// Transaction is what an event costs: Rate percent and Fixed, within Min (0 for none) and Max (nil for none).
type Transaction struct {
	Rate, Fixed, Min, Max *big.Rat
}

// FoldedBucket is what a fold comes to in one bucket. What was not asked for is 0.
type FoldedBucket struct {
	Filter       int
	Group        []Value
	FreeEvents   int
	FreeUnits    *big.Rat
	Transactions *big.Rat // what the events cost together
	Days         int      // of the period that is given by days
	UnitDays     *big.Rat
	TierUnitDays []*big.Rat // nil without tiers
	Highest      *big.Rat   // level of the units, 0 if they are never above
}

// Folds returns what the folds of a split come to, of the buckets that Usage gives, in their order.
func Folds(events []Event, m Metric, subscription string, p Period, split Split) []FoldedBucket {
	if !split.folds() {
		return nil
	}
	buckets, _ := m.gatherAll(events, subscription, p.From, p.To, split)
	var folded []FoldedBucket
	for _, g := range buckets {
		fold := split.fold(g.filter)
		if fold == nil {
			continue
		}
		b := FoldedBucket{
			Filter: g.filter, Group: g.values, FreeUnits: new(big.Rat), Transactions: new(big.Rat),
			UnitDays: new(big.Rat), Highest: new(big.Rat),
		}
		steps := m.steps(inOrder(g.within))
		if fold.Prorated {
			b.prorate(m, fold.Tiers, steps, p)
		} else {
			b.transact(fold, steps)
		}
		folded = append(folded, b)
	}
	return folded
}

// step is an event, and what it adds to the units.
type step struct {
	at     time.Time
	value  *big.Rat
	member string // of a unique count
}

// steps returns what the events add: 1 of a count, their numbers, and of a unique count what changes who is there.
func (m Metric) steps(ordered []part) []step {
	var steps []step
	there := map[string]bool{}
	for _, p := range ordered {
		s := step{at: p.event.Time, value: p.number, member: p.text}
		switch m.Aggregation {
		case CountAgg:
			s.value = big.NewRat(1, 1)
		case UniqueCountAgg:
			before := there[p.text]
			there[p.text] = valueOf(p.event.Properties[OperationType]) != Text(Remove)
			s.value = big.NewRat(one01(there[p.text])-one01(before), 1)
		}
		steps = append(steps, s)
	}
	return steps
}

func one01(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// transact walks the events of a percentage charge.
func (b *FoldedBucket) transact(fold *Fold, steps []step) {
	nothing := fold.Allowance == nil || fold.Allowance.Events == 0 && fold.Allowance.Units.Sign() == 0
	running := new(big.Rat)
	below := 0 // running totals below the limit of units
	for i, s := range steps {
		paid, free := s.value, false
		if !nothing && (fold.Allowance.Events == 0 || i < fold.Allowance.Events) {
			limit := fold.Allowance.Units
			before := running
			running = new(big.Rat).Add(running, s.value)
			b.FreeUnits = running
			if limit.Sign() == 0 {
				paid, free = new(big.Rat), true
			} else {
				b.FreeUnits = lesser(running, limit)
				paid = new(big.Rat).Sub(beyond(running, limit), beyond(before, limit))
				free = running.Cmp(limit) <= 0 && before.Cmp(limit) <= 0 && (running.Cmp(limit) < 0 || before.Cmp(limit) < 0)
				if running.Cmp(limit) < 0 {
					below++
				}
			}
		}
		if fold.Transaction != nil && !free {
			b.Transactions.Add(b.Transactions, fold.Transaction.cost(paid))
		}
	}
	if !nothing {
		b.FreeEvents = fold.Allowance.Events
		if below > 0 && (b.FreeEvents == 0 || below < b.FreeEvents) {
			b.FreeEvents = below
		}
	}
}

// beyond is how far x lies above a limit.
func beyond(x, limit *big.Rat) *big.Rat { return NotNegative(new(big.Rat).Sub(x, limit)) }

func lesser(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func (t Transaction) cost(paid *big.Rat) *big.Rat {
	cost := new(big.Rat).Mul(paid, new(big.Rat).Quo(t.Rate, big.NewRat(100, 1)))
	cost.Add(cost, t.Fixed)
	if t.Min.Sign() > 0 && cost.Cmp(t.Min) < 0 {
		cost = t.Min
	}
	if t.Max != nil && cost.Cmp(t.Max) > 0 {
		cost = t.Max
	}
	return cost
}

// prorate looks at each day of the period by itself.
func (b *FoldedBucket) prorate(m Metric, tiers []*big.Rat, steps []step, p Period) {
	b.Days = len(p.Days) - 1
	level := new(big.Rat)
	for _, s := range steps {
		if !s.at.Before(p.From) && level.Cmp(b.Highest) > 0 {
			b.Highest = level
		}
		level = new(big.Rat).Add(level, s.value)
	}
	if level.Cmp(b.Highest) > 0 {
		b.Highest = level
	}
	if len(tiers) > 0 {
		for range len(tiers) + 1 {
			b.TierUnitDays = append(b.TierUnitDays, new(big.Rat))
		}
	}
	level = new(big.Rat)
	after := steps // what is not in level
	for i := range b.Days {
		start, end := p.Days[i], p.Days[i+1]
		if !end.After(p.From) || !start.Before(p.To) || !p.From.Before(p.To) {
			continue // no instant of the period lies in it
		}
		if start.Before(p.From) {
			start = p.From
		}
		if end.After(p.To) {
			end = p.To
		}
		if m.Aggregation == UniqueCountAgg {
			b.membersOn(tiers, steps, start, end)
		} else {
			for len(after) > 0 && after[0].at.Before(end) {
				level = new(big.Rat).Add(level, after[0].value)
				after = after[1:]
			}
			b.levelOn(tiers, level)
		}
	}
}

// levelOn adds a day of a sum: what it comes to at the end of the day.
func (b *FoldedBucket) levelOn(tiers []*big.Rat, level *big.Rat) {
	b.UnitDays.Add(b.UnitDays, level)
	for i := range b.TierUnitDays {
		b.TierUnitDays[i].Add(b.TierUnitDays[i], width(tiers, i, level))
	}
}

// membersOn adds a day of a unique count: the members that are there at some instant of it.
//
// A member takes the place in the tiers that its addition took, and its removal gives back the topmost; a removal
// counts from the next day on. If the member comes back on that day, that counts from the next day on as well.
func (b *FoldedBucket) membersOn(tiers []*big.Rat, steps []step, start, end time.Time) {
	there, seen := map[string]bool{}, map[string]bool{}
	level := new(big.Rat)
	for _, s := range steps {
		if !s.at.Before(end) {
			continue
		}
		today := !s.at.Before(start)
		counts := true // today
		before := level
		level = new(big.Rat).Add(level, s.value)
		switch s.value.Sign() {
		case 1:
			counts = !today || !seen[s.member]
			there[s.member] = true
		case -1:
			counts = !today
			delete(there, s.member)
		}
		if today && s.value.Sign() != 0 {
			seen[s.member] = true // from now on, or until now
		}
		for i := range b.TierUnitDays {
			if counts {
				b.TierUnitDays[i].Add(b.TierUnitDays[i], width(tiers, i, level))
				b.TierUnitDays[i].Sub(b.TierUnitDays[i], width(tiers, i, before))
			}
		}
	}
	for member := range there {
		seen[member] = true
	}
	b.UnitDays.Add(b.UnitDays, big.NewRat(int64(len(seen)), 1))
}

// width is how much of a level lies in a tier; of one below 0, nothing.
func width(tiers []*big.Rat, i int, level *big.Rat) *big.Rat {
	low, high := new(big.Rat), level
	if i > 0 {
		low = tiers[i-1]
	}
	if i < len(tiers) {
		high = lesser(level, tiers[i])
	}
	return beyond(high, low)
}
