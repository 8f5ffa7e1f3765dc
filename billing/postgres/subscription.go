package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const subscriptionColumns = `s.id, s.organization_id, s.customer_id, s.plan_id, s.external_id, s.name, s.status,
	s.billing_time, s.subscription_at, s.started_at, s.ending_at, s.terminated_at, s.canceled_at,
	s.skip_final_invoice, s.base_billed_until, s.usage_billed_until, s.fixed_billed_until,
	s.fixed_ahead_billed_until, s.next_due_at, s.initial_started_at, s.trial_ended_at, s.moved_at,
	s.purchase_order_number, NOT s.consolidate_invoice, s.created_at, s.updated_at`

func scanSubscription(row pgx.CollectableRow) (s billing.Subscription, err error) {
	err = row.Scan(subscriptionFields(&s)...)
	return s, err
}

// subscriptionFields returns where subscriptionColumns go.
func subscriptionFields(s *billing.Subscription) []any {
	return []any{
		&s.ID, &s.OrganizationID, &s.CustomerID, &s.PlanID, &s.ExternalID, &s.Name, &s.Status,
		&s.BillingTime, &s.SubscriptionAt, &s.StartedAt, &s.EndingAt, &s.TerminatedAt, &s.CanceledAt,
		&s.SkipFinalInvoice, &s.BaseBilledUntil, &s.UsageBilledUntil, &s.FixedBilledUntil,
		&s.FixedAheadBilledUntil, &s.NextDueAt, &s.InitialStartedAt, &s.TrialEndedAt, &s.MovedAt,
		&s.PurchaseOrderNumber, &s.SeparateInvoice, &s.CreatedAt, &s.UpdatedAt,
	}
}

func subscriptionID(s *billing.Subscription) uuid.UUID { return s.ID }

// subscriptionArgs returns every column by name. The subscription's instants become
// what will be stored.
func subscriptionArgs(s *billing.Subscription) pgx.NamedArgs {
	stampAll(&s.SubscriptionAt, s.StartedAt, s.EndingAt, s.TerminatedAt, s.CanceledAt,
		&s.BaseBilledUntil, &s.UsageBilledUntil, &s.FixedBilledUntil, &s.FixedAheadBilledUntil, s.NextDueAt,
		s.InitialStartedAt, s.TrialEndedAt, s.MovedAt, &s.CreatedAt, &s.UpdatedAt)
	return pgx.NamedArgs{
		"id": s.ID, "org": s.OrganizationID, "customer_id": s.CustomerID, "plan_id": s.PlanID,
		"external_id": s.ExternalID, "name": s.Name, "status": s.Status, "billing_time": s.BillingTime,
		"subscription_at": s.SubscriptionAt, "started_at": s.StartedAt, "ending_at": s.EndingAt,
		"terminated_at": s.TerminatedAt, "canceled_at": s.CanceledAt, "skip_final_invoice": s.SkipFinalInvoice,
		"base_billed_until": s.BaseBilledUntil, "usage_billed_until": s.UsageBilledUntil,
		"fixed_billed_until": s.FixedBilledUntil, "fixed_ahead_billed_until": s.FixedAheadBilledUntil,
		"next_due_at": s.NextDueAt, "initial_started_at": s.InitialStartedAt, "trial_ended_at": s.TrialEndedAt,
		"moved_at": s.MovedAt, "purchase_order_number": s.PurchaseOrderNumber, "consolidate_invoice": !s.SeparateInvoice,
		"created_at": s.CreatedAt, "updated_at": s.UpdatedAt,
	}
}

