package ingest

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestIdentifier holds an Identifier that is used again and again against the
// functions, which have golden values: every length of both parts, in random order, so
// that what a longer text left behind would show.
func TestIdentifier(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	text := make([]byte, IDBytesMax)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	organizations := []uuid.UUID{benchOrganization, {}, uuid.UUID(text[:16])}
	var x Identifier
	for range 20_000 {
		organization := organizations[random.IntN(len(organizations))]
		subscription := text[:random.IntN(IDBytesMax+1)]
		if random.IntN(2) == 0 {
			subscription = subscription[:min(len(subscription), random.IntN(5))]
		}
		transactionID := text[random.IntN(IDBytesMax):]
		x.Reset(organization)
		id, eventID := x.Identify(subscription, transactionID)
		if wantID, wantEventID := Identify(organization, subscription, transactionID); id != wantID || eventID != wantEventID {
			t.Fatalf("identity of %q, %q: %x, %s, want %x, %s", subscription, transactionID, id, eventID, wantID, wantEventID)
		}
		n := 1 + random.Int32N(300)
		if got, want := x.Partition(subscription, n), Partition(organization, subscription, n); got != want {
			t.Fatalf("partition of %q: %d, want %d", subscription, got, want)
		}
	}
}

func TestIdentifierWithoutOrganization(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an identity without an organization")
		}
	}()
	new(Identifier).Identify([]byte("s"), []byte("t"))
}

// TestPaddedSum holds both ways of a sum against the standard library. If the first
// falls, Go's binary form of a hash has changed: identities stay right, and are slower.
// The second block is another organization's.
func TestPaddedSum(t *testing.T) {
	t.Parallel()
	var short, long paddedSum
	for _, first := range []byte{0, 7} {
		block := [sha256.BlockSize]byte{first, 63: 1}
		short.prepare(&block)
		if short.state == nil {
			t.Fatal("the short way is not gone")
		}
		long.block = block
		for n := range 5 * sha256.BlockSize {
			buf := bytes.Repeat([]byte("x"), n+sha256.BlockSize+sumTailBytes)
			want := sha256.Sum256(append(block[:], buf[:n]...))
			if got := *short.of(buf, n); got != want {
				t.Errorf("%d bytes: %x, want %x", n, got, want)
			}
			if got := *long.of(buf, n); got != want {
				t.Errorf("%d bytes, the long way: %x, want %x", n, got, want)
			}
		}
	}
}
