package pgtest_test

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"weir/billing"
	"weir/billing/postgres/pgtest"
)

// childEnv turns this program into one that uses pgtest and waits to be killed.
const childEnv = "WEIR_TEST_PGTEST_CHILD"

func TestNew(t *testing.T) {
	t.Parallel()
	if os.Getenv(childEnv) != "" {
		fmt.Println(pgtest.URL(t))
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // until the end
		return
	}
	one, two := pgtest.New(t), pgtest.New(t)
	org := billing.Organization{Name: "Hooli", CreatedAt: time.Unix(0, 0)}
	if err := one.CreateOrganization(t.Context(), &org); err != nil {
		t.Fatal(err)
	}
	all, err := two.Organizations(t.Context())
	if err != nil || len(all) != 0 {
		t.Errorf("another test's database holds %v, %v", all, err)
	}
}

// A test program that is killed leaves no server and no data.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^TestNew$", "-test.v")
	child.Env = append(os.Environ(), childEnv+"=1")
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	dir := ""
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		if u, err := url.Parse(lines.Text()); err == nil && strings.HasPrefix(lines.Text(), "postgres://") {
			dir = u.Query().Get("host")
		}
	}
	if _, err := os.Stat(dir); dir == "" || err != nil {
		t.Fatalf("the child's server is not in %q: %v", dir, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	for over := time.After(time.Minute); ; {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return // the shell removes it only after the server has ended
		}
		select {
		case <-over:
			t.Fatalf("%s is still there", dir)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
