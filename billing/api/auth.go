package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"weir/billing"
)

const (
	// keyCacheAge is how long a key is believed without asking the database: a
	// revoked key dies within it.
	keyCacheAge = 5 * time.Second
	// keyCacheEntriesMax bounds the memory of keys. A full cache is emptied.
	keyCacheEntriesMax = 10_000
	// keyBytesMax is the longest key that is looked up.
	keyBytesMax = 255
)

// keys finds the organization of a key, and remembers it for keyCacheAge. Only
// keys that exist are remembered, and only by their hash.
type keys struct {
	find func(ctx context.Context, key string) (billing.Organization, error)
	now  func() time.Time // the system's clock, not a test clock

	mu      sync.Mutex
	entries map[[sha256.Size]byte]keyEntry
}

type keyEntry struct {
	organization billing.Organization
	until        time.Time
}

// organization returns whose key the Authorization header carries. Like Lago it
// takes the second word, whatever the scheme before it.
func (k *keys) organization(ctx context.Context, header string) (billing.Organization, error) {
	words := strings.Fields(header)
	if len(words) < 2 || len(words[1]) > keyBytesMax {
		return billing.Organization{}, errUnauthorized
	}
	hash := sha256.Sum256([]byte(words[1]))
	if organization, ok := k.remembered(hash); ok {
		return organization, nil
	}
	organization, err := k.find(ctx, words[1])
	if billing.IsNotFound(err) {
		return billing.Organization{}, errUnauthorized
	}
	if err != nil {
		return billing.Organization{}, fmt.Errorf("cannot look up API key: %w", err)
	}
	k.remember(hash, organization)
	return organization, nil
}

func (k *keys) remembered(hash [sha256.Size]byte) (billing.Organization, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	entry, ok := k.entries[hash]
	if !ok || !k.now().Before(entry.until) {
		return billing.Organization{}, false
	}
	return entry.organization, true
}

func (k *keys) remember(hash [sha256.Size]byte, organization billing.Organization) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entries == nil || len(k.entries) >= keyCacheEntriesMax {
		k.entries = make(map[[sha256.Size]byte]keyEntry)
	}
	k.entries[hash] = keyEntry{organization: organization, until: k.now().Add(keyCacheAge)}
}
