package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// ServerMajorMin is the oldest major version of PostgreSQL that weir runs on.
const ServerMajorMin = 15

// ErrNoBinaries: this machine has no PostgreSQL that StartEmbedded could start. The
// error's text says what to install.
var ErrNoBinaries = errors.New("PostgreSQL 15 or newer is not installed: " +
	"apt-get install -y postgresql (or brew install postgresql@17), " +
	"or set WEIR_PG_BIN to the directory of its programs, or WEIR_DATABASE_URL to a running one")

// binDirPatterns are where packages put initdb and postgres. PATH comes last: a
// distribution's wrappers there may not be the real programs.
var binDirPatterns = []string{
	"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
	"/usr/pgsql-*/bin",          // the PostgreSQL project's RPMs
	"/usr/local/pgsql/bin",      // built from source
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// binaries is one installation of PostgreSQL.
type binaries struct {
	dir   string
	major int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// FindBinaries returns the directory of the newest PostgreSQL programs: that in
// WEIR_PG_BIN when it is set, else wherever packages put them. Without any the error
// is ErrNoBinaries.
func FindBinaries() (string, error) {
	bin, err := findBinaries(0)
	return bin.dir, err
}

// findBinaries returns the newest installation, or with major > 0 one of that major
// version: data files are only understood by the version that made them.
func findBinaries(major int) (binaries, error) {
	if dir := os.Getenv("WEIR_PG_BIN"); dir != "" {
		bin, err := binariesIn(dir)
		if err != nil {
			return binaries{}, fmt.Errorf("cannot use WEIR_PG_BIN=%s: %w", dir, err)
		}
		return bin, nil
	}
	var found []binaries
	for _, dir := range candidateDirs() {
		if bin, err := binariesIn(dir); err == nil && (major == 0 || bin.major == major) {
			found = append(found, bin)
		}
	}
	if len(found) == 0 {
		if major > 0 {
			return binaries{}, fmt.Errorf("the data was made by PostgreSQL %d, which is not installed: apt-get install -y postgresql-%d", major, major)
		}
		return binaries{}, ErrNoBinaries
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].major > found[j].major })
	return found[0], nil
}

func candidateDirs() []string {
	var dirs []string
	for _, pattern := range binDirPatterns {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			panic("BUG: bad pattern " + pattern)
		}
		dirs = append(dirs, matches...)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	return dirs
}

// binariesIn looks whether a directory has the programs, new enough.
func binariesIn(dir string) (binaries, error) {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, program)); err != nil {
			return binaries{}, fmt.Errorf("no %s there: %w", program, err)
		}
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("cannot ask postgres for its version: %w", err)
	}
	major, err := parseMajor(string(out))
	if err != nil {
		return binaries{}, err
	}
	if major < ServerMajorMin {
		return binaries{}, fmt.Errorf("PostgreSQL %d is too old, %d is the oldest that works", major, ServerMajorMin)
	}
	return binaries{dir: dir, major: major}, nil
}

// parseMajor reads 15 out of "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)".
func parseMajor(version string) (int, error) {
	_, rest, ok := strings.Cut(version, ") ")
	if !ok {
		return 0, fmt.Errorf("cannot read the version of postgres from %q", version)
	}
	digits := rest
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = rest[:end]
	}
	major, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("cannot read the version of postgres from %q: %w", version, err)
	}
	return major, nil
}
