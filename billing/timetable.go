package billing

import "time"

// timetable says when the kinds of things that a subscription is billed for fall due: base
// fee, usage, and fixed charges in arrears and in advance. Each has its own instant until
// which it is billed, from which the next one follows, by the schedule of its kind in the
// time zone of the day. The subscription has started.
type timetable struct {
	*Subscription
	plan               *Plan
	location           *time.Location
	base, usage, fixed Schedule
}

func (s *Subscription) timetable(plan *Plan, location *time.Location) timetable {
	return timetable{
		Subscription: s, plan: plan, location: location,
		base:  s.schedule(plan.Interval, location),
		usage: s.schedule(plan.usageInterval(), location),
		fixed: s.schedule(plan.fixedInterval(), location),
	}
}

func (s *Subscription) schedule(interval Interval, location *time.Location) Schedule {
	return NewSchedule(interval, s.BillingTime, s.SubscriptionAt, location)
}

// usageInterval returns how often usage is billed.
func (p *Plan) usageInterval() Interval {
	if p.BillChargesMonthly && p.Interval.HasMonthly() {
		return Monthly
	}
	return p.Interval
}

// fixedInterval returns how often fixed charges are billed.
func (p *Plan) fixedInterval() Interval {
	if p.BillFixedChargesMonthly && p.Interval.HasMonthly() {
		return Monthly
	}
	return p.Interval
}

// hasFixed reports whether the plan has fixed charges that are paid in advance, or in arrears.
func (p *Plan) hasFixed(inAdvance bool) bool {
	for i := range p.FixedCharges {
		if p.FixedCharges[i].PayInAdvance == inAdvance {
			return true
		}
	}
	return false
}

// nextDue returns when the subscription next falls due as it stands, nil when never.
func (s *Subscription) nextDue(plan *Plan, location *time.Location) *time.Time {
	switch s.Status {
	case Canceled:
		return nil
	case Pending:
		startsAt := s.SubscriptionAt
		return &startsAt
	}
	t := s.timetable(plan, location)
	due := soonest(t.baseDue(), t.usageDue(), t.fixedDue(), t.fixedAheadDue())
	if s.Status == Active {
		due = soonest(due, s.end()) // it ends, billed or not
	}
	return due
}

// baseDue returns when the next base fee falls due, nil when there is none any more.
func (t *timetable) baseDue() *time.Time {
	if !t.plan.PayInAdvance {
		return t.arrearsDue(t.boundary(t.base, t.BaseBilledUntil), t.BaseBilledUntil)
	}
	due := t.renewal(t.base, t.BaseBilledUntil)
	// Not in the trial, and then at once; nothing, if the subscription ends with its trial.
	if t.TrialEndedAt != nil {
		due = later(due, *t.TrialEndedAt)
	} else if end, ok := t.TrialEnd(t.plan); ok {
		due = later(due, end)
	}
	return t.aheadDue(due)
}

// usageDue returns when usage next falls due, nil when it does not any more.
func (t *timetable) usageDue() *time.Time {
	return t.arrearsDue(t.usageBoundary(), t.UsageBilledUntil)
}

// fixedDue returns when fixed charges in arrears next fall due, whether the plan has some or not.
func (t *timetable) fixedDue() *time.Time {
	return t.arrearsDue(t.boundary(t.fixed, t.FixedBilledUntil), t.FixedBilledUntil)
}

// fixedAheadDue returns when fixed charges that are paid in advance next fall due, nil when
// the plan has none or there is nothing to pay any more.
func (t *timetable) fixedAheadDue() *time.Time {
	if !t.plan.hasFixed(true) {
		return nil
	}
	return t.aheadDue(t.renewal(t.fixed, t.FixedAheadBilledUntil))
}

