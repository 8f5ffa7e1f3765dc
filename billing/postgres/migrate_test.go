package postgres_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// Several processes migrate an empty database at once, and again: one schema, one secret.
func TestMigrate(t *testing.T) {
	t.Parallel()
	url, ctx := pgtest.EmptyURL(t), t.Context()
	db, err := postgres.Open(ctx, url, postgres.Options{MaxConns: 2})
	must(t, err)
	t.Cleanup(db.Close)
	pending, err := db.MigrationsPending(ctx)
	must(t, err)
	equal(t, "pending in an empty database", pending, true)

	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := postgres.Migrate(ctx, url); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	pending, err = db.MigrationsPending(ctx)
	must(t, err)
	equal(t, "pending after migrating", pending, false)
	secret, err := db.InternalSecret(ctx)
	must(t, err)
	equal(t, "length of the secret", len(secret), 64)

	must(t, postgres.Migrate(ctx, url))
	again, err := db.InternalSecret(ctx)
	must(t, err)
	equal(t, "secret after migrating again", again, secret)
}

// A process that waits for another's migration gives up with its context.
func TestMigrateWaits(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), `SELECT pg_advisory_lock(x'77656972'::int)`)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- postgres.Migrate(ctx, url) }()
	waiting := false
	for !waiting {
		const query = `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
		must(t, conn.QueryRow(t.Context(), query).Scan(&waiting))
	}
	cancel()
	if err := <-done; err == nil {
		t.Fatal("it migrated although another holds the lock")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	db, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Options{MaxConns: 3, Registerer: registry})
	must(t, err)
	must(t, db.Ping(t.Context()))
	problems, err := testutil.GatherAndLint(registry)
	must(t, err)
	if len(problems) > 0 {
		t.Errorf("metrics: %v", problems)
	}
	count, err := testutil.GatherAndCount(registry)
	must(t, err)
	equal(t, "number of series", count, 7)
	db.Close()
	count, err = testutil.GatherAndCount(registry)
	must(t, err)
	equal(t, "number of series after Close", count, 0)
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=2", postgres.Options{})
	if err == nil {
		t.Fatal("a database that is not there was opened")
	}
	if _, err := postgres.Open(t.Context(), "postgres://:::", postgres.Options{}); err == nil {
		t.Fatal("an URL that is none was opened")
	}
}
