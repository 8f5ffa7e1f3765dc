package billing

import (
	"time"

	"github.com/google/uuid"
)

// Reschedule changes when a subscription that lives begins and ends. subscriptionAt counts
// only while it is pending (zero: it stays): later it has begun, as Lago has it, and the rest
// of the change is made all the same. Moved to now or before, it is active as one that is
// created now with that beginning. endingAt nil: it goes on.
//
// One that is over, whether that was noticed or not, is subscription_not_found. The other
// errors are the caller's, too: an end that has passed or that is not after the beginning, and
// one that would leave days which are paid in advance (EndsPaidAhead), for which there are no
// credit notes yet.
func (s *Subscription) Reschedule(subscriptionAt time.Time, endingAt *time.Time, plan *Plan, location *time.Location, now time.Time) error {
	if s.Status != Pending && s.Status != Active || s.EndingAt != nil && !s.EndingAt.After(now) {
		return NotFound("subscription")
	}
	s.EndingAt = endingAt
	subscriptionAt = subscriptionAt.Truncate(StoredPrecision)
	move := s.Status == Pending && !subscriptionAt.IsZero() && !subscriptionAt.Equal(s.SubscriptionAt)
	var err error
	if move {
		err = s.move(subscriptionAt, plan, location, now)
	} else if err = s.checkEnd(now); err == nil {
		s.NextDueAt = s.nextDue(plan, location)
	}
	if err != nil {
		return err
	}
	if s.EndsPaidAhead(plan, location) {
		return Invalid("ending_at", CodeNotSupported)
	}
	return nil
}

// move has a pending subscription begin at another instant.
func (s *Subscription) move(to time.Time, plan *Plan, location *time.Location, now time.Time) error {
	createdAt, movedAt := s.CreatedAt, now.Truncate(StoredPrecision)
	s.SubscriptionAt, s.NextDueAt = to, nil // what was due says nothing of another beginning
	if err := s.Start(plan, location, now); err != nil {
		return err
	}
	s.CreatedAt, s.MovedAt = createdAt, &movedAt
	return nil
}

// checkEnd makes EndingAt what is kept of it, and checks that it is still to come.
func (s *Subscription) checkEnd(now time.Time) error {
	if s.EndingAt == nil {
		return nil
	}
	endingAt := s.EndingAt.Truncate(StoredPrecision)
	s.EndingAt = &endingAt
	if !endingAt.After(later(now, s.SubscriptionAt)) {
		return Invalid("ending_at", CodeInvalidDate)
	}
	return nil
}

// plannedAt returns when it was said when the subscription begins: when it was created, or
// moved while it was pending.
func (s *Subscription) plannedAt() time.Time {
	if s.MovedAt != nil {
		return *s.MovedAt
	}
	return s.CreatedAt
}

// InvoiceKey says which of the bills of one customer that fall due together go on one invoice:
// those with the same key.
type InvoiceKey struct {
	Currency            Currency
	PurchaseOrderNumber string
	Subscription        uuid.UUID // of one that has invoices of its own; uuid.Nil: consolidated
}

// InvoiceKey returns which invoice the bill goes on.
func (b *Bill) InvoiceKey() InvoiceKey {
	key := InvoiceKey{Currency: b.Plan.Currency, PurchaseOrderNumber: b.Subscription.PurchaseOrderNumber}
	if b.Subscription.SeparateInvoice {
		key.Subscription = b.Subscription.ID
	}
	return key
}
