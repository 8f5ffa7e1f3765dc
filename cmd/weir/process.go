package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"weir/aggregator"
	"weir/billing/postgres"
	"weir/ingest/eventlog"
	"weir/ingest/ratelimit"
)

// shutdownTimeout bounds the drain of one part after a signal.
const shutdownTimeout = 30 * time.Second

// stopsInterval is how often a process looks which partitions are stopped.
const stopsInterval = time.Second

// process is what the roles of one process share: settings, the data directory,
// the database, the log. Parts are opened in the order in which they lean on
// each other and closed in the opposite one.
type process struct {
	cfg      *Config
	logger   *slog.Logger
	registry *prometheus.Registry
	ready    *readiness

	dir      *dataDir
	db       *postgres.DB
	log      *eventlog.Gate
	assignor eventlog.Assignor
	catalog  atomic.Pointer[aggregator.Catalog]
	requests *ratelimit.Limiter // of each organization, whatever they ask for; nil = no limit

	// ctx is what parts that run in the background live by; fail ends it with the
	// reason, and the process with it.
	ctx     context.Context
	fail    context.CancelCauseFunc
	closers []closer // in the order of opening
}

// closer is a part that was opened.
type closer struct {
	name  string
	close func(ctx context.Context) error
}

// newProcess returns a process without parts. Its Close must be called, also after
// an error of one of the parts opened later. That ctx ends does not end the parts:
// Close does, in order.
func newProcess(ctx context.Context, cfg *Config, logger *slog.Logger) *process {
	p := &process{
		cfg: cfg, logger: logger, registry: prometheus.NewRegistry(), ready: &readiness{},
		requests: ratelimit.New(cfg.OrganizationRequestsPerSecond),
	}
	p.ctx, p.fail = context.WithCancelCause(context.WithoutCancel(ctx))
	return p
}

// openProcess returns a process that serves operations.
func openProcess(ctx context.Context, cfg *Config, logger *slog.Logger) (*process, error) {
	p := newProcess(ctx, cfg, logger)
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_build_info", Help: "1, with the version that runs.", ConstLabels: prometheus.Labels{"version": version},
		}, func() float64 { return 1 }))
	stop, err := startOps(cfg.OpsListen, p.registry, p.ready)
	if err != nil {
		return nil, err
	}
	p.onClose("operations server", stop)
	return p, nil
}

// onClose remembers how to close a part.
func (p *process) onClose(name string, close func(ctx context.Context) error) {
	p.closers = append(p.closers, closer{name, close})
}

// goUntilClose runs a part in the background until the process closes it. A part
// that ends by itself, with or without an error, ends the process.
func (p *process) goUntilClose(name string, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(p.ctx)
	done := make(chan error, 1)
	go func() {
		err := run(ctx)
		if ctx.Err() == nil {
			if err == nil {
				err = errors.New("ended by itself")
			}
			p.fail(fmt.Errorf("%s: %w", name, err))
		}
		done <- err
	}()
	p.onClose(name, func(wait context.Context) error {
		cancel()
		select {
		case err := <-done:
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-wait.Done():
			return wait.Err()
		}
	})
}

// How often readiness is looked at while starting, less often the longer it takes,
// and how often what lacks is logged.
const (
	readyIntervalMin = 10 * time.Millisecond
	readyIntervalMax = time.Second
	unreadyInterval  = 10 * time.Second
)

// awaitReady blocks until every check passes, or the process shall end.
func (p *process) awaitReady(ctx context.Context) bool {
	complain := time.NewTicker(unreadyInterval)
	defer complain.Stop()
	for interval := readyIntervalMin; ; interval = min(2*interval, readyIntervalMax) {
		results, ready := p.ready.run(ctx)
		if ready {
			return true
		}
		select {
		case <-time.After(interval):
		case <-complain.C:
			for _, result := range results {
				if !result.OK {
					p.logger.Warn("not ready yet", "check", result.Name, "error", result.Error)
				}
			}
		case <-ctx.Done():
			return false
		case <-p.ctx.Done():
			return false
		}
	}
}

// wait blocks until the process is asked to end or a part has failed, which is the error.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		p.logger.Info("shutting down")
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

// Close drains and closes every part, last opened first, and returns what went wrong.
func (p *process) Close() error {
	p.ready.drain()
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		part := p.closers[i]
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		if err := part.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("cannot close the %s: %w", part.name, err))
		}
		cancel()
	}
	p.fail(context.Canceled)
	return errors.Join(errs...)
}

// openDataDir chooses and locks the data directory. Roles that keep nothing do without one.
func (p *process) openDataDir() error {
	path, err := chooseDataDir(p.cfg)
	if err != nil {
		return err
	}
	if p.dir, err = openDataDir(path); err != nil {
		return err
	}
	p.onClose("data directory", func(context.Context) error { return p.dir.Close() })
	return nil
}

