package postgres

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// planCommitment is a minimum commitment with the plan it belongs to.
type planCommitment struct {
	billing.MinimumCommitment
	planID uuid.UUID
}

const commitmentColumns = `m.id, m.plan_id, m.amount_cents, m.invoice_display_name, m.created_at, m.updated_at`

// scanCommitment reads a commitment whose taxes are still to be filled in.
func scanCommitment(row pgx.CollectableRow) (c planCommitment, err error) {
	err = row.Scan(&c.ID, &c.planID, &c.AmountCents, &c.InvoiceDisplayName, &c.CreatedAt, &c.UpdatedAt)
	return c, err
}

// queueCommitment makes a plan's minimum commitment that of p. A plan has one row at most,
// which keeps its id and when it was made; no fee refers to it, so that it may go.
func queueCommitment(batch *pgx.Batch, before, p *billing.Plan, now time.Time) {
	const remove = `DELETE FROM minimum_commitments WHERE organization_id = $1 AND plan_id = $2`
	const update = `UPDATE minimum_commitments SET amount_cents = $3, invoice_display_name = $4, updated_at = $5
		WHERE organization_id = $1 AND id = $2`
	was, c := before.Commitment, p.Commitment
	switch {
	case c == nil && was == nil:
	case c == nil:
		batch.Queue(remove, p.OrganizationID, p.ID)
	case was == nil:
		queueInsertCommitment(batch, p, now)
	default:
		c.ID, c.CreatedAt = was.ID, was.CreatedAt
		c.UpdatedAt = was.UpdatedAt
		if c.AmountCents != was.AmountCents || c.InvoiceDisplayName != was.InvoiceDisplayName {
			c.UpdatedAt = stamp(now)
			batch.Queue(update, p.OrganizationID, c.ID, c.AmountCents, c.InvoiceDisplayName, c.UpdatedAt)
		}
		taxedCommitments.queueSetTaxes(batch, p.OrganizationID, c.ID, was.Taxes, c.Taxes)
	}
}

func queueInsertCommitment(batch *pgx.Batch, p *billing.Plan, now time.Time) {
	const insert = `INSERT INTO minimum_commitments (id, organization_id, plan_id, amount_cents, invoice_display_name,
			created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6)`
	c := p.Commitment
	if c.ID == uuid.Nil {
		c.ID = newID()
	}
	c.CreatedAt, c.UpdatedAt = stamp(now), stamp(now)
	batch.Queue(insert, c.ID, p.OrganizationID, p.ID, c.AmountCents, c.InvoiceDisplayName, c.CreatedAt)
	taxedCommitments.queueSetTaxes(batch, p.OrganizationID, c.ID, nil, c.Taxes)
}
