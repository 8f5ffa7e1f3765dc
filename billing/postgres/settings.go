package postgres

import (
	"context"
	"fmt"
)

// internalSecretName is the setting that Migrate generates.
const internalSecretName = "internal_secret"

// InternalSecret returns the secret by which the processes of this installation
// know each other: 64 hexadecimal digits, the same for ever.
func (db *DB) InternalSecret(ctx context.Context) (string, error) {
	const query = `SELECT value FROM settings WHERE name = $1`
	var secret string
	if err := db.pool.QueryRow(ctx, query, internalSecretName).Scan(&secret); err != nil {
		return "", fmt.Errorf("cannot read the internal secret: %w", err)
	}
	return secret, nil
}
