package billing

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// InvoiceStatus is where an invoice stands in its life.
type InvoiceStatus string

// The statuses of an invoice that occur today.
const (
	InvoiceFinalized InvoiceStatus = "finalized"
)

// PaymentStatus is whether a document was paid.
type PaymentStatus string

// The payment statuses.
const (
	PaymentPending   PaymentStatus = "pending"
	PaymentSucceeded PaymentStatus = "succeeded"
	PaymentFailed    PaymentStatus = "failed"
)

// Invoice is what a customer owes for the periods of its subscriptions that fell
// due together. The totals keep Lago's identity:
//
//	sub_total_excluding_taxes = fees - progressive billing credit - coupons
//	sub_total_including_taxes = sub_total_excluding_taxes + taxes
//	total = sub_total_including_taxes - credit notes - prepaid credit
type Invoice struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	CustomerID     uuid.UUID
	Number         string
	SequentialID   int64 // of the customer's invoices, gapless, from 1
	Type           string
	Status         InvoiceStatus
	PaymentStatus  PaymentStatus
	Currency       Currency
	// PurchaseOrderNumber is that of its subscriptions; "": none.
	PurchaseOrderNumber string
	// IssuingDate and PaymentDueDate are calendar days in the customer's time zone, at 00:00 UTC.
	IssuingDate        time.Time
	PaymentDueDate     time.Time
	NetPaymentTermDays int

	FeesAmountCents                   int64
	CouponsAmountCents                int64
	CreditNotesAmountCents            int64
	PrepaidCreditAmountCents          int64
	ProgressiveBillingCreditCents     int64
	TaxesAmountCents                  int64
	SubTotalExcludingTaxesAmountCents int64
	SubTotalIncludingTaxesAmountCents int64
	TotalAmountCents                  int64

	TaxesRate decimal.Decimal // percent: each tax's rate weighed by what it is put on, 5 decimals
	Taxes     []AppliedTax    // one for each tax code

	Subscriptions []InvoiceSubscription
	Fees          []Fee
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// InvoiceSubscription is what of one subscription an invoice covers, and the
// evidence for its usage.
type InvoiceSubscription struct {
	SubscriptionID uuid.UUID
	// The boundaries; a zero Period covers nothing of its kind.
	Base, Usage, Fixed Period
	FixedAhead         Period // of fixed charges that are paid in advance
	Reason             string // subscription_starting, subscription_periodic, subscription_terminating
	// Cut says which events the usage was made of: those of the partition with positions below it.
	Cut *Cut
	// Metered is what metering was asked for the usage and how it was priced: with the cut
	// it recomputes the fees. It is written with the invoice, and read by InvoicedUsage alone.
	Metered []MeteredCharge
	Days    []time.Time // the local days that metering was told of (query.UsageRequest.Days); nil: none
	// FixedCharges, each of the plan that covers something, and Minimums are how the rest was
	// priced. As Metered they are written with the invoice, and read by DecodePriced alone.
	FixedCharges []FixedChargeUsage
	Minimums     []Minimum
}

// Cut is a place in the log.
type Cut struct {
	LogID     string
	Partition int32
	Next      int64 // offset; the records below it are in
}

// Period is a half-open span of time [From, To). The zero Period is empty.
type Period struct {
	From, To time.Time
}

// IsZero reports whether the period is the zero Period.
func (p Period) IsZero() bool { return p.From.IsZero() && p.To.IsZero() }
