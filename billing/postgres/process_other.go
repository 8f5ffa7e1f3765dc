//go:build !linux

package postgres

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// childAttr runs the child as the account, in a process group of its own. Here the
// kernel doesn't end it with us; the next start does.
func childAttr(who account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if who.drop {
		attr.Credential = &syscall.Credential{Uid: who.uid, Gid: who.gid}
	}
	return attr
}

// serversOn returns the postmaster that postmaster.pid names, if such a process lives.
func serversOn(data string) ([]int, error) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 || syscall.Kill(pid, 0) != nil {
		return nil, nil
	}
	// The number may belong to somebody else by now.
	name, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	if err != nil || !strings.Contains(string(name), "postgres") {
		return nil, nil
	}
	return []int{pid}, nil
}
