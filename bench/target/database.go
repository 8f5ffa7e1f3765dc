package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoDatabase: a weir's database is not one that can be reached from here.
var ErrNoDatabase = errors.New("no way to weir's database")

// socketLine is the line of postmaster.pid, from 0, that holds the socket's directory.
const socketLine = 4

// SQL runs statements in one transaction, by psql, on the private PostgreSQL of the weir
// that runs on a data directory. It is for setting up what would take minutes through the
// API, never for what is measured. ErrNoDatabase when psql is missing or the database is
// elsewhere.
func SQL(ctx context.Context, dataDir, statements string) error {
	psql, err := psqlPath()
	if err != nil {
		return err
	}
	lock, err := os.ReadFile(filepath.Join(dataDir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoDatabase, err)
	}
	lines := strings.Split(string(lock), "\n")
	if len(lines) <= socketLine {
		return fmt.Errorf("%w: postmaster.pid has %d lines", ErrNoDatabase, len(lines))
	}
	cmd := exec.CommandContext(ctx, psql, "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1",
		"--host="+lines[socketLine], "--username=weir", "--dbname=weir", "--file=-")
	cmd.Stdin = strings.NewReader(statements)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot run SQL: %w: %s", err, out)
	}
	return nil
}

// psqlPath finds psql as weir finds PostgreSQL's programs.
func psqlPath() (string, error) {
	if dir := os.Getenv("WEIR_PG_BIN"); dir != "" {
		return filepath.Join(dir, "psql"), nil
	}
	if path, err := exec.LookPath("psql"); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%w: psql is missing", ErrNoDatabase)
	}
	return found[len(found)-1], nil
}
