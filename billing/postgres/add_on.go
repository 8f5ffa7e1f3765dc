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

const addOnColumns = `a.id, a.organization_id, a.code, a.name, a.invoice_display_name, a.description,
	a.amount_cents, a.currency, a.created_at, a.updated_at`

// scanAddOn reads an add-on whose taxes are still to be filled in.
func scanAddOn(row pgx.CollectableRow) (a billing.AddOn, err error) {
	err = row.Scan(addOnFields(&a)...)
	return a, err
}

// addOnFields returns where addOnColumns go.
func addOnFields(a *billing.AddOn) []any {
	return []any{
		&a.ID, &a.OrganizationID, &a.Code, &a.Name, &a.InvoiceDisplayName, &a.Description,
		&a.AmountCents, &a.Currency, &a.CreatedAt, &a.UpdatedAt,
	}
}

func addOnID(a *billing.AddOn) uuid.UUID { return a.ID }

// addOnArgs returns every column by name.
func addOnArgs(a *billing.AddOn) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": a.ID, "org": a.OrganizationID, "code": a.Code, "name": a.Name,
		"invoice_display_name": a.InvoiceDisplayName, "description": a.Description,
		"amount_cents": a.AmountCents, "currency": a.Currency,
		"created_at": a.CreatedAt, "updated_at": a.UpdatedAt,
	}
}

// CreateAddOn makes an add-on and raises the organization's catalog version. A nil id is
// set; CreatedAt must be. Of its taxes only the codes count; one that is not there is
// tax_not_found. A code in use is code: value_already_exist.
func (db *DB) CreateAddOn(ctx context.Context, a *billing.AddOn) error {
	const tried = "cannot create add-on"
	if err := setNew(&a.ID, &a.CreatedAt); err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	a.UpdatedAt = a.CreatedAt
	const insert = `INSERT INTO add_ons (id, organization_id, code, name, invoice_display_name, description,
			amount_cents, currency, created_at, updated_at)
		VALUES (@id, @org, @code, @name, @invoice_display_name, @description,
			@amount_cents, @currency, @created_at, @updated_at)`
	return writeError(tried, db.inCatalogTx(ctx, a.OrganizationID, func(tx pgx.Tx) error {
		if err := resolveTaxes(ctx, tx, a.OrganizationID, &a.Taxes); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(insert, addOnArgs(a))
		taxedAddOns.queueSetTaxes(batch, a.OrganizationID, a.ID, nil, a.Taxes)
		return tx.SendBatch(ctx, batch).Close()
	}))
}

// UpdateAddOn changes the live add-on with the code, and raises the organization's catalog
// version. Of taxes that change puts on it only the codes count. When change fails nothing
// is written. It may not use the database.
func (db *DB) UpdateAddOn(ctx context.Context, org uuid.UUID, code string, now time.Time, change func(a *billing.AddOn) error) (billing.AddOn, error) {
	const update = `UPDATE add_ons SET code = @code, name = @name, invoice_display_name = @invoice_display_name,
			description = @description, amount_cents = @amount_cents, currency = @currency, updated_at = @updated_at
		WHERE organization_id = @org AND id = @id`
	var addOn billing.AddOn
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) (err error) {
		if addOn, err = liveAddOn(ctx, tx, org, code); err != nil {
			return err
		}
		before := addOn.Taxes
		addOn.Taxes = slices.Clone(before)
		if err := change(&addOn); err != nil {
			return err
		}
		if err := resolveTaxes(ctx, tx, org, &addOn.Taxes); err != nil {
			return err
		}
		addOn.UpdatedAt = stamp(now)
		batch := &pgx.Batch{}
		batch.Queue(update, addOnArgs(&addOn))
		taxedAddOns.queueSetTaxes(batch, org, addOn.ID, before, addOn.Taxes)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return billing.AddOn{}, writeError("cannot change add-on", err)
	}
	return addOn, nil
}

// DeleteAddOn deletes the live add-on with the code and the fixed charges on it, as Lago
// does (https://github.com/getlago/lago-api/pull/4818), and raises the organization's
// catalog version. What was invoiced stays as it is.
func (db *DB) DeleteAddOn(ctx context.Context, org uuid.UUID, code string, now time.Time) (billing.AddOn, error) {
	const deleteAddOn = `UPDATE add_ons SET deleted_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2`
	const deleteFixedCharges = `UPDATE fixed_charges SET deleted_at = $3, updated_at = $3
		WHERE organization_id = $1 AND add_on_id = $2 AND deleted_at IS NULL`
	var addOn billing.AddOn
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) (err error) {
		if addOn, err = liveAddOn(ctx, tx, org, code); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(deleteAddOn, org, addOn.ID, stamp(now))
		batch.Queue(deleteFixedCharges, org, addOn.ID, stamp(now))
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return billing.AddOn{}, writeError("cannot delete add-on", err)
	}
	return addOn, nil
}

