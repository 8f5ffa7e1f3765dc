package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"weir/aggregator"
	"weir/billing"
)

// catalogChannel is where a transaction that changes a catalog says so when it commits.
const catalogChannel = "weir_catalog"

// How WatchCatalog keeps up.
const (
	catalogPollInterval = 2 * time.Second // without a notification; also the wait after a fault
	catalogQueryTimeout = 30 * time.Second
)

// inCatalogTx runs fn in a transaction that changes metrics, plans or charges, under the lock
// of the organization's catalog.
func (db *DB) inCatalogTx(ctx context.Context, org uuid.UUID, fn func(pgx.Tx) error) error {
	defer db.recent.organizationChanged(org)
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if err := raiseCatalogVersion(ctx, tx, org); err != nil {
			return err
		}
		return fn(tx)
	})
}

// raiseCatalogVersion must come first in a transaction that changes metrics or
// charges: it locks the organization's row, so that commit order is version order, and
// a reader of version n has seen every change up to n.
func raiseCatalogVersion(ctx context.Context, tx pgx.Tx, org uuid.UUID) error {
	const raise = `UPDATE organizations SET catalog_version = catalog_version + 1 WHERE id = $1`
	tag, err := tx.Exec(ctx, raise, org)
	if err != nil {
		return fmt.Errorf("cannot raise the catalog's version: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return billing.NotFound("organization")
	}
	if _, err := tx.Exec(ctx, `SELECT pg_notify($1, '')`, catalogChannel); err != nil {
		return fmt.Errorf("cannot announce the catalog's change: %w", err)
	}
	return nil
}

// definition is a metric as metering knows it, with its id.
type definition struct {
	id           uuid.UUID
	organization uuid.UUID
	metric       *aggregator.Metric // nil: it can't be made, for err
	err          error
}

// Catalog returns all organizations' metrics as the aggregators count them. Its
// version rises with every change of any of them.
func (db *DB) Catalog(ctx context.Context) (*aggregator.Catalog, error) {
	var catalog *aggregator.Catalog
	err := db.inSnapshot(ctx, func(tx pgx.Tx) error {
		version, err := catalogVersion(ctx, tx)
		if err != nil {
			return err
		}
		definitions, err := readDefinitions(ctx, tx, nil)
		if err != nil {
			return err
		}
		catalog = aggregator.NewCatalog(version, db.metered(definitions))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the catalog: %w", err)
	}
	return catalog, nil
}

// metered returns the metrics of those definitions that could be made. One that could not
// is no reason to count nothing: it is left out, and whoever asks for it is told.
func (db *DB) metered(definitions []definition) []*aggregator.Metric {
	metrics := make([]*aggregator.Metric, 0, len(definitions))
	for _, d := range definitions {
		if d.err != nil {
			db.log.Error("metric left out of the catalog", "organization", d.organization, "metric", d.id, "error", d.err)
			continue
		}
		metrics = append(metrics, d.metric)
	}
	return metrics
}

// Definitions are an organization's metrics as metering knows them.
type Definitions struct {
	// Version is the organization's catalog version that they reflect. It rises with every
	// change of the organization's metrics and charges. (That of a Catalog is the sum of all.)
	Version int64
	// Metrics are the definitions by the metric's id: those that aggregators count by.
	Metrics map[uuid.UUID]*aggregator.Metric
	// Faults says of the metrics that can't be metered why not.
	Faults map[uuid.UUID]error
}

// Definitions returns an organization's metrics, as Catalog gives them to the
// aggregators: what a reader prices with is what they count by, or are told to.
func (db *DB) Definitions(ctx context.Context, org uuid.UUID) (Definitions, error) {
	const query = `SELECT catalog_version FROM organizations WHERE id = $1`
	var version int64
	var definitions []definition
	err := db.inSnapshot(ctx, func(tx pgx.Tx) (err error) {
		if version, err = readOne(ctx, tx, "organization", pgx.RowTo[int64], query, org); err != nil {
			return err
		}
		definitions, err = readDefinitions(ctx, tx, &org)
		return err
	})
	if err != nil {
		return Definitions{}, fmt.Errorf("cannot read metric definitions: %w", err)
	}
	return definitionsOf(version, definitions), nil
}

// inSnapshot runs fn in a transaction that sees one state of the database throughout.
func (db *DB) inSnapshot(ctx context.Context, fn func(pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, db.pool, options, fn)
}

// catalogVersion returns the sum of the organizations' versions: none ever falls, and
// organizations stay, so it rises whenever one of them does.
func catalogVersion(ctx context.Context, q querier) (int64, error) {
	const query = `SELECT coalesce(sum(catalog_version), 0)::bigint FROM organizations`
	return readOne(ctx, q, "catalog version", pgx.RowTo[int64], query)
}

// readDefinitions returns the metrics of one organization, or of all when org is nil.
func readDefinitions(ctx context.Context, q querier, org *uuid.UUID) ([]definition, error) {
	all, err := readSold(ctx, q, org)
	return all.define(), err
}

// WatchCatalog calls set with the catalog, first with what is there and then after
// every change, until ctx ends, which is no error. Changes that come together may be
// one call. A notification wakes it at once; polling makes sure, because one may be
// lost with its connection. It outlives restarts of the database: a fault is logged
// once and tried again until it is over.
func (db *DB) WatchCatalog(ctx context.Context, set func(*aggregator.Catalog)) error {
	w := &catalogWatch{db: db, set: set, version: -1}
	failing := false
	for {
		err := w.watch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if w.fresh {
			failing = false
		}
		if !failing {
			db.log.Warn("cannot watch the catalog, will try again", "error", err)
		}
		failing, w.fresh = true, false
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(catalogPollInterval):
		}
	}
}

// catalogWatch is the state of one WatchCatalog.
type catalogWatch struct {
	db      *DB
	set     func(*aggregator.Catalog)
	version int64 // that set was called with, -1 before
	fresh   bool  // the last watch has read the catalog at least once
}

// watch listens on a connection of its own and follows the catalog until that fails.
func (w *catalogWatch) watch(ctx context.Context) (err error) {
	conn, err := pgx.ConnectConfig(ctx, w.db.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("cannot connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `LISTEN `+catalogChannel); err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	for {
		// After LISTEN: a change that commits from here on wakes us.
		if err := w.refresh(ctx, conn); err != nil {
			return err
		}
		if err := awaitNotification(ctx, conn); err != nil {
			return fmt.Errorf("cannot wait for a notification: %w", err)
		}
	}
}

// refresh reads the catalog if its version has changed.
func (w *catalogWatch) refresh(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, catalogQueryTimeout)
	defer cancel()
	version, err := catalogVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version != w.version {
		catalog, err := w.db.Catalog(ctx)
		if err != nil {
			return err
		}
		w.version = catalog.Version
		w.set(catalog)
	}
	w.fresh = true
	return nil
}

// awaitNotification returns after a notification or the poll interval.
func awaitNotification(ctx context.Context, conn *pgx.Conn) error {
	wait, cancel := context.WithTimeout(ctx, catalogPollInterval)
	defer cancel()
	_, err := conn.WaitForNotification(wait)
	if err != nil && ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err)) && !conn.IsClosed() {
		return nil
	}
	return err
}
