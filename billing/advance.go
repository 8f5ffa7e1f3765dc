package billing

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// BilledUntil are the instants before which everything of a subscription has been
// billed, one for each kind of thing that is billed.
type BilledUntil struct {
	Base, Usage, Fixed time.Time
	FixedAhead         time.Time // of fixed charges that are paid in advance
}

// Advance moves one subscription forward: over what an invoice bills, into its next
// status, to its next due date. It is written in the invoice's own transaction, and
// only if the subscription still is as From, FromStatus, FromNextDueAt and FromEndingAt say: that
// comparison is what makes a second biller, a crash or a termination in between
// repeat and never double.
type Advance struct {
	SubscriptionID uuid.UUID

	// What must still be so.
	From          BilledUntil
	FromStatus    SubscriptionStatus
	FromNextDueAt time.Time
	FromEndingAt  *time.Time

	// What becomes of it.
	To           BilledUntil
	ToStatus     SubscriptionStatus
	StartedAt    *time.Time // the columns' new values: nil stays or becomes null
	TerminatedAt *time.Time

	InitialStartedAt, TrialEndedAt *time.Time

	NextDueAt *time.Time // nil: there is nothing more to bill
}

// UsageSnapshot is the evidence of one priced bucket of an invoice: the units of a
// charge, filter and group, and by what they were priced. There is one for each bucket
// that was looked at, also where it came to nothing.
type UsageSnapshot struct {
	InvoiceID      uuid.UUID
	SubscriptionID uuid.UUID
	ChargeID       uuid.UUID
	ChargeFilterID *uuid.UUID         // nil: the charge's default bucket
	GroupedBy      map[string]*string // never nil
	Units          decimal.Decimal
	EventsCount    int64
	Definition     []byte     // JSON: metric, model and properties as priced
	FeeID          *uuid.UUID // nil: it made no fee
}
