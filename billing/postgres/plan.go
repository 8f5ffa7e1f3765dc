package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

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
	return writeError(tried, db.inCatalogTx(ctx, p.OrganizationID, func(tx pgx.Tx) error {
		if err := checkCharges(ctx, tx, p); err != nil {
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

// UpdatePlan changes the live plan with the code and its charges, and raises the
// organization's catalog version. change gets the plan with its charges, and whether
// subscriptions live on it (it is pending or active, or has something left to bill). What
// change makes of p.Charges is what the plan has afterwards: a charge without a known id
// is new. Of a charge's metric only the id counts, and it can't be changed; a filter whose
// values are others must have another id, or none. When change fails nothing is written.
// It may not use the database.
func (db *DB) UpdatePlan(ctx context.Context, org uuid.UUID, code string, now time.Time, change func(p *billing.Plan, live bool) error) (billing.Plan, error) {
	var plan billing.Plan
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) error {
		before, live, err := lockPlan(ctx, tx, org, code)
		if err != nil {
			return err
		}
		plan = before
		plan.Charges = cloneCharges(before.Charges)
		if err := change(&plan, live); err != nil {
			return err
		}
		if err := checkCharges(ctx, tx, &plan); err != nil {
			return err
		}
		plan.UpdatedAt = stamp(now)
		if err := updatePlan(ctx, tx, &plan); err != nil {
			return err
		}
		return updateCharges(ctx, tx, &before, &plan, now)
	})
	if err != nil {
		return billing.Plan{}, writeError("cannot change plan", err)
	}
	return plan, nil
}

// cloneCharges returns charges whose filters may be replaced without touching the originals.
func cloneCharges(charges []billing.Charge) []billing.Charge {
	cloned := slices.Clone(charges)
	for i := range cloned {
		cloned[i].Filters = slices.Clone(cloned[i].Filters)
	}
	return cloned
}

// lockPlan returns the organization's live plan with the code, and
// whether subscriptions live on it. The plan is locked for update, against the rule, so that
// a subscription that is just being written is waited for, and counts.
func lockPlan(ctx context.Context, tx pgx.Tx, org uuid.UUID, code string) (plan billing.Plan, live bool, err error) {
	const query = `SELECT ` + planColumns + ` FROM plans p
		WHERE p.organization_id = $1 AND p.code = $2 AND p.deleted_at IS NULL FOR UPDATE`
	const liveQuery = `SELECT EXISTS (SELECT 1 FROM subscriptions s WHERE s.organization_id = $1 AND s.plan_id = $2
		AND (s.status IN ('pending', 'active') OR s.next_due_at IS NOT NULL))`
	if plan, err = readOne(ctx, tx, "plan", scanPlan, query, org, code); err != nil {
		return plan, false, err
	}
	plans := []billing.Plan{plan}
	if err := readCharges(ctx, tx, org, plans); err != nil {
		return plan, false, err
	}
	live, err = readOne(ctx, tx, "plan", pgx.RowTo[bool], liveQuery, org, plan.ID)
	return plans[0], live, err
}

func updatePlan(ctx context.Context, tx pgx.Tx, p *billing.Plan) error {
	const update = `UPDATE plans SET code = $3, name = $4, invoice_display_name = $5, description = $6, interval = $7,
			amount_cents = $8, currency = $9, pay_in_advance = $10, updated_at = $11
		WHERE organization_id = $1 AND id = $2`
	_, err := tx.Exec(ctx, update, p.OrganizationID, p.ID, p.Code, p.Name, p.InvoiceDisplayName, p.Description,
		p.Interval, p.AmountCents, p.Currency, p.PayInAdvance, p.UpdatedAt)
	return err
}

// Plan returns the live plan with the code, with its charges.
func (db *DB) Plan(ctx context.Context, org uuid.UUID, code string) (billing.Plan, error) {
	const query = `SELECT ` + planColumns + ` FROM plans p
		WHERE p.organization_id = $1 AND p.code = $2 AND p.deleted_at IS NULL`
	return db.onePlan(ctx, query, org, code)
}

// PlanByID returns the plan with the id, with its charges; also one that was deleted,
// because what it owes is billed all the same.
func (db *DB) PlanByID(ctx context.Context, org, id uuid.UUID) (billing.Plan, error) {
	const query = `SELECT ` + planColumns + ` FROM plans p WHERE p.organization_id = $1 AND p.id = $2`
	return db.onePlan(ctx, query, org, id)
}

// onePlan reads a plan with its charges. It sees one state of them: prices of a charge
// from before a change and of its filters from after it may be of different models.
func (db *DB) onePlan(ctx context.Context, query string, org uuid.UUID, key any) (billing.Plan, error) {
	var plans []billing.Plan
	err := db.inSnapshot(ctx, func(tx pgx.Tx) error {
		plan, err := readOne(ctx, tx, "plan", scanPlan, query, org, key)
		if err != nil {
			return err
		}
		plans = []billing.Plan{plan}
		return readCharges(ctx, tx, org, plans)
	})
	if err != nil {
		return billing.Plan{}, passDomain("cannot read plan", err)
	}
	return plans[0], nil
}

// PlansByID returns the plans with the ids, as PlanByID does. An id that is not there
// is not in the map.
func (db *DB) PlansByID(ctx context.Context, org uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]billing.Plan, error) {
	const query = `SELECT ` + planColumns + ` FROM plans p WHERE p.organization_id = $1 AND p.id = ANY ($2)`
	var plans []billing.Plan
	err := db.inSnapshot(ctx, func(tx pgx.Tx) (err error) {
		if plans, err = readAll(ctx, tx, "plans", scanPlan, query, org, list(ids)); err != nil {
			return err
		}
		return readCharges(ctx, tx, org, plans)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read plans: %w", err)
	}
	return byID(plans, planID), nil
}

// Plans returns a page of the live plans with their charges, the newest first, and
// how many there are.
func (db *DB) Plans(ctx context.Context, org uuid.UUID, page Page) (plans []billing.Plan, total int, err error) {
	const from = ` FROM plans p WHERE p.organization_id = @org AND p.deleted_at IS NULL`
	err = db.inSnapshot(ctx, func(tx pgx.Tx) (err error) {
		plans, total, err = readPage(ctx, tx, listing{
			what:  "plans",
			count: `SELECT count(*)` + from,
			list:  `SELECT ` + planColumns + from + ` ORDER BY p.created_at DESC, p.id LIMIT @limit OFFSET @offset`,
			args:  pgx.NamedArgs{"org": org},
		}, page, scanPlan)
		if err != nil {
			return err
		}
		return readCharges(ctx, tx, org, plans)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read plans: %w", err)
	}
	return plans, total, nil
}
