package crashfs_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest/eventlog/crashfs"
)

// TestCloneInUse: files are made, written, synced, linked and removed while clones are made. With
// vfs.MemFS alone this comes to a standstill.
func TestCloneInUse(t *testing.T) {
	t.Parallel()
	const writers, rounds = 8, 20_000
	fs := crashfs.New()
	var working sync.WaitGroup
	for w := range writers {
		working.Go(func() {
			for i := range rounds {
				f, err := fs.Create(fmt.Sprintf("%d-%d", w, i%8), "test")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := f.Write([]byte("x")); err != nil {
					t.Error(err)
				}
				if err := f.Sync(); err != nil {
					t.Error(err)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
				name := fmt.Sprintf("%d-%d", w, i%8)
				if err := fs.Link(name, name+"-link"); err != nil {
					t.Error(err)
				}
				if err := fs.Remove(name + "-link"); err != nil {
					t.Error(err)
				}
				lock, err := fs.Lock(fmt.Sprintf("%d-lock", w))
				if err != nil {
					t.Error(err)
					return
				}
				if err := lock.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { working.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return
		default:
			fs.CrashClone(vfs.CrashCloneCfg{})
		}
	}
}

// TestClone: what was synced is in a clone, what was not is not.
func TestClone(t *testing.T) {
	t.Parallel()
	fs := crashfs.New()
	for _, name := range []string{"synced", "not"} {
		f, err := fs.Create(name, "test")
		if err != nil {
			t.Fatal(err)
		}
		if name == "synced" {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			dir, err := fs.OpenDir("/")
			if err != nil {
				t.Fatal(err)
			}
			if err := dir.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	names, err := fs.CrashClone(vfs.CrashCloneCfg{}).List("/")
	if err != nil || len(names) != 1 || names[0] != "synced" {
		t.Errorf("the clone holds %v, %v", names, err)
	}
}
