package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"
)

// Bounds of the key cache.
const (
	// keyLifetime is how long an answer holds, counted from when it was asked for: a
	// revoked key dies within it.
	keyLifetime = 5 * time.Second
	// badKeyLifetime is how long a refusal holds: a key that was just made works soon.
	badKeyLifetime = time.Second
	// keysMax and badKeysMax bound the memory, apart from each other, so that a
	// flood of wrong keys does not push out the right ones.
	keysMax    = 16_384
	badKeysMax = 4_096
	// lookupsMax is how many questions the authority gets at a time.
	lookupsMax = 16
	// keyBytesMax is the longest key that is looked at.
	keyBytesMax = 255
)

// keyHash stands for a key in memory, so that no dump of it holds a usable one.
type keyHash [sha256.Size]byte

// keys answers whose key it is, from memory where it can. Concurrent requests
// with one key share one question to the authority.
type keys struct {
	authority Authenticator
	lookups   *semaphore.Weighted
	fault     fault

	mu    sync.Mutex
	good  map[keyHash]goodKey
	bad   map[keyHash]time.Time // until when
	calls map[keyHash]*keyCall
}

type goodKey struct {
	organization uuid.UUID
	until        time.Time
}

// keyCall is a question under way. Its result may be read once done is closed.
type keyCall struct {
	done         chan struct{}
	organization uuid.UUID
	err          error
}

func newKeys(authority Authenticator, logger *slog.Logger) *keys {
	return &keys{
		authority: authority,
		lookups:   semaphore.NewWeighted(lookupsMax),
		fault:     fault{logger: logger, name: "authority of API keys"},
		good:      make(map[keyHash]goodKey),
		bad:       make(map[keyHash]time.Time),
		calls:     make(map[keyHash]*keyCall),
	}
}

// organization returns whose key the Authorization header holds. Its error is
// ErrUnauthorized, or that the authority could not be asked. A key that is
// remembered costs no allocation.
func (k *keys) organization(header []byte) (uuid.UUID, error) {
	key := keyOf(header)
	if len(key) == 0 || len(key) > keyBytesMax {
		return uuid.Nil, ErrUnauthorized
	}
	hash := keyHash(sha256.Sum256(key))
	now := time.Now()

	k.mu.Lock()
	if g, ok := k.good[hash]; ok && now.Before(g.until) {
		k.mu.Unlock()
		return g.organization, nil
	}
	if until, ok := k.bad[hash]; ok && now.Before(until) {
		k.mu.Unlock()
		return uuid.Nil, ErrUnauthorized
	}
	call, waits := k.calls[hash]
	if !waits {
		call = &keyCall{done: make(chan struct{})}
		k.calls[hash] = call
	}
	k.mu.Unlock()

	if waits {
		<-call.done
	} else {
		k.ask(call, hash, string(key), now)
	}
	return call.organization, call.err
}

// keyOf returns the second word of the header, whatever the first says.
func keyOf(header []byte) []byte {
	_, rest, _ := bytes.Cut(bytes.TrimLeft(header, " "), []byte(" "))
	key, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	return key
}

// ask puts the question and remembers the answer. A question that failed is not
// remembered: the next request asks again.
func (k *keys) ask(call *keyCall, hash keyHash, key string, now time.Time) {
	call.organization, call.err = k.lookup(key)
	if errors.Is(call.err, ErrUnauthorized) {
		k.fault.note(nil)
	} else {
		k.fault.note(call.err)
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.calls, hash)
	delete(k.good, hash)
	delete(k.bad, hash)
	switch {
	case call.err == nil:
		makeRoom(k.good, keysMax, func(g goodKey) bool { return now.Before(g.until) })
		k.good[hash] = goodKey{call.organization, now.Add(keyLifetime)}
	case errors.Is(call.err, ErrUnauthorized):
		makeRoom(k.bad, badKeysMax, now.Before)
		k.bad[hash] = now.Add(badKeyLifetime)
	}
	close(call.done)
}

func (k *keys) lookup(key string) (uuid.UUID, error) {
	ctx, cancel := context.WithTimeout(context.Background(), LookupTimeout)
	defer cancel()
	if err := k.lookups.Acquire(ctx, 1); err != nil {
		return uuid.Nil, fmt.Errorf("cannot ask whose key it is, too many questions: %w", err)
	}
	defer k.lookups.Release(1)
	organization, err := k.authority.Authenticate(ctx, key)
	if err != nil {
		return uuid.Nil, fmt.Errorf("cannot tell whose key it is: %w", err)
	}
	return organization, nil
}

// makeRoom takes entries out of a full map: those that have expired, and if
// that is not enough a quarter of it, whichever they are.
func makeRoom[V any](entries map[keyHash]V, max int, alive func(V) bool) {
	if len(entries) < max {
		return
	}
	for hash, v := range entries {
		if !alive(v) {
			delete(entries, hash)
		}
	}
	if len(entries) < max {
		return
	}
	for hash := range entries {
		if delete(entries, hash); len(entries) <= max*3/4 {
			return
		}
	}
}
