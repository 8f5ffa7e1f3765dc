package postgres

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is whom the child runs as.
type account struct {
	uid, gid uint32
	name     string
	drop     bool // we are root, and the child must become somebody else
}

// childAccount says whom the child runs as: us, or when we are root the user
// postgres or nobody, because PostgreSQL refuses to run as root.
func childAccount() (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{uid: uint32(uid), gid: uint32(os.Getegid()), name: "user " + strconv.Itoa(uid)}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil && uid != 0 {
			return account{uid: uint32(uid), gid: uint32(gid), name: name, drop: true}, nil
		}
	}
	return account{}, fmt.Errorf("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody to run it as")
}

// CheckDir says why a directory, which need not exist yet, can't hold the data of
// StartEmbedded; nil if it can. As root the child runs as another user, who must be
// able to pass through every directory above: /root and t.TempDir() fail that.
// Only permission bits are looked at, no access control lists.
func CheckDir(dir string) error {
	who, err := childAccount()
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("cannot resolve directory %s: %w", dir, err)
	}
	for path := abs; ; path = filepath.Dir(path) {
		if err := who.checkAncestor(abs, path); err != nil {
			return err
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// checkAncestor looks at dir itself or one directory above it.
func (a account) checkAncestor(dir, path string) error {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil // we make it, and let the child through
	}
	if err != nil {
		return fmt.Errorf("cannot look at directory %s: %w", path, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", path)
	}
	if path == dir && a.drop {
		return nil // becomes the child's own
	}
	if !a.may(info, 0o1) {
		return fmt.Errorf("%s (mode %04o) lets %s, whom PostgreSQL runs as, not pass to %s", path, info.Mode().Perm(), a.name, dir)
	}
	if path == dir && !a.may(info, 0o2) {
		return fmt.Errorf("%s is not writable for %s, whom PostgreSQL runs as", path, a.name)
	}
	return nil
}

// may reports whether the permission bits give the account the right (1 = pass, 2 = write).
func (a account) may(info fs.FileInfo, right fs.FileMode) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch mode := info.Mode().Perm(); {
	case stat.Uid == a.uid:
		return mode&(right<<6) != 0
	case stat.Gid == a.gid:
		return mode&(right<<3) != 0
	default:
		return mode&right != 0
	}
}

// own makes sure that a directory exists and belongs to the child alone. The
// directories above that it has to make are passable for everybody.
func (a account) own(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return fmt.Errorf("cannot make directory above %s: %w", dir, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return fmt.Errorf("cannot make directory: %w", err)
	}
	if err := a.give(dir); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("cannot restrict directory: %w", err)
	}
	return nil
}

// give makes the child the owner of a file.
func (a account) give(path string) error {
	if !a.drop {
		return nil
	}
	if err := os.Lchown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("cannot give %s to %s: %w", path, a.name, err)
	}
	return nil
}
