package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// CreateOneOffInvoice writes a one-off invoice with its fees and taxes and queues what must be
// told, in one transaction, or nothing. inv, whose ids and those of its fees are set, gets its
// number, the next of the customer's without a gap. now is the organization's clock. A customer
// that is not there (any more) is customer_not_found.
func (db *DB) CreateOneOffInvoice(ctx context.Context, inv *billing.Invoice, now time.Time) error {
	numbered := *inv // the caller's is changed only when it is written
	w := &invoiceRows{org: inv.OrganizationID, customer: inv.CustomerID, invoice: &numbered, now: stamp(now)}
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		w.tx = tx
		if err := w.numberNext(ctx); err != nil {
			return err
		}
		return w.insert(ctx)
	})
	if err != nil {
		return fmt.Errorf("cannot write invoice: %w", err)
	}
	*inv = numbered
	return nil
}

// numbering is what an invoice's number is made of.
type numbering struct {
	prefix                             string
	customerSequence, invoicesSequence int64
}

// numberNext gives the invoice the customer's next number, and so locks the customer: who
// writes another invoice for it waits, and goes on from there.
func (w *invoiceRows) numberNext(ctx context.Context) error {
	const next = `UPDATE customers c SET invoice_sequence = c.invoice_sequence + 1
		FROM organizations o
		WHERE o.id = c.organization_id AND c.organization_id = $1 AND c.id = $2 AND c.deleted_at IS NULL
		RETURNING o.document_number_prefix, c.sequential_id, c.invoice_sequence`
	n, err := readOne(ctx, w.tx, "customer", func(row pgx.CollectableRow) (n numbering, err error) {
		err = row.Scan(&n.prefix, &n.customerSequence, &n.invoicesSequence)
		return n, err
	}, next, w.org, w.customer)
	if err != nil {
		return err
	}
	w.number(n.prefix, n.customerSequence, n.invoicesSequence)
	return nil
}
