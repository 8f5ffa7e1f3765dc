package billing

import (
	"time"

	"github.com/google/uuid"
)

// SubscriptionStatus is where a subscription stands in its life.
type SubscriptionStatus string

// The statuses of a subscription.
const (
	Pending    SubscriptionStatus = "pending" // starts in the future
	Active     SubscriptionStatus = "active"
	Terminated SubscriptionStatus = "terminated"
	Canceled   SubscriptionStatus = "canceled" // ended before it began
)

// BillingTime says where a subscription's periods begin.
type BillingTime string

// The billing times.
const (
	Calendar    BillingTime = "calendar"    // with the calendar's weeks, months, quarters and years
	Anniversary BillingTime = "anniversary" // with the local day of SubscriptionAt
)

// Subscription binds a customer to a plan.
type Subscription struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	CustomerID     uuid.UUID
	PlanID         uuid.UUID
	ExternalID     string
	Name           string
	Status         SubscriptionStatus
	BillingTime    BillingTime
	SubscriptionAt time.Time  // anchor of anniversary periods
	StartedAt      *time.Time // set when active
	EndingAt       *time.Time
	TerminatedAt   *time.Time
	CanceledAt     *time.Time
	// InitialStartedAt is when the first subscription with this external id started: from then
	// on a trial counts. nil while that is pending.
	InitialStartedAt *time.Time
	TrialEndedAt     *time.Time // when its trial was found to be over; nil: it has none, or is in it
	// SkipFinalInvoice: on termination make no invoice (on_termination_invoice=skip).
	SkipFinalInvoice bool
	MovedAt          *time.Time // when SubscriptionAt was last changed (Reschedule); nil: never

	// What falls due together for a customer goes on one invoice for each PurchaseOrderNumber,
	// "" being one of them, and for each subscription with SeparateInvoice on one of its own.
	PurchaseOrderNumber string
	SeparateInvoice     bool // consolidate_invoice is false

	// Everything before these instants has been invoiced; see package billing's invariants.
	BaseBilledUntil  time.Time
	UsageBilledUntil time.Time
	FixedBilledUntil time.Time // fixed charges in arrears
	// FixedAheadBilledUntil is the same of those that are paid in advance.
	FixedAheadBilledUntil time.Time
	// NextDueAt is when the next invoice falls due: the end of a running period, the end of a
	// trial, or the termination. nil when there is nothing more to bill.
	NextDueAt *time.Time

	CreatedAt time.Time
	UpdatedAt time.Time
}

// StoredPrecision is how finely a subscription's own instants are kept. Whoever sets one
// truncates it first: what was computed from it must still be equal after it was stored,
// and an event that carries the start as it is shown, to the millisecond, must be in it.
const StoredPrecision = time.Millisecond

// Start sets up a new subscription at the instant it is created: its status, what of
// it counts as billed and when it next falls due. SubscriptionAt says when it begins
// (zero: now), BillingTime may be "" for calendar. InitialStartedAt is that of the first
// subscription with the external id, if there was one.
//
// A beginning in the future makes it pending. One in the past makes it active since
// then, but nothing is billed for periods that elapsed before it was created: usage, and what
// is paid in arrears, is billed from the running period on, what is paid in advance from
// the next one on. Only a subscription that begins on the local day of its creation is
// invoiced for its first period in advance; one whose trial is still running then pays the
// rest of the period in which it ends, as all do.
//
// The errors are the caller's.
func (s *Subscription) Start(plan *Plan, location *time.Location, now time.Time) error {
	now = now.Truncate(StoredPrecision)
	if s.SubscriptionAt.IsZero() {
		s.SubscriptionAt = now
	}
	if s.BillingTime == "" {
		s.BillingTime = Calendar
	}
	s.SubscriptionAt = s.SubscriptionAt.Truncate(StoredPrecision)
	if err := s.checkEnd(now); err != nil {
		return err
	}
	s.CreatedAt, s.UpdatedAt = now, now
	if s.SubscriptionAt.After(now) {
		s.Status = Pending
		s.setBilledUntil(firstBilledUntil(s.SubscriptionAt, location))
	} else {
		startedAt := s.SubscriptionAt
		s.Status, s.StartedAt = Active, &startedAt
		if s.InitialStartedAt == nil {
			s.InitialStartedAt = &startedAt
		}
		s.setBilledUntil(s.billedBefore(plan, location, now))
	}
	s.NextDueAt = s.nextDue(plan, location)
	return nil
}

// Terminate ends an active subscription now, or at its EndingAt if that has passed.
// With skipFinalInvoice what is not billed yet of the period that is cut short never
// will be; whole periods before it still are.
func (s *Subscription) Terminate(plan *Plan, location *time.Location, now time.Time, skipFinalInvoice bool) error {
	if s.Status != Active {
		return NotFound("subscription")
	}
	terminatedAt := now.Truncate(StoredPrecision)
	if s.EndingAt != nil && s.EndingAt.Before(now) {
		terminatedAt = *s.EndingAt
	}
	s.Status, s.TerminatedAt, s.SkipFinalInvoice = Terminated, &terminatedAt, skipFinalInvoice
	s.UpdatedAt = now
	s.NextDueAt = s.nextDue(plan, location)
	return nil
}

