package scenarios

import (
	"fmt"
	"math/big"
	"strings"
)

// The grid of plans is what a plan bills besides usage: the base fee and fixed charges of all
// four kinds, under every interval, by the calendar and by anniversary, in arrears and in
// advance; plain, with a trial, with a commitment, and by months where the interval is long.

// planGridName is the book of the grid of plans.
const planGridName = "plans"

// What the plans of the grid of plans say.
const (
	planFixedUnits   = 7
	planFixedPrice   = "3.10"
	planTrialDays    = 10
	planCommitment   = "500.00"
	planTaxRate      = "7.3"
	planIntervals    = 2 // that a scenario lasts
	planCallsPrice   = "0.37"
	planCallsOfMonth = 3
)

// planFixedLines are the plan's fixed charges, in its order.
var planFixedLines = []struct {
	code              string
	advance, prorated bool
}{{"late", false, false}, {"late_prorated", false, true}, {"ahead", true, false}, {"ahead_prorated", true, true}}

// planCase is one scenario of the grid of plans.
type planCase struct {
	gridCase
	trial, commitment, monthly, taxed bool

	billed []planFee // all fees so far
	bills  strings.Builder
}

// planFee is a fee with the first day of what it is for.
type planFee struct {
	first calendarDay
	cents int64
}

// planGridBook returns all scenarios of the grid of plans.
func planGridBook() []scenario {
	var all []scenario
	for _, interval := range []string{"weekly", "monthly", "quarterly", "semiannual", "yearly"} {
		for _, anniversary := range []bool{false, true} {
			for _, advance := range []bool{false, true} {
				for _, what := range []string{"plain", "trial", "commitment", "monthly"} {
					if what == "monthly" && interval != "semiannual" && interval != "yearly" {
						continue
					}
					all = append(all, newPlanCase(len(all), interval, anniversary, advance, what).scenario(what))
				}
			}
		}
	}
	return all
}

func newPlanCase(number int, interval string, anniversary, advance bool, what string) *planCase {
	begin := gridStarts[number%len(gridStarts)]
	c := &planCase{gridCase: gridCase{
		number: number, rhythm: rhythm{interval, -1}, advance: advance, zone: gridZones[number%len(gridZones)],
		start: begin.day, minute: begin.minute,
	}}
	if anniversary {
		c.rhythm.anchor = begin.day
	}
	c.trial, c.commitment, c.monthly = what == "trial", what == "commitment", what == "monthly"
	c.taxed = number%2 == 0
	if c.trial {
		c.zone = "UTC" // a trial's days are of 24 hours
	}
	return c
}

// parts is the rhythm of usage and of fixed charges.
func (c *planCase) parts() rhythm {
	if c.monthly {
		return rhythm{"monthly", c.rhythm.anchor}
	}
	return c.rhythm
}

func (c *planCase) scenario(what string) scenario {
	billing, paid := "calendar", "arrears"
	if c.rhythm.anchor >= 0 {
		billing = "anniversary"
	}
	if c.advance {
		paid = "advance"
	}
	last := c.start
	for range planIntervals {
		last = c.rhythm.around(last).end
	}
	s := scenario{
		name: strings.Join([]string{c.rhythm.interval, billing, paid, what}, " "), rules: c.rules(billing), buys: c.buys(),
		happens: fmt.Sprintf("%sT%02d:%02d subscribe %s", c.start, c.minute/60, c.minute%60, billing),
	}
	if c.monthly {
		for day := c.parts().around(c.start).end; day < last; day = c.parts().around(day).end {
			s.happens += fmt.Sprintf("\n%sT12:00 calls times=%d", day+5, planCallsOfMonth)
		}
	}
	s.happens += fmt.Sprintf("\n%s clock", last)
	s.bills = c.all(last)
	return s
}

func (c *planCase) rules(billing string) string {
	ids := []string{
		"period." + billing + "." + c.rhythm.interval, "base.first_" + billing, "base.renewal", "fixed.arrears", "fixed.last_units",
		"fixed.prorated", "fixed.advance", "fixed.advance_prorated", "invoice.order",
	}
	switch {
	case c.trial && c.advance:
		ids = append(ids, "trial.advance", "trial.fixed", "trial.whole_period")
	case c.trial:
		ids = append(ids, "trial.arrears", "trial.fixed", "trial.whole_period")
	case c.commitment && c.advance:
		ids = append(ids, "commitment.advance", "commitment.prorated")
	case c.commitment:
		ids = append(ids, "commitment.true_up", "commitment.prorated")
	case c.monthly:
		ids = append(ids, "period.charges_monthly", "period.fixed_monthly")
	}
	if c.taxed {
		ids = append(ids, "tax.customer", "tax.fee_rounding", "tax.invoice_rounding")
	}
	return strings.Join(ids, " ")
}

func (c *planCase) buys() string {
	text := "customer zone=" + c.zone
	if c.taxed {
		text = "tax some " + planTaxRate + "\n" + text + " tax=some"
	}
	text += fmt.Sprintf("\nplan %s %d.%02d", c.rhythm.interval, gridBaseCents/100, gridBaseCents%100)
	if c.advance {
		text += " advance"
	}
	switch {
	case c.trial:
		text += fmt.Sprintf(" trial=%d", planTrialDays)
	case c.commitment:
		text += " commitment=" + planCommitment
	case c.monthly:
		text += " charges=monthly fixed=monthly\ncalls standard " + planCallsPrice
	}
	for _, f := range planFixedLines {
		text += fmt.Sprintf("\nfixed %s standard %s units=%d", f.code, planFixedPrice, planFixedUnits)
		if f.advance {
			text += " advance"
		}
		if f.prorated {
			text += " prorated"
		}
	}
	return text
}

