package ingest

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/uuid"
)

// The golden hashes were computed outside of Go. Stores are keyed by them.

func TestIDGolden(t *testing.T) {
	t.Parallel()
	prefix := IDPrefix(benchOrganization, []byte("t1"))
	// the high half of XXH64 of 6ba7b810… "t1"
	if got, want := hex.EncodeToString(prefix[:]), "f045a92d"; got != want {
		t.Errorf("IDPrefix %s, want %s", got, want)
	}
	id := IDKey(benchOrganization, []byte("s1"), []byte("t1"))
	// … and SHA-256 of 6ba7b810…, 48 zeros, 02 "s1" 02 "t1":
	// 734bf90f79da42575ec842790df5b019431b0af78cfed57e6e26344816c11fa6
	if got, want := hex.EncodeToString(id[:]), "f045a92d"+"734bf90f79da42575ec84279"; got != want {
		t.Errorf("IDKey %s, want %s", got, want)
	}
	lagoID := EventID(benchOrganization, []byte("s1"), []byte("t1"))
	if got, want := lagoID.String(), "431b0af7-8cfe-857e-ae26-344816c11fa6"; got != want {
		t.Errorf("EventID %s, want %s", got, want)
	}
	if lagoID.Version() != 8 || lagoID.Variant() != uuid.RFC4122 {
		t.Errorf("EventID has version %d, variant %s", lagoID.Version(), lagoID.Variant())
	}
}

// TestIDParts moves a byte over the border between two parts: another identity.
func TestIDParts(t *testing.T) {
	t.Parallel()
	a := IDKey(benchOrganization, []byte("ab"), []byte("c"))
	b := IDKey(benchOrganization, []byte("a"), []byte("bc"))
	if a == b || EventID(benchOrganization, []byte("ab"), []byte("c")) == EventID(benchOrganization, []byte("a"), []byte("bc")) {
		t.Error("(ab, c) and (a, bc) are one identity")
	}
	if c := IDKey(benchOrganization, []byte("other"), []byte("c")); [IDPrefixBytes]byte(c[:]) != [IDPrefixBytes]byte(a[:]) || c == a {
		t.Error("the first part must not depend on the subscription, the second must")
	}
}

func TestContentHashGolden(t *testing.T) {
	t.Parallel()
	e := goldenEvents()[0]
	if got, want := ContentHash(&e), uint64(0x5ecb5dab41fc0f17); got != want {
		t.Errorf("ContentHash %016x, want %016x", got, want)
	}
	if got := ContentHash32(&e); got != 0x5ecb5dab {
		t.Errorf("ContentHash32 %08x", got)
	}
	if got, want := ContentHash(&Event{Code: []byte("c1")}), uint64(0x475f3ca510a18e6b); got != want {
		t.Errorf("ContentHash of a code alone %016x, want %016x", got, want)
	}
}

// TestContentHashCovers changes one thing at a time.
func TestContentHashCovers(t *testing.T) {
	t.Parallel()
	golden := goldenEvents()[0]
	want := ContentHash(&golden)
	for name, c := range map[string]struct {
		change func(e *Event)
		same   bool
	}{
		"transaction_id": {func(e *Event) { e.TransactionID = []byte("t9") }, true},
		"subscription":   {func(e *Event) { e.Subscription = []byte("s9") }, true},
		"timestamp":      {func(e *Event) { e.Timestamp++; e.Filled = true }, true},
		"code":           {func(e *Event) { e.Code = []byte("c9") }, false},
		"precise total":  {func(e *Event) { e.PreciseTotal = []byte("12.50") }, false},
		"no total":       {func(e *Event) { e.PreciseTotal = nil }, false},
		"a name":         {func(e *Event) { e.Properties[1].Name = []byte("bb") }, false},
		"a kind":         {func(e *Event) { e.Properties[4].Kind = KindString }, false},
		"a text":         {func(e *Event) { e.Properties[5].Text = []byte("y") }, false},
		"one less":       {func(e *Event) { e.Properties = e.Properties[:5] }, false},
	} {
		e := goldenEvents()[0]
		c.change(&e)
		if got := ContentHash(&e); (got == want) != c.same {
			t.Errorf("%s: same content %v, want %v", name, got == want, c.same)
		}
	}
}

// TestContentHashLarge has contents on both sides of what is hashed in one piece,
// whose hashes must not depend on the way.
func TestContentHashLarge(t *testing.T) {
	t.Parallel()
	seen := map[uint64]bool{}
	for size := range 2 * contentScratchBytes {
		e := goldenEvents()[0]
		e.Properties[5].Text = bytes.Repeat([]byte("x"), size)
		sum := ContentHash(&e)
		if seen[sum] || sum != largeContentHash(&e) {
			t.Fatalf("size %d: the hash is another's, or depends on the way it is made", size)
		}
		seen[sum] = true
	}
}
