package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// The outbox's kinds for a new invoice: Lago's names.
const (
	outboxInvoiceCreated = "invoice.created"
	outboxOneOffCreated  = "invoice.one_off_created"
)

// invoiceRows writes the rows of one invoice, inside a transaction that holds the lock on its
// customer.
type invoiceRows struct {
	tx        pgx.Tx
	org       uuid.UUID
	customer  uuid.UUID
	invoice   *billing.Invoice
	snapshots []billing.UsageSnapshot
	now       time.Time
}

// insert writes the invoice, which has its number, all that belongs to it, and what must be told.
func (w *invoiceRows) insert(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		w.insertInvoice, w.insertSubscriptions, w.insertFees, w.insertTaxes, w.insertSnapshots, w.insertOutbox,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// number gives the invoice its place among the customer's.
func (w *invoiceRows) number(prefix string, customerSequence, sequence int64) {
	w.invoice.SequentialID = sequence
	w.invoice.Number = billing.NumberInvoice(prefix, customerSequence, sequence)
	stampAll(&w.invoice.CreatedAt, &w.invoice.UpdatedAt)
}

func (w *invoiceRows) insertInvoice(ctx context.Context) error {
	const insert = `INSERT INTO invoices (id, organization_id, customer_id, number, sequential_id, invoice_type,
			status, payment_status, currency, issuing_date, payment_due_date, net_payment_term_days,
			fees_amount_cents, coupons_amount_cents, credit_notes_amount_cents, prepaid_credit_amount_cents,
			progressive_billing_credit_cents, taxes_amount_cents, sub_total_excluding_taxes_amount_cents,
			sub_total_including_taxes_amount_cents, total_amount_cents, taxes_rate, purchase_order_number, created_at, updated_at)
		VALUES (@id, @org, @customer, @number, @sequential_id, @type,
			@status, @payment_status, @currency, @issuing_date, @payment_due_date, @net_payment_term_days,
			@fees, @coupons, @credit_notes, @prepaid_credit, @progressive_billing_credit, @taxes,
			@sub_total_excluding_taxes, @sub_total_including_taxes, @total, @taxes_rate, @purchase_order_number, @created_at, @updated_at)`
	i := w.invoice
	_, err := w.tx.Exec(ctx, insert, pgx.NamedArgs{
		"id": i.ID, "org": w.org, "customer": w.customer,
		"number": i.Number, "sequential_id": i.SequentialID, "type": i.Type,
		"status": i.Status, "payment_status": i.PaymentStatus, "currency": i.Currency,
		"issuing_date": i.IssuingDate, "payment_due_date": i.PaymentDueDate,
		"net_payment_term_days": i.NetPaymentTermDays,
		"fees":                  i.FeesAmountCents, "coupons": i.CouponsAmountCents,
		"credit_notes": i.CreditNotesAmountCents, "prepaid_credit": i.PrepaidCreditAmountCents,
		"progressive_billing_credit": i.ProgressiveBillingCreditCents, "taxes": i.TaxesAmountCents,
		"sub_total_excluding_taxes": i.SubTotalExcludingTaxesAmountCents,
		"sub_total_including_taxes": i.SubTotalIncludingTaxesAmountCents,
		"total":                     i.TotalAmountCents, "taxes_rate": numeric(i.TaxesRate), "purchase_order_number": i.PurchaseOrderNumber,
		"created_at": i.CreatedAt, "updated_at": i.UpdatedAt,
	})
	if err != nil {
		return fmt.Errorf("cannot insert the invoice: %w", err)
	}
	return nil
}

func (w *invoiceRows) insertSubscriptions(ctx context.Context) error {
	columns := []string{
		"organization_id", "invoice_id", "position", "subscription_id", "reason", "base_from", "base_to",
		"usage_from", "usage_to", "fixed_from", "fixed_to", "fixed_ahead_from", "fixed_ahead_to",
		"cut_log_id", "cut_partition", "cut_next", "evidence",
	}
	return w.copyRows(ctx, "invoice_subscriptions", columns, len(w.invoice.Subscriptions), func(n int) []any {
		s := &w.invoice.Subscriptions[n]
		base, usage, fixed, ahead := keptPeriod(s.Base), keptPeriod(s.Usage), keptPeriod(s.Fixed), keptPeriod(s.FixedAhead)
		row := []any{
			w.org, w.invoice.ID, n, s.SubscriptionID, s.Reason,
			base.from, base.to, usage.from, usage.to, fixed.from, fixed.to, ahead.from, ahead.to,
		}
		if s.Cut == nil {
			row = append(row, nil, nil, nil)
		} else {
			row = append(row, s.Cut.LogID, s.Cut.Partition, s.Cut.Next)
		}
		return append(row, evidence(s))
	})
}

// evidence returns what is kept of how a subscription's part of an invoice was priced: null
// where that was the base fee alone.
func evidence(s *billing.InvoiceSubscription) any {
	if s.Cut == nil && len(s.FixedCharges) == 0 && len(s.Minimums) == 0 {
		return nil
	}
	return s.Evidence()
}

func (w *invoiceRows) insertFees(ctx context.Context) error {
	columns := []string{
		"id", "organization_id", "invoice_id", "position", "customer_id", "subscription_id", "fee_type",
		"charge_id", "charge_filter_id", "fixed_charge_id", "add_on_id", "true_up_parent_fee_id", "grouped_by",
		"currency", "amount_cents", "precise_amount_cents", "taxes_amount_cents", "taxes_precise_cents", "taxes_rate",
		"unit_amount", "units", "total_units", "events_count", "amount_details", "pricing_unit", "description",
		"item_id", "item_code", "item_name", "display_name", "filter_display_name", "presentation",
		"payment_status", "period_from", "period_to", "created_at",
	}
	return w.copyRows(ctx, "fees", columns, len(w.invoice.Fees), func(n int) []any {
		f := &w.invoice.Fees[n]
		of := refersTo(f)
		return []any{
			f.ID, w.org, w.invoice.ID, n, w.customer, orNull(f.SubscriptionID), f.Type,
			of.charge, of.filter, of.fixedCharge, of.addOn, orNull(f.TrueUpParentID), groups(f.GroupedBy),
			f.Currency, f.AmountCents, numeric(f.PreciseAmount), f.TaxesCents, numeric(f.PreciseTaxes), numeric(f.TaxesRate),
			numeric(f.UnitAmount), numeric(f.Units), numeric(f.TotalUnits), f.EventsCount, object(f.AmountDetails), f.PricingUnit, f.Description,
			of.item, f.ItemCode, f.ItemName, f.DisplayName, f.FilterDisplayName, presentation(f.Presentation),
			f.PaymentStatus, stamp(f.Period.From), stamp(f.Period.To), stamp(f.CreatedAt),
		}
	})
}

// feeReferences are the rows of the catalog that a fee names; nil: none of its kind.
type feeReferences struct {
	charge, filter, fixedCharge, addOn *uuid.UUID
	item                               uuid.UUID // billable metric, add-on or subscription
}

func refersTo(f *billing.Fee) feeReferences {
	of := feeReferences{item: f.SubscriptionID}
	if f.AddOn != nil {
		of.addOn, of.item = &f.AddOn.ID, f.AddOn.ID
	}
	if f.FixedCharge != nil {
		of.fixedCharge = &f.FixedCharge.ID
	}
	if f.Charge != nil {
		of.charge, of.item = &f.Charge.ID, f.Charge.Metric.ID
	}
	if f.Filter != nil {
		of.filter = &f.Filter.ID
	}
	return of
}

// orNull returns an id as it is stored: null where there is none.
func orNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// taxRow is a tax with the fee or invoice that it is put on, and its place among their taxes.
type taxRow struct {
	owner    uuid.UUID
	position int
	tax      *billing.AppliedTax
}

func (w *invoiceRows) insertTaxes(ctx context.Context) error {
	var ofFees, ofInvoice []taxRow
	for i := range w.invoice.Fees {
		f := &w.invoice.Fees[i]
		for j := range f.Taxes {
			ofFees = append(ofFees, taxRow{f.ID, j, &f.Taxes[j]})
		}
	}
	for i := range w.invoice.Taxes {
		ofInvoice = append(ofInvoice, taxRow{w.invoice.ID, i, &w.invoice.Taxes[i]})
	}
	if err := w.copyTaxes(ctx, "fee_taxes", "fee_id", ofFees); err != nil {
		return err
	}
	return w.copyTaxes(ctx, "invoice_taxes", "invoice_id", ofInvoice)
}

func (w *invoiceRows) copyTaxes(ctx context.Context, table, owner string, rows []taxRow) error {
	columns := []string{
		"id", "organization_id", owner, "tax_id", "position", "code", "name", "description", "rate",
		"base_amount_cents", "amount_cents", "precise_amount_cents", "created_at",
	}
	return w.copyRows(ctx, table, columns, len(rows), func(n int) []any {
		r, t := &rows[n], rows[n].tax
		return []any{
			t.ID, w.org, r.owner, t.TaxID, r.position, t.Code, t.Name, t.Description, numeric(t.Rate),
			numeric(t.BaseCents), t.AmountCents, numeric(t.PreciseAmount), stamp(t.CreatedAt),
		}
	})
}

func (w *invoiceRows) insertSnapshots(ctx context.Context) error {
	columns := []string{
		"organization_id", "invoice_id", "subscription_id", "charge_id", "charge_filter_id", "grouped_by",
		"units", "events_count", "definition", "fee_id", "position",
	}
	return w.copyRows(ctx, "usage_snapshots", columns, len(w.snapshots), func(n int) []any {
		s := &w.snapshots[n]
		return []any{
			w.org, w.invoice.ID, s.SubscriptionID, s.ChargeID, s.ChargeFilterID,
			groups(s.GroupedBy), numeric(s.Units), s.EventsCount, object(s.Definition), s.FeeID, n,
		}
	})
}

func (w *invoiceRows) insertOutbox(ctx context.Context) error {
	const insert = `INSERT INTO outbox (organization_id, kind, subject_id, created_at) VALUES ($1, $2, $3, $4)`
	kind := outboxInvoiceCreated
	if w.invoice.Type == billing.InvoiceTypeOneOff {
		kind = outboxOneOffCreated
	}
	_, err := w.tx.Exec(ctx, insert, w.org, kind, w.invoice.ID, w.now)
	if err != nil {
		return fmt.Errorf("cannot insert into the outbox: %w", err)
	}
	return nil
}

// copyRows writes n rows with COPY: an invoice over many groups has many fees.
func (w *invoiceRows) copyRows(ctx context.Context, table string, columns []string, n int, row func(int) []any) error {
	if n == 0 {
		return nil
	}
	source := pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil })
	if _, err := w.tx.CopyFrom(ctx, pgx.Identifier{table}, columns, source); err != nil {
		return fmt.Errorf("cannot write %s: %w", table, err)
	}
	return nil
}

// stamped stamps an instant that may be missing, and leaves the caller's alone.
func stamped(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	s := stamp(*t)
	return &s
}

// presentation returns the parts of a fee as they are stored: null where there are none.
func presentation(parts []billing.PresentationUsage) any {
	if len(parts) == 0 {
		return nil
	}
	return parts
}

// groups returns a pricing group as it is stored: {} where there is none.
func groups(g map[string]*string) map[string]*string {
	if g == nil {
		return map[string]*string{}
	}
	return g
}

// object returns JSON as it is stored: {} where there is none.
func object(json []byte) []byte {
	if len(json) == 0 {
		return []byte("{}")
	}
	return json
}