// usageBoundary returns the end of the usage period that is next to be billed.
func (t *timetable) usageBoundary() time.Time {
	boundary := t.boundary(t.usage, t.UsageBilledUntil)
	// Usage is billed whenever a base fee in advance is. That is at the boundary, unless the
	// subscription began right before one that the new time zone has put before the beginning.
	if t.plan.PayInAdvance && t.BaseBilledUntil.After(later(*t.StartedAt, t.UsageBilledUntil)) {
		if paid := t.renewal(t.base, t.BaseBilledUntil); paid.After(t.UsageBilledUntil) && paid.Before(boundary) {
			return paid
		}
	}
	return boundary
}

// boundary returns where the period ends that begins where a kind is billed until. The time
// zone may have changed since: the boundary until which it is billed is that of the schedule
// which is nearest to it, so that the same periods follow each other in all zones.
func (t *timetable) boundary(schedule Schedule, billedUntil time.Time) time.Time {
	if billedUntil.After(*t.StartedAt) {
		return schedule.periodFrom(billedUntil).To
	}
	// The first period may have begun anywhere. Where it ends in another zone must not be a
	// boundary that its beginning was behind: nothing was to fall due before NextDueAt.
	after := *t.StartedAt
	if t.NextDueAt != nil {
		after = later(after, t.NextDueAt.Add(-schedule.shift))
	}
	return schedule.PeriodAt(after).To
}

// renewal returns where the next period begins of what is paid in advance until an instant.
func (t *timetable) renewal(schedule Schedule, paidUntil time.Time) time.Time {
	if !paidUntil.After(*t.StartedAt) {
		return *t.StartedAt
	}
	if from := schedule.periodFrom(paidUntil).From; from.After(*t.StartedAt) {
		return from
	}
	return paidUntil // a new time zone has put the boundary before the beginning
}

// arrearsDue returns when a kind falls due that is billed at a boundary, or at the end.
func (t *timetable) arrearsDue(boundary, billedUntil time.Time) *time.Time {
	end := t.end()
	switch {
	case end != nil && !billedUntil.Before(*end):
		return nil
	case end == nil || !boundary.After(*end):
		return &boundary
	case t.Status == Terminated && t.SkipFinalInvoice:
		return nil
	}
	return end
}

// aheadDue returns when a kind falls due that is paid in advance: nothing begins at the end,
// but for what was to be paid at the start.
func (t *timetable) aheadDue(due time.Time) *time.Time {
	if end := t.end(); end != nil && !due.Before(*end) && due.After(*t.StartedAt) {
		return nil
	}
	return &due
}

// passTo moves usage and base fee over what falls due up to an instant at which usage does.
func (t *timetable) passTo(at time.Time) {
	for t.plan.PayInAdvance {
		due := t.baseDue()
		if due == nil || due.After(at) {
			break
		}
		t.BaseBilledUntil = later(t.BaseBilledUntil, t.base.PeriodAt(*due).To)
		t.passTrial(*due)
	}
	t.UsageBilledUntil, t.NextDueAt = at, &at
	t.passTrial(at)
}

// passFixedAhead moves fixed charges in advance over the period that runs at an instant if the
// plan has none: those that are put on it meanwhile are paid from the next one on.
func (t *timetable) passFixedAhead(at time.Time) {
	if !t.plan.hasFixed(true) {
		t.FixedAheadBilledUntil = later(t.FixedAheadBilledUntil, t.fixed.PeriodAt(at).To)
	}
}

// passTrial notes that the trial is over, if it is by then.
func (t *timetable) passTrial(at time.Time) {
	if end, ok := t.TrialEnd(t.plan); ok && t.TrialEndedAt == nil && !end.After(at) {
		t.TrialEndedAt = &end
	}
}

// end returns when the subscription ended or is to end, nil when it goes on.
func (s *Subscription) end() *time.Time {
	if s.TerminatedAt != nil {
		return s.TerminatedAt
	}
	return s.EndingAt
}

func soonest(instants ...*time.Time) *time.Time {
	var first *time.Time
	for _, t := range instants {
		if t != nil && (first == nil || t.Before(*first)) {
			first = t
		}
	}
	return first
}

func earlier(a time.Time, b *time.Time) time.Time {
	if b != nil && b.Before(a) {
		return *b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
