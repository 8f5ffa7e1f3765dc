package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/billing/postgres"
)

// dataDir is the directory of everything that one process keeps. It is locked
// while a process works in it.
//
//	postgres/            the private PostgreSQL, unless a database is given
//	log/                 the log, unless Kafka is
//	aggregator/          one store for each partition
//	weir.lock            the lock, and the process that holds it
type dataDir struct {
	path string
	lock *os.File
}

func (d *dataDir) postgres() string   { return filepath.Join(d.path, "postgres") }
func (d *dataDir) log() string        { return filepath.Join(d.path, "log") }
func (d *dataDir) aggregator() string { return filepath.Join(d.path, "aggregator") }

// dirMode lets the PostgreSQL child, which runs as another user when weir is
// root, pass through to its own directory, and nobody list it.
const dirMode = 0o711

// privateMode is that of the directories that hold events.
const privateMode = 0o700

// chooseDataDir returns the directory that the settings ask for, else ./data,
// else, where ./data cannot serve the PostgreSQL child, a directory of the user's.
func chooseDataDir(cfg *Config) (string, error) {
	needsPostgres := cfg.DatabaseURL == ""
	if cfg.DataDir != "" {
		path, err := filepath.Abs(cfg.DataDir)
		if err == nil && needsPostgres {
			if err := servesPostgres(path); err != nil {
				return "", fmt.Errorf("WEIR_DATA_DIR %s cannot hold the private PostgreSQL: %w", path, err)
			}
		}
		return path, err
	}
	path, err := filepath.Abs("data")
	if err != nil || !needsPostgres {
		return path, err
	}
	unfit := servesPostgres(path)
	if unfit == nil {
		return path, nil
	}
	fallback, err := userStateDir()
	if err != nil {
		return "", fmt.Errorf("./data cannot hold the private PostgreSQL (%w), and no other place is known: set WEIR_DATA_DIR", unfit)
	}
	if err := servesPostgres(fallback); err != nil {
		return "", fmt.Errorf("neither ./data (%w) nor %s (%w) can hold the private PostgreSQL: set WEIR_DATA_DIR", unfit, fallback, err)
	}
	return fallback, nil
}

// servesPostgres says why the data directory at path cannot hold the private
// PostgreSQL. When weir is root, the child runs as another user, who must be able
// to pass through: a directory of root's that is closed, as mktemp makes them, is
// given the mode that weir would have made it with. What it holds stays private;
// the directories above it are not weir's to change.
func servesPostgres(path string) error {
	info, err := os.Stat(path)
	if err == nil && os.Geteuid() == 0 && info.Mode().Perm() == privateMode {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid == 0 {
			if err := os.Chmod(path, dirMode); err != nil {
				return err
			}
		}
	}
	return postgres.CheckDir(filepath.Join(path, "postgres"))
}

// userStateDir returns where a user's programs keep their state.
func userStateDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/weir", nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "weir"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "weir"), nil
}

// errInUse reports that another process works in the data directory.
var errInUse = errors.New("data directory is in use")

// openDataDir creates the directory when it is missing and locks it.
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, fmt.Errorf("cannot create the data directory: %w", err)
	}
	name := filepath.Join(path, "weir.lock")
	lock, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the lock of the data directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("cannot lock %s: %w", name, err)
		}
		holder := make([]byte, 20)
		n, _ := lock.ReadAt(holder, 0) // at the file's end it reads less, with io.EOF
		return nil, fmt.Errorf("%w: process %s works in %s", errInUse, strings.TrimSpace(string(holder[:n])), path)
	}
	err = lock.Truncate(0)
	if err == nil {
		_, err = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("cannot write %s: %w", name, err)
	}
	return &dataDir{path: path, lock: lock}, nil
}

// Close gives the lock back.
func (d *dataDir) Close() error { return d.lock.Close() }
