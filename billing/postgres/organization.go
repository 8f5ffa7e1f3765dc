package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const organizationColumns = `o.id, o.name, o.default_currency, o.timezone, o.document_number_prefix,
	o.net_payment_term_days, o.test_clock, o.created_at`

func scanOrganization(row pgx.CollectableRow) (o billing.Organization, err error) {
	err = row.Scan(&o.ID, &o.Name, &o.DefaultCurrency, &o.Timezone, &o.DocumentNumberPrefix,
		&o.NetPaymentTermDays, &o.TestClock, &o.CreatedAt)
	return o, err
}

// CreateOrganization makes a tenant. What is not set gets a default, also in o: the
// id, USD, UTC and the prefix of document numbers. CreatedAt must be set.
func (db *DB) CreateOrganization(ctx context.Context, o *billing.Organization) error {
	return db.inTx(ctx, func(tx pgx.Tx) error { return insertOrganization(ctx, tx, o) })
}

// CreateOrganizationWithKey creates an organization and its first API key, both or neither.
func (db *DB) CreateOrganizationWithKey(ctx context.Context, o *billing.Organization, key string) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if err := insertOrganization(ctx, tx, o); err != nil {
			return err
		}
		return insertAPIKey(ctx, tx, o.ID, "first", key, o.CreatedAt)
	})
}

func insertOrganization(ctx context.Context, tx pgx.Tx, o *billing.Organization) error {
	if err := setNew(&o.ID, &o.CreatedAt); err != nil {
		return fmt.Errorf("cannot create organization: %w", err)
	}
	if o.DefaultCurrency == "" {
		o.DefaultCurrency = "USD"
	}
	if o.Timezone == "" {
		o.Timezone = "UTC"
	}
	if o.DocumentNumberPrefix == "" {
		o.DocumentNumberPrefix = billing.DefaultDocumentPrefix(o.Name, o.ID)
	}
	stampAll(o.TestClock)
	const insert = `INSERT INTO organizations (id, name, default_currency, timezone, document_number_prefix,
			net_payment_term_days, test_clock, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	_, err := tx.Exec(ctx, insert, o.ID, o.Name, o.DefaultCurrency, o.Timezone, o.DocumentNumberPrefix,
		o.NetPaymentTermDays, o.TestClock, o.CreatedAt)
	return writeError("cannot create organization", err)
}

// Organization returns one organization.
func (db *DB) Organization(ctx context.Context, id uuid.UUID) (billing.Organization, error) {
	const query = `SELECT ` + organizationColumns + ` FROM organizations o WHERE o.id = $1`
	return readOne(ctx, db.pool, "organization", scanOrganization, query, id)
}

// Organizations returns all organizations, the oldest first.
func (db *DB) Organizations(ctx context.Context) ([]billing.Organization, error) {
	const query = `SELECT ` + organizationColumns + ` FROM organizations o ORDER BY o.created_at, o.id`
	return readAll(ctx, db.pool, "organizations", scanOrganization, query)
}

// TestClock returns the instant that the organization's sandbox set last, nil when it
// lives by the system's clock.
func (db *DB) TestClock(ctx context.Context, org uuid.UUID) (*time.Time, error) {
	const query = `SELECT test_clock FROM organizations WHERE id = $1`
	return readOne(ctx, db.pool, "organization", pgx.RowTo[*time.Time], query, org)
}

// SetTestClock sets the organization's clock: the first time to any instant, after
// that only forward or to the same, else the error is that `now` is invalid.
func (db *DB) SetTestClock(ctx context.Context, org uuid.UUID, now time.Time) error {
	defer db.recent.organizationChanged(org)
	const update = `UPDATE organizations SET test_clock = $2
		WHERE id = $1 AND (test_clock IS NULL OR test_clock <= $2)`
	tag, err := db.pool.Exec(ctx, update, org, stamp(now))
	if err != nil {
		return fmt.Errorf("cannot set the test clock: %w", err)
	}
	if tag.RowsAffected() == 1 {
		return nil
	}
	if _, err := db.TestClock(ctx, org); err != nil {
		return err
	}
	return billing.Invalid("now", billing.CodeInvalid)
}
