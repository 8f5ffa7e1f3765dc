package billing

import "time"

// settleCommitment sets the span whose minimum commitment the bill settles: the plan's
// interval that ends with it, or what there is of it when the subscription ends. t is the
// timetable as it was before the bill, base whether a base fee falls due.
func (b *Bill) settleCommitment(t *timetable, base bool) {
	if b.Plan.Commitment == nil || !b.endsInterval(t, base) {
		return
	}
	full := t.base.PeriodAt(b.At.Add(-1))
	if b.Plan.PayInAdvance && (t.startedBefore(full) || b.isFirst(t)) {
		return
	}
	b.Commitment = t.running(full, Period{From: b.billedFrom(t), To: b.At})
	b.CommitmentDays, b.CommitmentPeriodDays = b.Commitment.Days(t.location), full.Days(t.location)
	b.CommitmentFees = b.committedFees(t, full)
}

// endsInterval reports whether an interval of the plan ends with the bill.
func (b *Bill) endsInterval(t *timetable, base bool) bool {
	if !b.Plan.PayInAdvance {
		return base
	}
	if b.Usage.IsZero() {
		return false // a start, or the end of a trial
	}
	end := t.end()
	return end != nil && !end.After(b.At) || b.At.Equal(t.base.PeriodAt(b.At).From) || b.At.Equal(t.BaseBilledUntil)
}

// isFirst reports whether the subscription has no invoice yet: a commitment in advance is not
// settled with the first one, which is so late only during a trial.
func (b *Bill) isFirst(t *timetable) bool {
	started := *t.StartedAt
	fixed := b.Plan.hasFixed(true) || b.Plan.hasFixed(false) && t.FixedBilledUntil.After(started)
	return !b.Usage.From.After(started) && !t.BaseBilledUntil.After(started) && !fixed
}

// startedBefore reports whether the subscription was created with a beginning in the past, and
// not before the period: nothing was paid for that in advance.
func (t *timetable) startedBefore(full Period) bool {
	backdated := LocalDate(*t.StartedAt, t.location).Before(LocalDate(t.plannedAt(), t.location))
	return backdated && full.From.Before(t.plannedAt())
}

// billedFrom returns where that begins which is billed at the interval's end.
func (b *Bill) billedFrom(t *timetable) time.Time {
	if !b.Plan.PayInAdvance {
		return t.BaseBilledUntil
	}
	if from := t.base.periodFrom(b.Usage.From).From; from.Sub(b.Usage.From).Abs() <= t.base.shift {
		return b.Usage.From
	}
	return *t.StartedAt // usage is billed each month: it says nothing of the interval
}

// committedFees returns where the periods begin whose fees count for a commitment. Each kind
// begins at the interval's boundary as it was when that kind was billed last, in whichever time
// zone that was; so those that begin somewhat earlier count too, but none of the interval before.
func (b *Bill) committedFees(t *timetable, full Period) Period {
	p := Period{From: full.From.Add(-t.base.shift), To: b.At}
	first := !b.Usage.From.After(*t.StartedAt) || !b.Plan.PayInAdvance && !t.BaseBilledUntil.After(*t.StartedAt)
	billedFrom := b.billedFrom(t)
	if billedFrom.After(*t.StartedAt) || !first && t.StartedAt.Before(full.From) {
		p.From = later(p.From, t.StartedAt.Add(StoredPrecision))
	}
	if t.wasBilled(full, billedFrom) {
		p.From = later(p.From, billedFrom)
	}
	if end, ok := t.TrialEnd(t.plan); ok && end.Before(full.From) {
		p.From = later(p.From, end.Add(StoredPrecision))
	}
	// What is paid in advance now is the next interval's.
	if b.Plan.PayInAdvance && !b.Base.IsZero() {
		p.To = earlier(p.To, &b.Base.From)
	}
	if b.FixedAhead.From.After(*t.StartedAt) { // not of one that ends as it starts
		p.To = earlier(p.To, &b.FixedAhead.From)
	}
	return p
}
