package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"weir/billing"
)

// MigrateTo brings the database at url to a version of the schema.
func MigrateTo(ctx context.Context, url string, version int64) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	_, err = provider.UpTo(ctx, version)
	return err
}

// Look looks now for what has changed in rows that are remembered, when nobody reads any more of them. More may
// be read at once.
func (db *DB) Look() {
	db.recent.background.Wait()
	db.recent.neighbours.readAt = time.Time{}
	db.look()
}

// Acquires returns how often a connection was taken from the pool.
func (db *DB) Acquires() int64 { return db.pool.Stat().AcquireCount() }

// SetInvoiceStatus makes an invoice of a status that nothing gives it yet.
func (db *DB) SetInvoiceStatus(ctx context.Context, id uuid.UUID, status billing.InvoiceStatus) error {
	_, err := db.pool.Exec(ctx, `UPDATE invoices SET status = $2 WHERE id = $1`, id, status)
	return err
}

// OutboxOf returns the kinds of what is to be told of a thing, the oldest first.
func (db *DB) OutboxOf(ctx context.Context, subject uuid.UUID) ([]string, error) {
	return readAll(ctx, db.pool, "outbox", pgx.RowTo[string], `SELECT kind FROM outbox WHERE subject_id = $1 ORDER BY id`, subject)
}

// Multiply makes n more subscriptions like one, with external ids of their own.
func (db *DB) Multiply(ctx context.Context, s billing.Subscription, n int) error {
	const insert = `INSERT INTO subscriptions (id, organization_id, customer_id, plan_id, external_id, status, billing_time, subscription_at,
			started_at, initial_started_at, base_billed_until, usage_billed_until, fixed_billed_until, fixed_ahead_billed_until,
			next_due_at, created_at, updated_at)
		SELECT gen_random_uuid(), s.organization_id, s.customer_id, s.plan_id, s.external_id || ' ' || n, s.status, s.billing_time, s.subscription_at,
			s.started_at, s.initial_started_at, s.base_billed_until, s.usage_billed_until, s.fixed_billed_until, s.fixed_ahead_billed_until,
			s.next_due_at, s.created_at, s.updated_at
		FROM subscriptions s, generate_series(1, $2::int) n WHERE s.id = $1`
	_, err := db.pool.Exec(ctx, insert, s.ID, n)
	return err
}
