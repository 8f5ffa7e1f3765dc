package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const invoiceColumns = `i.id, i.organization_id, i.customer_id, i.number, i.sequential_id, i.invoice_type,
	i.status, i.payment_status, i.currency, i.issuing_date, i.payment_due_date, i.net_payment_term_days,
	i.fees_amount_cents, i.coupons_amount_cents, i.credit_notes_amount_cents, i.prepaid_credit_amount_cents,
	i.progressive_billing_credit_cents, i.taxes_amount_cents, i.sub_total_excluding_taxes_amount_cents,
	i.sub_total_including_taxes_amount_cents, i.total_amount_cents, i.taxes_rate, i.purchase_order_number,
	i.created_at, i.updated_at`

func scanInvoice(row pgx.CollectableRow) (i billing.Invoice, err error) {
	err = row.Scan(&i.ID, &i.OrganizationID, &i.CustomerID, &i.Number, &i.SequentialID, &i.Type,
		&i.Status, &i.PaymentStatus, &i.Currency, &i.IssuingDate, &i.PaymentDueDate, &i.NetPaymentTermDays,
		&i.FeesAmountCents, &i.CouponsAmountCents, &i.CreditNotesAmountCents, &i.PrepaidCreditAmountCents,
		&i.ProgressiveBillingCreditCents, &i.TaxesAmountCents, &i.SubTotalExcludingTaxesAmountCents,
		&i.SubTotalIncludingTaxesAmountCents, &i.TotalAmountCents, &i.TaxesRate, &i.PurchaseOrderNumber, &i.CreatedAt, &i.UpdatedAt)
	return i, err
}

const invoiceSubscriptionColumns = `x.subscription_id, x.reason, x.base_from, x.base_to, x.usage_from, x.usage_to,
	x.fixed_from, x.fixed_to, x.fixed_ahead_from, x.fixed_ahead_to, x.cut_log_id, x.cut_partition, x.cut_next`

func scanInvoiceSubscription(row pgx.CollectableRow) (s billing.InvoiceSubscription, err error) {
	var base, usage, fixed, ahead nullablePeriod
	var cut nullableCut
	err = row.Scan(&s.SubscriptionID, &s.Reason, &base.from, &base.to, &usage.from, &usage.to,
		&fixed.from, &fixed.to, &ahead.from, &ahead.to, &cut.logID, &cut.partition, &cut.next)
	s.Base, s.Usage, s.Fixed, s.FixedAhead = base.period(), usage.period(), fixed.period(), ahead.period()
	s.Cut = cut.cut()
	return s, err
}

// nullableCut is a cut as it is kept: none is null.
type nullableCut struct {
	logID     *string
	partition *int32
	next      *int64
}

func (n *nullableCut) cut() *billing.Cut {
	if n.logID == nil || n.partition == nil || n.next == nil {
		return nil
	}
	return &billing.Cut{LogID: *n.logID, Partition: *n.partition, Next: *n.next}
}

// nullablePeriod is a period as it is kept: the zero Period is null.
type nullablePeriod struct {
	from, to *time.Time
}

func keptPeriod(p billing.Period) nullablePeriod {
	if p.IsZero() {
		return nullablePeriod{}
	}
	from, to := stamp(p.From), stamp(p.To)
	return nullablePeriod{&from, &to}
}

func (n nullablePeriod) period() billing.Period {
	if n.from == nil || n.to == nil {
		return billing.Period{}
	}
	return billing.Period{From: *n.from, To: *n.to}
}

