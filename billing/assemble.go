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
	Days    []time.Time     // the local days that metering was told of (query.UsageRequest.Days); nil: none
	// CommittedCents is what earlier invoices have billed for periods that begin in
	// Bill.CommitmentFees, commitment fees left out.
	CommittedCents int64
}

// Assembly is what an invoice is made from.
type Assembly struct {
	Organization *Organization
	Customer     *Customer      // with its taxes
	Location     *time.Location // the customer's; see Location
	// OrganizationTaxes are those that hold where nothing else is said.
	OrganizationTaxes []Tax
	// Bills are those of the customer's subscriptions that fell due together, all at the
	// same instant and belong together (Bill.InvoiceKey), at least one, in the order they shall have.
	Bills []PricedBill
	Now   time.Time        // when the invoice is made
	NewID func() uuid.UUID // makes the ids of invoice and fees
}

// Assemble makes a finalized invoice, without its number (NumberInvoice, in the
// transaction that writes it), and the snapshots that are its evidence. Fees are in
// Lago's order: of each subscription the base fee, its charges, each followed by what makes up
// for its minimum, its fixed charges, then what makes up for its minimum commitment.
func Assemble(a Assembly) (*Invoice, []UsageSnapshot, error) {
	first := &a.Bills[0]
	inv := a.newInvoice(InvoiceTypeSubscription, first.Plan.Currency, first.At)
	inv.PurchaseOrderNumber = first.Subscription.PurchaseOrderNumber
	var snapshots []UsageSnapshot
	for i := range a.Bills {
		b := &a.Bills[i]
		inv.Subscriptions = append(inv.Subscriptions, newInvoiceSubscription(b))
		if err := a.addBaseFee(inv, b); err != nil {
			return nil, nil, err
		}
		of, err := a.addChargeFees(inv, b)
		if err != nil {
			return nil, nil, err
		}
		snapshots = append(snapshots, of...)
		if err := a.addFixedChargeFees(inv, b); err != nil {
			return nil, nil, err
		}
		if err := a.addCommitmentFee(inv, b); err != nil {
			return nil, nil, err
		}
	}
	return inv, snapshots, inv.settle(a.taxer())
}

func newInvoiceSubscription(b *PricedBill) InvoiceSubscription {
	return InvoiceSubscription{
		SubscriptionID: b.Subscription.ID,
		Base:           b.Base,
		Usage:          b.Usage,
		Fixed:          b.Fixed,
		FixedAhead:     b.FixedAhead,
		Reason:         b.Reason,
		Cut:            b.Cut,
		Metered:        b.Metered,
		Days:           b.Days,
	}
}