// CreateSubscription makes a subscription as billing.Subscription.Start set it up. A
// nil id is set. An external id that a pending or active subscription of the
// organization has is external_id: value_already_exist; a customer or plan of another
// organization is not found, nor a plan that is deleted or being deleted.
func (db *DB) CreateSubscription(ctx context.Context, s *billing.Subscription) error {
	const tried = "cannot create subscription"
	if err := setNew(&s.ID, &s.CreatedAt); err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	if s.UpdatedAt.IsZero() {
		s.UpdatedAt = s.CreatedAt
	}
	// A plan that is just being deleted is waited for.
	const lockPlan = `SELECT p.id FROM plans p
		WHERE p.organization_id = $1 AND p.id = $2 AND p.deleted_at IS NULL AND NOT p.pending_deletion FOR KEY SHARE`
	const insert = `INSERT INTO subscriptions (id, organization_id, customer_id, plan_id, external_id, name, status,
			billing_time, subscription_at, started_at, ending_at, terminated_at, canceled_at,
			skip_final_invoice, base_billed_until, usage_billed_until, fixed_billed_until,
			fixed_ahead_billed_until, next_due_at, initial_started_at, trial_ended_at, moved_at,
			purchase_order_number, consolidate_invoice, created_at, updated_at)
		VALUES (@id, @org, @customer_id, @plan_id, @external_id, @name, @status,
			@billing_time, @subscription_at, @started_at, @ending_at, @terminated_at, @canceled_at,
			@skip_final_invoice, @base_billed_until, @usage_billed_until, @fixed_billed_until,
			@fixed_ahead_billed_until, @next_due_at, @initial_started_at, @trial_ended_at, @moved_at,
			@purchase_order_number, @consolidate_invoice, @created_at, @updated_at)`
	defer db.recent.subscriptionChanged(s.OrganizationID, s.ExternalID)
	return writeError(tried, db.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := readOne(ctx, tx, "plan", pgx.RowTo[uuid.UUID], lockPlan, s.OrganizationID, s.PlanID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insert, subscriptionArgs(s))
		return err
	}))
}

const updateSubscription = `UPDATE subscriptions SET name = @name, status = @status, billing_time = @billing_time,
		subscription_at = @subscription_at, started_at = @started_at, ending_at = @ending_at,
		terminated_at = @terminated_at, canceled_at = @canceled_at, skip_final_invoice = @skip_final_invoice,
		base_billed_until = @base_billed_until, usage_billed_until = @usage_billed_until,
		fixed_billed_until = @fixed_billed_until, fixed_ahead_billed_until = @fixed_ahead_billed_until,
		next_due_at = @next_due_at, initial_started_at = @initial_started_at, trial_ended_at = @trial_ended_at,
		moved_at = @moved_at, purchase_order_number = @purchase_order_number,
		consolidate_invoice = @consolidate_invoice, updated_at = @updated_at
	WHERE organization_id = @org AND id = @id`

// UpdateSubscription lets change work on the subscription under its row lock and
// saves the result. Its ids, external id, customer, plan and CreatedAt stay as they
// are; UpdatedAt becomes now. When change fails nothing is written. It may not use the
// database.
func (db *DB) UpdateSubscription(ctx context.Context, org, id uuid.UUID, now time.Time, change func(s *billing.Subscription) error) (billing.Subscription, error) {
	const find = `SELECT ` + subscriptionColumns + ` FROM subscriptions s
		WHERE s.organization_id = $1 AND s.id = $2 FOR NO KEY UPDATE`
	var subscription billing.Subscription
	defer func() { db.recent.subscriptionChanged(org, subscription.ExternalID) }()
	err := db.inTx(ctx, func(tx pgx.Tx) (err error) {
		if subscription, err = readOne(ctx, tx, "subscription", scanSubscription, find, org, id); err != nil {
			return err
		}
		if err := change(&subscription); err != nil {
			return err
		}
		subscription.UpdatedAt = now
		_, err = tx.Exec(ctx, updateSubscription, subscriptionArgs(&subscription))
		return err
	})
	if err != nil {
		return billing.Subscription{}, writeError("cannot save subscription", err)
	}
	return subscription, nil
}

