package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// ErrAlreadyBilled: a subscription no longer stands where the billing began, because
// another biller was faster or it was changed in between. Nothing was written.
var ErrAlreadyBilled = errors.New("already billed")

// invoiceWrite is one WriteInvoice at work inside its transaction.
type invoiceWrite struct {
	invoiceRows
	claim    Claim
	advances []billing.Advance
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
	w := &invoiceWrite{claim: claim, advances: advances}
	w.org, w.customer, w.snapshots, w.now = claim.Customer.OrganizationID, claim.Customer.ID, snapshots, stamp(now)
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
	w.number(w.claim.Organization.DocumentNumberPrefix, w.claim.Customer.SequentialID, sequence)
	if err := w.insert(ctx); err != nil {
		return err
	}
	return w.endClaim(ctx, sequence)
}

// lockCustomer locks the customer, whose invoices are numbered under that lock. held says
// whether the lease is still the claim's, and the clock still the one it was claimed by.
func (w *invoiceWrite) lockCustomer(ctx context.Context) (held bool, sequence int64, err error) {
	const lock = `SELECT coalesce(c.lease_id = $3, false) AND (o.test_clock IS NOT NULL) = $4, c.invoice_sequence
		FROM customers c JOIN organizations o ON o.id = c.organization_id
		WHERE c.organization_id = $1 AND c.id = $2 FOR NO KEY UPDATE OF c`
	err = w.tx.QueryRow(ctx, lock, w.org, w.customer,
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
			fixed_ahead_billed_until = @to_fixed_ahead, initial_started_at = @initial_started_at, trial_ended_at = @trial_ended_at,
			status = @to_status, started_at = @started_at, terminated_at = @terminated_at,
			next_due_at = @next_due_at, updated_at = @now
		WHERE organization_id = @org AND customer_id = @customer AND id = @id
			AND base_billed_until = @from_base AND usage_billed_until = @from_usage
			AND fixed_billed_until = @from_fixed
			AND fixed_ahead_billed_until = @from_fixed_ahead AND status = @from_status AND next_due_at = @from_next_due_at
			AND ending_at IS NOT DISTINCT FROM @from_ending_at`
	advances := slices.Clone(w.advances)
	slices.SortFunc(advances, func(a, b billing.Advance) int {
		return bytes.Compare(a.SubscriptionID[:], b.SubscriptionID[:])
	})
	for _, a := range advances {
		tag, err := w.tx.Exec(ctx, move, pgx.NamedArgs{
			"org": w.org, "customer": w.customer, "id": a.SubscriptionID,
			"from_base": stamp(a.From.Base), "from_usage": stamp(a.From.Usage), "from_fixed": stamp(a.From.Fixed),
			"from_status": a.FromStatus, "from_next_due_at": stamp(a.FromNextDueAt),
			"from_ending_at": stamped(a.FromEndingAt),
			"to_base":        stamp(a.To.Base), "to_usage": stamp(a.To.Usage), "to_fixed": stamp(a.To.Fixed),
			"from_fixed_ahead": stamp(a.From.FixedAhead), "to_fixed_ahead": stamp(a.To.FixedAhead),
			"initial_started_at": stamped(a.InitialStartedAt), "trial_ended_at": stamped(a.TrialEndedAt),
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

// endClaim keeps the customer's newest number and gives the customer back.
func (w *invoiceWrite) endClaim(ctx context.Context, sequence int64) error {
	const end = `UPDATE customers SET invoice_sequence = $3, lease_id = NULL, leased_until = NULL
		WHERE organization_id = $1 AND id = $2`
	if _, err := w.tx.Exec(ctx, end, w.org, w.customer, sequence); err != nil {
		return fmt.Errorf("cannot end the claim: %w", err)
	}
	return nil
}
