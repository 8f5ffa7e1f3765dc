package billing

import "time"

// Reasons of an invoice: what made a subscription fall due.
const (
	ReasonStarting    = "subscription_starting"
	ReasonPeriodic    = "subscription_periodic"
	ReasonTerminating = "subscription_terminating"
)

// Bill is what falls due for one subscription at one instant.
type Bill struct {
	Subscription *Subscription
	Plan         *Plan
	// At is the instant: the boundary between two periods, the start or the end of the
	// subscription, or the end of its trial.
	At time.Time
	// What it covers; a zero Period covers nothing of its kind. Fixed is there whether the plan
	// has fixed charges in arrears or not, FixedAhead only if it has some that are paid in advance.
	Base, Usage, Fixed Period
	FixedAhead         Period // of fixed charges that are paid in advance
	// The whole periods of the schedule in which Usage, Fixed and FixedAhead lie: by their days
	// prorated units, minimums of charges and prorated fixed charges are divided.
	UsageFull, FixedFull, FixedAheadFull Period
	// BaseDays of BasePeriodDays local days of the base fee are due. Those of a trial are not.
	BaseDays, BasePeriodDays int
	// Commitment is the span whose minimum commitment is settled now, CommitmentDays of
	// CommitmentPeriodDays local days; zero: none is.
	Commitment Period
	// CommitmentFees is where the periods begin whose fees count for it. That is Commitment,
	// but for what a change of the time zone moves.
	CommitmentFees                       Period
	CommitmentDays, CommitmentPeriodDays int
	Reason                               string // one of the reasons above; "" when nothing is invoiced
	// Advance is what becomes of the subscription, invoiced or not.
	Advance Advance
}

// Invoiced reports whether the bill belongs on an invoice. One that does not only moves
// the subscription on: a start in arrears, or a due date that a new time zone has moved.
func (b *Bill) Invoiced() bool { return b.Reason != "" }

// NextBill returns what falls due next for a subscription. ok is false when there is
// nothing more to bill: NextDueAt is nil.
//
// It looks at the subscription only as it stands: billing several elapsed periods is
// applying the Advance (Subscription.Apply) and asking again. When the customer's time
// zone was changed since NextDueAt was set, and the boundary is now later, the bill only
// moves NextDueAt there; At is never later than NextDueAt.
func NextBill(s *Subscription, plan *Plan, location *time.Location) (b Bill, ok bool) {
	if s.NextDueAt == nil {
		return Bill{}, false
	}
	next := *s
	b = Bill{Subscription: s, Plan: plan, At: *s.NextDueAt}
	if due := s.nextDue(plan, location); due != nil && !due.After(b.At) {
		b.At = *due
		b.settle(&next, location)
	} else if next.Status != Pending {
		t := next.timetable(plan, location)
		t.passFixedAhead(b.At)
	}
	next.NextDueAt = next.nextDue(plan, location)
	b.Advance = advance(s, &next)
	return b, true
}

// settle does what falls due at b.At: next becomes what the subscription is after it.
func (b *Bill) settle(next *Subscription, location *time.Location) {
	if next.Status == Pending {
		startedAt := next.SubscriptionAt
		next.Status, next.StartedAt = Active, &startedAt
		if next.InitialStartedAt == nil {
			next.InitialStartedAt = &startedAt
		}
	}
	before := *next
	t, due := next.timetable(b.Plan, location), before.timetable(b.Plan, location)
	if end := next.end(); end != nil && !end.After(b.At) {
		next.Status, next.TerminatedAt = Terminated, end
	}
	b.coverUsage(&t, due.usageDue())
	b.coverFixed(&t, due.fixedDue())
	b.coverFixedAhead(&t, due.fixedAheadDue())
	base := b.falls(due.baseDue())
	switch {
	case base && b.Plan.PayInAdvance:
		b.coverBase(&t, t.base.PeriodAt(b.At).To)
	case base:
		b.coverBase(&t, b.At)
	}
	b.settleCommitment(&due, base)
	t.passTrial(b.At)
	b.Reason = b.reason(next)
}

// falls reports whether something falls due with the bill.
func (b *Bill) falls(due *time.Time) bool { return due != nil && !due.After(b.At) }

// reason returns why there is an invoice, "" when there is none.
func (b *Bill) reason(next *Subscription) string {
	switch {
	case b.Base.IsZero() && b.Usage.IsZero() && b.FixedAhead.IsZero() && (b.Fixed.IsZero() || !b.Plan.hasFixed(false)):
		return ""
	case next.Status == Terminated && !next.TerminatedAt.After(b.At):
		return ReasonTerminating
	case b.Usage.IsZero() && b.Fixed.IsZero() && b.startsPaying(next):
		return ReasonStarting
	}
	return ReasonPeriodic
}

