package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const pricingUnitColumns = `u.id, u.organization_id, u.code, u.name, u.short_name, u.description,
	u.created_at, u.updated_at`

func scanPricingUnit(row pgx.CollectableRow) (u billing.PricingUnit, err error) {
	err = row.Scan(&u.ID, &u.OrganizationID, &u.Code, &u.Name, &u.ShortName, &u.Description,
		&u.CreatedAt, &u.UpdatedAt)
	return u, err
}

func pricingUnitID(u *billing.PricingUnit) uuid.UUID { return u.ID }

// CreatePricingUnit makes a pricing unit and raises the organization's catalog version. A
// nil id is set; CreatedAt must be. A code in use is code: value_already_exist.
func (db *DB) CreatePricingUnit(ctx context.Context, u *billing.PricingUnit) error {
	const tried = "cannot create pricing unit"
	if err := setNew(&u.ID, &u.CreatedAt); err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	u.UpdatedAt = u.CreatedAt
	const insert = `INSERT INTO pricing_units (id, organization_id, code, name, short_name, description, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	return writeError(tried, db.inCatalogTx(ctx, u.OrganizationID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, insert, u.ID, u.OrganizationID, u.Code, u.Name, u.ShortName, u.Description, u.CreatedAt, u.UpdatedAt)
		return err
	}))
}

// UpdatePricingUnit changes the live pricing unit with the code, and raises the
// organization's catalog version. When change fails nothing is written. It may not use
// the database.
func (db *DB) UpdatePricingUnit(ctx context.Context, org uuid.UUID, code string, now time.Time, change func(u *billing.PricingUnit) error) (billing.PricingUnit, error) {
	const update = `UPDATE pricing_units SET code = $3, name = $4, short_name = $5, description = $6, updated_at = $7
		WHERE organization_id = $1 AND id = $2`
	var unit billing.PricingUnit
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) (err error) {
		if unit, err = livePricingUnit(ctx, tx, org, code); err != nil {
			return err
		}
		if err := change(&unit); err != nil {
			return err
		}
		unit.UpdatedAt = stamp(now)
		_, err = tx.Exec(ctx, update, org, unit.ID, unit.Code, unit.Name, unit.ShortName, unit.Description, unit.UpdatedAt)
		return err
	})
	if err != nil {
		return billing.PricingUnit{}, writeError("cannot change pricing unit", err)
	}
	return unit, nil
}

// DeletePricingUnit deletes the live pricing unit with the code, and raises the
// organization's catalog version. One that live charges are priced in is not allowed to
// go: attached_to_plan_or_subscription.
func (db *DB) DeletePricingUnit(ctx context.Context, org uuid.UUID, code string, now time.Time) (billing.PricingUnit, error) {
	const used = `SELECT EXISTS (SELECT 1 FROM charges c
		WHERE c.organization_id = $1 AND c.pricing_unit_id = $2 AND c.deleted_at IS NULL)`
	const remove = `UPDATE pricing_units SET deleted_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2`
	var unit billing.PricingUnit
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) (err error) {
		if unit, err = livePricingUnit(ctx, tx, org, code); err != nil {
			return err
		}
		inUse, err := readOne(ctx, tx, "pricing_unit", pgx.RowTo[bool], used, org, unit.ID)
		if err != nil {
			return err
		}
		if inUse {
			return billing.NotAllowed(billing.CodeAttached)
		}
		_, err = tx.Exec(ctx, remove, org, unit.ID, stamp(now))
		return err
	})
	if err != nil {
		return billing.PricingUnit{}, writeError("cannot delete pricing unit", err)
	}
	return unit, nil
}

func livePricingUnit(ctx context.Context, q querier, org uuid.UUID, code string) (billing.PricingUnit, error) {
	const query = `SELECT ` + pricingUnitColumns + ` FROM pricing_units u
		WHERE u.organization_id = $1 AND u.code = $2 AND u.deleted_at IS NULL`
	return readOne(ctx, q, "pricing_unit", scanPricingUnit, query, org, code)
}

// PricingUnit returns the live pricing unit with the code.
func (db *DB) PricingUnit(ctx context.Context, org uuid.UUID, code string) (billing.PricingUnit, error) {
	return livePricingUnit(ctx, db.pool, org, code)
}

// PricingUnits returns a page of the live pricing units, the newest first, and how many there are.
func (db *DB) PricingUnits(ctx context.Context, org uuid.UUID, page Page) ([]billing.PricingUnit, int, error) {
	const from = ` FROM pricing_units u WHERE u.organization_id = @org AND u.deleted_at IS NULL`
	return readPage(ctx, db.pool, listing{
		what:  "pricing units",
		count: `SELECT count(*)` + from,
		list:  `SELECT ` + pricingUnitColumns + from + ` ORDER BY u.created_at DESC, u.id LIMIT @limit OFFSET @offset`,
		args:  pgx.NamedArgs{"org": org},
	}, page, scanPricingUnit)
}