// all writes the invoices up to the last boundary, day by day.
func (c *planCase) all(last calendarDay) string {
	trialEnd := c.start + planTrialDays
	for day := c.start; day <= last; day++ {
		midnight := day > c.start && (c.rhythm.begins(day) || c.parts().begins(day))
		if midnight || day == c.start {
			c.invoice(day, midnight)
		}
		// A trial ends at the minute of the start; at midnight it is over before the day's invoice.
		if c.trial && c.advance && day == trialEnd && (c.minute > 0 || !midnight) && (c.minute > 0 || day < last) {
			c.afterTrial(day)
		}
	}
	return c.bills.String()
}

// invoice writes what falls due on a day: at the start, or at a boundary.
func (c *planCase) invoice(day calendarDay, boundary bool) {
	var names []string
	var fees []planFee
	add := func(name string, first calendarDay, amount int64) {
		names, fees = append(names, name), append(fees, planFee{first, amount})
	}
	whole := boundary && c.rhythm.begins(day)
	part := boundary && c.parts().begins(day)
	if c.advance && (whole || !boundary) {
		add("base", day, c.ahead(day))
	} else if whole {
		add("base", c.rhythm.around(day-1).first, c.fee(c.rhythm.around(day-1), c.start))
	}
	if part && c.monthly {
		if calls := c.calls(day); calls > 0 {
			add("calls", c.parts().around(day-1).first, calls)
		}
	}
	for _, f := range planFixedLines {
		if p := c.parts().around(day); f.advance && (part || !boundary) {
			add("fixed:"+f.code, day, c.fixed(p, f.prorated))
		}
		if p := c.parts().around(day - 1); !f.advance && part {
			add("fixed:"+f.code, max(p.first, c.start), c.fixed(p, f.prorated))
		}
	}
	if whole && c.commitment {
		if lacks := c.lacks(c.rhythm.around(day-1), fees); lacks > 0 {
			add("commitment", c.rhythm.around(day-1).first, lacks)
		}
	}
	c.write(day, names, fees)
}

// afterTrial writes the invoice of a plan in advance at the end of its trial.
func (c *planCase) afterTrial(day calendarDay) {
	amount := c.fee(c.rhythm.around(day), day)
	c.write(day, []string{"base"}, []planFee{{day, amount}})
}

// write writes an invoice. A base fee of nothing is left out.
func (c *planCase) write(day calendarDay, names []string, fees []planFee) {
	total, lines := int64(0), ""
	for i, f := range fees {
		total += f.cents
		if names[i] == "base" && f.cents == 0 {
			continue
		}
		lines += fmt.Sprintf("%s %d tax=%d\n", names[i], f.cents, c.tax(f.cents))
	}
	fmt.Fprintf(&c.bills, "%s %d tax=%d\n%s", day, total+c.tax(total), c.tax(total), lines)
	c.billed = append(c.billed, fees...)
}

// tax returns the tax on cents, rounded.
func (c *planCase) tax(base int64) int64 {
	if !c.taxed {
		return 0
	}
	return cents(over(times(whole(base), fraction(planTaxRate)), whole(100*100)))
}

// ahead returns the base fee that is paid on a day for what begins then.
func (c *planCase) ahead(day calendarDay) int64 {
	if over := c.start + planTrialDays; c.trial && (day < over || day == over && c.minute > 0) {
		return 0
	}
	return c.fee(c.rhythm.around(day), c.start)
}

// fee returns the base fee of a period from a day on, without the trial.
func (c *planCase) fee(p days, from calendarDay) int64 {
	if c.trial {
		from = max(from, c.start+planTrialDays)
	}
	paid := days{max(p.first, from), p.end}
	if paid.count() <= 0 {
		return 0
	}
	return cents(over(times(big.NewRat(gridBaseCents, 100), whole(paid.count())), whole(p.count())))
}

// fixed returns what a fixed charge costs in a period.
func (c *planCase) fixed(p days, prorated bool) int64 {
	units := whole(planFixedUnits)
	if prorated {
		paid := days{max(p.first, c.start), p.end}
		units = rounded(over(times(units, whole(paid.count())), whole(p.count())), 6)
	}
	return cents(times(units, fraction(planFixedPrice)))
}

// calls returns what the calls before a boundary cost: those of the part that ends there, but
// of the first, in which there are none.
func (c *planCase) calls(day calendarDay) int64 {
	if p := c.parts().around(day - 1); p.first <= c.start {
		return 0
	}
	return cents(times(whole(planCallsOfMonth), fraction(planCallsPrice)))
}

// lacks returns what the fees of an interval lack to its commitment: those that were billed
// before for what began in it, and those of today.
func (c *planCase) lacks(p days, today []planFee) int64 {
	from := max(p.first, c.start)
	due := cents(over(times(fraction(planCommitment), whole(days{from, p.end}.count())), whole(p.count())))
	for _, f := range append(today, c.billed...) {
		if f.first >= p.first && f.first < p.end {
			due -= f.cents
		}
	}
	return due
}
