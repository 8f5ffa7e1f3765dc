package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/biller"
	"weir/billing/postgres"
)

// allCommand runs every role in one process.
type allCommand struct{}

// Run runs until the context ends, then drains.
func (allCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	return runProcess(ctx, cfg, logger, (*process).startAll)
}

// ingestCommand takes events in.
type ingestCommand struct{}

// Run runs until the context ends, then drains.
func (ingestCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	return runProcess(ctx, cfg, logger, func(p *process, ctx context.Context) (greeting, error) {
		if err := p.openShared(ctx); err != nil {
			return greeting{}, err
		}
		if err := p.openCatalog(ctx); err != nil { // for the metrics' expressions
			return greeting{}, err
		}
		address, err := p.serveIntake(nil)
		return greeting{what: "taking events in", url: "http://" + address}, err
	})
}

// aggregatorCommand owns partitions and answers usage.
type aggregatorCommand struct{}

// Run runs until the context ends, then drains.
func (aggregatorCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	return runProcess(ctx, cfg, logger, func(p *process, ctx context.Context) (greeting, error) {
		if err := p.openDataDir(); err != nil {
			return greeting{}, err
		}
		if err := p.openShared(ctx); err != nil {
			return greeting{}, err
		}
		_, err := p.startSharedAggregator(ctx)
		return greeting{what: "counting"}, err
	})
}

// apiCommand serves the management API.
type apiCommand struct{}

// Run runs until the context ends, then drains.
func (apiCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	return runProcess(ctx, cfg, logger, func(p *process, ctx context.Context) (greeting, error) {
		usage, b, err := p.openBilling(ctx)
		if err != nil {
			return greeting{}, err
		}
		key, err := p.firstOrganization(ctx)
		if err != nil {
			return greeting{}, err
		}
		address, err := p.serveAPI(p.apiHandler(usage, b))
		return greeting{what: "serving the management API", url: "http://" + address, key: key}, err
	})
}

// billerCommand makes invoices.
type billerCommand struct{}

// Run runs until the context ends, then drains.
func (billerCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	return runProcess(ctx, cfg, logger, func(p *process, ctx context.Context) (greeting, error) {
		_, b, err := p.openBilling(ctx)
		if err == nil {
			p.goUntilClose("biller", b.Run)
		}
		return greeting{what: "billing"}, err
	})
}

// runProcess opens a process, starts its roles, says so when it is ready, waits
// until it shall end, and drains it.
func runProcess(ctx context.Context, cfg *Config, logger *slog.Logger, start func(*process, context.Context) (greeting, error)) error {
	p, err := openProcess(ctx, cfg, logger)
	if err != nil {
		return err
	}
	greeting, err := start(p, ctx)
	if err == nil {
		p.ready.started()
		if p.awaitReady(ctx) {
			greeting.greet(os.Stdout, logger)
			debug.FreeOSMemory() // what starting took and nothing needs any more
		}
		err = p.wait(ctx)
	}
	if closeErr := p.Close(); err == nil {
		err = closeErr
	} else if closeErr != nil {
		logger.Error("cannot close cleanly", "error", closeErr)
	}
	return err
}

// openBilling opens what the management API and the biller stand on, apart from
// the aggregators: a client that asks them, and the biller, which does nothing yet.
func (p *process) openBilling(ctx context.Context) (*query.Client, *biller.Biller, error) {
	if err := p.openShared(ctx); err != nil {
		return nil, nil, err
	}
	usage, err := p.queryClient(ctx)
	if err != nil {
		return nil, nil, err
	}
	b, err := p.newBiller(usage)
	return usage, b, err
}

// openShared opens the database and the log that several processes share.
func (p *process) openShared(ctx context.Context) error {
	if err := p.requireShared(); err != nil {
		return err
	}
	if err := p.openDatabase(ctx); err != nil {
		return err
	}
	if err := p.refuseTestClocks(ctx); err != nil {
		return err
	}
	return p.openLog(ctx)
}

