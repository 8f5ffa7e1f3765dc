package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goPackage is what `go list -json` says of a package.
type goPackage struct {
	ImportPath  string
	Imports     []string
	TestImports []string
}

// listPackages returns the module's packages and what they import.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports", "weir/...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot list packages: %v", err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// room returns which of the house's rooms a package of this module is in, "" for another module's.
func room(importPath string) string {
	path, ok := strings.CutPrefix(importPath, "weir/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(path, "/")
	return name
}

// TestTidyImportsRunBackwards: the rooms stand in the order the data flows, and
// a room uses only itself and what stands before it.
func TestTidyImportsRunBackwards(t *testing.T) {
	t.Parallel()
	mayUse := map[string][]string{
		"ingest":     {"ingest"},
		"aggregator": {"ingest", "aggregator"},
		"billing":    {"ingest", "aggregator", "billing"},
		"bench":      {"ingest", "bench"},
		"cmd":        {"ingest", "aggregator", "billing", "bench", "cmd"},
	}
	for _, p := range listPackages(t) {
		allowed, ok := mayUse[room(p.ImportPath)]
		if !ok {
			t.Errorf("%s is in none of the rooms", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if r := room(imported); r != "" && !slices.Contains(allowed, r) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// TestTidyDomainsArePure: a room's own package is nouns and arithmetic.
func TestTidyDomainsArePure(t *testing.T) {
	t.Parallel()
	pure := []string{"weir/ingest", "weir/aggregator", "weir/billing"}
	libraries := []string{"github.com/google/uuid", "github.com/shopspring/decimal", "github.com/cespare/xxhash/v2"}
	refused := []string{"context", "log/slog", "net", "net/http", "os", "io/fs", "database/sql", "math/rand", "math/rand/v2"}
	for _, p := range listPackages(t) {
		if !slices.Contains(pure, p.ImportPath) {
			continue
		}
		for _, imported := range p.Imports {
			foreign := strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
			if foreign && !slices.Contains(libraries, imported) || slices.Contains(refused, imported) ||
				room(imported) != "" && !slices.Contains(pure, imported) {
				t.Errorf("%s is not pure: it imports %s", p.ImportPath, imported)
			}
		}
	}
}

// TestTidyOnePackageForEachEngine: a third-party engine is touched in one place.
func TestTidyOnePackageForEachEngine(t *testing.T) {
	t.Parallel()
	engines := map[string][]string{
		"github.com/cockroachdb/pebble":  {"weir/ingest/eventlog", "weir/ingest/eventlog/crashfs", "weir/aggregator/store"},
		"github.com/twmb/franz-go":       {"weir/ingest/eventlog"},
		"github.com/jackc/pgx":           {"weir/billing/postgres", "weir/billing/postgres/pgtest"},
		"github.com/pressly/goose":       {"weir/billing/postgres"},
		"github.com/valyala/fasthttp":    {"weir/ingest/intake", "weir/cmd/weir", "weir/bench/minimal"},
		"github.com/alecthomas/kong":     {"weir/cmd/weir"},
		"github.com/schollz/progressbar": {"weir/bench/demo", "weir/bench/load", "weir/cmd/weir"},
		"github.com/go-json-experiment":  {"weir/billing/api", "weir/aggregator/query", "weir/billing/postgres"},
		"github.com/klauspost/compress":  {"weir/ingest/intake", "weir/ingest/eventlog"},
		"gonum.org/v1/plot":              {"weir/bench/chart"},
	}
	for _, p := range listPackages(t) {
		for _, imported := range p.Imports {
			for engine, homes := range engines {
				if strings.HasPrefix(imported, engine) && !slices.Contains(homes, p.ImportPath) {
					t.Errorf("%s imports %s, whose place is %s", p.ImportPath, imported, strings.Join(homes, ", "))
				}
			}
		}
	}
}

// TestTidyTopLevel: nothing stands at the top but the house.
func TestTidyTopLevel(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"cmd", "ingest", "aggregator", "billing", "bench", "deploy",
		"go.mod", "go.sum", "Makefile", "README.md", "LICENSE",
	}
	out, err := exec.Command("git", "-C", "../..", "ls-files").Output()
	if err != nil {
		t.Fatalf("cannot list files: %v", err)
	}
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		top, _, _ := strings.Cut(scanner.Text(), "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(allowed, top) {
			t.Errorf("%s does not belong at the top level", top)
		}
	}
}

// TestTidyPackageDocs: every package says what it is for.
func TestTidyPackageDocs(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		dir := filepath.Join("../..", strings.TrimPrefix(p.ImportPath, "weir/"))
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		documented := slices.ContainsFunc(files, func(file string) bool {
			source, err := os.ReadFile(file)
			return err == nil && (bytes.HasPrefix(source, []byte("// Package ")) || bytes.HasPrefix(source, []byte("// Command ")))
		})
		if !documented {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// TestTidyReadme: every file that the README leads a reader to is there. A bare
// name stands in the folder of the path before it.
func TestTidyReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, found := "", 0
	for _, match := range regexp.MustCompile("`([a-z_/]+\\.go)`").FindAllSubmatch(readme, -1) {
		name := string(match[1])
		if strings.Contains(name, "/") {
			dir = filepath.Dir(name)
		} else {
			name = filepath.Join(dir, name)
		}
		if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
			t.Errorf("the README names %s: %v", name, err)
		}
		found++
	}
	if found == 0 {
		t.Error("the README names no file")
	}
}
