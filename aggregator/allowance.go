package aggregator

import "github.com/shopspring/decimal"

// allowanceFold finds out where an allowance ends, event by event.
type allowanceFold struct {
	events int64 // 0 = no limit
	units  Sum   // 0 = no limit
	limits bool  // there is a limit of units

	taken int64 // events that were looked at
	total Sum   // of their values
	below int64 // how many running totals lie below units
}

// newAllowanceFold returns nil where nothing is free.
func newAllowanceFold(a *Allowance) *allowanceFold {
	if !a.limits() {
		return nil
	}
	f := &allowanceFold{events: a.Events, limits: !a.Units.IsZero()}
	f.units.Add(numberOfDecimal(a.Units))
	return f
}

// take takes the next event's value and returns what of it is to be paid for. free says that the event lies wholly
// inside the allowance; one of 0 that comes when it is used up does not.
//
// The units that are free are a function of the running total: it, or the limit where that is less. So the
// parts that are free add up to what is free of all, and an event that gives units back gives back
// first what was paid for.
func (f *allowanceFold) take(value Number) (paid Number, free bool) {
	if f.done() {
		return value, false
	}
	f.taken++
	before := f.total
	f.total.Add(value)
	if !f.limits {
		return Number{}, true
	}
	from, to := before.compare(&f.units), f.total.compare(&f.units)
	if to < 0 {
		f.below++
	}
	switch {
	case from <= 0 && to <= 0:
		return Number{}, from < 0 || to < 0
	case from >= 0 && to >= 0:
		return value, false
	}
	beyond, sign := f.total, int64(1) // it ends within the event
	if from > 0 {                     // or begins again
		beyond, sign = before, -1
	}
	beyond.addProduct(&f.units, -1)
	var part Sum
	part.addProduct(&beyond, sign)
	return part.number(), false
}

// done reports whether it looks at no more events.
func (f *allowanceFold) done() bool { return f == nil || f.events > 0 && f.taken >= f.events }

// finish says what is free.
func (f *allowanceFold) finish(usage *FoldUsage) {
	if f == nil {
		return
	}
	usage.FreeUnits, usage.FreeEvents = f.total.Decimal(), f.events
	if !f.limits {
		return
	}
	usage.FreeUnits = decimal.Min(usage.FreeUnits, f.units.Decimal())
	if f.below > 0 && (f.events == 0 || f.below < f.events) {
		usage.FreeEvents = f.below
	}
}
