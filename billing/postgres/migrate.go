package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrateLockID names the advisory lock that lets one process migrate at a time.
const migrateLockID = 0x77656972 // "weir"

// internalSecretBytes is how long the installation's secret is, before hexadecimal.
const internalSecretBytes = 32

// Migrate brings the database at url to this program's schema and gives a new
// installation its internal secret. Migrations only go forward, each in a transaction
// of its own. Any number of processes may call it at once: one works, the others
// wait for it (until ctx ends) and find nothing left to do.
func Migrate(ctx context.Context, url string) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("cannot parse the database's URL: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	// The lock belongs to the session: closing the connection releases it, however we end.
	lock, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("cannot connect to the database: %w", err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(migrateLockID)); err != nil {
		return fmt.Errorf("cannot take the migration lock: %w", err)
	}
	if err := migrateLocked(ctx, db); err != nil {
		return fmt.Errorf("cannot migrate the database: %w", err)
	}
	return ensureInternalSecret(ctx, db)
}

func migrateLocked(ctx context.Context, db *sql.DB) error {
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic("BUG: the embedded migrations are gone: " + err.Error())
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
}

// ensureInternalSecret generates the secret of the installation's own calls, once.
func ensureInternalSecret(ctx context.Context, db *sql.DB) error {
	secret := make([]byte, internalSecretBytes)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("cannot generate the internal secret: %w", err)
	}
	const insert = `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	if _, err := db.ExecContext(ctx, insert, internalSecretName, hex.EncodeToString(secret)); err != nil {
		return fmt.Errorf("cannot keep the internal secret: %w", err)
	}
	return nil
}

// MigrationsPending reports whether the database's schema is older than this program's.
func (db *DB) MigrationsPending(ctx context.Context) (bool, error) {
	const query = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
	var version int64
	err := db.pool.QueryRow(ctx, query).Scan(&version)
	if pgErr := (*pgconn.PgError)(nil); errors.As(err, &pgErr) && pgErr.Code == codeUndefinedTable {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot read the schema's version: %w", err)
	}
	return version < newestMigration(), nil
}

// newestMigration returns the version of the last migration in this program.
func newestMigration() int64 {
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil || len(entries) == 0 {
		panic("BUG: there are no embedded migrations")
	}
	version, err := goose.NumericComponent(entries[len(entries)-1].Name()) // sorted by name
	if err != nil {
		panic("BUG: a migration's name has no number: " + err.Error())
	}
	return version
}
