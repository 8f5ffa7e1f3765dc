package billing

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// InvoiceTypeSubscription is the type of an invoice for subscriptions' periods.
const InvoiceTypeSubscription = "subscription"

// PricedBill is a bill with the usage it covers.
type PricedBill struct {
	Bill
	Charges []ChargeUsage   // of the plan's charges, in their order; empty when Bill.Usage is zero
	Metered []MeteredCharge // what was asked for each of Charges
	Cut     *Cut            // where the usage was cut; nil when Bill.Usage is zero
}

// Assembly is what an invoice is made from.
type Assembly struct {
	Organization *Organization
	Customer     *Customer
	Location     *time.Location // the customer's; see Location
	// Bills are those of the customer's subscriptions that fell due together, all at the
	// same instant and in the same currency, at least one, in the order they shall have.
	Bills []PricedBill
	Now   time.Time        // when the invoice is made
	NewID func() uuid.UUID // makes the ids of invoice and fees
}

// Assemble makes a finalized invoice, without its number (NumberInvoice, in the
// transaction that writes it), and the snapshots that are its evidence. Fees are in
// Lago's order: of each subscription the base fee, then its charges.
func Assemble(a Assembly) (*Invoice, []UsageSnapshot, error) {
	inv := a.newInvoice()
	var snapshots []UsageSnapshot
	for i := range a.Bills {
		b := &a.Bills[i]
		inv.Subscriptions = append(inv.Subscriptions, InvoiceSubscription{
			SubscriptionID: b.Subscription.ID,
			Base:           b.Base,
			Usage:          b.Usage,
			Fixed:          b.Fixed,
			Reason:         b.Reason,
			Cut:            b.Cut,
			Metered:        b.Metered,
		})
		if err := a.addBaseFee(inv, b); err != nil {
			return nil, nil, err
		}
		snapshots = append(snapshots, a.addChargeFees(inv, b)...)
	}
	if err := inv.total(); err != nil {
		return nil, nil, err
	}
	return inv, snapshots, nil
}

// NumberInvoice returns an invoice's number: the organization's prefix, the customer's
// number, the number of the invoice among the customer's, each of at least three digits.
func NumberInvoice(prefix string, customerSequence, invoiceSequence int64) string {
	return fmt.Sprintf("%s-%03d-%03d", prefix, customerSequence, invoiceSequence)
}

// DefaultDocumentPrefix returns the prefix of an organization's document numbers that
// was given none: the first three letters of its name and the last four of its id.
func DefaultDocumentPrefix(name string, id uuid.UUID) string {
	letters := []rune(name)
	if len(letters) > 3 {
		letters = letters[:3]
	}
	text := id.String()
	return strings.ToUpper(string(letters) + "-" + text[len(text)-4:])
}

func (a *Assembly) newInvoice() *Invoice {
	first := &a.Bills[0]
	terms := a.Organization.NetPaymentTermDays
	if a.Customer.NetPaymentTermDays != nil {
		terms = *a.Customer.NetPaymentTermDays
	}
	// The day it fell due, not the day of Now: a biller that was down must not change it.
	issued := LocalDate(first.At, a.Location)
	return &Invoice{
		ID:                 a.NewID(),
		OrganizationID:     a.Organization.ID,
		CustomerID:         a.Customer.ID,
		Type:               InvoiceTypeSubscription,
		Status:             InvoiceFinalized,
		Currency:           first.Plan.Currency,
		IssuingDate:        issued,
		PaymentDueDate:     issued.AddDate(0, 0, terms),
		NetPaymentTermDays: terms,
		CreatedAt:          a.Now,
		UpdatedAt:          a.Now,
	}
}

// newFee returns a fee of a bill's subscription with everything set that all fees share.
func (a *Assembly) newFee(inv *Invoice, b *PricedBill) Fee {
	return Fee{
		ID:             a.NewID(),
		OrganizationID: inv.OrganizationID,
		InvoiceID:      inv.ID,
		CustomerID:     inv.CustomerID,
		SubscriptionID: b.Subscription.ID,
		Currency:       inv.Currency,
		GroupedBy:      map[string]*string{},
		PaymentStatus:  PaymentPending,
		CreatedAt:      a.Now,
	}
}

// subscriptionDetails are Lago's amount_details of a base fee.
type subscriptionDetails struct {
	PlanAmountCents int64 `json:"plan_amount_cents"`
}

