package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"weir/billing"
)

// SQLSTATEs that we tell apart.
const (
	codeUndefinedTable      = "42P01"
	codeUniqueViolation     = "23505"
	codeForeignKeyViolation = "23503"
	codeBadText             = "22021" // not UTF-8, or U+0000, which PostgreSQL can't hold
)

// uniqueFields says which field of the caller's breaks a unique index.
var uniqueFields = map[string]string{
	"billable_metrics_code":     "code",
	"plans_code":                "code",
	"charges_code":              "code",
	"fixed_charges_code":        "code",
	"taxes_code":                "code",
	"add_ons_code":              "code",
	"pricing_units_code":        "code",
	"customers_external_id":     "external_id",
	"subscriptions_external_id": "external_id",
	"api_keys_hash_key":         "api_key",
}

// referenced says which resource is missing when a foreign key is broken.
var referenced = map[string]string{
	"billable_metrics_organization_id_fkey": "organization",
	"plans_organization_id_fkey":            "organization",
	"customers_organization_id_fkey":        "organization",
	"api_keys_organization_id_fkey":         "organization",
	"charges_billable_metric":               "billable_metric",
	"subscriptions_customer":                "customer",
	"subscriptions_plan":                    "plan",
}

// writeError turns what PostgreSQL says of a write into the caller's error where it
// is the caller's; everything else is wrapped with what was tried.
func writeError(tried string, err error) error {
	if err == nil {
		return nil
	}
	pgErr := (*pgconn.PgError)(nil)
	if errors.As(err, &pgErr) {
		if field, ok := uniqueFields[pgErr.ConstraintName]; ok && pgErr.Code == codeUniqueViolation {
			return billing.Invalid(field, billing.CodeAlreadyExist)
		}
		if resource, ok := referenced[pgErr.ConstraintName]; ok && pgErr.Code == codeForeignKeyViolation {
			return billing.NotFound(resource)
		}
	}
	return passDomain(tried, err)
}

// readError is writeError for reading one resource. What PostgreSQL can't hold as
// text can't be there either.
func readError(resource string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) || isBadText(err) {
		return billing.NotFound(resource)
	}
	return passDomain("cannot read "+resource, err)
}

// passDomain wraps an error, unless it is the caller's already: callbacks inside a
// transaction return such, and what they have wrapped around them is for the caller, too.
func passDomain(tried string, err error) error {
	if domain := (*billing.Error)(nil); errors.As(err, &domain) {
		return err
	}
	return fmt.Errorf("%s: %w", tried, err)
}

func isBadText(err error) bool {
	pgErr := (*pgconn.PgError)(nil)
	return errors.As(err, &pgErr) && pgErr.Code == codeBadText
}
