package postgres_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/aggregator"
	"weir/billing"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

func TestCatalog(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	plain := billing.BillableMetric{OrganizationID: x.org.ID, Code: "plain", AggregationType: billing.CountAgg, CreatedAt: jan1}
	must(t, x.db.CreateBillableMetric(ctx, &plain))

	catalog, err := x.db.Catalog(ctx)
	must(t, err)
	definitions, err := x.db.Definitions(ctx, x.org.ID)
	must(t, err)
	equal(t, "number of definitions", len(definitions.Metrics), 2)
	for _, got := range []*aggregator.Metric{catalog.Metric(x.org.ID, []byte("requests")), definitions.Metrics[x.metric.ID]} {
		equal(t, "organization", got.Organization, x.org.ID)
		equal(t, "aggregation", got.Aggregation, aggregator.SumAgg)
		equal(t, "field", got.FieldName, "tokens")
		// Groups of the charge and of its first filter, and the key both filters have.
		mustList(t, "cell keys", got.CellKeys, "cloud", "model", "region")
	}
	equal(t, "number of cell keys of an unpriced metric", len(catalog.Metric(x.org.ID, []byte("plain")).CellKeys), 0)
	if catalog.Metric(other.org.ID, []byte("requests")) == nil || catalog.Metric(other.org.ID, []byte("plain")) != nil {
		t.Error("the catalog mixes organizations")
	}
}

func TestCatalogVersion(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	version := func() int64 {
		t.Helper()
		catalog, err := x.db.Catalog(ctx)
		must(t, err)
		return catalog.Version
	}
	before := version()
	x.addCustomer("bolt")
	equal(t, "version after a customer", version(), before)
	x.addMetric("tokens")
	equal(t, "version after a metric", version(), before+1)
	x.addPlan("other")
	equal(t, "version after a plan", version(), before+2)
	again := x.metric
	again.ID = nobody
	mustInvalid(t, x.db.CreateBillableMetric(ctx, &again), "code", billing.CodeAlreadyExist)
	equal(t, "version after a refused metric", version(), before+2)
	addTenant(t, x.db, "Pied Piper")
	equal(t, "version after another organization's", version(), before+4)
}

// watch starts WatchCatalog and returns where its catalogs come.
func watch(t *testing.T, db *postgres.DB) <-chan *aggregator.Catalog {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	catalogs, done := make(chan *aggregator.Catalog, 100), make(chan error, 1)
	go func() {
		done <- db.WatchCatalog(ctx, func(c *aggregator.Catalog) { catalogs <- c })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the watch ended with %v", err)
		}
	})
	return catalogs
}

// awaitMetric waits for a catalog that has the metric.
func (x *tenant) awaitMetric(catalogs <-chan *aggregator.Catalog, code string) {
	x.t.Helper()
	for over := time.After(time.Minute); ; {
		select {
		case c := <-catalogs:
			if c.Metric(x.org.ID, []byte(code)) != nil {
				return
			}
		case <-over:
			x.t.Fatalf("metric %s was never seen", code)
		}
	}
}

func TestWatchCatalog(t *testing.T) {
	t.Parallel()
	x := newTenant(t)
	catalogs := watch(t, x.db)
	x.awaitMetric(catalogs, "requests") // what is there
	begin := time.Now()
	for _, code := range []string{"m1", "m2", "m3", "m4", "m5"} {
		x.addMetric(code)
		x.awaitMetric(catalogs, code)
	}
	if took := time.Since(begin); took > 8*time.Second { // by polling alone it were 10 s
		t.Errorf("five changes took %s: no notification came", took)
	}
}

// The watch goes on after the database has ended all connections, also its own.
func TestWatchCatalogReconnects(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 4})
	must(t, err)
	t.Cleanup(db.Close)
	x := addTenant(t, db, "Hooli")
	catalogs := watch(t, db)
	x.awaitMetric(catalogs, "requests")

	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	var ended []bool
	err = conn.QueryRow(t.Context(), `SELECT array_agg(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&ended)
	must(t, err)
	if !slices.Contains(ended, true) {
		t.Fatal("no connection was ended")
	}
	m := billing.BillableMetric{OrganizationID: x.org.ID, Code: "after", AggregationType: billing.CountAgg, CreatedAt: jan1}
	for range 10 { // the pool's connections are gone too, and find out one by one
		if err = db.CreateBillableMetric(t.Context(), &m); err == nil {
			break
		}
	}
	must(t, err)
	x.awaitMetric(catalogs, "after")
}

// A metric that can't be metered is left out, said, and takes no other with it.
func TestCatalogWithoutBrokenMetric(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.URL(t)
	var log bytes.Buffer
	db, err := postgres.Open(ctx, url, postgres.Options{MaxConns: 2, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	t.Cleanup(db.Close)
	x := addTenant(t, db, "Hooli")
	broken := x.addMetric("broken")
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `UPDATE billable_metrics SET expression = '1 +' WHERE id = $1`, broken.ID)
	must(t, err)

	catalog, err := db.Catalog(ctx)
	must(t, err)
	if catalog.Metric(x.org.ID, []byte("requests")) == nil || catalog.Metric(x.org.ID, []byte("broken")) != nil {
		t.Error("the catalog does not have just the other metric")
	}
	if !strings.Contains(log.String(), broken.ID.String()) {
		t.Errorf("log %q does not name the metric", log.String())
	}
	definitions, err := db.Definitions(ctx, x.org.ID)
	must(t, err)
	if definitions.Metrics[broken.ID] != nil || definitions.Faults[broken.ID] == nil || len(definitions.Faults) != 1 {
		t.Errorf("definitions %+v", definitions)
	}
	equal(t, "version", definitions.Version, int64(3)) // two metrics and a plan
}
