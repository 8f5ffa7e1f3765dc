package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// PlanDeletionBatch is how many subscriptions one transaction of DeletePlan ends.
const PlanDeletionBatch = 1000

// DeletePlan deletes the live plan with the code, and raises the organization's catalog
// version: its code is free again, and what its subscriptions owe is billed all the same.
// end is called for each that is pending or active, with its customer, and ends it, under
// its row lock. When end fails the transaction is undone.
//
// A plan with more than PlanDeletionBatch of them is not deleted yet: that many are ended, the
// plan is PendingDeletion and takes no new ones, and done is false; the next call goes on.
// Those that began first are ended first, the pending ones last: of all that begin with the
// same plan, they are the first to be out of a trial.
func (db *DB) DeletePlan(ctx context.Context, org uuid.UUID, code string, now time.Time, end func(p *billing.Plan, c *billing.Customer, s *billing.Subscription) error) (plan billing.Plan, done bool, err error) {
	const mark = `UPDATE plans SET pending_deletion = $3, deleted_at = $4, updated_at = $5
		WHERE organization_id = $1 AND id = $2`
	var ended []billing.Subscription
	defer func() {
		for i := range ended {
			db.recent.subscriptionChanged(org, ended[i].ExternalID)
		}
	}()
	err = db.inCatalogTx(ctx, org, func(tx pgx.Tx) (err error) {
		if plan, _, err = lockPlan(ctx, tx, org, code); err != nil {
			return err
		}
		if ended, done, err = endSubscriptions(ctx, tx, &plan, now, end); err != nil {
			return err
		}
		plan.PendingDeletion, plan.UpdatedAt = !done, stamp(now)
		var deletedAt *time.Time
		if done {
			deletedAt = &plan.UpdatedAt
		}
		_, err = tx.Exec(ctx, mark, org, plan.ID, plan.PendingDeletion, deletedAt, plan.UpdatedAt)
		return err
	})
	if err != nil {
		return billing.Plan{}, false, writeError("cannot delete plan", err)
	}
	return plan, done, nil
}

// endSubscriptions ends up to a batch of the plan's living subscriptions, and reports whether
// those were all. The plan is locked: there will be no more of them.
func endSubscriptions(ctx context.Context, tx pgx.Tx, plan *billing.Plan, now time.Time, end func(*billing.Plan, *billing.Customer, *billing.Subscription) error) (ended []billing.Subscription, done bool, err error) {
	const find = `SELECT ` + subscriptionColumns + ` FROM subscriptions s
		WHERE s.organization_id = $1 AND s.id IN (
				SELECT id FROM subscriptions WHERE organization_id = $1 AND plan_id = $2 AND status IN ('pending', 'active')
				ORDER BY initial_started_at NULLS LAST, id LIMIT $3)
			AND s.status IN ('pending', 'active')
		ORDER BY s.id FOR NO KEY UPDATE`
	const left = `SELECT EXISTS (SELECT 1 FROM subscriptions s WHERE s.organization_id = $1 AND s.plan_id = $2
		AND s.status IN ('pending', 'active'))`
	if ended, err = readAll(ctx, tx, "subscriptions of a plan", scanSubscription, find, plan.OrganizationID, plan.ID, PlanDeletionBatch); err != nil {
		return nil, false, err
	}
	customers, err := customersOf(ctx, tx, plan.OrganizationID, ended)
	if err != nil {
		return nil, false, err
	}
	batch := &pgx.Batch{}
	for i := range ended {
		s := &ended[i]
		customer := customers[s.CustomerID]
		if err := end(plan, &customer, s); err != nil {
			return nil, false, err
		}
		s.UpdatedAt = now
		batch.Queue(updateSubscription, subscriptionArgs(s))
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, false, err
	}
	more, err := readOne(ctx, tx, "subscriptions of a plan", pgx.RowTo[bool], left, plan.OrganizationID, plan.ID)
	return ended, !more, err
}

// customersOf returns the customers of subscriptions, without their taxes.
func customersOf(ctx context.Context, q querier, org uuid.UUID, subscriptions []billing.Subscription) (map[uuid.UUID]billing.Customer, error) {
	const query = `SELECT ` + customerColumns + ` FROM customers c WHERE c.organization_id = $1 AND c.id = ANY ($2)`
	ids := make([]uuid.UUID, len(subscriptions))
	for i := range subscriptions {
		ids[i] = subscriptions[i].CustomerID
	}
	customers, err := readAll(ctx, q, "customers", scanCustomer, query, org, ids)
	if err != nil {
		return nil, err
	}
	return byID(customers, customerID), nil
}
