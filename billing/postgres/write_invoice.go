package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// ErrAlreadyBilled: a subscription no longer stands where the billing began, because
// another biller was faster or it was changed in between. Nothing was written.
var ErrAlreadyBilled = errors.New("already billed")

// outboxInvoiceCreated is the outbox's kind for a new invoice.
const outboxInvoiceCreated = "invoice.created"

// invoiceWrite is one WriteInvoice at work inside its transaction.
type invoiceWrite struct {
	tx        pgx.Tx
	claim     Claim
	invoice   *billing.Invoice
	snapshots []billing.UsageSnapshot
	advances  []billing.Advance
	now       time.Time
}

// WriteInvoice writes an invoice with its fees and evidence, moves the subscriptions
// forward over what it bills, queues what must be told, and ends the claim: all of it
// in one transaction, or nothing. inv, whose ids and those of its fees are set, gets
// its number, the next of the customer's without a gap; inv may be nil where there is
// nothing to invoice and only the subscriptions move. now is the organization's clock.
//
// When a subscription is no longer as its advance says, the error is
// ErrAlreadyBilled; when another biller has claimed the customer since, or a test clock was
// set, ErrLeaseLost.
func (db *DB) WriteInvoice(ctx context.Context, claim Claim, inv *billing.Invoice, snapshots []billing.UsageSnapshot, advances []billing.Advance, now time.Time) error {
	w := &invoiceWrite{
		claim: claim, snapshots: snapshots, advances: advances, now: stamp(now),
	}
	if inv != nil {
		numbered := *inv // the caller's is changed only when it is written
		w.invoice = &numbered
	}
	defer func() {
		for i := range claim.Subscriptions {
			db.recent.subscriptionChanged(claim.Customer.OrganizationID, claim.Subscriptions[i].ExternalID)
		}
	}()
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		w.tx = tx
		return w.write(ctx)
	})
	if err != nil {
		return fmt.Errorf("cannot write invoice: %w", err)
	}
	if inv != nil {
		*inv = *w.invoice
	}
	return nil
}

