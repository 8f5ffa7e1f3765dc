package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// TrueUpFees returns, by the id of a charge's fee, the id of the fee that makes up for the
// charge's minimum. A fee without one is not in the map.
func (db *DB) TrueUpFees(ctx context.Context, org uuid.UUID, fees []uuid.UUID) (map[uuid.UUID]uuid.UUID, error) {
	const query = `SELECT f.true_up_parent_fee_id, f.id FROM fees f
		WHERE f.organization_id = $1 AND f.true_up_parent_fee_id = ANY ($2)`
	if len(fees) == 0 {
		return nil, nil
	}
	type pair struct{ parent, trueUp uuid.UUID }
	pairs, err := readAll(ctx, db.pool, "true-up fees", func(row pgx.CollectableRow) (p pair, err error) {
		err = row.Scan(&p.parent, &p.trueUp)
		return p, err
	}, query, org, fees)
	if err != nil {
		return nil, err
	}
	trueUps := make(map[uuid.UUID]uuid.UUID, len(pairs))
	for _, p := range pairs {
		trueUps[p.parent] = p.trueUp
	}
	return trueUps, nil
}

// IsOfUsage reports whether the fee of a charge is for usage that its invoice has kept. What only
// makes up for the charge's minimum is not.
func (db *DB) IsOfUsage(ctx context.Context, org, invoice, fee uuid.UUID) (bool, error) {
	const query = `SELECT EXISTS (SELECT 1 FROM usage_snapshots u
		WHERE u.organization_id = $1 AND u.invoice_id = $2 AND u.fee_id = $3)`
	return readOne(ctx, db.pool, "usage snapshot", pgx.RowTo[bool], query, org, invoice, fee)
}
