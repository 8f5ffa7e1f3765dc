package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// keyHintBytes is how much of a key's end is kept, for people to tell keys apart.
const keyHintBytes = 4

// OrganizationForKey returns whose API key it is; an unknown or revoked key is
// api_key_not_found. Keys are random and long, so a plain hash is looked up: nothing
// is compared byte by byte, and there is nothing to guess.
func (db *DB) OrganizationForKey(ctx context.Context, key string) (billing.Organization, error) {
	const query = `SELECT ` + organizationColumns + `
		FROM api_keys k JOIN organizations o ON o.id = k.organization_id
		WHERE k.hash = $1 AND k.revoked_at IS NULL`
	return readOne(ctx, db.pool, "api_key", scanOrganization, query, hashKey(key))
}

// CreateAPIKey lets a key act for the organization. Only its hash and, of a key
// long enough, its last four characters are kept. A key that exists already,
// anywhere, is refused, and so is an empty one.
func (db *DB) CreateAPIKey(ctx context.Context, org uuid.UUID, name, key string, now time.Time) error {
	return db.inTx(ctx, func(tx pgx.Tx) error { return insertAPIKey(ctx, tx, org, name, key, now) })
}

func insertAPIKey(ctx context.Context, tx pgx.Tx, org uuid.UUID, name, key string, now time.Time) error {
	if key == "" {
		return billing.Invalid("api_key", billing.CodeMandatory)
	}
	hint := ""
	if len(key) > 2*keyHintBytes {
		hint = key[len(key)-keyHintBytes:]
	}
	const insert = `INSERT INTO api_keys (id, organization_id, name, hash, last_four, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`
	_, err := tx.Exec(ctx, insert, newID(), org, name, hashKey(key), hint, stamp(now))
	return writeError("cannot create API key", err)
}

// RevokeAPIKey ends a key of the organization. It stays known, so that it can't be
// created again. An unknown or revoked key is api_key_not_found.
func (db *DB) RevokeAPIKey(ctx context.Context, org uuid.UUID, key string, now time.Time) error {
	const update = `UPDATE api_keys SET revoked_at = $3
		WHERE organization_id = $1 AND hash = $2 AND revoked_at IS NULL`
	tag, err := db.pool.Exec(ctx, update, org, hashKey(key), stamp(now))
	if err != nil {
		return fmt.Errorf("cannot revoke API key: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return billing.NotFound("api_key")
	}
	return nil
}

func hashKey(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}
