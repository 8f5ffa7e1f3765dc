package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeoutDefault bounds a start with crash recovery.
const startTimeoutDefault = 2 * time.Minute

// readyPollInterval is how often a starting server is asked whether it is ready.
const readyPollInterval = 10 * time.Millisecond

// How long, and how often, the directory's lock is asked for.
const (
	lockPatience = time.Second
	lockPause    = 10 * time.Millisecond
)

// socketPathBytesMax is what the kernel takes as the path of a Unix socket (107 and
// a NUL on Linux, 103 elsewhere).
const socketPathBytesMax = 103

// The one role and database of an embedded server. Whoever may use the socket is
// trusted; only the child's own user and root may.
const (
	embeddedUser     = "weir"
	embeddedDatabase = "weir"
	embeddedPort     = "5432" // only part of the socket's name
)

// ErrInUse: another process has started an embedded PostgreSQL in the directory.
var ErrInUse = errors.New("directory is in use by another weir")

// EmbeddedOptions says how StartEmbedded starts PostgreSQL.
type EmbeddedOptions struct {
	// Dir is where the data lives; it is made when missing. See CheckDir.
	Dir string
	// Logger takes starts, stops and faults; nil discards them.
	Logger *slog.Logger
	// StartTimeout bounds the whole start, crash recovery included; 0 is two minutes.
	StartTimeout time.Duration
	// UnsafeNoSync is for tests: a power cut may then take what was committed.
	UnsafeNoSync bool
}

// Embedded is a private PostgreSQL server that runs as a child of this process. It
// listens on a Unix socket only. It ends when this process ends, however that
// happens (on Linux at once, elsewhere at the next start).
type Embedded struct {
	url    string
	log    *slog.Logger
	lock   *os.File
	child  *child
	socket string // directory to remove, "" when the socket lies in Dir

	stopOnce sync.Once
	stopping chan struct{} // closed when Stop was called
	done     chan struct{}
	err      error // why the child ended; to be read after done
}

// StartEmbedded starts PostgreSQL from the system's programs on the data in
// opts.Dir and returns when it takes connections: 0.1 s, or 1 to 2 s the first time,
// when it makes the data first. Left-overs of a process that was killed are taken
// care of. Without the programs the error is ErrNoBinaries; while another process
// uses the directory, ErrInUse.
func StartEmbedded(ctx context.Context, opts EmbeddedOptions) (*Embedded, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.StartTimeout == 0 {
		opts.StartTimeout = startTimeoutDefault
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot resolve directory %s: %w", opts.Dir, err)
	}
	opts.Dir = dir
	ctx, cancel := context.WithTimeout(ctx, opts.StartTimeout)
	defer cancel()
	e, err := startEmbedded(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("cannot start embedded PostgreSQL in %s: %w", dir, err)
	}
	return e, nil
}

func startEmbedded(ctx context.Context, opts EmbeddedOptions) (_ *Embedded, err error) {
	if err := CheckDir(opts.Dir); err != nil {
		return nil, err
	}
	who, err := childAccount()
	if err != nil {
		return nil, err
	}
	if err := checkOurs(opts.Dir); err != nil {
		return nil, err
	}
	if err := who.own(opts.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(opts.Dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	c := &cluster{dir: opts.Dir, who: who, log: opts.Logger, noSync: opts.UnsafeNoSync}
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	return c.start(ctx, lock)
}

// URL returns the connection URL of the database.
func (e *Embedded) URL() string { return e.url }

// Done is closed when the child has ended, wanted or not.
func (e *Embedded) Done() <-chan struct{} { return e.done }

// Err returns why the child ended by itself; nil while it runs, and after Stop.
func (e *Embedded) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return nil
	}
}

// Stop ends the child and returns when it has ended: in an orderly way, or when ctx
// ends first at once (the next start then recovers). It may be called again.
func (e *Embedded) Stop(ctx context.Context) error {
	e.stopOnce.Do(func() { close(e.stopping) })
	e.child.stop(ctx)
	<-e.done
	return nil
}

// supervise notices that the child has ended, and why.
func (e *Embedded) supervise() {
	<-e.child.done
	select {
	case <-e.stopping:
		e.log.Info("embedded PostgreSQL stopped")
	default:
		e.err = fmt.Errorf("embedded PostgreSQL ended by itself: %w", e.child.failure())
		e.log.Error("embedded PostgreSQL ended by itself", "error", e.err)
	}
	if e.socket != "" {
		_ = os.Remove(e.socket) // empty when PostgreSQL ended in order; else the next start reuses it
	}
	e.lock.Close()
	close(e.done)
}

// lockName is the file by which one process has the directory to itself.
const lockName = "weir.lock"

// checkOurs refuses a directory that holds other things: it would be taken from its
// owner and closed to everybody else.
func checkOurs(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look into the directory: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == lockName || entry.Name() == dataName {
			return nil
		}
	}
	return fmt.Errorf("the directory holds %s and no data of weir's", entries[0].Name())
}

// lockDir keeps a second process out of the directory. The kernel releases the lock
// with the process.
//
// A lock that was just given back may be held for another moment: a process that is being
// started has copies of all of its parent's files until its own program begins.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the directory's lock: %w", err)
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(lockPause) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(deadline) {
			break
		}
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = ErrInUse
	default:
		err = fmt.Errorf("cannot lock %s: %w", path, err)
	}
	return nil, errors.Join(err, f.Close())
}

// socketDir returns where the socket goes: the data's own directory, or a short one
// under /tmp when that path is too long for the kernel.
func socketDir(dir string, who account) (path string, own bool, err error) {
	if len(dir)+len("/.s.PGSQL."+embeddedPort) <= socketPathBytesMax {
		return dir, false, nil
	}
	sum := sha256.Sum256([]byte(dir))
	path = "/tmp/weir-" + hex.EncodeToString(sum[:8])
	if err := os.Mkdir(path, 0o700); err == nil {
		return path, true, who.give(path)
	} else if !os.IsExist(err) {
		return "", false, fmt.Errorf("cannot make a directory for the socket: %w", err)
	}
	// Anybody can make directories in /tmp: use it only if it is the child's alone.
	info, err := os.Lstat(path)
	if err != nil {
		return "", false, fmt.Errorf("cannot look at the socket's directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || stat.Uid != who.uid || info.Mode().Perm() != 0o700 {
		return "", false, fmt.Errorf("%s is needed for the socket but is not ours", path)
	}
	return path, true, nil
}

// embeddedURL returns the connection URL of a database behind a socket. Port and TLS
// are named too, so that PGPORT and PGSSLMODE in our environment change nothing.
func embeddedURL(socket, database string) string {
	query := url.Values{"host": {socket}, "port": {embeddedPort}, "sslmode": {"disable"}}
	return "postgres://" + embeddedUser + "@/" + database + "?" + query.Encode()
}

// awaitReady returns when the server takes connections, or says why it does not.
func awaitReady(ctx context.Context, c *child, url string) error {
	tick := time.NewTicker(readyPollInterval)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-c.done:
			return fmt.Errorf("postgres ended: %w", c.failure())
		case <-ctx.Done():
			return fmt.Errorf("postgres is not ready (%w): %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}
