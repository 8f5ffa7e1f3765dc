package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/shopspring/decimal"
)

// maxConnsDefault is how many connections one process holds at most. An embedded
// server takes 100.
const maxConnsDefault = 16

// Options says how Open connects.
type Options struct {
	Logger     *slog.Logger          // state changes and faults; nil discards them
	Registerer prometheus.Registerer // where the pool's gauges go; nil: nowhere
	MaxConns   int32                 // connections at most; 0 is 16
}

// DB is PostgreSQL: what weir keeps of customers and money. All methods may be
// called from any goroutine. All of them take the organization and find nothing
// outside it. Times are kept to the microsecond and come back in UTC.
type DB struct {
	pool   *pgxpool.Pool
	log    *slog.Logger
	gone   func() // unregisters the metrics
	recent recent
}

// Open connects to the database at url, which Migrate has prepared.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("cannot parse the database's URL: %w", err)
	}
	config.MaxConns = maxConnsDefault
	if opts.MaxConns > 0 {
		config.MaxConns = opts.MaxConns
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["application_name"] = "weir"
	config.AfterConnect = registerTypes
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	db := &DB{pool: pool, log: opts.Logger, gone: func() {}}
	if err := db.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	if opts.Registerer != nil {
		if db.gone, err = registerMetrics(opts.Registerer, pool); err != nil {
			pool.Close()
			return nil, err
		}
	}
	return db, nil
}

// Close waits until all connections are given back, and closes them.
func (db *DB) Close() {
	db.gone()
	db.recent.background.Wait()
	db.pool.Close()
}

// Ping asks whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.pool.Ping(ctx); err != nil {
		return fmt.Errorf("cannot reach the database: %w", err)
	}
	return nil
}

// registerTypes makes a connection read instants as UTC. decimal.Decimal and
// uuid.UUID need nothing: pgx writes and reads the one as the numeric's own decimal
// text, the other as its bytes, and no float is in between.
func registerTypes(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// numeric returns the decimal as COPY takes it: digits and exponent, exactly.
func numeric(d decimal.Decimal) pgtype.Numeric {
	return pgtype.Numeric{Int: d.Coefficient(), Exp: d.Exponent(), Valid: true}
}

// inTx runs fn in a transaction. Read committed is enough everywhere: what two
// transactions could both decide is decided under a row lock.
func (db *DB) inTx(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, db.pool, fn)
}

// stamp returns the instant as it will be kept: in UTC, to the microsecond.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// stampAll stamps instants in place, so that what a caller holds after a write is
// what it would read. Zero and nil instants stay as they are.
func stampAll(times ...*time.Time) {
	for _, t := range times {
		if t != nil && !t.IsZero() {
			*t = stamp(*t)
		}
	}
}
