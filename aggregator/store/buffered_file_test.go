package store

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// piecesFile takes note of the pieces that are written to it.
type piecesFile struct {
	vfs.File
	b      []byte
	pieces []int // lengths
	synced int   // bytes
}

func (f *piecesFile) Write(p []byte) (int, error) {
	f.b = append(f.b, p...)
	f.pieces = append(f.pieces, len(p))
	clear(p) // as it may
	return len(p), nil
}

func (f *piecesFile) SyncData() error { f.synced = len(f.b); return nil }
func (f *piecesFile) Close() error    { return nil }

// TestBufferedFile: all that is written arrives, in large pieces, and before a sync returns.
func TestBufferedFile(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	var to piecesFile
	f := &bufferedFile{File: &to}
	var want []byte
	syncs := 0
	for range 400 {
		b := make([]byte, rng.IntN(1<<rng.IntN(20)))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		want = append(want, b...)
		if n, err := f.Write(b); n != len(b) || err != nil {
			t.Fatalf("%d of %d bytes are written: %v", n, len(b), err)
		}
		if rng.IntN(50) == 0 {
			syncs++
			if err := f.SyncData(); err != nil || to.synced != len(want) {
				t.Fatalf("%d of %d bytes are synced: %v", to.synced, len(want), err)
			}
		}
	}
	if err := f.Close(); err != nil || !bytes.Equal(to.b, want) {
		t.Fatalf("%d bytes have arrived (%v), want %d, or they are others", len(to.b), err, len(want))
	}
	// A piece ends at a multiple of writeBytes, or where a sync or the end was.
	at, odd := 0, 0
	for _, n := range to.pieces {
		if at += n; at%writeBytes != 0 {
			odd++
		}
	}
	if odd > syncs+1 || len(to.pieces) > len(want)/writeBytes+syncs+1 {
		t.Errorf("%d pieces, %d with odd ends, of %d bytes and %d syncs", len(to.pieces), odd, len(want), syncs)
	}
}

// TestBufferedFileFails: what could not be written is an error of each call that follows.
func TestBufferedFileFails(t *testing.T) {
	t.Parallel()
	fs := bufferedFS{errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite {
			return errorfs.ErrInjected
		}
		return nil
	}))}
	f, err := fs.Create("a.sst", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write(make([]byte, writeBytes-1)); n != writeBytes-1 || err != nil {
		t.Errorf("%d bytes are taken: %v", n, err)
	}
	if _, err := f.Write(make([]byte, 2)); !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("the write that fills a piece says %v", err)
	}
	if _, err := f.Write(make([]byte, 1)); !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("the write after it says %v", err)
	}
	if err := errors.Join(f.SyncData()); !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("the sync says %v", err)
	}
	if err := f.Close(); !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("the end says %v", err)
	}
}
