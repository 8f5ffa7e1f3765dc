package api

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

// calculationVersion is version_number: which rules made the totals. Lago's newest.
const calculationVersion = 4

// invoiceObject is Lago's InvoiceObject: an invoice in a list.
type invoiceObject struct {
	LagoID                              uuid.UUID          `json:"lago_id"`
	BillingEntityCode                   string             `json:"billing_entity_code"`
	SequentialID                        int64              `json:"sequential_id"`
	Number                              string             `json:"number"`
	IssuingDate                         string             `json:"issuing_date"`
	PaymentDueDate                      string             `json:"payment_due_date"`
	PaymentDisputeLostAt                *string            `json:"payment_dispute_lost_at"`
	PaymentOverdue                      bool               `json:"payment_overdue"`
	NetPaymentTerm                      int                `json:"net_payment_term"`
	InvoiceType                         string             `json:"invoice_type"`
	Status                              string             `json:"status"`
	PaymentStatus                       string             `json:"payment_status"`
	Currency                            string             `json:"currency"`
	FeesAmountCents                     int64              `json:"fees_amount_cents"`
	CouponsAmountCents                  int64              `json:"coupons_amount_cents"`
	CreditNotesAmountCents              int64              `json:"credit_notes_amount_cents"`
	SubTotalExcludingTaxesAmountCents   int64              `json:"sub_total_excluding_taxes_amount_cents"`
	TaxesAmountCents                    int64              `json:"taxes_amount_cents"`
	TaxesRate                           jsontext.Value     `json:"taxes_rate"` // percent, a number; ours
	SubTotalIncludingTaxesAmountCents   int64              `json:"sub_total_including_taxes_amount_cents"`
	PrepaidCreditAmountCents            int64              `json:"prepaid_credit_amount_cents"`
	PrepaidGrantedCreditAmountCents     *int64             `json:"prepaid_granted_credit_amount_cents"`
	PrepaidPurchasedCreditAmountCents   *int64             `json:"prepaid_purchased_credit_amount_cents"`
	ProgressiveBillingCreditAmountCents int64              `json:"progressive_billing_credit_amount_cents"`
	TotalAmountCents                    int64              `json:"total_amount_cents"`
	TotalDueAmountCents                 int64              `json:"total_due_amount_cents"`
	TotalPaidAmountCents                int64              `json:"total_paid_amount_cents"`
	TotalOffsettedCreditNoteAmountCents int64              `json:"total_offsetted_credit_note_amount_cents"`
	VersionNumber                       int                `json:"version_number"`
	SelfBilled                          bool               `json:"self_billed"`
	PurchaseOrderNumber                 *string            `json:"purchase_order_number"`
	FileURL                             *string            `json:"file_url"`
	XMLURL                              *string            `json:"xml_url"`
	WebURL                              *string            `json:"web_url"`
	VoidedAt                            *string            `json:"voided_at"`
	CreatedAt                           string             `json:"created_at"`
	UpdatedAt                           string             `json:"updated_at"`
	Customer                            customerObject     `json:"customer"`
	Metadata                            none               `json:"metadata"`
	AppliedTaxes                        []invoiceTaxObject `json:"applied_taxes"`
}

// invoiceExtendedObject is Lago's InvoiceObjectExtended: an invoice by itself.
type invoiceExtendedObject struct {
	invoiceObject                `json:",inline"`
	Fees                         []feeObject           `json:"fees"`
	Subscriptions                []subscriptionObject  `json:"subscriptions"`
	BillingPeriods               []billingPeriodObject `json:"billing_periods"`
	Credits                      none                  `json:"credits"`
	ErrorDetails                 none                  `json:"error_details"`
	AppliedInvoiceCustomSections none                  `json:"applied_invoice_custom_sections"`
	AppliedUsageThresholds       none                  `json:"applied_usage_thresholds"`
}

func invoiceOf(organization *billing.Organization, inv *billing.Invoice, customer *billing.Customer) invoiceObject {
	o := invoiceObject{
		LagoID:                              inv.ID,
		BillingEntityCode:                   billingEntityDefault,
		SequentialID:                        inv.SequentialID,
		Number:                              inv.Number,
		IssuingDate:                         date(inv.IssuingDate),
		PaymentDueDate:                      date(inv.PaymentDueDate),
		NetPaymentTerm:                      inv.NetPaymentTermDays,
		InvoiceType:                         inv.Type,
		Status:                              string(inv.Status),
		PaymentStatus:                       string(inv.PaymentStatus),
		Currency:                            string(inv.Currency),
		FeesAmountCents:                     inv.FeesAmountCents,
		CouponsAmountCents:                  inv.CouponsAmountCents,
		CreditNotesAmountCents:              inv.CreditNotesAmountCents,
		SubTotalExcludingTaxesAmountCents:   inv.SubTotalExcludingTaxesAmountCents,
		TaxesAmountCents:                    inv.TaxesAmountCents,
		TaxesRate:                           number(inv.TaxesRate),
		SubTotalIncludingTaxesAmountCents:   inv.SubTotalIncludingTaxesAmountCents,
		PrepaidCreditAmountCents:            inv.PrepaidCreditAmountCents,
		ProgressiveBillingCreditAmountCents: inv.ProgressiveBillingCreditCents,
		TotalAmountCents:                    inv.TotalAmountCents,
		TotalDueAmountCents:                 inv.TotalAmountCents,
		VersionNumber:                       calculationVersion,
		PurchaseOrderNumber:                 orNull(inv.PurchaseOrderNumber),
		CreatedAt:                           stamp(inv.CreatedAt),
		UpdatedAt:                           stamp(inv.UpdatedAt),
		Customer:                            customerOf(organization, customer),
		AppliedTaxes:                        invoiceTaxesOf(inv),
	}
	return o
}

