package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// PricedEvidence returns how an invoice priced the fixed charges of one of its subscriptions and
// settled its minimums; nothing for an invoice of a version that did not keep it. It is
// invoice_not_found when the subscription is not on the invoice.
func (db *DB) PricedEvidence(ctx context.Context, org, invoice, subscription uuid.UUID, currency billing.Currency) ([]billing.FixedChargeUsage, []billing.Minimum, error) {
	const query = `SELECT x.evidence FROM invoice_subscriptions x
		WHERE x.organization_id = $1 AND x.invoice_id = $2 AND x.subscription_id = $3`
	text, err := readOne(ctx, db.pool, "invoice", pgx.RowTo[[]byte], query, org, invoice, subscription)
	if err != nil || text == nil {
		return nil, nil, err
	}
	usages, minimums, err := billing.DecodePriced(text, currency)
	if err != nil {
		return nil, nil, fmt.Errorf("invoice %s: %w", invoice, err)
	}
	return usages, minimums, nil
}
