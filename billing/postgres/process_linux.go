package postgres

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// childAttr runs the child as the account, in a process group of its own (Ctrl-C in
// a terminal is ours to handle), and has the kernel end it in an orderly way when
// the thread that started it dies, however it dies.
func childAttr(who account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	if who.drop {
		attr.Credential = &syscall.Credential{Uid: who.uid, Gid: who.gid}
	}
	return attr
}

// serversOn returns the live PostgreSQL processes, postmaster and others, that work
// in the data directory. They keep it as their working directory; a zombie has none.
func serversOn(data string) ([]int, error) {
	want, err := os.Stat(data)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// What fails here has ended, or is another user's: not our child.
		name, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "comm"))
		if err != nil || !bytes.HasPrefix(name, []byte("postgres")) {
			continue
		}
		if cwd, err := os.Stat(filepath.Join("/proc", entry.Name(), "cwd")); err == nil && os.SameFile(cwd, want) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