func (a *Assembly) taxer() *taxer {
	return &taxer{customer: a.Customer.Taxes, organization: a.OrganizationTaxes, newID: a.NewID, now: a.Now}
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

// newInvoice returns an invoice without fees, of what fell due at an instant.
func (a *Assembly) newInvoice(kind string, currency Currency, at time.Time) *Invoice {
	terms := a.Organization.NetPaymentTermDays
	if a.Customer.NetPaymentTermDays != nil {
		terms = *a.Customer.NetPaymentTermDays
	}
	// The day it fell due, not the day of Now: a biller that was down must not change it.
	issued := LocalDate(at, a.Location)
	return &Invoice{
		ID:                 a.NewID(),
		OrganizationID:     a.Organization.ID,
		CustomerID:         a.Customer.ID,
		Type:               kind,
		Status:             InvoiceFinalized,
		Currency:           currency,
		IssuingDate:        issued,
		PaymentDueDate:     issued.AddDate(0, 0, terms),
		NetPaymentTermDays: terms,
		CreatedAt:          a.Now,
		UpdatedAt:          a.Now,
	}
}

// newFee returns a fee of a bill's subscription with everything set that all fees share.
func (a *Assembly) newFee(inv *Invoice, b *PricedBill) Fee {
	fee := a.newItem(inv)
	fee.SubscriptionID = b.Subscription.ID
	return fee
}

// newItem returns a fee of no subscription.
func (a *Assembly) newItem(inv *Invoice) Fee {
	return Fee{
		ID:             a.NewID(),
		OrganizationID: inv.OrganizationID,
		InvoiceID:      inv.ID,
		CustomerID:     inv.CustomerID,
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
	a.taxer().choose(&fee, b.Plan.Taxes)
	inv.Fees = append(inv.Fees, fee)
	return nil
}

// BaseFee returns the base fee of days out of a full period's days, in cents, before
// rounding: the plan's amount when it is all of them, else that many days' shares.
func BaseFee(plan *Plan, days, periodDays int) decimal.Decimal {
	return share(decimal.NewFromInt(plan.AmountCents), days, periodDays)
}

// addChargeFees adds the fees of all charges, and returns the evidence of their usage.
func (a *Assembly) addChargeFees(inv *Invoice, b *PricedBill) ([]UsageSnapshot, error) {
	var snapshots []UsageSnapshot
	for i := range b.Charges {
		of, err := a.addCharge(inv, b, &b.Charges[i])
		if err != nil {
			return nil, err
		}
		snapshots = append(snapshots, of...)
	}
	return snapshots, nil
}

// addCharge adds a fee for every bucket of a charge that is not empty, and behind them what
// makes up for the charge's minimum. That hangs on the fee of the default bucket, which then
// has one also if it is empty; where the charge is grouped and saw nothing, on none.
func (a *Assembly) addCharge(inv *Invoice, b *PricedBill, usage *ChargeUsage) ([]UsageSnapshot, error) {
	missing, err := a.missingOf(inv, b, usage)
	if err != nil {
		return nil, err
	}
	var snapshots []UsageSnapshot
	parent := uuid.Nil
	for i := range usage.Buckets {
		bucket := &usage.Buckets[i]
		snapshot := newSnapshot(inv.ID, b.Subscription.ID, usage, bucket)
		isParent := missing > 0 && bucket.Filter == nil && parent == uuid.Nil
		if isParent || !bucket.IsEmpty() {
			fee := a.chargeFee(inv, b, usage, bucket)
			snapshot.FeeID = &fee.ID
			inv.Fees = append(inv.Fees, fee)
			if isParent {
				parent = fee.ID
			}
		}
		snapshots = append(snapshots, snapshot)
	}
	if missing > 0 {
		fee, err := a.trueUpFee(inv, b, usage, missing, parent)
		if err != nil {
			return nil, fmt.Errorf("cannot make up for the minimum of charge %s: %w", usage.Charge.ID, err)
		}
		inv.Fees = append(inv.Fees, fee)
	}
	return snapshots, nil
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
	fee.PricingUnit = bucket.PricingUnit
	fee.Period = b.Usage
	a.taxer().choose(&fee, charge.Taxes, b.Plan.Taxes)
	return fee
}

// settle takes the steps from an invoice's fees to its total, in the order of application:
//
//	1  the fees, which are there
//	2  progressive billing credits: what was billed of the usage before its period ended
//	3  coupons, which also lower what the fees are taxed on
//	4  taxes
//	5  credit notes, the oldest first
//	6  wallets, by their priority
//
// Those of them that do not exist yet take nothing. A one-off invoice has the fees and taxes only.
func (inv *Invoice) settle(x *taxer) error {
	if err := inv.addFees(); err != nil {
		return err
	}
	if err := x.apply(inv); err != nil {
		return err
	}
	return inv.total()
}

// addFees sums the fees up.
func (inv *Invoice) addFees() (err error) {
	for i := range inv.Fees {
		if inv.FeesAmountCents, err = AddCents(inv.FeesAmountCents, inv.Fees[i].AmountCents); err != nil {
			return fmt.Errorf("cannot total the invoice: %w", err)
		}
	}
	return nil
}

// total sets the totals of the invoice by what its steps came to; see Invoice.
func (inv *Invoice) total() (err error) {
	inv.SubTotalExcludingTaxesAmountCents = inv.FeesAmountCents - inv.ProgressiveBillingCreditCents - inv.CouponsAmountCents
	if inv.SubTotalIncludingTaxesAmountCents, err = AddCents(inv.SubTotalExcludingTaxesAmountCents, inv.TaxesAmountCents); err != nil {
		return fmt.Errorf("cannot total the invoice: %w", err)
	}
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
