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
	Calendar    BillingTime = "calendar"    // the first of the month
	Anniversary BillingTime = "anniversary" // the day of SubscriptionAt
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
	// SkipFinalInvoice: on termination make no invoice (on_termination_invoice=skip).
	SkipFinalInvoice bool

	// Everything before these instants has been invoiced; see package billing's invariants.
	BaseBilledUntil  time.Time
	UsageBilledUntil time.Time
	FixedBilledUntil time.Time
	// NextDueAt is when the next invoice falls due: the end of the running period, or
	// the termination. nil when there is nothing more to bill.
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
// (zero: now), BillingTime may be "" for calendar.
//
// A beginning in the future makes it pending. One in the past makes it active since
// then, but nothing is billed for periods that elapsed before it was created: usage and
// base fee in arrears are billed from the running period on, a base fee in advance from
// the next one on. Only a subscription that begins on the local day of its creation is
// invoiced for its first period in advance.
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
	if s.EndingAt != nil {
		endingAt := s.EndingAt.Truncate(StoredPrecision)
		s.EndingAt = &endingAt
	}
	if s.EndingAt != nil && !s.EndingAt.After(later(now, s.SubscriptionAt)) {
		return Invalid("ending_at", CodeInvalidDate)
	}
	s.CreatedAt, s.UpdatedAt = now, now
	if s.SubscriptionAt.After(now) {
		s.Status = Pending
		s.setBilledUntil(firstBilledUntil(s.SubscriptionAt, location))
	} else {
		startedAt := s.SubscriptionAt
		s.Status, s.StartedAt = Active, &startedAt
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
	if s.EndingAt == nil || !plan.PayInAdvance || plan.AmountCents == 0 {
		return false
	}
	full := s.schedule(location).PeriodAt(s.EndingAt.Add(-1))
	return Period{From: full.From, To: *s.EndingAt}.Days(location) < full.Days(location)
}

// UsagePeriodAt returns the usage period that is running at t: the one that the invoice
// will cover on which usage at t is billed. t is at or after the start; after the end it is
// the last period. What has been billed already counts as billed: usage before
// UsageBilledUntil is in no period.
func (s *Subscription) UsagePeriodAt(t time.Time, location *time.Location) Period {
	t = s.beforeEnd(t)
	walk, paidAhead := *s, s.BaseBilledUntil.After(s.UsageBilledUntil)
	for {
		p := Period{From: walk.UsageBilledUntil, To: walk.nextBoundary(location)}
		if t.Before(p.To) {
			p.To = earlier(p.To, s.end())
			return p
		}
		walk.UsageBilledUntil = p.To
		if paidAhead && !walk.BaseBilledUntil.After(p.To.Add(zoneShiftMax)) { // as Bill.cover does
			walk.BaseBilledUntil = later(walk.BaseBilledUntil, walk.schedule(location).PeriodAt(p.To).To)
		}
	}
}

// BasePeriodAt returns the part of the base fee's period at t in which the subscription
// runs, by whole days at its beginning and to the instant at its end; after the end it is
// the last.
func (s *Subscription) BasePeriodAt(t time.Time, location *time.Location) Period {
	p := s.schedule(location).PeriodAt(s.beforeEnd(t))
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
	return BilledUntil{Base: s.BaseBilledUntil, Usage: s.UsageBilledUntil, Fixed: s.FixedBilledUntil}
}

func (s *Subscription) setBilledUntil(b BilledUntil) {
	s.BaseBilledUntil, s.UsageBilledUntil, s.FixedBilledUntil = b.Base, b.Usage, b.Fixed
}

// firstBilledUntil is where billing begins for a subscription that starts just then:
// base fees by the day, usage by the instant.
func firstBilledUntil(startedAt time.Time, location *time.Location) BilledUntil {
	return BilledUntil{Base: DayStart(startedAt, location), Usage: startedAt, Fixed: startedAt}
}

// billedBefore returns from where on a subscription that is created now is billed.
func (s *Subscription) billedBefore(plan *Plan, location *time.Location, now time.Time) BilledUntil {
	running := s.schedule(location).PeriodAt(now)
	billed := firstBilledUntil(*s.StartedAt, location)
	billed.Usage = later(billed.Usage, running.From)
	billed.Fixed = later(billed.Fixed, running.From)
	switch {
	case !plan.PayInAdvance:
		billed.Base = later(billed.Base, running.From)
	case !LocalDate(*s.StartedAt, location).Equal(LocalDate(now, location)):
		billed.Base = running.To
	}
	return billed
}

func (s *Subscription) schedule(location *time.Location) Schedule {
	return NewSchedule(s.BillingTime, s.SubscriptionAt, location)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
