package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const planColumns = `p.id, p.organization_id, p.code, p.name, p.invoice_display_name, p.description,
	p.interval, p.amount_cents, p.currency, p.pay_in_advance, p.trial_days, p.bill_charges_monthly,
	p.bill_fixed_charges_monthly, p.metadata, p.pending_deletion, p.created_at, p.updated_at`

// scanPlan reads a plan whose parts are still to be filled in.
func scanPlan(row pgx.CollectableRow) (p billing.Plan, err error) {
	err = row.Scan(&p.ID, &p.OrganizationID, &p.Code, &p.Name, &p.InvoiceDisplayName, &p.Description,
		&p.Interval, &p.AmountCents, &p.Currency, &p.PayInAdvance, &p.TrialDays, &p.BillChargesMonthly,
		&p.BillFixedChargesMonthly, &p.Metadata, &p.PendingDeletion, &p.CreatedAt, &p.UpdatedAt)
	return p, err
}

func planID(p *billing.Plan) uuid.UUID { return p.ID }

// planArgs returns every column by name.
func planArgs(p *billing.Plan) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": p.ID, "org": p.OrganizationID, "code": p.Code, "name": p.Name,
		"invoice_display_name": p.InvoiceDisplayName, "description": p.Description, "interval": p.Interval,
		"amount_cents": p.AmountCents, "currency": p.Currency, "pay_in_advance": p.PayInAdvance,
		"trial_days": p.TrialDays, "bill_charges_monthly": p.BillChargesMonthly,
		"bill_fixed_charges_monthly": p.BillFixedChargesMonthly, "metadata": p.Metadata,
		"created_at": p.CreatedAt, "updated_at": p.UpdatedAt,
	}
}

// CreatePlan makes a plan with all its parts, and raises the organization's catalog
// version. Of what the parts refer to only this counts: of a charge's Metric the id, of
// its pricing unit the code, of a fixed charge's AddOn the id or, if that is nil, the
// code, of a tax the code. What is not there is "<resource>_not_found"; afterwards all of
// it is complete. Nil ids and the parts' PlanID and CreatedAt are set; the plan's
// CreatedAt must be. The units of fixed charges count from the beginning. A code in use,
// also one that two charges or two fixed charges have, is code: value_already_exist.
//
// An add-on's currency and price do not matter on a plan: a fixed charge has prices of its
// own, in the plan's currency (https://getlago.com/docs/guide/plans/charges/fixed-charges).
func (db *DB) CreatePlan(ctx context.Context, p *billing.Plan) error {
	const tried = "cannot create plan"
	if err := setNew(&p.ID, &p.CreatedAt); err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	p.UpdatedAt = p.CreatedAt
	const insert = `INSERT INTO plans (id, organization_id, code, name, invoice_display_name, description,
			interval, amount_cents, currency, pay_in_advance, trial_days, bill_charges_monthly,
			bill_fixed_charges_monthly, metadata, created_at, updated_at)
		VALUES (@id, @org, @code, @name, @invoice_display_name, @description,
			@interval, @amount_cents, @currency, @pay_in_advance, @trial_days, @bill_charges_monthly,
			@bill_fixed_charges_monthly, @metadata, @created_at, @updated_at)`
	return writeError(tried, db.inCatalogTx(ctx, p.OrganizationID, func(tx pgx.Tx) error {
		if err := checkPlan(ctx, tx, p); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(insert, planArgs(p))
		queuePlanParts(batch, &billing.Plan{}, p, p.CreatedAt)
		return tx.SendBatch(ctx, batch).Close()
	}))
}

