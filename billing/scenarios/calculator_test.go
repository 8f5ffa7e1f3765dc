package scenarios

import (
	"math/big"
	"slices"
	"sort"
)

// The calculator works out what the grid expects. It follows the rules (Rules) and shares
// nothing with packages billing and aggregator: days are numbers that are walked one by one,
// boundaries a question about a day, events a list, amounts fractions.

// happening is an event.
type happening struct {
	day    calendarDay
	minute int    // of the day
	value  string // n: a number, or a member's name
	remove bool
	cents  string // what it says it costs; "" for nothing
}

// used is what events of a subscription come to in a usage period.
type used struct {
	units  *big.Rat
	events int64
	// values are, in order, what each event adds; costs what they say they cost, in cents.
	values []*big.Rat
	costs  *big.Rat
	// Of prorated units: the units of each day of the usage period, the days of the whole
	// one, and the most that there ever was.
	daily   []*big.Rat
	period  int64
	highest *big.Rat
}

// stretch is the time in which usage is billed together: from the minute of the first day on.
type stretch struct {
	days
	minute int
	period days // the whole period that it is a part of
}

func (s stretch) holds(h happening) bool {
	return h.day < s.end && (h.day > s.first || h.day == s.first && h.minute >= s.minute)
}

const minutesOfDay = 24 * 60

// minutes returns how many minutes of the stretch are left at an event.
func (s stretch) minutes(day calendarDay, minute int) int64 {
	return int64(s.end-day)*minutesOfDay - int64(minute)
}

// meter returns what the events of a metric come to in a stretch. all is in order of time.
func meter(code string, all []happening, s stretch) used {
	u := used{costs: new(big.Rat), period: s.period.count()}
	var within, before []happening
	for _, h := range all {
		switch {
		case s.holds(h):
			within = append(within, h)
		case h.day < s.end:
			before = append(before, h)
		}
	}
	u.events = int64(len(within))
	switch code {
	case "users":
		u.units = members(within)
	case "members":
		u.units = members(append(slices.Clone(before), within...))
		u.present(before, within, s)
	default:
		u.number(code, before, within, s)
	}
	return u
}

// members returns how many were added and not removed.
func members(all []happening) *big.Rat {
	there := map[string]bool{}
	for _, h := range all {
		there[h.value] = !h.remove
	}
	n := int64(0)
	for _, is := range there {
		if is {
			n++
		}
	}
	return whole(n)
}

// present sets how many members were there on each day: at any instant of it.
func (u *used) present(before, within []happening, s stretch) {
	there := map[string]bool{}
	for _, h := range before {
		there[h.value] = !h.remove
	}
	level := members(before)
	u.highest = level
	for day := s.first; day < s.end; day++ {
		seen := map[string]bool{}
		for member, is := range there {
			seen[member] = is
		}
		for _, h := range within {
			if h.day != day {
				continue
			}
			there[h.value] = !h.remove
			seen[h.value] = seen[h.value] || !h.remove
		}
		n, now := int64(0), int64(0)
		for member := range seen {
			if seen[member] {
				n++
			}
			if there[member] {
				now++
			}
		}
		u.daily = append(u.daily, whole(n))
		u.highest = greater(u.highest, whole(now))
	}
}

// number sets what events with numbers come to.
func (u *used) number(code string, before, within []happening, s stretch) {
	sum, carried := new(big.Rat), new(big.Rat)
	for _, h := range before {
		carried = plus(carried, fraction(h.value))
	}
	var sorted []*big.Rat
	for _, h := range within {
		value := fraction(h.value)
		if code == "calls" {
			value = whole(1)
		}
		u.values = append(u.values, value)
		sorted = append(sorted, value)
		sum = plus(sum, value)
		if h.cents != "" {
			u.costs = plus(u.costs, fraction(h.cents))
		}
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Cmp(sorted[j]) < 0 })
	u.units = new(big.Rat)
	n := len(sorted)
	switch {
	case code == "seats":
		u.units = plus(carried, sum)
		u.held(carried, within, s)
	case code == "load":
		u.units = weighted(new(big.Rat), within, s)
	case code == "stock":
		u.units = weighted(carried, within, s)
	case n == 0:
	case code == "peak":
		u.units = sorted[n-1]
	case code == "low":
		u.units = sorted[0]
	case code == "level":
		u.units = u.values[n-1]
	case code == "mean":
		u.units = rounded(over(sum, whole(int64(n))), 20)
	case code == "p50":
		u.units = sorted[(n+1)/2-1]
	default: // calls, gb
		u.units = sum
	}
}