// Invoice returns an invoice with its subscriptions, fees and taxes.
func (db *DB) Invoice(ctx context.Context, org, id uuid.UUID) (billing.Invoice, error) {
	const query = `SELECT ` + invoiceColumns + ` FROM invoices i WHERE i.organization_id = $1 AND i.id = $2`
	const subscriptionsQuery = `SELECT ` + invoiceSubscriptionColumns + ` FROM invoice_subscriptions x
		WHERE x.organization_id = $1 AND x.invoice_id = $2 ORDER BY x.position`
	const feesQuery = `SELECT ` + feeColumns + ` FROM fees f
		WHERE f.organization_id = $1 AND f.invoice_id = $2 ORDER BY f.position`
	invoice, err := readOne(ctx, db.pool, "invoice", scanInvoice, query, org, id)
	if err != nil {
		return billing.Invoice{}, err
	}
	invoice.Subscriptions, err = readAll(ctx, db.pool, "an invoice's subscriptions", scanInvoiceSubscription, subscriptionsQuery, org, id)
	if err != nil {
		return billing.Invoice{}, err
	}
	fees, err := readAll(ctx, db.pool, "an invoice's fees", scanFee, feesQuery, org, id)
	if err != nil {
		return billing.Invoice{}, err
	}
	if invoice.Fees, err = db.completeFees(ctx, org, fees); err != nil {
		return billing.Invoice{}, err
	}
	one := []billing.Invoice{invoice}
	err = db.readInvoiceTaxes(ctx, org, one)
	return one[0], err
}

// InvoiceFilter says which invoices are listed; the zero value is all.
type InvoiceFilter struct {
	CustomerExternalID string
	Statuses           []billing.InvoiceStatus
	PaymentStatuses    []billing.PaymentStatus
	// Calendar days, both inclusive.
	IssuingDateFrom, IssuingDateTo *time.Time
	Type                           string
	Currency                       billing.Currency
	// Of the total, in minor units, both inclusive.
	AmountFrom, AmountTo *int64
}

// Invoices returns a page of the invoices, the latest issuing date first, and how many
// there are. They come with their taxes, and without subscriptions and fees.
func (db *DB) Invoices(ctx context.Context, org uuid.UUID, f InvoiceFilter, page Page) ([]billing.Invoice, int, error) {
	const from = ` FROM invoices i
		JOIN customers c ON c.id = i.customer_id
		WHERE i.organization_id = @org
			AND (@customer = '' OR c.external_id = @customer)
			AND (cardinality(@statuses::text[]) = 0 OR i.status = ANY (@statuses))
			AND (cardinality(@payment_statuses::text[]) = 0 OR i.payment_status = ANY (@payment_statuses))
			AND (@issued_from::date IS NULL OR i.issuing_date >= @issued_from)
			AND (@issued_to::date IS NULL OR i.issuing_date <= @issued_to)
			AND (@type = '' OR i.invoice_type = @type)
			AND (@currency = '' OR i.currency = @currency)
			AND (@amount_from::bigint IS NULL OR i.total_amount_cents >= @amount_from)
			AND (@amount_to::bigint IS NULL OR i.total_amount_cents <= @amount_to)`
	invoices, total, err := readPage(ctx, db.pool, listing{
		what:  "invoices",
		count: `SELECT count(*)` + from,
		list: `SELECT ` + invoiceColumns + from + `
			ORDER BY i.issuing_date DESC, i.created_at DESC, i.id LIMIT @limit OFFSET @offset`,
		args: pgx.NamedArgs{
			"org": org, "customer": f.CustomerExternalID,
			"statuses": texts(f.Statuses), "payment_statuses": texts(f.PaymentStatuses),
			"issued_from": f.IssuingDateFrom, "issued_to": f.IssuingDateTo,
			"type": f.Type, "currency": f.Currency,
			"amount_from": f.AmountFrom, "amount_to": f.AmountTo,
		},
	}, page, scanInvoice)
	if err != nil {
		return nil, 0, err
	}
	return invoices, total, db.readInvoiceTaxes(ctx, org, invoices)
}

// readInvoiceTaxes fills in the taxes of invoices.
func (db *DB) readInvoiceTaxes(ctx context.Context, org uuid.UUID, invoices []billing.Invoice) error {
	if len(invoices) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(invoices))
	for i := range invoices {
		ids[i] = invoices[i].ID
	}
	taxes, err := invoiceTaxes(ctx, db.pool, org, ids)
	for i := range invoices {
		invoices[i].Taxes = taxes[invoices[i].ID]
	}
	return err
}
