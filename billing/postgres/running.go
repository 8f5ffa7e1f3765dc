package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// socketLine is the line of postmaster.pid, from 0, that holds the socket's directory.
const socketLine = 4

// EmbeddedURL returns the connection URL of the embedded PostgreSQL that another
// process of ours runs on the data in dir (its EmbeddedOptions.Dir): what an operator's
// command connects to beside a running weir.
func EmbeddedURL(dir string) (string, error) {
	lock, err := os.ReadFile(filepath.Join(dir, dataName, "postmaster.pid"))
	if err != nil {
		return "", fmt.Errorf("cannot find the PostgreSQL that runs in %s: %w", dir, err)
	}
	lines := strings.Split(string(lock), "\n")
	if len(lines) <= socketLine || lines[socketLine] == "" {
		return "", fmt.Errorf("PostgreSQL in %s is starting or stopping: try again", dir)
	}
	return embeddedURL(lines[socketLine], embeddedDatabase), nil
}