// Cancel ends a pending subscription before it began.
func (s *Subscription) Cancel(now time.Time) error {
	if s.Status != Pending {
		return NotFound("subscription")
	}
	s.Status, s.CanceledAt, s.NextDueAt, s.UpdatedAt = Canceled, &now, nil, now
	return nil
}

// EndsPaidAhead reports whether EndingAt leaves whole days of a base fee that has been paid
// in advance by then: they would have to be given back.
func (s *Subscription) EndsPaidAhead(plan *Plan, location *time.Location) bool {
	if s.EndingAt == nil || !plan.PayInAdvance || plan.AmountCents == 0 || s.InTrial(plan, s.EndingAt.Add(-1)) {
		return false
	}
	full := s.schedule(plan.Interval, location).PeriodAt(s.EndingAt.Add(-1))
	return Period{From: full.From, To: *s.EndingAt}.Days(location) < full.Days(location)
}

// UsagePeriodAt returns the usage period that is running at t: the one that the invoice
// will cover on which usage at t is billed. t is at or after the start; after the end it is
// the last period. What has been billed already counts as billed: usage before
// UsageBilledUntil is in no period.
func (s *Subscription) UsagePeriodAt(t time.Time, plan *Plan, location *time.Location) Period {
	t = s.beforeEnd(t)
	walk := *s
	table := walk.timetable(plan, location)
	for {
		p := Period{From: walk.UsageBilledUntil, To: earlier(table.usageBoundary(), s.end())}
		if t.Before(p.To) {
			return p
		}
		table.passTo(p.To)
	}
}

// FullUsagePeriod returns the whole period of the schedule that a usage period is a part of, or
// all of: its days are what prorated units and minimums are divided by.
func (s *Subscription) FullUsagePeriod(p Period, plan *Plan, location *time.Location) Period {
	return s.schedule(plan.usageInterval(), location).fullOf(p)
}

// UsageDays returns what metering is told of the local days of a usage period, which prorated
// units are counted by: where those of the whole period begin, and its end. Where the
// customer's time zone was changed the usage period may begin before them, or end after them,
// by some hours: they are of the first day, or of the last.
func (s *Subscription) UsageDays(p Period, plan *Plan, location *time.Location) []time.Time {
	days := DayStarts(s.FullUsagePeriod(p, plan, location), location)
	days[0] = earlier(days[0], &p.From)
	days[len(days)-1] = later(days[len(days)-1], p.To)
	return days
}

// BasePeriodAt returns the part of the base fee's period at t in which the subscription
// runs, by whole days at its beginning and to the instant at its end; after the end it is
// the last.
func (s *Subscription) BasePeriodAt(t time.Time, plan *Plan, location *time.Location) Period {
	p := s.schedule(plan.Interval, location).PeriodAt(s.beforeEnd(t))
	if s.StartedAt != nil {
		p.From = later(p.From, DayStart(*s.StartedAt, location))
	}
	p.To = earlier(p.To, s.end())
	return p
}

// beforeEnd returns t, or the last instant of a subscription that has ended by then.
func (s *Subscription) beforeEnd(t time.Time) time.Time {
	if end := s.end(); end != nil {
		return earlier(end.Add(-1), &t)
	}
	return t
}

// BilledUntil returns the instants before which everything has been billed.
func (s *Subscription) BilledUntil() BilledUntil {
	return BilledUntil{
		Base: s.BaseBilledUntil, Usage: s.UsageBilledUntil,
		Fixed: s.FixedBilledUntil, FixedAhead: s.FixedAheadBilledUntil,
	}
}

func (s *Subscription) setBilledUntil(b BilledUntil) {
	s.BaseBilledUntil, s.UsageBilledUntil = b.Base, b.Usage
	s.FixedBilledUntil, s.FixedAheadBilledUntil = b.Fixed, b.FixedAhead
}

// firstBilledUntil is where billing begins for a subscription that starts just then: what is
// paid by the day with its day, the rest with the instant.
func firstBilledUntil(startedAt time.Time, location *time.Location) BilledUntil {
	day := DayStart(startedAt, location)
	return BilledUntil{Base: day, Usage: startedAt, Fixed: startedAt, FixedAhead: day}
}

// billedBefore returns from where on a subscription that is created now is billed: each kind
// from the period of its own schedule that is running now.
func (s *Subscription) billedBefore(plan *Plan, location *time.Location, now time.Time) BilledUntil {
	t := s.timetable(plan, location)
	base, usage, fixed := t.base.PeriodAt(now), t.usage.PeriodAt(now), t.fixed.PeriodAt(now)
	billed := firstBilledUntil(*s.StartedAt, location)
	billed.Usage = later(billed.Usage, usage.From)
	billed.Fixed = later(billed.Fixed, fixed.From)
	today := LocalDate(*s.StartedAt, location).Equal(LocalDate(now, location))
	switch {
	case today:
	case plan.PayInAdvance && !s.InTrial(plan, now):
		billed.Base = base.To
	default:
		billed.Base = later(billed.Base, base.From)
	}
	if !today || !plan.hasFixed(true) {
		billed.FixedAhead = fixed.To
	}
	return billed
}
