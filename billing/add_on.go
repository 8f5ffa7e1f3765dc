package billing

import (
	"time"

	"github.com/google/uuid"
)

// AddOn is something that is sold by the piece: on an invoice of its own, or as a fixed charge of a plan.
type AddOn struct {
	ID                 uuid.UUID
	OrganizationID     uuid.UUID
	Code               string
	Name               string
	InvoiceDisplayName string
	Description        string
	AmountCents        int64 // price of one unit where nothing else is said
	Currency           Currency
	Taxes              []Tax // empty: those of the customer hold
	CreatedAt          time.Time
	UpdatedAt          time.Time
}
