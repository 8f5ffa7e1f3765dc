package billing

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// FeeType is what a fee is for.
type FeeType string

// The fee types that occur today.
const (
	ChargeFee       FeeType = "charge"
	SubscriptionFee FeeType = "subscription"
	FixedChargeFee  FeeType = "fixed_charge"
	CommitmentFee   FeeType = "commitment"
	AddOnFee        FeeType = "add_on"
)

// Fee is one line of an invoice.
type Fee struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	InvoiceID      uuid.UUID
	CustomerID     uuid.UUID
	SubscriptionID uuid.UUID // uuid.Nil on a one-off invoice
	Type           FeeType
	Charge         *Charge       // of a charge fee: the charge as it was priced
	Filter         *ChargeFilter // nil: the charge's default bucket
	// GroupedBy is the pricing group: property -> value, nil value = events without it.
	GroupedBy map[string]*string

	Currency      Currency
	AmountCents   int64
	PreciseAmount decimal.Decimal // in cents, before rounding
	// UnitAmount is amount/units in currency units (package: per paid unit), 0 when there are no units.
	UnitAmount    decimal.Decimal
	Units         decimal.Decimal
	TotalUnits    decimal.Decimal // total_aggregated_units
	EventsCount   int64
	AmountDetails []byte // JSON, Lago's amount_details of the model
	// Presentation breaks the units down for display (presentation_breakdowns).
	Presentation []PresentationUsage
	// PricingUnit are the amounts in the charge's pricing unit; nil: it is priced in the currency.
	PricingUnit *PricingUnitAmounts

	// FixedCharge is, of a fixed charge fee, the fixed charge as it was priced; AddOn what it or an
	// add-on fee is for.
	FixedCharge *FixedCharge
	AddOn       *AddOn
	// TrueUpParentID is, of what makes up for a charge's minimum, the charge's fee; uuid.Nil otherwise.
	TrueUpParentID uuid.UUID
	Description    string // of an add-on fee, as it was given

	// TaxesCents is the tax on this fee by itself, for display: the invoice is taxed on its sums.
	TaxesCents   int64
	PreciseTaxes decimal.Decimal // in cents, before rounding
	TaxesRate    decimal.Decimal // percent: of all taxes together
	Taxes        []AppliedTax

	ItemCode    string // metric code or plan code, as invoiced
	ItemName    string
	DisplayName string // invoice_display_name
	// FilterDisplayName is the filter's invoice_display_name, as invoiced.
	FilterDisplayName string
	PaymentStatus     PaymentStatus
	Period            Period
	CreatedAt         time.Time
}
