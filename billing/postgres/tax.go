package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const taxColumns = `t.id, t.organization_id, t.code, t.name, t.description, t.rate,
	t.applied_to_organization, t.created_at, t.updated_at`

func scanTax(row pgx.CollectableRow) (t billing.Tax, err error) {
	err = row.Scan(taxFields(&t)...)
	return t, err
}

// taxFields returns where taxColumns go.
func taxFields(t *billing.Tax) []any {
	return []any{
		&t.ID, &t.OrganizationID, &t.Code, &t.Name, &t.Description, &t.Rate,
		&t.AppliedToOrganization, &t.CreatedAt, &t.UpdatedAt,
	}
}

// taxArgs returns every column by name.
func taxArgs(t *billing.Tax) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": t.ID, "org": t.OrganizationID, "code": t.Code, "name": t.Name, "description": t.Description,
		"rate": t.Rate, "applied_to_organization": t.AppliedToOrganization,
		"created_at": t.CreatedAt, "updated_at": t.UpdatedAt,
	}
}

// CreateTax makes a tax and raises the organization's catalog version. A nil id is set;
// CreatedAt must be. A code in use is code: value_already_exist.
func (db *DB) CreateTax(ctx context.Context, t *billing.Tax) error {
	const tried = "cannot create tax"
	if err := setNew(&t.ID, &t.CreatedAt); err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	t.UpdatedAt = t.CreatedAt
	const insert = `INSERT INTO taxes (id, organization_id, code, name, description, rate,
			applied_to_organization, created_at, updated_at)
		VALUES (@id, @org, @code, @name, @description, @rate,
			@applied_to_organization, @created_at, @updated_at)`
	return writeError(tried, db.inCatalogTx(ctx, t.OrganizationID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, insert, taxArgs(t))
		return err
	}))
}

// UpdateTax changes the live tax with the code, and raises the organization's catalog
// version. What was invoiced keeps the tax as it was. When change fails nothing is
// written. It may not use the database.
func (db *DB) UpdateTax(ctx context.Context, org uuid.UUID, code string, now time.Time, change func(t *billing.Tax) error) (billing.Tax, error) {
	const update = `UPDATE taxes SET code = @code, name = @name, description = @description, rate = @rate,
			applied_to_organization = @applied_to_organization, updated_at = @updated_at
		WHERE organization_id = @org AND id = @id`
	var tax billing.Tax
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) (err error) {
		if tax, err = liveTax(ctx, tx, org, code); err != nil {
			return err
		}
		if err := change(&tax); err != nil {
			return err
		}
		tax.UpdatedAt = stamp(now)
		_, err = tx.Exec(ctx, update, taxArgs(&tax))
		return err
	})
	if err != nil {
		return billing.Tax{}, writeError("cannot change tax", err)
	}
	return tax, nil
}

// DeleteTax deletes the live tax with the code, takes it off everything that it was put
// on, and raises the organization's catalog version. What was invoiced keeps it.
func (db *DB) DeleteTax(ctx context.Context, org uuid.UUID, code string, now time.Time) (billing.Tax, error) {
	const remove = `UPDATE taxes SET deleted_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2`
	var tax billing.Tax
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) (err error) {
		if tax, err = liveTax(ctx, tx, org, code); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(remove, org, tax.ID, stamp(now))
		queueTakeOffAll(batch, org, tax.ID)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return billing.Tax{}, writeError("cannot delete tax", err)
	}
	return tax, nil
}

func liveTax(ctx context.Context, q querier, org uuid.UUID, code string) (billing.Tax, error) {
	const query = `SELECT ` + taxColumns + ` FROM taxes t
		WHERE t.organization_id = $1 AND t.code = $2 AND t.deleted_at IS NULL`
	return readOne(ctx, q, "tax", scanTax, query, org, code)
}

// Tax returns the live tax with the code.
func (db *DB) Tax(ctx context.Context, org uuid.UUID, code string) (billing.Tax, error) {
	return liveTax(ctx, db.pool, org, code)
}

// TaxesByCode returns the live taxes with the codes, in their order and each once. A code
// that is not there is tax_not_found.
func (db *DB) TaxesByCode(ctx context.Context, org uuid.UUID, codes []string) ([]billing.Tax, error) {
	taxes := make([]billing.Tax, len(codes))
	for i := range codes {
		taxes[i].Code = codes[i]
	}
	if err := resolveTaxes(ctx, db.pool, org, &taxes); err != nil {
		return nil, passDomain("cannot read taxes", err)
	}
	return taxes, nil
}

// Taxes returns a page of the live taxes, the newest first, and how many there are.
func (db *DB) Taxes(ctx context.Context, org uuid.UUID, page Page) ([]billing.Tax, int, error) {
	const from = ` FROM taxes t WHERE t.organization_id = @org AND t.deleted_at IS NULL`
	return readPage(ctx, db.pool, listing{
		what:  "taxes",
		count: `SELECT count(*)` + from,
		list:  `SELECT ` + taxColumns + from + ` ORDER BY t.created_at DESC, t.id LIMIT @limit OFFSET @offset`,
		args:  pgx.NamedArgs{"org": org},
	}, page, scanTax)
}

// OrganizationTaxes returns the live taxes that are applied to the organization: those of
// every fee for which nothing else is said, the oldest first.
func (db *DB) OrganizationTaxes(ctx context.Context, org uuid.UUID) ([]billing.Tax, error) {
	const query = `SELECT ` + taxColumns + ` FROM taxes t
		WHERE t.organization_id = $1 AND t.applied_to_organization AND t.deleted_at IS NULL
		ORDER BY t.created_at, t.id`
	return readAll(ctx, db.pool, "taxes", scanTax, query, org)
}

// resolveTaxes replaces taxes, of which only the code counts, by the live ones with their
// codes, in their order and each once. A code that is not there is tax_not_found.
func resolveTaxes(ctx context.Context, q querier, org uuid.UUID, sets ...*[]billing.Tax) error {
	codes := taxCodes(sets)
	if len(codes) == 0 {
		return nil
	}
	taxes, err := readAll(ctx, q, "taxes", scanTax, taxesByCodeQuery, org, codes)
	if err != nil {
		return err
	}
	return placeTaxes(sets, taxes)
}

const taxesByCodeQuery = `SELECT ` + taxColumns + ` FROM taxes t
	WHERE t.organization_id = $1 AND t.code = ANY ($2) AND t.deleted_at IS NULL`

func taxCodes(sets []*[]billing.Tax) []string {
	codes := []string{}
	for _, set := range sets {
		for i := range *set {
			codes = append(codes, (*set)[i].Code)
		}
	}
	return codes
}

// placeTaxes does what resolveTaxes says with the taxes that were found.
func placeTaxes(sets []*[]billing.Tax, found []billing.Tax) error {
	byCode := make(map[string]*billing.Tax, len(found))
	for i := range found {
		byCode[found[i].Code] = &found[i]
	}
	for _, set := range sets {
		var placed []billing.Tax
		given := make(map[string]bool, len(*set))
		for i := range *set {
			code := (*set)[i].Code
			tax := byCode[code]
			if tax == nil {
				return billing.NotFound("tax")
			}
			if !given[code] {
				placed, given[code] = append(placed, *tax), true
			}
		}
		*set = placed
	}
	return nil
}
