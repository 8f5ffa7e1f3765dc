package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// KnownSubscriptions returns those of the external ids that a subscription of the
// organization, living or not, ever had. The caller bounds their number.
func (db *DB) KnownSubscriptions(ctx context.Context, org uuid.UUID, externalIDs []string) (map[string]bool, error) {
	const query = `SELECT DISTINCT s.external_id FROM subscriptions s
		WHERE s.organization_id = $1 AND s.external_id = ANY ($2)`
	ids, err := readAll(ctx, db.pool, "external ids", pgx.RowTo[string], query, org, list(externalIDs))
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	return known, nil
}
