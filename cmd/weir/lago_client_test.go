package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// lagoClientDir holds a program that drives weir with Lago's own JavaScript client.
const lagoClientDir = "testdata/lago-client"

// TestLagoClient: Lago's official client, unchanged, creates a catalog, sends
// events and reads usage, invoices and fees.
func TestLagoClient(t *testing.T) {
	t.Parallel()
	driveLagoClient(t, "flow.mjs")
}

// TestLagoClientCatalog: it makes, changes, reads and deletes what plans are made of.
func TestLagoClientCatalog(t *testing.T) {
	t.Parallel()
	driveLagoClient(t, "catalog.mjs")
}

// TestLagoClientInvoices: it has a month invoiced with a fee of every kind, and makes one-off invoices.
func TestLagoClientInvoices(t *testing.T) {
	t.Parallel()
	driveLagoClient(t, "invoices.mjs")
}

// driveLagoClient runs one of the programs against a sandbox of its own.
func driveLagoClient(t *testing.T, program string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(lagoClientDir + "/node_modules")
	}
	if err != nil {
		missing(t, "Lago's official client is not driven against weir: Node.js or its packages are missing (make lago-client): %v", err)
	}
	c, _ := inProcess(t, "--sandbox")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, program)
	cmd.Dir = lagoClientDir
	cmd.Env = append(os.Environ(), "WEIR_URL="+c.api, "WEIR_API_KEY="+c.key)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s failed: %v\n%s", program, err, out)
	}
	if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); lines[len(lines)-1] != "ok" {
		t.Fatalf("%s did not come to its end:\n%s", program, out)
	}
}

// missing skips a test for want of a tool, aloud; where no skip is accepted it fails.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("WEIR_TEST_NO_SKIP") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
