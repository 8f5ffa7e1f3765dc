package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// MigrateTo brings the database at url to a version of the schema.
func MigrateTo(ctx context.Context, url string, version int64) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	_, err = provider.UpTo(ctx, version)
	return err
}

// Look looks now for what has changed in rows that are remembered, when nobody reads any more of them. More may
// be read at once.
func (db *DB) Look() {
	db.recent.background.Wait()
	db.recent.neighbours.readAt = time.Time{}
	db.look()
}

// Acquires returns how often a connection was taken from the pool.
func (db *DB) Acquires() int64 { return db.pool.Stat().AcquireCount() }
