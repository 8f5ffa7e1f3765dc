package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const planColumns = `p.id, p.organization_id, p.code, p.name, p.invoice_display_name, p.description,
	p.interval, p.amount_cents, p.currency, p.pay_in_advance, p.created_at, p.updated_at`

func scanPlan(row pgx.CollectableRow) (p billing.Plan, err error) {
	err = row.Scan(&p.ID, &p.OrganizationID, &p.Code, &p.Name, &p.InvoiceDisplayName, &p.Description,
		&p.Interval, &p.AmountCents, &p.Currency, &p.PayInAdvance, &p.CreatedAt, &p.UpdatedAt)
	return p, err
}

func planID(p *billing.Plan) uuid.UUID { return p.ID }

// CreatePlan makes a plan with its charges and their filters, and raises the
// organization's catalog version. Of a charge's Metric only the id counts. Nil ids
// and the children's PlanID and CreatedAt are set; the plan's CreatedAt must be. A
// code in use is code: value_already_exist.
func (db *DB) CreatePlan(ctx context.Context, p *billing.Plan) error {
	const tried = "cannot create plan"
	if err := setNew(&p.ID, &p.CreatedAt); err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	p.UpdatedAt = p.CreatedAt
	const insert = `INSERT INTO plans (id, organization_id, code, name, invoice_display_name, description,
			interval, amount_cents, currency, pay_in_advance, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	return writeError(tried, db.inTx(ctx, func(tx pgx.Tx) error {
		if err := raiseCatalogVersion(ctx, tx, p.OrganizationID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insert, p.ID, p.OrganizationID, p.Code, p.Name, p.InvoiceDisplayName, p.Description,
			p.Interval, p.AmountCents, p.Currency, p.PayInAdvance, p.CreatedAt, p.UpdatedAt)
		if err != nil {
			return err
		}
		return insertCharges(ctx, tx, p)
	}))
}

// Plan returns the live plan with the code, with its charges.
func (db *DB) Plan(ctx context.Context, org uuid.UUID, code string) (billing.Plan, error) {
	const query = `SELECT ` + planColumns + ` FROM plans p
		WHERE p.organization_id = $1 AND p.code = $2 AND p.deleted_at IS NULL`
	plan, err := readOne(ctx, db.pool, "plan", scanPlan, query, org, code)
	return db.withCharges(ctx, plan, err)
}

// PlanByID returns the plan with the id, with its charges; also one that was deleted,
// because what it owes is billed all the same.
func (db *DB) PlanByID(ctx context.Context, org, id uuid.UUID) (billing.Plan, error) {
	const query = `SELECT ` + planColumns + ` FROM plans p WHERE p.organization_id = $1 AND p.id = $2`
	plan, err := readOne(ctx, db.pool, "plan", scanPlan, query, org, id)
	return db.withCharges(ctx, plan, err)
}

// PlansByID returns the plans with the ids, as PlanByID does. An id that is not there
// is not in the map.
func (db *DB) PlansByID(ctx context.Context, org uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]billing.Plan, error) {
	const query = `SELECT ` + planColumns + ` FROM plans p WHERE p.organization_id = $1 AND p.id = ANY ($2)`
	plans, err := readAll(ctx, db.pool, "plans", scanPlan, query, org, list(ids))
	if err != nil {
		return nil, err
	}
	if err := readCharges(ctx, db.pool, org, plans); err != nil {
		return nil, err
	}
	return byID(plans, planID), nil
}

// Plans returns a page of the live plans with their charges, the newest first, and
// how many there are.
func (db *DB) Plans(ctx context.Context, org uuid.UUID, page Page) ([]billing.Plan, int, error) {
	const from = ` FROM plans p WHERE p.organization_id = @org AND p.deleted_at IS NULL`
	plans, total, err := readPage(ctx, db.pool, listing{
		what:  "plans",
		count: `SELECT count(*)` + from,
		list:  `SELECT ` + planColumns + from + ` ORDER BY p.created_at DESC, p.id LIMIT @limit OFFSET @offset`,
		args:  pgx.NamedArgs{"org": org},
	}, page, scanPlan)
	if err != nil {
		return nil, 0, err
	}
	return plans, total, readCharges(ctx, db.pool, org, plans)
}

// withCharges completes a plan that was read, unless err says that it was not.
func (db *DB) withCharges(ctx context.Context, plan billing.Plan, err error) (billing.Plan, error) {
	if err != nil {
		return billing.Plan{}, err
	}
	plans := []billing.Plan{plan}
	if err := readCharges(ctx, db.pool, plan.OrganizationID, plans); err != nil {
		return billing.Plan{}, err
	}
	return plans[0], nil
}
