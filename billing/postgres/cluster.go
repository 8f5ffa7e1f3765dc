package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// dataName is the directory of the cluster.
const dataName = "data"

// initdbPrefix begins the names of directories in which a cluster is being made.
const initdbPrefix = "initdb-"

// cluster is the data of an embedded server: dir/data, made in dir/initdb-… and
// renamed, so that it is there whole or not at all. Whoever works on it holds the
// directory's lock.
type cluster struct {
	dir    string
	who    account
	log    *slog.Logger
	noSync bool
	bin    binaries
}

func (c *cluster) data() string { return filepath.Join(c.dir, dataName) }

// prepare makes the cluster ready to be started.
func (c *cluster) prepare(ctx context.Context) error {
	if err := c.removeUnfinished(ctx); err != nil {
		return err
	}
	major, err := c.major()
	if err != nil {
		return err
	}
	if c.bin, err = findBinaries(major); err != nil {
		return err
	}
	if major == 0 {
		return c.init(ctx)
	}
	return endOrphans(ctx, c.log, c.data())
}

// major returns the major version that made the data, 0 when there is none yet.
func (c *cluster) major() (int, error) {
	text, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(c.data()); err == nil {
			return 0, fmt.Errorf("%s is there but is no PostgreSQL cluster", c.data())
		}
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read the version of the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("cannot read the version of the data in %s: %w", c.data(), err)
	}
	return major, nil
}

// removeUnfinished removes what an interrupted initdb left. Its processes may still be
// at work there, cleaning up or not aware yet that their parent is gone.
func (c *cluster) removeUnfinished(ctx context.Context) error {
	left, err := filepath.Glob(filepath.Join(c.dir, initdbPrefix+"*"))
	if err != nil {
		return fmt.Errorf("cannot look for unfinished clusters: %w", err)
	}
	for _, path := range left {
		c.log.Warn("removing an unfinished cluster", "dir", path)
		if err := removeRestless(ctx, path); err != nil {
			return fmt.Errorf("cannot remove an unfinished cluster: %w", err)
		}
	}
	return nil
}

// removeRestless removes a directory in which processes may still make files. Once it
// is gone they can't.
func removeRestless(ctx context.Context, path string) error {
	tick := time.NewTicker(orphanPollInterval)
	defer tick.Stop()
	for {
		pids, err := serversOn(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // fails only for one that has ended
		}
		if err = os.RemoveAll(path); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// init makes a new cluster.
func (c *cluster) init(ctx context.Context) (err error) {
	begin := time.Now()
	temp, err := os.MkdirTemp(c.dir, initdbPrefix)
	if err != nil {
		return fmt.Errorf("cannot make a directory for initdb: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	if err := c.who.give(temp); err != nil {
		return err
	}
	args := []string{
		"--pgdata", temp, "--username", embeddedUser, "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--data-checksums",
	}
	if c.noSync {
		args = append(args, "--no-sync")
	}
	run, err := startChild(c.who, c.log, c.bin.path("initdb"), args...)
	if err != nil {
		return err
	}
	if err := run.wait(ctx); err != nil {
		return fmt.Errorf("initdb failed: %w", err)
	}
	if err := os.Rename(temp, c.data()); err != nil {
		return fmt.Errorf("cannot put the new cluster in place: %w", err)
	}
	c.log.Info("made a PostgreSQL cluster", "dir", c.data(), "version", c.bin.major, "seconds", time.Since(begin).Seconds())
	return syncDir(c.dir)
}

// start starts the server and returns when the database is there. On success the
// Embedded owns the lock.
func (c *cluster) start(ctx context.Context, lock *os.File) (*Embedded, error) {
	begin := time.Now()
	socket, ownSocket, err := socketDir(c.dir, c.who)
	if err != nil {
		return nil, err
	}
	run, err := startChild(c.who, c.log, c.bin.path("postgres"), c.serverArgs(socket)...)
	if err != nil {
		return nil, err
	}
	if err := c.awaitDatabase(ctx, run, socket); err != nil {
		run.stop(context.Background()) // bounded by itself
		return nil, err
	}
	e := &Embedded{
		url: embeddedURL(socket, embeddedDatabase), log: c.log, lock: lock, child: run,
		stopping: make(chan struct{}), done: make(chan struct{}),
	}
	if ownSocket {
		e.socket = socket
	}
	go e.supervise()
	c.log.Info("embedded PostgreSQL is ready", "dir", c.dir, "version", c.bin.major, "pid", run.process.Pid, "seconds", time.Since(begin).Seconds())
	return e, nil
}

// serverArgs returns the command line of the server. Settings are given here and not
// in a file, so that each start of a newer weir has the newer ones.
func (c *cluster) serverArgs(socket string) []string {
	settings := []string{
		"listen_addresses=",
		"port=" + embeddedPort,
		"unix_socket_directories=" + socket,
		"unix_socket_permissions=0700",
		"max_connections=100",
		"timezone=UTC",
		"log_timezone=UTC",
		"log_min_messages=fatal",
		"log_min_error_statement=panic", // no statement, so no customer's data, in a log
		"log_error_verbosity=terse",
	}
	if c.noSync {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	args := []string{"-D", c.data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// awaitDatabase waits until the server is ready and makes the database if it is missing.
func (c *cluster) awaitDatabase(ctx context.Context, run *child, socket string) error {
	admin := embeddedURL(socket, "postgres")
	if err := awaitReady(ctx, run, admin); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("cannot connect to the new server: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	const find = `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`
	if err := conn.QueryRow(ctx, find, embeddedDatabase).Scan(&there); err != nil {
		return fmt.Errorf("cannot look for the database: %w", err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+embeddedDatabase); err != nil {
		return fmt.Errorf("cannot create the database: %w", err)
	}
	return nil
}

// syncDir makes a rename in the directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot open directory to sync it: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("cannot sync directory: %w", err)
	}
	return nil
}