func (w *invoiceWrite) write(ctx context.Context) error {
	held, sequence, err := w.lockCustomer(ctx)
	if err != nil {
		return err
	}
	if err := w.advance(ctx); err != nil {
		return err
	}
	if !held {
		return ErrLeaseLost
	}
	if w.invoice == nil {
		return w.endClaim(ctx, sequence)
	}
	sequence++
	w.number(sequence)
	for _, step := range []func(context.Context) error{
		w.insertInvoice, w.insertSubscriptions, w.insertFees, w.insertSnapshots, w.insertOutbox,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return w.endClaim(ctx, sequence)
}

// lockCustomer locks the customer, whose invoices are numbered under that lock. held says
// whether the lease is still the claim's, and the clock still the one it was claimed by.
func (w *invoiceWrite) lockCustomer(ctx context.Context) (held bool, sequence int64, err error) {
	const lock = `SELECT coalesce(c.lease_id = $3, false) AND (o.test_clock IS NOT NULL) = $4, c.invoice_sequence
		FROM customers c JOIN organizations o ON o.id = c.organization_id
		WHERE c.organization_id = $1 AND c.id = $2 FOR NO KEY UPDATE OF c`
	err = w.tx.QueryRow(ctx, lock, w.claim.Customer.OrganizationID, w.claim.Customer.ID,
		w.claim.LeaseID, w.claim.Organization.TestClock != nil).Scan(&held, &sequence)
	if err != nil {
		return false, 0, fmt.Errorf("cannot lock the customer: %w", err)
	}
	return held, sequence, nil
}

// advance moves every subscription, if it stands where its advance begins. The rows
// are taken in the order of their ids, so that no two transactions wait for each other.
func (w *invoiceWrite) advance(ctx context.Context) error {
	const move = `UPDATE subscriptions SET
			base_billed_until = @to_base, usage_billed_until = @to_usage, fixed_billed_until = @to_fixed,
			status = @to_status, started_at = @started_at, terminated_at = @terminated_at,
			next_due_at = @next_due_at, updated_at = @now
		WHERE organization_id = @org AND customer_id = @customer AND id = @id
			AND base_billed_until = @from_base AND usage_billed_until = @from_usage
			AND fixed_billed_until = @from_fixed AND status = @from_status AND next_due_at = @from_next_due_at`
	advances := slices.Clone(w.advances)
	slices.SortFunc(advances, func(a, b billing.Advance) int {
		return bytes.Compare(a.SubscriptionID[:], b.SubscriptionID[:])
	})
	for _, a := range advances {
		tag, err := w.tx.Exec(ctx, move, pgx.NamedArgs{
			"org": w.claim.Customer.OrganizationID, "customer": w.claim.Customer.ID, "id": a.SubscriptionID,
			"from_base": stamp(a.From.Base), "from_usage": stamp(a.From.Usage), "from_fixed": stamp(a.From.Fixed),
			"from_status": a.FromStatus, "from_next_due_at": stamp(a.FromNextDueAt),
			"to_base": stamp(a.To.Base), "to_usage": stamp(a.To.Usage), "to_fixed": stamp(a.To.Fixed),
			"to_status": a.ToStatus, "started_at": stamped(a.StartedAt), "terminated_at": stamped(a.TerminatedAt),
			"next_due_at": stamped(a.NextDueAt), "now": w.now,
		})
		if err != nil {
			return fmt.Errorf("cannot move subscription %s forward: %w", a.SubscriptionID, err)
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("subscription %s: %w", a.SubscriptionID, ErrAlreadyBilled)
		}
	}
	return nil
}

// number gives the invoice its place among the customer's.
func (w *invoiceWrite) number(sequence int64) {
	w.invoice.SequentialID = sequence
	w.invoice.Number = billing.NumberInvoice(w.claim.Organization.DocumentNumberPrefix, w.claim.Customer.SequentialID, sequence)
	stampAll(&w.invoice.CreatedAt, &w.invoice.UpdatedAt)
}

func (w *invoiceWrite) insertInvoice(ctx context.Context) error {
	const insert = `INSERT INTO invoices (id, organization_id, customer_id, number, sequential_id, invoice_type,
			status, payment_status, currency, issuing_date, payment_due_date, net_payment_term_days,
			fees_amount_cents, coupons_amount_cents, credit_notes_amount_cents, prepaid_credit_amount_cents,
			progressive_billing_credit_cents, taxes_amount_cents, sub_total_excluding_taxes_amount_cents,
			sub_total_including_taxes_amount_cents, total_amount_cents, created_at, updated_at)
		VALUES (@id, @org, @customer, @number, @sequential_id, @type,
			@status, @payment_status, @currency, @issuing_date, @payment_due_date, @net_payment_term_days,
			@fees, @coupons, @credit_notes, @prepaid_credit, @progressive_billing_credit, @taxes,
			@sub_total_excluding_taxes, @sub_total_including_taxes, @total, @created_at, @updated_at)`
	i := w.invoice
	_, err := w.tx.Exec(ctx, insert, pgx.NamedArgs{
		"id": i.ID, "org": w.claim.Customer.OrganizationID, "customer": w.claim.Customer.ID,
		"number": i.Number, "sequential_id": i.SequentialID, "type": i.Type,
		"status": i.Status, "payment_status": i.PaymentStatus, "currency": i.Currency,
		"issuing_date": i.IssuingDate, "payment_due_date": i.PaymentDueDate,
		"net_payment_term_days": i.NetPaymentTermDays,
		"fees":                  i.FeesAmountCents, "coupons": i.CouponsAmountCents,
		"credit_notes": i.CreditNotesAmountCents, "prepaid_credit": i.PrepaidCreditAmountCents,
		"progressive_billing_credit": i.ProgressiveBillingCreditCents, "taxes": i.TaxesAmountCents,
		"sub_total_excluding_taxes": i.SubTotalExcludingTaxesAmountCents,
		"sub_total_including_taxes": i.SubTotalIncludingTaxesAmountCents,
		"total":                     i.TotalAmountCents, "created_at": i.CreatedAt, "updated_at": i.UpdatedAt,
	})
	if err != nil {
		return fmt.Errorf("cannot insert the invoice: %w", err)
	}
	return nil
}

func (w *invoiceWrite) insertSubscriptions(ctx context.Context) error {
	columns := []string{
		"organization_id", "invoice_id", "position", "subscription_id", "reason", "base_from", "base_to",
		"usage_from", "usage_to", "fixed_from", "fixed_to", "cut_log_id", "cut_partition", "cut_next",
		"evidence",
	}
	return w.copyRows(ctx, "invoice_subscriptions", columns, len(w.invoice.Subscriptions), func(n int) []any {
		s := &w.invoice.Subscriptions[n]
		base, usage, fixed := keptPeriod(s.Base), keptPeriod(s.Usage), keptPeriod(s.Fixed)
		row := []any{
			w.claim.Customer.OrganizationID, w.invoice.ID, n, s.SubscriptionID, s.Reason,
			base.from, base.to, usage.from, usage.to, fixed.from, fixed.to,
		}
		if s.Cut == nil {
			return append(row, nil, nil, nil, nil)
		}
		return append(row, s.Cut.LogID, s.Cut.Partition, s.Cut.Next, billing.EncodeEvidence(s.Metered))
	})
}

func (w *invoiceWrite) insertFees(ctx context.Context) error {
	columns := []string{
		"id", "organization_id", "invoice_id", "position", "customer_id", "subscription_id", "fee_type",
		"charge_id", "charge_filter_id", "grouped_by", "currency", "amount_cents", "precise_amount_cents",
		"taxes_amount_cents", "unit_amount", "units", "total_units", "events_count", "amount_details",
		"item_id", "item_code", "item_name", "display_name", "filter_display_name", "presentation",
		"payment_status", "period_from", "period_to", "created_at",
	}
	return w.copyRows(ctx, "fees", columns, len(w.invoice.Fees), func(n int) []any {
		f := &w.invoice.Fees[n]
		var chargeID, filterID *uuid.UUID
		itemID := f.SubscriptionID
		if f.Charge != nil {
			chargeID, itemID = &f.Charge.ID, f.Charge.Metric.ID
		}
		if f.Filter != nil {
			filterID = &f.Filter.ID
		}
		return []any{
			f.ID, w.claim.Customer.OrganizationID, w.invoice.ID, n, w.claim.Customer.ID, f.SubscriptionID, f.Type,
			chargeID, filterID, groups(f.GroupedBy), f.Currency, f.AmountCents, numeric(f.PreciseAmount),
			f.TaxesCents, numeric(f.UnitAmount), numeric(f.Units), numeric(f.TotalUnits), f.EventsCount,
			object(f.AmountDetails), itemID, f.ItemCode, f.ItemName, f.DisplayName, f.FilterDisplayName,
			presentation(f.Presentation), f.PaymentStatus, stamp(f.Period.From), stamp(f.Period.To), stamp(f.CreatedAt),
		}
	})
}

func (w *invoiceWrite) insertSnapshots(ctx context.Context) error {
	columns := []string{
		"organization_id", "invoice_id", "subscription_id", "charge_id", "charge_filter_id", "grouped_by",
		"units", "events_count", "definition", "fee_id", "position",
	}
	return w.copyRows(ctx, "usage_snapshots", columns, len(w.snapshots), func(n int) []any {
		s := &w.snapshots[n]
		return []any{
			w.claim.Customer.OrganizationID, w.invoice.ID, s.SubscriptionID, s.ChargeID, s.ChargeFilterID,
			groups(s.GroupedBy), numeric(s.Units), s.EventsCount, object(s.Definition), s.FeeID, n,
		}
	})
}

func (w *invoiceWrite) insertOutbox(ctx context.Context) error {
	const insert = `INSERT INTO outbox (organization_id, kind, subject_id, created_at) VALUES ($1, $2, $3, $4)`
	_, err := w.tx.Exec(ctx, insert, w.claim.Customer.OrganizationID, outboxInvoiceCreated, w.invoice.ID, w.now)
	if err != nil {
		return fmt.Errorf("cannot insert into the outbox: %w", err)
	}
	return nil
}

// endClaim keeps the customer's newest number and gives the customer back.
func (w *invoiceWrite) endClaim(ctx context.Context, sequence int64) error {
	const end = `UPDATE customers SET invoice_sequence = $3, lease_id = NULL, leased_until = NULL
		WHERE organization_id = $1 AND id = $2`
	if _, err := w.tx.Exec(ctx, end, w.claim.Customer.OrganizationID, w.claim.Customer.ID, sequence); err != nil {
		return fmt.Errorf("cannot end the claim: %w", err)
	}
	return nil
}

// copyRows writes n rows with COPY: an invoice over many groups has many fees.
func (w *invoiceWrite) copyRows(ctx context.Context, table string, columns []string, n int, row func(int) []any) error {
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
