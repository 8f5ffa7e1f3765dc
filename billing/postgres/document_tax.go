package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// documentTax is a tax as it stands on a fee or an invoice.
type documentTax struct {
	billing.AppliedTax
	owner uuid.UUID
}

const documentTaxColumns = `t.id, t.tax_id, t.code, t.name, t.description, t.rate, t.base_amount_cents, t.amount_cents,
	t.precise_amount_cents, t.created_at`

// scanDocumentTax reads the owner and documentTaxColumns.
func scanDocumentTax(row pgx.CollectableRow) (t documentTax, err error) {
	err = row.Scan(&t.owner, &t.ID, &t.TaxID, &t.Code, &t.Name, &t.Description, &t.Rate, &t.BaseCents, &t.AmountCents,
		&t.PreciseAmount, &t.CreatedAt)
	return t, err
}

// feeTaxes returns the taxes of fees, each fee's in their order.
func feeTaxes(ctx context.Context, q querier, org uuid.UUID, fees []uuid.UUID) (map[uuid.UUID][]billing.AppliedTax, error) {
	const query = `SELECT t.fee_id, ` + documentTaxColumns + ` FROM fee_taxes t
		WHERE t.organization_id = $1 AND t.fee_id = ANY ($2) ORDER BY t.fee_id, t.position`
	return readDocumentTaxes(ctx, q, query, org, fees)
}

// invoiceTaxes returns the taxes of invoices, each invoice's in their order.
func invoiceTaxes(ctx context.Context, q querier, org uuid.UUID, invoices []uuid.UUID) (map[uuid.UUID][]billing.AppliedTax, error) {
	const query = `SELECT t.invoice_id, ` + documentTaxColumns + ` FROM invoice_taxes t
		WHERE t.organization_id = $1 AND t.invoice_id = ANY ($2) ORDER BY t.invoice_id, t.position`
	return readDocumentTaxes(ctx, q, query, org, invoices)
}

func readDocumentTaxes(ctx context.Context, q querier, query string, org uuid.UUID, owners []uuid.UUID) (map[uuid.UUID][]billing.AppliedTax, error) {
	rows, err := readAll(ctx, q, "applied taxes", scanDocumentTax, query, org, owners)
	if err != nil {
		return nil, err
	}
	taxes := make(map[uuid.UUID][]billing.AppliedTax)
	for i := range rows {
		taxes[rows[i].owner] = append(taxes[rows[i].owner], rows[i].AppliedTax)
	}
	return taxes, nil
}
