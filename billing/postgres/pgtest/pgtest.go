// Package pgtest gives every test a PostgreSQL database of its own, from the real
// thing: each test program starts one private server on its first use, migrates a
// template database, and copies that for each test (about 30 ms).
//
// Nothing needs to be running beforehand, and nothing is left: the kernel ends the
// server with the test program, however that ends, and a small shell then removes
// the data. Where PostgreSQL is not installed the test fails and says what to install.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/billing/postgres"
)

const (
	// timeout bounds each step of making or dropping a database.
	timeout = 2 * time.Minute
	// maxConns is small: all tests of a program share the server's 100 connections.
	maxConns = 8
	template = "pgtest_template"
)

// New returns a migrated, empty database of the test's own. It is closed and dropped
// when the test ends.
func New(t testing.TB) *postgres.DB {
	t.Helper()
	return open(t, URL(t))
}

// URL returns the connection URL of a migrated, empty database of the test's own, for
// tests that start other processes or open it themselves. It is dropped when the test
// ends, whoever is still connected.
func URL(t testing.TB) string {
	t.Helper()
	return create(t, " TEMPLATE "+template)
}

// EmptyURL is URL, before any migration.
func EmptyURL(t testing.TB) string {
	t.Helper()
	return create(t, "")
}

func open(t testing.TB, url string) *postgres.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	db, err := postgres.Open(ctx, url, postgres.Options{MaxConns: maxConns})
	if err != nil {
		t.Fatalf("cannot open the test's database: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

var databases atomic.Int64

// create makes a database and drops it when the test ends.
func create(t testing.TB, options string) string {
	t.Helper()
	base, err := server()
	if err != nil {
		t.Fatalf("cannot start PostgreSQL for the tests: %v", err)
	}
	name := fmt.Sprintf("pgtest_%d", databases.Add(1))
	if err := execute(base, "CREATE DATABASE "+name+options); err != nil {
		t.Fatalf("cannot create the test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(base, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("cannot drop the test's database: %v", err)
		}
	})
	return withDatabase(base, name)
}

// server starts the test program's server on first use and returns its URL.
var server = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	// Not t.TempDir(): as root the server runs as another user, who can't enter that.
	dir, err := os.MkdirTemp("/tmp", "weir-pgtest-")
	if err != nil {
		return "", fmt.Errorf("cannot make a directory: %w", err)
	}
	if err := removeAfterUs(dir); err != nil {
		return "", err
	}
	e, err := postgres.StartEmbedded(ctx, postgres.EmbeddedOptions{Dir: dir, UnsafeNoSync: true})
	if err != nil {
		return "", err
	}
	if err := execute(e.URL(), "CREATE DATABASE "+template); err != nil {
		return "", fmt.Errorf("cannot create the template: %w", err)
	}
	if err := postgres.Migrate(ctx, withDatabase(e.URL(), template)); err != nil {
		return "", err
	}
	return e.URL(), nil
})

// removeAfterUs starts a shell that removes the directory when this process has
// ended: it reads from a pipe that only we hold open. Then it waits, up to 3 s, for the
// server, which is ending too.
func removeAfterUs(dir string) error {
	read, err := pipeOfOurs()
	if err != nil {
		return fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer read.Close()
	const script = `read -r _
		for i in 1 2 3 4 5 6 7 8 9 10; do [ -e "$1/data/postmaster.pid" ] && sleep 0.3; done
		rm -rf "$1"`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", dir)
	cmd.Stdin = read
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us, not for it
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start the shell that cleans up: %w", err)
	}
	return nil
}

// pipeOfOurs returns the reading end of a pipe whose other end is open for as long as
// this process lives: a bare descriptor, which only the kernel closes.
func pipeOfOurs() (*os.File, error) {
	syscall.ForkLock.RLock() // no child is started before both ends are marked
	defer syscall.ForkLock.RUnlock()
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		return nil, err
	}
	for _, fd := range ends {
		syscall.CloseOnExec(fd)
	}
	return os.NewFile(uintptr(ends[0]), "pipe"), nil
}

// execute runs one statement on a connection of its own.
func execute(url, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// withDatabase returns the URL with another database.
func withDatabase(base, name string) string {
	u, err := url.Parse(base)
	if err != nil {
		panic("BUG: the server's own URL does not parse: " + err.Error())
	}
	u.Path = "/" + name
	return u.String()
}