func liveAddOn(ctx context.Context, q querier, org uuid.UUID, code string) (billing.AddOn, error) {
	const query = `SELECT ` + addOnColumns + ` FROM add_ons a
		WHERE a.organization_id = $1 AND a.code = $2 AND a.deleted_at IS NULL`
	addOn, err := readOne(ctx, q, "add_on", scanAddOn, query, org, code)
	if err != nil {
		return addOn, err
	}
	err = readAddOnTaxes(ctx, q, &addOn)
	return addOn, err
}

// readAddOnTaxes fills in the live taxes of add-ons in one query.
func readAddOnTaxes(ctx context.Context, q querier, addOns ...*billing.AddOn) error {
	ids := make([]uuid.UUID, len(addOns))
	for i := range addOns {
		ids[i] = addOns[i].ID
	}
	taxes, err := taxedAddOns.read(ctx, q, ids)
	for _, a := range addOns {
		a.Taxes = taxes[a.ID]
	}
	return err
}

// AddOn returns the live add-on with the code.
func (db *DB) AddOn(ctx context.Context, org uuid.UUID, code string) (billing.AddOn, error) {
	return liveAddOn(ctx, db.pool, org, code)
}

// AddOnByID returns the live add-on with the id.
func (db *DB) AddOnByID(ctx context.Context, org, id uuid.UUID) (billing.AddOn, error) {
	const query = `SELECT ` + addOnColumns + ` FROM add_ons a
		WHERE a.organization_id = $1 AND a.id = $2 AND a.deleted_at IS NULL`
	addOn, err := readOne(ctx, db.pool, "add_on", scanAddOn, query, org, id)
	if err != nil {
		return addOn, err
	}
	err = readAddOnTaxes(ctx, db.pool, &addOn)
	return addOn, err
}

// AddOnsByCode returns the live add-ons with the codes. A code that is not there is not in the map.
func (db *DB) AddOnsByCode(ctx context.Context, org uuid.UUID, codes []string) (map[string]billing.AddOn, error) {
	const query = `SELECT ` + addOnColumns + ` FROM add_ons a
		WHERE a.organization_id = $1 AND a.code = ANY ($2) AND a.deleted_at IS NULL`
	addOns, err := readAll(ctx, db.pool, "add-ons", scanAddOn, query, org, list(codes))
	if err != nil {
		return nil, err
	}
	if err := readAddOnTaxes(ctx, db.pool, pointers(addOns)...); err != nil {
		return nil, err
	}
	byCode := make(map[string]billing.AddOn, len(addOns))
	for i := range addOns {
		byCode[addOns[i].Code] = addOns[i]
	}
	return byCode, nil
}

// AddOns returns a page of the live add-ons, the newest first, and how many there are.
func (db *DB) AddOns(ctx context.Context, org uuid.UUID, page Page) ([]billing.AddOn, int, error) {
	const from = ` FROM add_ons a WHERE a.organization_id = @org AND a.deleted_at IS NULL`
	addOns, total, err := readPage(ctx, db.pool, listing{
		what:  "add-ons",
		count: `SELECT count(*)` + from,
		list:  `SELECT ` + addOnColumns + from + ` ORDER BY a.created_at DESC, a.id LIMIT @limit OFFSET @offset`,
		args:  pgx.NamedArgs{"org": org},
	}, page, scanAddOn)
	if err != nil {
		return nil, 0, err
	}
	return addOns, total, readAddOnTaxes(ctx, db.pool, pointers(addOns)...)
}

// addOnsByID returns the add-ons with the ids, deleted or not and without their taxes: a
// fee keeps what it is for. One that is not there is not in the map.
func addOnsByID(ctx context.Context, q querier, org uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]billing.AddOn, error) {
	const query = `SELECT ` + addOnColumns + ` FROM add_ons a WHERE a.organization_id = $1 AND a.id = ANY ($2)`
	addOns, err := readAll(ctx, q, "add-ons", scanAddOn, query, org, list(ids))
	if err != nil {
		return nil, err
	}
	return byID(addOns, addOnID), nil
}
