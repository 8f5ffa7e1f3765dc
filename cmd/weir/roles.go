package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/billing"
	"weir/billing/api"
	"weir/billing/biller"
	"weir/billing/postgres"
	"weir/ingest"
	"weir/ingest/intake"
	"weir/ingest/ratelimit"
)

// startAggregator runs the worker of this process's partitions and returns it:
// it answers for those partitions.
func (p *process) startAggregator(ctx context.Context) (*worker.Worker, error) {
	if err := p.openCatalog(ctx); err != nil {
		return nil, err
	}
	dir := p.dir.aggregator()
	if err := os.MkdirAll(dir, privateMode); err != nil {
		return nil, fmt.Errorf("cannot create the aggregator's directory: %w", err)
	}
	w, err := worker.New(worker.Options{
		Log: p.log, Assignor: p.assignor, Dir: dir, Catalog: p.catalog.Load, OnStop: p.stopPartition,
		CheckpointInterval: p.cfg.CheckpointInterval, Logger: p.logger, Registerer: p.registry,
	})
	if err != nil {
		return nil, err
	}
	p.goUntilClose("aggregator", w.Run)
	p.ready.add("aggregator", w.Ready)
	return w, nil
}

// startSharedAggregator starts an aggregator that announces its partitions and
// answers other processes, and returns a client that asks whoever owns a partition.
func (p *process) startSharedAggregator(ctx context.Context) (query.Querier, error) {
	secret, err := p.db.InternalSecret(ctx)
	if err != nil {
		return nil, err
	}
	listener, err := listen(p.cfg.QueryListen)
	if err != nil {
		return nil, err
	}
	advertised := p.cfg.QueryURL
	if advertised == "" {
		advertised = "http://" + listener.Addr().String()
	}
	p.announce(advertised)
	w, err := p.startAggregator(ctx)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	mux.Handle(query.PathPrefix, query.NewHandler(w, secret, p.registry))
	p.onClose("query server", serveHTTP(listener, mux))
	return p.queryClient(ctx)
}

// queryClient returns a client that asks the owners of partitions, wherever they are.
func (p *process) queryClient(ctx context.Context) (*query.Client, error) {
	secret, err := p.db.InternalSecret(ctx)
	if err != nil {
		return nil, err
	}
	identity := p.log.Identity()
	return query.NewClient(query.ClientOptions{
		LogID: identity.ID, Partitions: identity.Partitions, Secret: secret, Registerer: p.registry,
		Owners: func(ctx context.Context) ([]query.Owner, error) {
			owners, err := p.db.Owners(ctx, identity.ID)
			if err != nil {
				return nil, err
			}
			answer := make([]query.Owner, len(owners))
			for i, o := range owners {
				answer[i] = query.Owner{Partition: o.Partition, Generation: o.Generation, URL: o.URL}
			}
			return answer, nil
		},
	})
}

// newBiller returns the biller, which asks usage for what an invoice is made from.
func (p *process) newBiller(usage query.Querier) (*biller.Biller, error) {
	identity := p.log.Identity()
	return biller.New(biller.Options{
		DB: p.db, Usage: usage, Ends: p.log.Range, LogID: identity.ID, Partitions: identity.Partitions,
		Delay: p.cfg.BillingDelay, Logger: p.logger, Registerer: p.registry,
	})
}

// apiHandler returns the management API.
func (p *process) apiHandler(usage query.Querier, b *biller.Biller) http.Handler {
	return api.New(api.Options{
		DB: p.db, Usage: usage, Partitions: p.log.Identity().Partitions, Append: p.append, Advance: b.Advance,
		Sandbox: p.cfg.Sandbox, Requests: p.requests, Version: version, Logger: p.logger, Registerer: p.registry,
	})
}

// append writes a record to the log and waits until it is durable, or ctx ends: then it
// may become so later.
func (p *process) append(ctx context.Context, partition int32, value []byte) (offset int64, err error) {
	type outcome struct {
		offset int64
		err    error
	}
	done := make(chan outcome, 1)
	p.log.Append(partition, value, nil, func(offset int64, err error) { done <- outcome{offset, err} })
	select {
	case o := <-done:
		return o.offset, o.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// expression returns the expression of the organization's metric with the code, nil if it
// has none, by the catalog in force.
func (p *process) expression(organization uuid.UUID, code []byte) *ingest.Expression {
	catalog := p.catalog.Load()
	if catalog == nil {
		return nil
	}
	return catalog.Expression(organization, code)
}

// serveAPI serves the management API alone.
func (p *process) serveAPI(handler http.Handler) (address string, err error) {
	listener, err := listen(p.cfg.Listen)
	if err != nil {
		return "", err
	}
	p.onClose("API server", serveHTTP(listener, handler))
	return listener.Addr().String(), nil
}

// serveIntake takes events in; every other request goes to fallback, if there is one.
func (p *process) serveIntake(fallback http.Handler) (address string, err error) {
	options := intake.Options{
		Log: p.log, Partitions: p.log.Identity().Partitions, Auth: authority{p.db},
		Sandbox: p.cfg.Sandbox, Clock: clock{p.db}, Expressions: p.expression,
		BatchEventsMax: p.cfg.BatchEventsMax, WindowIDs: p.cfg.WindowIDs,
		Requests: p.requests, Events: ratelimit.New(p.cfg.OrganizationEventsPerSecond),
		Logger: p.logger, Registerer: p.registry,
	}
	if fallback != nil {
		options.Fallback = adapt(fallback)
	}
	server, err := intake.New(options)
	if err != nil {
		return "", err
	}
	listener, err := listen(p.cfg.Listen)
	if err != nil {
		return "", err
	}
	go func() {
		if err := server.Serve(listener); err != nil {
			p.fail(fmt.Errorf("ingest server: %w", err))
		}
	}()
	p.onClose("ingest server", server.Shutdown)
	return listener.Addr().String(), nil
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

// clock is what time it is for a sandbox's organizations.
type clock struct{ db *postgres.DB }

// Now returns the organization's test clock, the system's time where none is set.
func (c clock) Now(ctx context.Context, organization uuid.UUID) (time.Time, error) {
	now, err := c.db.TestClock(ctx, organization)
	if err != nil {
		return time.Time{}, err
	}
	if now == nil {
		return time.Now(), nil
	}
	return *now, nil
}

var errNoKafka = errors.New("this role runs beside others: it needs WEIR_KAFKA_BROKERS and WEIR_DATABASE_URL (weir all runs without)")

// requireShared refuses a role of its own where the log or the database is private to one process.
func (p *process) requireShared() error {
	if len(p.cfg.KafkaBrokers) == 0 || p.cfg.DatabaseURL == "" {
		return errNoKafka
	}
	return nil
}
