package postgres_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"weir/billing/postgres"
)

// parentEnv turns the test program into a process that starts an embedded PostgreSQL
// in a directory, says its URL, and waits to be killed.
const parentEnv = "WEIR_TEST_EMBEDDED_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentEnv); dir != "" {
		beParent(dir)
	}
	code := m.Run()
	for _, dir := range atEnd {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

var (
	atEndMu sync.Mutex
	atEnd   []string
)

// removeAtEnd removes a directory when all tests are through.
func removeAtEnd(dir string) {
	atEndMu.Lock()
	defer atEndMu.Unlock()
	atEnd = append(atEnd, dir)
}

func beParent(dir string) {
	e, err := postgres.StartEmbedded(context.Background(), postgres.EmbeddedOptions{Dir: dir})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println(e.URL())
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // until the end of whoever started us
	os.Exit(0)
}
