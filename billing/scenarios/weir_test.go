package scenarios

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator"
	"weir/aggregator/worker"
	"weir/billing"
	"weir/billing/api"
	"weir/billing/biller"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
	"weir/ingest"
	"weir/ingest/eventlog"
	"weir/ingest/intake"
)

const (
	// partitions are few: each costs a store. They are not one: scenarios that run together
	// should seldom wait for each other's checkpoints.
	partitions = 8
	// connections is how many a scenario's requests and the watch of the catalog need, with room.
	connections = 24
	// readyWithin is how long the aggregator may take to own its partitions.
	readyWithin = time.Minute
)

// weir is everything in one process, wired as cmd/weir wires its roles: events go to one
// address, all other requests to another, as Lago's clients may have it.
type weir struct {
	db      *postgres.DB
	catalog atomic.Pointer[aggregator.Catalog]
	log     *eventlog.Embedded

	events string // URL that takes events
	api    string // URL of the rest
}

// startWeir starts everything, and stops it when the test ends.
func startWeir(t *testing.T) *weir {
	t.Helper()
	w := &weir{}
	w.openDatabase(t)
	w.openLog(t)
	counted := w.startAggregator(t)
	identity := w.log.Identity()
	bills, err := biller.New(biller.Options{
		DB: w.db, Usage: counted, Ends: w.log.Range, LogID: identity.ID, Partitions: identity.Partitions,
		Registerer: prometheus.NewRegistry(),
	})
	must(t, err)
	w.serveEvents(t)
	w.serveAPI(t, api.Options{
		DB: w.db, Usage: counted, Partitions: identity.Partitions, Advance: bills.Advance, Sandbox: true, Version: "test",
		// What a request fails by stands in the log alone.
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *weir) openDatabase(t *testing.T) {
	t.Helper()
	db, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Options{MaxConns: connections})
	must(t, err)
	t.Cleanup(db.Close)
	w.db = db
}

func (w *weir) openLog(t *testing.T) {
	t.Helper()
	log, err := eventlog.OpenEmbedded(t.TempDir(), eventlog.EmbeddedOptions{Partitions: partitions})
	must(t, err)
	t.Cleanup(func() { must(t, log.Close()) })
	w.log = log
}

// startAggregator starts the worker of all partitions and waits until it answers.
func (w *weir) startAggregator(t *testing.T) *worker.Worker {
	t.Helper()
	catalog, err := w.db.Catalog(t.Context())
	must(t, err)
	w.catalog.Store(catalog)
	goUntilEnd(t, func(ctx context.Context) error { return w.db.WatchCatalog(ctx, w.catalog.Store) })
	counted, err := worker.New(worker.Options{
		Log: w.log, Assignor: w.log.Assignor(), Dir: filepath.Join(t.TempDir(), "aggregator"), Catalog: w.catalog.Load,
		OnStop: func(partition int32, reason string) { t.Errorf("partition %d is stopped: %s", partition, reason) },
	})
	must(t, err)
	goUntilEnd(t, counted.Run)
	for began := time.Now(); ; time.Sleep(time.Millisecond) { // a poll, until it first owns what it shall
		err := counted.Ready(t.Context())
		if err == nil && len(counted.Owned()) == partitions {
			return counted
		}
		if time.Since(began) > readyWithin {
			t.Fatalf("the aggregator does not get ready: %v", err)
		}
	}
}

// goUntilEnd runs a part in the background until the test ends.
func goUntilEnd(t *testing.T, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func (w *weir) serveEvents(t *testing.T) {
	t.Helper()
	server, err := intake.New(intake.Options{
		Log: w.log, Partitions: partitions, Auth: authority{w.db}, Sandbox: true, Clock: clock{w.db},
		Expressions: func(organization uuid.UUID, code []byte) *ingest.Expression {
			return w.catalog.Load().Expression(organization, code)
		},
	})
	must(t, err)
	listener := listen(t)
	w.events = "http://" + listener.Addr().String()
	goUntilEnd(t, func(ctx context.Context) error {
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		<-ctx.Done()
		return errors.Join(server.Shutdown(context.WithoutCancel(ctx)), <-served)
	})
}

func (w *weir) serveAPI(t *testing.T, options api.Options) {
	t.Helper()
	server := &http.Server{Handler: api.New(options), ReadHeaderTimeout: readyWithin}
	listener := listen(t)
	w.api = "http://" + listener.Addr().String()
	goUntilEnd(t, func(ctx context.Context) error {
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		<-ctx.Done()
		err := server.Shutdown(context.WithoutCancel(ctx))
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	return listener
}

// organizations numbers them, so that their names differ.
var organizations atomic.Int64

// newClient makes an organization and returns a client with its key.
func (w *weir) newClient(t *testing.T) *client {
	t.Helper()
	o := billing.Organization{
		Name: fmt.Sprintf("Scenario %d", organizations.Add(1)), DefaultCurrency: "USD", Timezone: "UTC",
		CreatedAt: time.Now(),
	}
	key := uuid.NewString()
	must(t, w.db.CreateOrganizationWithKey(t.Context(), &o, key))
	return &client{weir: w, key: key}
}

// authority says whose API key it is, from the database.
type authority struct{ db *postgres.DB }

// Authenticate returns the organization of an API key.
func (a authority) Authenticate(ctx context.Context, key string) (uuid.UUID, error) {
	organization, err := a.db.OrganizationForKey(ctx, key)
	if billing.IsNotFound(err) {
		return uuid.Nil, intake.ErrUnauthorized
	}
	return organization.ID, err
}

// clock is what time it is for organizations: their test clocks'.
type clock struct{ db *postgres.DB }

// Now returns the organization's test clock, the system's time where none is set.
func (c clock) Now(ctx context.Context, organization uuid.UUID) (time.Time, error) {
	now, err := c.db.TestClock(ctx, organization)
	if err != nil || now == nil {
		return time.Now(), err
	}
	return *now, nil
}