// startAll starts every role. With the log in the data directory the aggregator
// owns every partition and is asked directly; with Kafka another process may own
// some, so questions go to whoever does.
func (p *process) startAll(ctx context.Context) (greeting, error) {
	if err := p.openDataDir(); err != nil {
		return greeting{}, err
	}
	if err := p.openDatabase(ctx); err != nil {
		return greeting{}, err
	}
	if err := p.refuseTestClocks(ctx); err != nil {
		return greeting{}, err
	}
	key, err := p.firstOrganization(ctx)
	if err != nil {
		return greeting{}, err
	}
	if err := p.openLog(ctx); err != nil {
		return greeting{}, err
	}
	usage, err := p.startQuerier(ctx)
	if err != nil {
		return greeting{}, err
	}
	b, err := p.newBiller(usage)
	if err != nil {
		return greeting{}, err
	}
	p.goUntilClose("biller", b.Run)
	address, err := p.serveIntake(p.apiHandler(usage, b))
	return greeting{url: "http://" + address, key: key, dir: p.dir.path}, err
}

// startQuerier starts the aggregator of weir all and returns whom to ask.
func (p *process) startQuerier(ctx context.Context) (query.Querier, error) {
	if len(p.cfg.KafkaBrokers) > 0 {
		return p.startSharedAggregator(ctx)
	}
	return p.startAggregator(ctx)
}

// firstOrganization creates the first organization where there is none, and
// returns its key then; "" when there is one already.
func (p *process) firstOrganization(ctx context.Context) (key string, err error) {
	organizations, err := p.db.Organizations(ctx)
	if err != nil || len(organizations) > 0 {
		return "", err
	}
	key = p.cfg.APIKey
	if key == "" {
		key = newAPIKey()
	}
	_, err = createOrganization(ctx, p.db, "Default", key, time.Now())
	return key, err
}

// createOrganization creates an organization with its first key.
func createOrganization(ctx context.Context, db *postgres.DB, name, key string, now time.Time) (*billing.Organization, error) {
	organization := &billing.Organization{Name: name, CreatedAt: now}
	if err := db.CreateOrganizationWithKey(ctx, organization, key); err != nil {
		return nil, fmt.Errorf("cannot create the organization: %w", err)
	}
	return organization, nil
}

// newAPIKey returns 160 random bits behind a prefix that secret scanners can look for.
func newAPIKey() string {
	secret := make([]byte, 20)
	rand.Read(secret)
	return "weir_" + hex.EncodeToString(secret)
}

// greeting is what a person who started weir needs to know.
type greeting struct {
	what string // what a role of its own does; "" for weir all
	url  string
	key  string // "" when it was told before
	dir  string // where everything is kept; only of weir all
}

// greet says that weir is ready: a role of its own to the log, weir all to the
// terminal, with the key if it is new and three lines to paste.
func (g greeting) greet(w io.Writer, logger *slog.Logger) {
	if g.dir == "" {
		if g.key != "" {
			fmt.Fprintf(w, "API key: %s   (shown once: keep it)\n", g.key)
		}
		logger.Info("ready: "+g.what, "url", g.url)
		return
	}
	key := g.key
	fmt.Fprintf(w, "\nweir is ready at %s, its data in %s\n", g.url, g.dir)
	if key == "" {
		key = "$WEIR_API_KEY"
		fmt.Fprint(w, "API key: the one printed at the first start (export it as WEIR_API_KEY; weir org key makes another)\n")
	} else {
		fmt.Fprintf(w, "API key: %s   (shown once: keep it)\n", key)
	}
	fmt.Fprintf(w, `
Create a metric, send an event, read it back:

curl -s %[1]s/api/v1/billable_metrics -H "Authorization: Bearer %[2]s" -H 'Content-Type: application/json' -d '{"billable_metric":{"name":"Requests","code":"requests","aggregation_type":"count_agg"}}'
curl -s %[1]s/api/v1/events -H "Authorization: Bearer %[2]s" -H 'Content-Type: application/json' -d '{"event":{"transaction_id":"first-event","external_subscription_id":"acme","code":"requests","properties":{"model":"small"}}}'
curl -s %[1]s/api/v1/events/first-event -H "Authorization: Bearer %[2]s"

Ctrl-C drains and stops.
`, g.url, key)
}
