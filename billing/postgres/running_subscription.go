package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// RunningSubscription is a customer's active subscription as a question about its usage
// needs it, with the organization's clock and catalog version.
type RunningSubscription struct {
	ID             uuid.UUID
	ExternalID     string
	CustomerID     uuid.UUID
	PlanID         uuid.UUID
	BillingTime    billing.BillingTime
	SubscriptionAt time.Time
	StartedAt      *time.Time
	EndingAt       *time.Time
	BilledUntil    billing.BilledUntil
	NextDueAt      *time.Time
	// What its trial counts from, and when it was found to be over.
	InitialStartedAt, TrialEndedAt *time.Time

	Timezone string // the customer's; "" inherits the organization's
	// CustomerTaxes are the customer's, in their order, by id; empty: those of the organization
	// hold. It is shared, and not to be changed. One that is not in the catalog of
	// CatalogVersion was deleted.
	CustomerTaxes  []uuid.UUID
	CatalogVersion int64      // the organization's
	TestClock      *time.Time // the organization's; nil: it lives by the system's clock
}

// Subscription returns the subscription as far as it is known here: what says when its
// periods are, and of which plan it is. Its instants are shared, and not to be changed.
func (r *RunningSubscription) Subscription(org uuid.UUID) billing.Subscription {
	return billing.Subscription{
		ID: r.ID, OrganizationID: org, CustomerID: r.CustomerID, PlanID: r.PlanID, ExternalID: r.ExternalID,
		Status: billing.Active, BillingTime: r.BillingTime,
		SubscriptionAt: r.SubscriptionAt, StartedAt: r.StartedAt, EndingAt: r.EndingAt,
		InitialStartedAt: r.InitialStartedAt, TrialEndedAt: r.TrialEndedAt,
		BaseBilledUntil: r.BilledUntil.Base, UsageBilledUntil: r.BilledUntil.Usage,
		FixedBilledUntil: r.BilledUntil.Fixed, FixedAheadBilledUntil: r.BilledUntil.FixedAhead,
		NextDueAt: r.NextDueAt,
	}
}

// RunningSubscription returns the customer's active subscription with the external id, as
// it is now, in one round trip. The errors are the caller's: customer_not_found;
// subscription_not_found, when the customer never had one with the id;
// no_active_subscription, when it has none now.
func (db *DB) RunningSubscription(ctx context.Context, org uuid.UUID, customerExternalID, externalID string) (RunningSubscription, error) {
	const query = `SELECT ` + runningColumns + `
		FROM customers c
		JOIN organizations o ON o.id = c.organization_id
		JOIN subscriptions s ON s.organization_id = c.organization_id AND s.external_id = $3 AND s.status = 'active'
			AND s.customer_id = c.id
		WHERE c.organization_id = $1 AND c.external_id = $2 AND c.deleted_at IS NULL`
	running, err := readOne(ctx, db.pool, "subscription", scanRunningSubscription, query, org, customerExternalID, externalID)
	if billing.IsNotFound(err) {
		err = db.notRunning(ctx, org, customerExternalID, externalID)
	}
	return running, err
}

// runningColumns are a RunningSubscription's, of customers c, organizations o and subscriptions s.
const runningColumns = `c.timezone, o.catalog_version, o.test_clock,
	ARRAY(SELECT x.tax_id FROM customer_taxes x WHERE x.customer_id = c.id ORDER BY x.position),
	s.id, s.external_id, s.customer_id, s.plan_id, s.billing_time, s.subscription_at, s.started_at, s.ending_at,
	s.base_billed_until, s.usage_billed_until, s.fixed_billed_until, s.fixed_ahead_billed_until, s.next_due_at,
	s.initial_started_at, s.trial_ended_at`

// runningFields returns where runningColumns go.
func runningFields(r *RunningSubscription) []any {
	return []any{
		&r.Timezone, &r.CatalogVersion, &r.TestClock, &r.CustomerTaxes,
		&r.ID, &r.ExternalID, &r.CustomerID, &r.PlanID, &r.BillingTime, &r.SubscriptionAt, &r.StartedAt, &r.EndingAt,
		&r.BilledUntil.Base, &r.BilledUntil.Usage, &r.BilledUntil.Fixed, &r.BilledUntil.FixedAhead, &r.NextDueAt,
		&r.InitialStartedAt, &r.TrialEndedAt,
	}
}

func scanRunningSubscription(row pgx.CollectableRow) (r RunningSubscription, err error) {
	err = row.Scan(runningFields(&r)...)
	return r, err
}

// notRunning says why a customer has no active subscription with the external id.
func (db *DB) notRunning(ctx context.Context, org uuid.UUID, customerExternalID, externalID string) error {
	customer, err := db.Customer(ctx, org, customerExternalID)
	if err != nil {
		return err
	}
	versions, err := db.SubscriptionsOf(ctx, org, externalID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(versions, func(s billing.Subscription) bool { return s.CustomerID == customer.ID }) {
		return billing.NotAllowed("no_active_subscription")
	}
	return billing.NotFound("subscription")
}

// CatalogVersion returns the organization's catalog version.
func (db *DB) CatalogVersion(ctx context.Context, org uuid.UUID) (int64, error) {
	const query = `SELECT catalog_version FROM organizations WHERE id = $1`
	return readOne(ctx, db.pool, "organization", pgx.RowTo[int64], query, org)
}
