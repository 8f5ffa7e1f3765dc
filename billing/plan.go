package billing

import (
	"time"

	"github.com/google/uuid"
)

// Interval is how long one billing period of a plan is.
type Interval string

// The intervals that work today.
const (
	Monthly Interval = "monthly"
)

// Plan is what a subscription costs: a base fee for each interval and charges for usage.
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
	Charges            []Charge
	CreatedAt          time.Time
	UpdatedAt          time.Time
}