// UpdatePlan changes the live plan with the code and its parts, and raises the
// organization's catalog version. change gets the whole plan, and whether subscriptions
// live on it (it is pending or active, or has something left to bill). What change makes of
// p.Charges is what the plan has afterwards: a charge without a known id is new. Of what
// it refers to the same counts as for CreatePlan. A charge's metric can't be changed; a
// filter whose values are others must have another id, or none. It is the same with
// p.FixedCharges and their add-ons; their History is kept here: other Units than were set
// last are added to it, as of now, and UnitsNow says from when on they count. A
// commitment that is there keeps its id. When change fails nothing is written. It may not
// use the database.
func (db *DB) UpdatePlan(ctx context.Context, org uuid.UUID, code string, now time.Time, change func(p *billing.Plan, live bool) error) (billing.Plan, error) {
	const update = `UPDATE plans SET code = @code, name = @name, invoice_display_name = @invoice_display_name,
			description = @description, interval = @interval, amount_cents = @amount_cents, currency = @currency,
			pay_in_advance = @pay_in_advance, trial_days = @trial_days, bill_charges_monthly = @bill_charges_monthly,
			bill_fixed_charges_monthly = @bill_fixed_charges_monthly, metadata = @metadata, updated_at = @updated_at
		WHERE organization_id = @org AND id = @id`
	var plan billing.Plan
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) error {
		before, live, err := lockPlan(ctx, tx, org, code)
		if err != nil {
			return err
		}
		plan = clonePlan(&before)
		if err := change(&plan, live); err != nil {
			return err
		}
		if err := checkPlan(ctx, tx, &plan); err != nil {
			return err
		}
		plan.UpdatedAt = stamp(now)
		batch := &pgx.Batch{}
		batch.Queue(update, planArgs(&plan))
		queuePlanParts(batch, &before, &plan, now)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return billing.Plan{}, writeError("cannot change plan", err)
	}
	return plan, nil
}

// queuePlanParts makes what belongs to a plan that of p; before is empty for a new plan.
func queuePlanParts(batch *pgx.Batch, before, p *billing.Plan, now time.Time) {
	taxedPlans.queueSetTaxes(batch, p.OrganizationID, p.ID, before.Taxes, p.Taxes)
	queuePlanCharges(batch, before, p, now)
	queueFixedCharges(batch, before, p, now)
	queueCommitment(batch, before, p, now)
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
	if err := completePlans(ctx, tx, org, plans); err != nil {
		return plan, false, err
	}
	live, err = readOne(ctx, tx, "plan", pgx.RowTo[bool], liveQuery, org, plan.ID)
	return plans[0], live, err
}

// Plan returns the live plan with the code, with all its parts.
func (db *DB) Plan(ctx context.Context, org uuid.UUID, code string) (billing.Plan, error) {
	const query = `SELECT ` + planColumns + ` FROM plans p
		WHERE p.organization_id = $1 AND p.code = $2 AND p.deleted_at IS NULL`
	return db.onePlan(ctx, query, org, code)
}

// PlanByID returns the plan with the id, with all its parts; also one that was deleted,
// because what it owes is billed all the same.
func (db *DB) PlanByID(ctx context.Context, org, id uuid.UUID) (billing.Plan, error) {
	const query = `SELECT ` + planColumns + ` FROM plans p WHERE p.organization_id = $1 AND p.id = $2`
	return db.onePlan(ctx, query, org, id)
}

// onePlan reads a plan with all its parts. It sees one state of them: prices of a charge
// from before a change and of its filters from after it may be of different models.
func (db *DB) onePlan(ctx context.Context, query string, org uuid.UUID, key any) (billing.Plan, error) {
	var plans []billing.Plan
	err := db.inSnapshot(ctx, func(tx pgx.Tx) error {
		plan, err := readOne(ctx, tx, "plan", scanPlan, query, org, key)
		if err != nil {
			return err
		}
		plans = []billing.Plan{plan}
		return completePlans(ctx, tx, org, plans)
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
		return completePlans(ctx, tx, org, plans)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read plans: %w", err)
	}
	return byID(plans, planID), nil
}

// Plans returns a page of the live plans with all their parts, the newest first, and
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
		return completePlans(ctx, tx, org, plans)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read plans: %w", err)
	}
	return plans, total, nil
}