// listInvoices is GET /invoices.
func (a *api) listInvoices(ctx context.Context, r request) (any, error) {
	p := r.params()
	customer := p.text("external_customer_id")
	if customer == "" {
		customer = p.text("customer_external_id") // which Lago takes as well
	}
	return a.invoicePage(ctx, r, p, customer)
}

// listCustomerInvoices is GET /customers/{external_id}/invoices.
func (a *api) listCustomerInvoices(ctx context.Context, r request) (any, error) {
	customer, err := a.pathCustomer(ctx, r)
	if err != nil {
		return nil, err
	}
	return a.invoicePage(ctx, r, r.params(), customer.ExternalID)
}

func (a *api) invoicePage(ctx context.Context, r request, p params, customer string) (any, error) {
	filter := readInvoiceFilter(p)
	filter.CustomerExternalID = customer
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	invoices, total, err := a.DB.Invoices(ctx, r.organization.ID, filter, page)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for i := range invoices {
		ids = append(ids, invoices[i].CustomerID)
	}
	customers, err := a.DB.CustomersByID(ctx, r.organization.ID, ids)
	if err != nil {
		return nil, fmt.Errorf("cannot load customers of invoices: %w", err)
	}
	return struct {
		Invoices []invoiceObject `json:"invoices"`
		Meta     meta            `json:"meta"`
	}{
		each(invoices, func(inv *billing.Invoice) invoiceObject {
			customer := customers[inv.CustomerID]
			return invoiceOf(&r.organization, inv, &customer)
		}),
		metaOf(page, total),
	}, nil
}

func readInvoiceFilter(p params) postgres.InvoiceFilter {
	filter := postgres.InvoiceFilter{
		Type:       p.choice("invoice_type", "subscription", "add_on", "credit", "one_off", "advance_charges", "progressive_billing"),
		Currency:   billing.Currency(p.text("currency")),
		AmountFrom: p.cents("amount_from"),
		AmountTo:   p.cents("amount_to"),
	}
	for _, status := range append(p.texts("status"), p.texts("statuses")...) {
		filter.Statuses = append(filter.Statuses, billing.InvoiceStatus(status))
	}
	for _, status := range append(p.texts("payment_status"), p.texts("payment_statuses")...) {
		filter.PaymentStatuses = append(filter.PaymentStatuses, billing.PaymentStatus(status))
	}
	if from, ok := p.instant("issuing_date_from"); ok {
		filter.IssuingDateFrom = &from
	}
	if to, ok := p.instant("issuing_date_to"); ok {
		filter.IssuingDateTo = &to
	}
	p.notYet("payment_overdue", "search_term", "payment_dispute_lost", "self_billed", "billing_entity_codes",
		"partially_paid", "purchase_order_number", "settlements", "metadata")
	return filter
}

// showInvoice is GET /invoices/{lago_id}.
func (a *api) showInvoice(ctx context.Context, r request) (any, error) {
	id, err := r.pathUUID("lago_id", "invoice")
	if err != nil {
		return nil, err
	}
	return a.invoiceAnswer(ctx, &r.organization, id)
}

type invoiceAnswer struct {
	Invoice invoiceExtendedObject `json:"invoice"`
}

// invoiceAnswer is the answer that shows an invoice by itself.
func (a *api) invoiceAnswer(ctx context.Context, organization *billing.Organization, id uuid.UUID) (any, error) {
	inv, err := a.DB.Invoice(ctx, organization.ID, id)
	if err != nil {
		return nil, err
	}
	o, err := a.invoiceExtended(ctx, organization, &inv)
	if err != nil {
		return nil, err
	}
	return invoiceAnswer{o}, nil
}

// invoiceExtended loads what the invoice names.
func (a *api) invoiceExtended(ctx context.Context, organization *billing.Organization, inv *billing.Invoice) (invoiceExtendedObject, error) {
	customer, err := a.DB.CustomerByID(ctx, organization.ID, inv.CustomerID)
	if err != nil {
		return invoiceExtendedObject{}, fmt.Errorf("cannot load customer of invoice: %w", err)
	}
	subs, err := a.invoicedSubscriptions(ctx, organization, inv)
	if err != nil {
		return invoiceExtendedObject{}, err
	}
	now, err := a.now(ctx, organization.ID)
	if err != nil {
		return invoiceExtendedObject{}, err
	}
	o := invoiceExtendedObject{
		invoiceObject: invoiceOf(organization, inv, &customer),
		Subscriptions: each(subs, func(s *subscribed) subscriptionObject { return s.object(now) }),
	}
	for i := range inv.Subscriptions {
		o.BillingPeriods = append(o.BillingPeriods, billingPeriodOf(&inv.Subscriptions[i], &subs[i]))
	}
	o.Fees, err = a.feeObjects(ctx, organization.ID, inv.Fees)
	return o, err
}

// invoicedSubscriptions loads the subscriptions of an invoice with what they bind, in its order.
func (a *api) invoicedSubscriptions(ctx context.Context, organization *billing.Organization, inv *billing.Invoice) ([]subscribed, error) {
	var ids []uuid.UUID
	for i := range inv.Subscriptions {
		ids = append(ids, inv.Subscriptions[i].SubscriptionID)
	}
	byID, err := a.DB.SubscriptionsByID(ctx, organization.ID, ids)
	if err != nil {
		return nil, fmt.Errorf("cannot load subscriptions of invoice: %w", err)
	}
	subs := make([]billing.Subscription, len(ids))
	for i, id := range ids {
		subs[i] = byID[id]
	}
	return a.subscribedToAll(ctx, organization, subs)
}