// Subscription returns the newest subscription with the external id and one of the
// statuses. With none given any will do, one that lives before one that has ended.
func (db *DB) Subscription(ctx context.Context, org uuid.UUID, externalID string, statuses ...billing.SubscriptionStatus) (billing.Subscription, error) {
	const query = `SELECT ` + subscriptionColumns + ` FROM subscriptions s
		WHERE s.organization_id = $1 AND s.external_id = $2
			AND (cardinality($3::text[]) = 0 OR s.status = ANY ($3))
		ORDER BY s.status IN ('active', 'pending') DESC, s.created_at DESC, s.id DESC
		LIMIT 1`
	return readOne(ctx, db.pool, "subscription", scanSubscription, query, org, externalID, texts(statuses))
}

// SubscriptionsOf returns all subscriptions that ever had the external id, the oldest first.
func (db *DB) SubscriptionsOf(ctx context.Context, org uuid.UUID, externalID string) ([]billing.Subscription, error) {
	const query = `SELECT ` + subscriptionColumns + ` FROM subscriptions s
		WHERE s.organization_id = $1 AND s.external_id = $2
		ORDER BY s.created_at, s.id`
	return readAll(ctx, db.pool, "subscriptions", scanSubscription, query, org, externalID)
}

// SubscriptionByID returns the subscription with the id.
func (db *DB) SubscriptionByID(ctx context.Context, org, id uuid.UUID) (billing.Subscription, error) {
	const query = `SELECT ` + subscriptionColumns + ` FROM subscriptions s
		WHERE s.organization_id = $1 AND s.id = $2`
	return readOne(ctx, db.pool, "subscription", scanSubscription, query, org, id)
}

// SubscriptionsByID returns the subscriptions with the ids. An id that is not there
// is not in the map.
func (db *DB) SubscriptionsByID(ctx context.Context, org uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]billing.Subscription, error) {
	const query = `SELECT ` + subscriptionColumns + ` FROM subscriptions s
		WHERE s.organization_id = $1 AND s.id = ANY ($2)`
	subscriptions, err := readAll(ctx, db.pool, "subscriptions", scanSubscription, query, org, list(ids))
	if err != nil {
		return nil, err
	}
	return byID(subscriptions, subscriptionID), nil
}

// SubscriptionFilter says which subscriptions are listed; the zero value is all.
type SubscriptionFilter struct {
	CustomerExternalID string                       // "" = of any customer
	PlanCode           string                       // "" = on any plan
	Currency           billing.Currency             // "" = in any
	Statuses           []billing.SubscriptionStatus // empty = in any status
}

// Subscriptions returns a page of the subscriptions, the latest SubscriptionAt first,
// and how many there are.
func (db *DB) Subscriptions(ctx context.Context, org uuid.UUID, f SubscriptionFilter, page Page) ([]billing.Subscription, int, error) {
	const from = ` FROM subscriptions s
		JOIN customers c ON c.id = s.customer_id
		JOIN plans p ON p.id = s.plan_id
		WHERE s.organization_id = @org
			AND (@customer = '' OR c.external_id = @customer)
			AND (@plan = '' OR p.code = @plan)
			AND (@currency = '' OR p.currency = @currency)
			AND (cardinality(@statuses::text[]) = 0 OR s.status = ANY (@statuses))`
	return readPage(ctx, db.pool, listing{
		what:  "subscriptions",
		count: `SELECT count(*)` + from,
		list: `SELECT ` + subscriptionColumns + from + `
			ORDER BY s.subscription_at DESC, s.created_at DESC, s.id LIMIT @limit OFFSET @offset`,
		args: pgx.NamedArgs{
			"org": org, "customer": f.CustomerExternalID, "plan": f.PlanCode, "currency": f.Currency, "statuses": texts(f.Statuses),
		},
	}, page, scanSubscription)
}

// texts returns named strings as PostgreSQL's text[], never null.
func texts[S ~string](values []S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