// openDatabase connects to the database that is given, or runs a private one in
// the data directory, and brings its schema up to date.
func (p *process) openDatabase(ctx context.Context) error {
	url := p.cfg.DatabaseURL
	if url == "" {
		embedded, err := postgres.StartEmbedded(ctx, postgres.EmbeddedOptions{Dir: p.dir.postgres(), Logger: p.logger})
		if err != nil {
			return err
		}
		p.onClose("private PostgreSQL", embedded.Stop)
		go func() {
			<-embedded.Done()
			if err := embedded.Err(); err != nil {
				p.fail(fmt.Errorf("private PostgreSQL: %w", err))
			}
		}()
		url = embedded.URL()
	}
	return p.connect(ctx, url)
}

// connect opens the database at url and brings its schema up to date.
func (p *process) connect(ctx context.Context, url string) error {
	if err := postgres.Migrate(ctx, url); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, url, postgres.Options{Logger: p.logger, Registerer: p.registry})
	if err != nil {
		return err
	}
	p.db = db
	p.onClose("database", func(context.Context) error { db.Close(); return nil })
	p.ready.add("database", db.Ping)
	p.ready.add("migrations", func(ctx context.Context) error {
		pending, err := db.MigrationsPending(ctx)
		if err == nil && pending {
			err = errors.New("the schema is older than this program")
		}
		return err
	})
	return nil
}

// refuseTestClocks refuses to go on with organizations that live by a test clock
// outside a sandbox: by the system's clock everything between would fall due at once.
func (p *process) refuseTestClocks(ctx context.Context) error {
	if p.cfg.Sandbox {
		return nil
	}
	organizations, err := p.db.Organizations(ctx)
	if err != nil {
		return err
	}
	for _, o := range organizations {
		if o.TestClock != nil {
			return fmt.Errorf("organization %s (%s) lives by a test clock: set WEIR_SANDBOX=true, or use another database", o.Name, o.ID)
		}
	}
	return nil
}

// openLog opens Kafka where brokers are given, else the log in the data directory.
func (p *process) openLog(ctx context.Context) error {
	var log eventlog.Log
	if len(p.cfg.KafkaBrokers) > 0 {
		options := p.cfg.kafkaOptions()
		options.Logger, options.Registerer = p.logger, p.registry
		kafka, err := eventlog.OpenKafka(ctx, options)
		if err != nil {
			return err
		}
		log, p.assignor = kafka, kafka.Assignor()
		p.ready.add("log", kafka.Ping)
	} else {
		if err := os.MkdirAll(p.dir.log(), privateMode); err != nil {
			return fmt.Errorf("cannot create the log's directory: %w", err)
		}
		embedded, err := eventlog.OpenEmbedded(p.dir.log(), eventlog.EmbeddedOptions{
			Partitions: p.cfg.Partitions, Logger: p.logger, Registerer: p.registry,
		})
		if err != nil {
			return err
		}
		log, p.assignor = embedded, embedded.Assignor()
		p.ready.add("log", func(context.Context) error { return embedded.Failed() })
	}
	p.log = eventlog.NewGate(log)
	p.onClose("log", func(context.Context) error { return p.log.Close() })
	return p.watchStops(ctx)
}

// watchStops keeps the gate in front of the log at what the database says of
// stopped partitions: an append to one is refused wherever it arrives.
func (p *process) watchStops(ctx context.Context) error {
	id := p.log.Identity().ID
	look := func(ctx context.Context) error {
		stopped, err := p.db.StoppedPartitions(ctx, id)
		if err == nil {
			p.log.SetStopped(stopped)
		}
		return err
	}
	if err := look(ctx); err != nil {
		return err
	}
	p.ready.add("partitions", func(context.Context) error {
		for partition, reason := range p.log.Stopped() {
			return fmt.Errorf("partition %d of log %s is stopped: %s", partition, id, reason)
		}
		return nil
	})
	p.goUntilClose("watch over stopped partitions", func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(stopsInterval):
			}
			if err := look(ctx); err != nil && ctx.Err() == nil {
				p.logger.Warn("cannot read which partitions are stopped", "error", err)
			}
		}
	})
	return nil
}

// stopPartition makes it known to every process that a partition is stopped.
func (p *process) stopPartition(partition int32, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := p.db.StopPartition(ctx, p.log.Identity().ID, partition, reason, time.Now()); err != nil {
		p.fail(fmt.Errorf("cannot make known that partition %d is stopped: %w", partition, err))
	}
}

// openCatalog loads the metrics in force and keeps up with their changes.
func (p *process) openCatalog(ctx context.Context) error {
	catalog, err := p.db.Catalog(ctx)
	if err != nil {
		return fmt.Errorf("cannot load the catalog: %w", err)
	}
	p.catalog.Store(catalog)
	p.goUntilClose("watch over the catalog", func(ctx context.Context) error {
		return p.db.WatchCatalog(ctx, p.catalog.Store)
	})
	return nil
}
