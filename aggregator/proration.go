package aggregator

import (
	"slices"
	"sort"
)

// localDays are the local days of the period that units are prorated in, numbered from the first of the full period.
type localDays struct {
	starts      []int64 // and the end of the last, nanoseconds since the Unix epoch
	first, last int     // those that the instants of the span lie in; last < first where there are none
	at          int     // the day of the event before: they come in order
}

func newLocalDays(starts []int64, span Span) *localDays {
	d := &localDays{starts: starts, last: -1}
	if len(starts) > 1 && !span.Empty() {
		d.first, d.last = d.of(span.From), d.of(span.To-1)
		d.at = d.first
	}
	return d
}

// of returns the day that holds an instant.
func (d *localDays) of(at int64) int {
	return sort.Search(len(d.starts)-1, func(i int) bool { return d.starts[i+1] > at })
}

// next returns the day of the next event, none of which lies before the last one.
func (d *localDays) next(at int64) int {
	for d.starts[d.at+1] <= at {
		d.at++
	}
	return d.at
}

// from returns how many days there are from a day to the last, both counted.
func (d *localDays) from(day int) int64 { return int64(d.last - day + 1) }

// prorationFold adds up units by the days that they count for.
type prorationFold struct {
	level    Sum // units by now
	highest  Sum // that they came to, from 0 on
	unitDays Sum
	bounds   []Sum // of all tiers but the last
	tiers    []Sum // unit days by tier; nil without bounds
	tier     int   // that the level lies in
}

func newProrationFold(fold *Fold) *prorationFold {
	f := new(prorationFold)
	for _, bound := range fold.Tiers {
		var s Sum
		s.Add(numberOfDecimal(bound))
		f.bounds = append(f.bounds, s)
	}
	if len(f.bounds) > 0 {
		f.tiers = make([]Sum, len(f.bounds)+1)
	}
	return f
}

// move changes the level by a value, which counts for so many days.
func (f *prorationFold) move(value Number, days int64) {
	before, tier := f.level, f.tier
	f.level.Add(value)
	f.unitDays.addNumberProduct(value, days)
	if f.level.compare(&f.highest) > 0 {
		f.highest = f.level
	}
	if f.tiers == nil {
		return
	}
	f.tier = f.tierOf(&f.level)
	if f.tier == tier && before.sign() >= 0 && f.level.sign() >= 0 {
		f.tiers[tier].addNumberProduct(value, days)
		return
	}
	for i := min(tier, f.tier); i <= max(tier, f.tier); i++ { // what each tier holds after, less what it held before
		after, of := f.within(i, &f.level), f.within(i, &before)
		f.tiers[i].addProduct(&after, days)
		f.tiers[i].addProduct(&of, -days)
	}
}

// tierOf returns the tier that a level lies in: the first whose bound is not below it.
func (f *prorationFold) tierOf(level *Sum) int {
	return sort.Search(len(f.bounds), func(i int) bool { return level.compare(&f.bounds[i]) <= 0 })
}

// within returns a level, or the bound of the tier that is nearest to it where it lies in another. What is
// below 0 counts as 0.
func (f *prorationFold) within(tier int, level *Sum) Sum {
	var low Sum
	if tier > 0 {
		low = f.bounds[tier-1]
	}
	switch {
	case level.compare(&low) < 0:
		return low
	case tier < len(f.bounds) && level.compare(&f.bounds[tier]) > 0:
		return f.bounds[tier]
	default:
		return *level
	}
}

func (f *prorationFold) finish(usage *FoldUsage) {
	if f == nil {
		return
	}
	usage.UnitDays, usage.Highest = f.unitDays.Decimal(), f.highest.Decimal()
	for i := range f.tiers {
		usage.TierUnitDays = append(usage.TierUnitDays, f.tiers[i].Decimal())
	}
	usage.TierUnitDays = slices.Clip(usage.TierUnitDays)
}
