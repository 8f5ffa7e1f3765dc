package billing

import (
	"time"

	"github.com/google/uuid"
)

// Customer is who is invoiced.
type Customer struct {
	ID                 uuid.UUID
	OrganizationID     uuid.UUID
	ExternalID         string
	SequentialID       int64
	Name               string
	Firstname          string
	Lastname           string
	Email              string
	LegalName          string
	LegalNumber        string
	TaxNumber          string // tax_identification_number
	Phone              string
	URL                string
	LogoURL            string
	CustomerType       string // "", company, individual
	Address            Address
	ShippingAddress    Address
	Currency           Currency // "" until a subscription or the caller sets it
	Timezone           string   // IANA name; "" inherits the organization's
	NetPaymentTermDays *int     // nil inherits the organization's
	Taxes              []Tax    // empty: those of the organization hold
	Metadata           []CustomerMetadata
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// Address is a postal address.
type Address struct {
	Line1   string `json:"address_line1"`
	Line2   string `json:"address_line2"`
	City    string `json:"city"`
	State   string `json:"state"`
	Zipcode string `json:"zipcode"`
	Country string `json:"country"` // ISO 3166 alpha-2
}

// CustomerMetadata is a note on a customer.
type CustomerMetadata struct {
	ID               uuid.UUID `json:"lago_id"`
	Key              string    `json:"key"`
	Value            string    `json:"value"`
	DisplayInInvoice bool      `json:"display_in_invoice"`
	CreatedAt        time.Time `json:"created_at"`
}
