package target

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
)

// NewOrganization makes an organization beside the child's first one, by copying its
// row, and returns an API that speaks for it.
func (c *Child) NewOrganization(ctx context.Context) (API, error) {
	key := "bench_" + strings.ToLower(rand.Text())
	statements := strings.ReplaceAll(newOrganization, "{key}", key)
	if err := SQL(ctx, c.DataDir(), statements); err != nil {
		return API{}, fmt.Errorf("cannot make an organization: %w", err)
	}
	return API{URL: c.API.URL, Key: key}, nil
}

const newOrganization = `
WITH made AS (
	INSERT INTO organizations
	SELECT r.* FROM (SELECT * FROM organizations ORDER BY created_at LIMIT 1) o, LATERAL jsonb_populate_record(
		o::organizations, jsonb_build_object('id', gen_random_uuid(), 'name', 'Neighbour', 'customer_sequence', 0)) r
	RETURNING id
)
INSERT INTO api_keys (id, organization_id, name, hash, last_four, created_at)
SELECT gen_random_uuid(), id, 'bench', sha256('{key}'), right('{key}', 4), now() FROM made;
`
