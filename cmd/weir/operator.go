package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"

	"weir/aggregator/store"
	"weir/billing/postgres"
)

// The commands in this file are an operator's: they work on the database, and on
// the data directory, beside a weir that runs or without one.

// openOperator opens the database alone: the given one, the one that a running
// weir keeps in the data directory, or that one started for the time being.
func openOperator(ctx context.Context, cfg *Config, logger *slog.Logger) (*process, error) {
	p := newProcess(ctx, cfg, logger)
	if cfg.DatabaseURL != "" {
		return p, p.connect(ctx, cfg.DatabaseURL)
	}
	err := p.openDataDir()
	if err == nil {
		return p, p.openDatabase(ctx)
	}
	if !errors.Is(err, errInUse) {
		return p, err
	}
	path, err := chooseDataDir(cfg)
	if err != nil {
		return p, err
	}
	url, err := postgres.EmbeddedURL((&dataDir{path: path}).postgres())
	if err != nil {
		return p, err
	}
	return p, p.connect(ctx, url)
}

// operate runs do with the database open.
func operate(ctx context.Context, cfg *Config, logger *slog.Logger, do func(p *process) error) error {
	p, err := openOperator(ctx, cfg, logger)
	if err == nil {
		err = do(p)
	}
	return errors.Join(err, p.Close())
}

// migrateCommand brings the schema up to date.
type migrateCommand struct{}

// Run migrates and says so.
func (migrateCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	return operate(ctx, cfg, logger, func(*process) error {
		fmt.Println("the schema is up to date")
		return nil
	})
}

// orgCreateCommand creates an organization.
type orgCreateCommand struct {
	Name string `arg:"" help:"Name of the organization."`
}

// Run creates the organization and prints its id and key.
func (c orgCreateCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	return operate(ctx, cfg, logger, func(p *process) error {
		key := newAPIKey()
		organization, err := createOrganization(ctx, p.db, c.Name, key, time.Now())
		if err != nil {
			return err
		}
		fmt.Printf("organization: %s\nAPI key: %s   (shown once: keep it)\n", organization.ID, key)
		return nil
	})
}

// orgKeyCommand creates another key.
type orgKeyCommand struct {
	Organization string `arg:"" optional:"" help:"Id of the organization; may be left out where there is only one."`
}

// Run creates the key and prints it.
func (c orgKeyCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	return operate(ctx, cfg, logger, func(p *process) error {
		id, err := c.organization(ctx, p.db)
		if err != nil {
			return err
		}
		key := newAPIKey()
		if err := p.db.CreateAPIKey(ctx, id, "operator", key, time.Now()); err != nil {
			return fmt.Errorf("cannot create the API key: %w", err)
		}
		fmt.Printf("organization: %s\nAPI key: %s   (shown once: keep it)\n", id, key)
		return nil
	})
}

// organization returns the organization meant.
func (c orgKeyCommand) organization(ctx context.Context, db *postgres.DB) (uuid.UUID, error) {
	if c.Organization != "" {
		id, err := uuid.Parse(c.Organization)
		if err != nil {
			return uuid.Nil, fmt.Errorf("%q is not an organization's id: %w", c.Organization, err)
		}
		organization, err := db.Organization(ctx, id)
		return organization.ID, err
	}
	organizations, err := db.Organizations(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	if len(organizations) != 1 {
		return uuid.Nil, fmt.Errorf("there are %d organizations: say which", len(organizations))
	}
	return organizations[0].ID, nil
}

// clearStopCommand clears the stop of a partition.
type clearStopCommand struct {
	LogID     string `arg:"" name:"log-id" help:"Id of the log, as /readyz and the log lines name it."`
	Partition int32  `arg:"" help:"The partition."`
}

// Run clears the stop in the partition's store, where that is in this data
// directory, and in the database. What stopped the partition is checked again at
// the next start, and stops it again if it still holds.
func (c clearStopCommand) Run(ctx context.Context, cfg *Config, logger *slog.Logger) error {
	path, err := chooseDataDir(cfg)
	if err != nil {
		return err
	}
	dir, err := openDataDir(path)
	if err != nil {
		return fmt.Errorf("stop weir first: %w", err)
	}
	name := store.Dir(dir.aggregator(), c.Partition)
	if _, err = os.Stat(name); err == nil {
		err = store.ClearStop(name, c.Partition)
	}
	if err = errors.Join(err, dir.Close()); err != nil {
		return err
	}
	return operate(ctx, cfg, logger, func(p *process) error {
		if err := p.db.ClearStop(ctx, c.LogID, c.Partition); err != nil {
			return err
		}
		fmt.Printf("partition %d is cleared: start weir again\n", c.Partition)
		return nil
	})
}
