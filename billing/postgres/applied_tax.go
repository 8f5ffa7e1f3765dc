package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// taxed is a table that says which taxes hold for one kind of thing. Deleting a tax
// empties them of it; because a customer's may be written at the same time, who reads
// them leaves out deleted taxes all the same.
type taxed struct {
	table string
	owner string // column of what they hold for
}

var (
	taxedCustomers    = taxed{"customer_taxes", "customer_id"}
	taxedPlans        = taxed{"plan_taxes", "plan_id"}
	taxedCharges      = taxed{"charge_taxes", "charge_id"}
	taxedFixedCharges = taxed{"fixed_charge_taxes", "fixed_charge_id"}
	taxedCommitments  = taxed{"minimum_commitment_taxes", "minimum_commitment_id"}
	taxedAddOns       = taxed{"add_on_taxes", "add_on_id"}
)

// queueTakeOffAll takes a tax off everything.
func queueTakeOffAll(batch *pgx.Batch, org, tax uuid.UUID) {
	for _, of := range []taxed{taxedCustomers, taxedPlans, taxedCharges, taxedFixedCharges, taxedCommitments, taxedAddOns} {
		batch.Queue(`DELETE FROM `+of.table+` WHERE organization_id = $1 AND tax_id = $2`, org, tax)
	}
}

// queueSetTaxes makes the taxes of the owner, whose rows had those of before, what they
// are after. Those are complete.
func (of taxed) queueSetTaxes(batch *pgx.Batch, org, owner uuid.UUID, before, after []billing.Tax) {
	if slices.EqualFunc(before, after, func(a, b billing.Tax) bool { return a.ID == b.ID }) {
		return
	}
	if len(before) > 0 {
		batch.Queue(`DELETE FROM `+of.table+` WHERE organization_id = $1 AND `+of.owner+` = $2`, org, owner)
	}
	if len(after) > 0 {
		ids := make([]uuid.UUID, len(after))
		for i := range after {
			ids[i] = after[i].ID
		}
		batch.Queue(`INSERT INTO `+of.table+` (organization_id, `+of.owner+`, tax_id, position)
			SELECT $1, $2, id, position - 1 FROM unnest($3::uuid[]) WITH ORDINALITY AS given (id, position)`, org, owner, ids)
	}
}

// appliedTax is a tax with what it is put on.
type appliedTax struct {
	billing.Tax
	owner uuid.UUID
}

// scanAppliedTax reads the owner and taxColumns.
func scanAppliedTax(row pgx.CollectableRow) (t appliedTax, err error) {
	err = row.Scan(append([]any{&t.owner}, taxFields(&t.Tax)...)...)
	return t, err
}

// byOwner returns taxes by what they are put on, in their order.
func byOwner(applied []appliedTax) map[uuid.UUID][]billing.Tax {
	taxes := make(map[uuid.UUID][]billing.Tax)
	for i := range applied {
		taxes[applied[i].owner] = append(taxes[applied[i].owner], applied[i].Tax)
	}
	return taxes
}

// read returns the live taxes of the owners, in their order.
func (of taxed) read(ctx context.Context, q querier, owners []uuid.UUID) (map[uuid.UUID][]billing.Tax, error) {
	if len(owners) == 0 {
		return nil, nil
	}
	// The owners are the organization's, and foreign keys see to it that their taxes are, too.
	query := `SELECT x.` + of.owner + `, ` + taxColumns + ` FROM ` + of.table + ` x
		JOIN taxes t ON t.organization_id = x.organization_id AND t.id = x.tax_id
		WHERE x.` + of.owner + ` = ANY ($1) AND t.deleted_at IS NULL
		ORDER BY x.` + of.owner + `, x.position`
	applied, err := readAll(ctx, q, "taxes", scanAppliedTax, query, owners)
	return byOwner(applied), err
}

// readCustomerTaxes fills in the live taxes of customers, which may be of several
// organizations, in one query.
func readCustomerTaxes(ctx context.Context, q querier, customers ...*billing.Customer) error {
	ids := make([]uuid.UUID, len(customers))
	for i := range customers {
		ids[i] = customers[i].ID
	}
	taxes, err := taxedCustomers.read(ctx, q, ids)
	for _, c := range customers {
		c.Taxes = taxes[c.ID]
	}
	return err
}