// startsPaying reports whether the bill is that of the start, or of the trial's end, which is
// when a base fee in advance starts.
func (b *Bill) startsPaying(next *Subscription) bool {
	return b.At.Equal(*next.StartedAt) || next.TrialEndedAt != nil && next.TrialEndedAt.Equal(b.At)
}

// coverUsage makes the bill cover the usage up to its instant.
func (b *Bill) coverUsage(t *timetable, due *time.Time) {
	if b.falls(due) && t.UsageBilledUntil.Before(b.At) {
		b.Usage = Period{From: t.UsageBilledUntil, To: b.At}
		b.UsageFull = t.usage.fullOf(b.Usage)
		t.UsageBilledUntil = b.At
	}
}

// coverFixed does the same with fixed charges in arrears.
func (b *Bill) coverFixed(t *timetable, due *time.Time) {
	if b.falls(due) && t.FixedBilledUntil.Before(b.At) {
		b.Fixed = Period{From: t.FixedBilledUntil, To: b.At}
		b.FixedFull = t.fixed.fullOf(b.Fixed)
		t.FixedBilledUntil = b.At
	}
}

// coverFixedAhead makes the bill cover the period that begins with fixed charges which are
// paid in advance.
func (b *Bill) coverFixedAhead(t *timetable, due *time.Time) {
	full := t.fixed.PeriodAt(b.At)
	if b.falls(due) && t.FixedAheadBilledUntil.Before(full.To) {
		b.FixedAhead, b.FixedAheadFull = Period{From: t.FixedAheadBilledUntil, To: full.To}, full
		t.FixedAheadBilledUntil = full.To
	}
	t.passFixedAhead(b.At)
}

// coverBase makes the bill cover the base fee up to an instant, but for what lies in the trial.
func (b *Bill) coverBase(t *timetable, to time.Time) {
	from := t.BaseBilledUntil
	if !from.Before(to) {
		return
	}
	t.BaseBilledUntil = to
	full := t.base.PeriodAt(to.Add(-1))
	// The days are those of the schedule's period, not of what is covered: that is longer or
	// shorter by some hours when the customer's time zone was changed, which costs nothing.
	due := t.running(full, Period{From: from, To: to})
	if end, ok := t.TrialEnd(t.plan); ok && end.After(from) {
		if !end.Before(to) {
			return // all of it is free
		}
		day := DayStart(end, t.location)
		from, due.From = later(from, day), later(due.From, day)
	}
	b.Base = Period{From: from, To: to}
	b.BaseDays, b.BasePeriodDays = due.Days(t.location), full.Days(t.location)
}

// running returns what of a full period that is billed by a part the subscription runs in, by
// the day.
func (t *timetable) running(full, billed Period) Period {
	// Of a subscription that ends as it starts there is a day, too, wherever the day begins.
	startedAt := earlier(billed.To.Add(-1), t.StartedAt)
	from := later(full.From, DayStart(startedAt, t.location))
	if t.wasBilled(full, billed.From) {
		from = later(from, billed.From)
	}
	return Period{From: from, To: billed.To}
}

// wasBilled reports whether a full period has been billed, seen from another zone: what is billed
// from an instant in it on belongs to the next one.
func (t *timetable) wasBilled(full Period, from time.Time) bool {
	return from.After(*t.StartedAt) && t.base.periodFrom(from).From.After(full.From)
}

// Apply makes the subscription what an advance of it says.
func (s *Subscription) Apply(a Advance) {
	s.setBilledUntil(a.To)
	s.Status, s.StartedAt, s.TerminatedAt, s.NextDueAt = a.ToStatus, a.StartedAt, a.TerminatedAt, a.NextDueAt
	s.InitialStartedAt, s.TrialEndedAt = a.InitialStartedAt, a.TrialEndedAt
}

func advance(from, to *Subscription) Advance {
	return Advance{
		SubscriptionID: from.ID,
		From:           from.BilledUntil(),
		FromStatus:     from.Status,
		FromNextDueAt:  *from.NextDueAt,
		FromEndingAt:   from.EndingAt,
		To:             to.BilledUntil(),
		ToStatus:       to.Status,
		StartedAt:      to.StartedAt,
		TerminatedAt:   to.TerminatedAt,

		InitialStartedAt: to.InitialStartedAt,
		TrialEndedAt:     to.TrialEndedAt,
		NextDueAt:        to.NextDueAt,
	}
}
