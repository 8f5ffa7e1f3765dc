package billing

import "time"

// Reasons of an invoice: what made a subscription fall due.
const (
	ReasonStarting    = "subscription_starting"
	ReasonPeriodic    = "subscription_periodic"
	ReasonTerminating = "subscription_terminating"
)

// zoneShiftMax is by how much a period's boundary can move when the customer's time
// zone changes: from UTC+14 to UTC-12. A boundary that lies no further from what has
// been billed is the same one, seen from another zone, and not a short period.
const zoneShiftMax = 26 * time.Hour

// Bill is what falls due for one subscription at one instant.
type Bill struct {
	Subscription *Subscription
	Plan         *Plan
	// At is the instant: the boundary between two periods, the start or the end of the subscription.
	At time.Time
	// What it covers; a zero Period covers nothing of its kind.
	Base, Usage, Fixed Period
	// BaseDays of BasePeriodDays local days of the base fee are due.
	BaseDays, BasePeriodDays int
	Reason                   string // one of the reasons above; "" when nothing is invoiced
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
	}
	next.NextDueAt = next.nextDue(plan, location)
	b.Advance = advance(s, &next)
	return b, true
}

// settle does what falls due at b.At: next becomes what the subscription is after it.
func (b *Bill) settle(next *Subscription, location *time.Location) {
	switch {
	case next.Status == Pending:
		startedAt := next.SubscriptionAt
		next.Status, next.StartedAt = Active, &startedAt
		if b.Plan.PayInAdvance {
			b.cover(next, location, ReasonStarting)
		}
	case next.startsInAdvance(b.Plan):
		b.cover(next, location, ReasonStarting)
	case next.end() != nil && !next.end().After(b.At):
		next.Status, next.TerminatedAt = Terminated, next.end()
		b.cover(next, location, ReasonTerminating)
	default:
		b.cover(next, location, ReasonPeriodic)
	}
}

// Apply makes the subscription what an advance of it says.
func (s *Subscription) Apply(a Advance) {
	s.setBilledUntil(a.To)
	s.Status, s.StartedAt, s.TerminatedAt, s.NextDueAt = a.ToStatus, a.StartedAt, a.TerminatedAt, a.NextDueAt
}

func advance(from, to *Subscription) Advance {
	return Advance{
		SubscriptionID: from.ID,
		From:           from.BilledUntil(),
		FromStatus:     from.Status,
		FromNextDueAt:  *from.NextDueAt,
		To:             to.BilledUntil(),
		ToStatus:       to.Status,
		StartedAt:      to.StartedAt,
		TerminatedAt:   to.TerminatedAt,
		NextDueAt:      to.NextDueAt,
	}
}

// cover sets what the bill covers and moves next over it.
func (b *Bill) cover(next *Subscription, location *time.Location, reason string) {
	b.Reason = reason
	if next.UsageBilledUntil.Before(b.At) {
		b.Usage = Period{From: next.UsageBilledUntil, To: b.At}
		next.UsageBilledUntil = b.At
	}
	if next.FixedBilledUntil.Before(b.At) {
		b.Fixed = Period{From: next.FixedBilledUntil, To: b.At}
		next.FixedBilledUntil = b.At
	}
	full := b.basePeriod(next, location)
	to := earlier(full.To, next.end())
	if b.Plan.PayInAdvance {
		to = full.To // what is paid ahead is paid for the whole period
	}
	if !next.BaseBilledUntil.Before(to) {
		return
	}
	b.Base = Period{From: next.BaseBilledUntil, To: to}
	next.BaseBilledUntil = to
	// The days are those of the schedule's period, not of Base: that is longer or shorter
	// by some hours when the customer's time zone was changed, which costs nothing.
	due := Period{From: later(full.From, DayStart(*next.StartedAt, location)), To: to}
	if b.Base.From.After(due.From.Add(zoneShiftMax)) {
		due.From = b.Base.From // most of this period has been billed, seen from another zone
	}
	b.BaseDays, b.BasePeriodDays = due.Days(location), full.Days(location)
}

// basePeriod returns the full period whose base fee is due at b.At, the zero Period if none is.
func (b *Bill) basePeriod(next *Subscription, location *time.Location) Period {
	schedule := next.schedule(location)
	if !b.Plan.PayInAdvance {
		return schedule.PeriodAt(b.At.Add(-1))
	}
	if b.Reason == ReasonTerminating || next.BaseBilledUntil.After(b.At.Add(zoneShiftMax)) {
		return Period{}
	}
	return schedule.PeriodAt(b.At)
}

// nextDue returns when the subscription next falls due as it stands, nil when never.
func (s *Subscription) nextDue(plan *Plan, location *time.Location) *time.Time {
	switch {
	case s.Status == Canceled:
		return nil
	case s.Status == Pending:
		return &s.SubscriptionAt
	case s.startsInAdvance(plan):
		return s.StartedAt
	}
	boundary, end := s.nextBoundary(location), s.end()
	if end == nil || boundary.Before(*end) {
		return &boundary
	}
	if s.Status == Terminated && (s.SkipFinalInvoice || s.billedToEnd(plan)) {
		if boundary.Equal(*end) && !s.billedToEnd(plan) {
			return end // a whole period, which a termination does not take back
		}
		return nil
	}
	return end
}

// nextBoundary returns the end of the period that is the next to be billed.
func (s *Subscription) nextBoundary(location *time.Location) time.Time {
	boundary := s.scheduledBoundary(location)
	// A base fee in advance falls due where the last one ends. That is the boundary, unless
	// it began right before one that the new time zone has put before the beginning.
	if ahead := s.BaseBilledUntil; ahead.After(s.UsageBilledUntil) && ahead.Add(zoneShiftMax).Before(boundary) {
		return ahead
	}
	return boundary
}

// scheduledBoundary returns the schedule's first boundary after what has been billed. Where
// one was expected, it is the one nearest to that: a new time zone moves boundaries by
// hours, and those of an anniversary that it puts into another month by some days.
func (s *Subscription) scheduledBoundary(location *time.Location) time.Time {
	schedule, after := s.schedule(location), s.UsageBilledUntil
	if !after.Equal(*s.StartedAt) {
		after = after.Add(zoneShiftMax)
	}
	if s.NextDueAt == nil || !s.NextDueAt.After(after) {
		return schedule.PeriodAt(after).To
	}
	expected := *s.NextDueAt
	p := schedule.PeriodAt(expected)
	if p.From.After(after) && expected.Sub(p.From) < p.To.Sub(expected) {
		return p.From
	}
	return p.To
}

// startsInAdvance reports whether the first base fee, paid in advance, is still due.
func (s *Subscription) startsInAdvance(plan *Plan) bool {
	return plan.PayInAdvance && s.StartedAt != nil && !s.BaseBilledUntil.After(*s.StartedAt)
}

// end returns when the subscription ended or is to end, nil when it goes on.
func (s *Subscription) end() *time.Time {
	if s.TerminatedAt != nil {
		return s.TerminatedAt
	}
	return s.EndingAt
}

// billedToEnd reports whether a terminated subscription has nothing left to bill.
func (s *Subscription) billedToEnd(plan *Plan) bool {
	return !s.UsageBilledUntil.Before(*s.end()) && (plan.PayInAdvance || !s.BaseBilledUntil.Before(*s.end()))
}

func earlier(a time.Time, b *time.Time) time.Time {
	if b != nil && b.Before(a) {
		return *b
	}
	return a
}
