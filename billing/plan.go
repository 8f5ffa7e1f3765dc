package billing

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Interval is how long one billing period of a plan is.
type Interval string

// The intervals.
const (
	Weekly     Interval = "weekly"
	Monthly    Interval = "monthly"
	Quarterly  Interval = "quarterly"
	Semiannual Interval = "semiannual"
	Yearly     Interval = "yearly"
)

// Plan is what a subscription costs: a base fee for each interval, charges for usage and
// fixed charges for quantities.
type Plan struct {
	ID                 uuid.UUID
	OrganizationID     uuid.UUID
	Code               string
	Name               string
	InvoiceDisplayName string
	Description        string
	Interval           Interval
	AmountCents        int64 // base fee of one interval
	Currency           Currency
	PayInAdvance       bool // base fee at the period's start instead of its end
	// TrialDays are how many days from its first start a subscription pays no base fee; fractions are allowed.
	TrialDays decimal.Decimal
	// BillChargesMonthly and BillFixedChargesMonthly bill usage and fixed charges each month although
	// the interval is longer. Only semiannual and yearly plans have them.
	BillChargesMonthly      bool
	BillFixedChargesMonthly bool
	Commitment              *MinimumCommitment // nil: none
	Charges                 []Charge
	FixedCharges            []FixedCharge // in their order on the plan
	Taxes                   []Tax         // in the order they were given; empty: those of the customer hold
	// Metadata are notes on the plan, within the bounds below; nil: none were ever set. A key may have no value.
	Metadata map[string]*string
	// PendingDeletion: it is being deleted, but has too many subscriptions to end at once. It takes no new ones.
	PendingDeletion bool
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Bounds of a plan's metadata: Lago's (https://github.com/getlago/lago-api/pull/4638).
const (
	MetadataKeysMax            = 50
	MetadataKeyCharactersMax   = 100
	MetadataValueCharactersMax = 255
)

// MinimumCommitment is what a subscription of the plan comes to at least in each interval:
// a fee of its own makes up for the rest.
type MinimumCommitment struct {
	ID                 uuid.UUID
	AmountCents        int64
	InvoiceDisplayName string
	Taxes              []Tax // empty: those of the plan hold
	CreatedAt          time.Time
	UpdatedAt          time.Time
}