// held sets how many units there were at the end of each day.
func (u *used) held(carried *big.Rat, within []happening, s stretch) {
	level := carried
	u.highest = level
	for day := s.first; day < s.end; day++ {
		for _, h := range within {
			if h.day == day {
				level = plus(level, fraction(h.value))
				u.highest = greater(u.highest, level)
			}
		}
		u.daily = append(u.daily, level)
	}
}

// weighted returns the running sum weighed by the minutes that it held, of those of the
// whole period.
func weighted(running *big.Rat, within []happening, s stretch) *big.Rat {
	at, area := s.minutes(s.first, s.minute), new(big.Rat)
	for _, h := range within {
		left := s.minutes(h.day, h.minute)
		area = plus(area, times(running, whole(at-left)))
		running, at = plus(running, fraction(h.value)), left
	}
	area = plus(area, times(running, whole(at)))
	return raised(over(area, whole(s.period.count()*minutesOfDay)), 20)
}

// prorated returns the units by the days that they were there.
func (u *used) prorated() *big.Rat {
	sum := new(big.Rat)
	for _, units := range u.daily {
		sum = plus(sum, units)
	}
	return raised(over(sum, whole(u.period)), 5)
}

// tier is one of a price by tiers, without its lower bound: that is the upper of the one before.
type tier struct {
	to        int64 // 0: without end
	per, flat string
}

// within returns how many of the units lie in the tier at a place.
func within(tiers []tier, at int, units *big.Rat) *big.Rat {
	low := new(big.Rat)
	if at > 0 {
		low = whole(tiers[at-1].to)
	}
	if tiers[at].to > 0 {
		units = lesser(units, whole(tiers[at].to))
	}
	return greater(minus(units, low), new(big.Rat))
}

// graduated returns Σ of what the tiers cost, and how far flat amounts go: to the tier of highest.
func graduated(tiers []tier, rate *big.Rat, highest *big.Rat, of func(at int) *big.Rat) *big.Rat {
	amount := new(big.Rat)
	for i, t := range tiers {
		if i > 0 && highest.Cmp(whole(tiers[i-1].to)) <= 0 {
			break
		}
		amount = plus(amount, plus(times(of(i), times(fraction(t.per), rate)), fraction(t.flat)))
	}
	return amount
}

// volume returns the price of the tier that holds all units, for units that may be fewer.
func volume(tiers []tier, all, units *big.Rat) *big.Rat {
	for _, t := range tiers {
		if t.to == 0 || all.Cmp(whole(t.to)) <= 0 {
			return plus(times(units, fraction(t.per)), fraction(t.flat))
		}
	}
	panic("BUG: the last tier has an end")
}

// allowance returns what of the events is free, by their running totals.
func allowance(values []*big.Rat, freeEvents int64, freeUnits *big.Rat) (units *big.Rat, events int64) {
	units, total, below := new(big.Rat), new(big.Rat), int64(0)
	for i, value := range values {
		if int64(i) == freeEvents {
			break
		}
		total = plus(total, value)
		if total.Cmp(freeUnits) < 0 {
			below++
		}
	}
	units = lesser(total, freeUnits)
	if below == 0 {
		return units, freeEvents
	}
	return units, min(below, freeEvents)
}

// bounded returns what events cost one by one after the free units.
func bounded(values []*big.Rat, rate, fixed, low, high, free *big.Rat) *big.Rat {
	amount, left := new(big.Rat), free
	for _, value := range values {
		if value.Cmp(left) < 0 {
			left = minus(left, value)
			continue
		}
		paid := minus(value, left)
		if left.Sign() > 0 && paid.Sign() == 0 {
			left = new(big.Rat)
			continue // it ends the allowance and lies in it
		}
		left = new(big.Rat)
		amount = plus(amount, lesser(greater(plus(times(paid, rate), fixed), low), high))
	}
	return amount
}