func (a *Assembly) addBaseFee(inv *Invoice, b *PricedBill) error {
	if b.Base.IsZero() {
		return nil
	}
	fee := a.newFee(inv, b)
	fee.Type = SubscriptionFee
	fee.PreciseAmount = BaseFee(b.Plan, b.BaseDays, b.BasePeriodDays)
	cents, err := roundCents(fee.PreciseAmount)
	if err != nil {
		return fmt.Errorf("cannot make the base fee of subscription %s: %w", b.Subscription.ID, err)
	}
	fee.AmountCents = cents
	fee.UnitAmount = FromCents(cents, inv.Currency)
	fee.Units = decimal.NewFromInt(1)
	fee.TotalUnits = fee.Units
	fee.AmountDetails = mustJSON(subscriptionDetails{b.Plan.AmountCents})
	fee.ItemCode, fee.ItemName = b.Plan.Code, b.Plan.Name
	fee.DisplayName = firstNonEmpty(b.Plan.InvoiceDisplayName, b.Plan.Name)
	fee.Period = b.Base
	inv.Fees = append(inv.Fees, fee)
	return nil
}

// BaseFee returns the base fee of days out of a full period's days, in cents, before
// rounding: the plan's amount when it is all of them, else that many days' shares.
func BaseFee(plan *Plan, days, periodDays int) decimal.Decimal {
	amount := decimal.NewFromInt(plan.AmountCents)
	if days == periodDays {
		return amount
	}
	// Multiplied first: a day's share that was rounded would lose a cent in a long period.
	return divide(amount.Mul(decimal.NewFromInt(int64(days))), decimal.NewFromInt(int64(periodDays)))
}

// addChargeFees adds a fee for every bucket that is not empty, and returns the evidence
// of all of them.
func (a *Assembly) addChargeFees(inv *Invoice, b *PricedBill) []UsageSnapshot {
	var snapshots []UsageSnapshot
	for i := range b.Charges {
		for j := range b.Charges[i].Buckets {
			usage, bucket := &b.Charges[i], &b.Charges[i].Buckets[j]
			snapshot := newSnapshot(inv.ID, b.Subscription.ID, usage, bucket)
			if !bucket.IsEmpty() {
				fee := a.chargeFee(inv, b, usage, bucket)
				snapshot.FeeID = &fee.ID
				inv.Fees = append(inv.Fees, fee)
			}
			snapshots = append(snapshots, snapshot)
		}
	}
	return snapshots
}

func (a *Assembly) chargeFee(inv *Invoice, b *PricedBill, usage *ChargeUsage, bucket *BucketUsage) Fee {
	charge := usage.Charge
	fee := a.newFee(inv, b)
	fee.Type = ChargeFee
	fee.Charge, fee.Filter, fee.GroupedBy = charge, bucket.Filter, bucket.GroupedBy
	fee.AmountCents, fee.PreciseAmount = bucket.AmountCents, bucket.PreciseAmount
	fee.UnitAmount, fee.AmountDetails = bucket.UnitAmount, bucket.AmountDetails
	fee.Units, fee.TotalUnits, fee.EventsCount = bucket.Units, bucket.TotalUnits, bucket.EventsCount
	fee.ItemCode, fee.ItemName = charge.Metric.Code, charge.Metric.Name
	fee.DisplayName = firstNonEmpty(charge.InvoiceDisplayName, charge.Metric.Name)
	if bucket.Filter != nil {
		fee.FilterDisplayName = bucket.Filter.InvoiceDisplayName
	}
	fee.Presentation = bucket.Presentation
	fee.Period = b.Usage
	return fee
}

// total sets the totals of the invoice by its fees.
func (inv *Invoice) total() error {
	var err error
	for i := range inv.Fees {
		if inv.FeesAmountCents, err = AddCents(inv.FeesAmountCents, inv.Fees[i].AmountCents); err != nil {
			return fmt.Errorf("cannot total the invoice: %w", err)
		}
	}
	inv.SubTotalExcludingTaxesAmountCents = inv.FeesAmountCents - inv.ProgressiveBillingCreditCents - inv.CouponsAmountCents
	inv.SubTotalIncludingTaxesAmountCents = inv.SubTotalExcludingTaxesAmountCents + inv.TaxesAmountCents
	inv.TotalAmountCents = inv.SubTotalIncludingTaxesAmountCents - inv.CreditNotesAmountCents - inv.PrepaidCreditAmountCents
	inv.PaymentStatus = PaymentPending
	if inv.TotalAmountCents == 0 {
		inv.PaymentStatus = PaymentSucceeded
	}
	return nil
}

func firstNonEmpty(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
