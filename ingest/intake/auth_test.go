package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// authority answers for keys as a test wants it to, and counts the questions.
type authority struct {
	asked  atomic.Int64
	answer func(ctx context.Context, key string) (uuid.UUID, error)
}

func (a *authority) Authenticate(ctx context.Context, key string) (uuid.UUID, error) {
	a.asked.Add(1)
	return a.answer(ctx, key)
}

func newTestKeys(a *authority) *keys { return newKeys(a, slog.New(slog.DiscardHandler)) }

func TestKeyOfHeader(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Bearer abc":       "abc",
		"bearer abc":       "abc",
		"Token abc":        "abc",
		"Bearer  abc":      "abc",
		" Bearer abc ":     "abc",
		"Bearer abc extra": "abc",
		"abc":              "",
		"Bearer ":          "",
		"":                 "",
	} {
		if got := string(keyOf([]byte(header))); got != want {
			t.Errorf("key of %q is %q, want %q", header, got, want)
		}
	}
}

// A key that is revoked works for at most five seconds more.
func TestRevokedKeyDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		revoked := false
		a := &authority{answer: func(context.Context, string) (uuid.UUID, error) {
			if revoked {
				return uuid.Nil, ErrUnauthorized
			}
			return testOrganization, nil
		}}
		k := newTestKeys(a)
		header := []byte("Bearer k")
		for range 100 {
			if org, err := k.organization(header); org != testOrganization || err != nil {
				t.Fatalf("organization is %s, %v", org, err)
			}
		}
		if n := a.asked.Load(); n != 1 {
			t.Errorf("the authority was asked %d times for 100 requests, want 1", n)
		}
		revoked = true
		time.Sleep(keyLifetime - time.Nanosecond)
		if _, err := k.organization(header); err != nil {
			t.Errorf("within its life the key is refused: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := k.organization(header); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("after 5 s the revoked key gives %v, want ErrUnauthorized", err)
		}
		// A refusal is remembered for a second.
		revoked = false
		if _, err := k.organization(header); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("at once the key gives %v, want ErrUnauthorized from memory", err)
		}
		time.Sleep(badKeyLifetime)
		if _, err := k.organization(header); err != nil {
			t.Errorf("a key that is good again is refused: %v", err)
		}
	})
}

// The life of an answer is counted from the question: a slow authority does not
// make a revoked key live longer.
func TestKeyLifeBeginsWithTheQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: func(context.Context, string) (uuid.UUID, error) {
			time.Sleep(time.Second)
			return testOrganization, nil
		}}
		k := newTestKeys(a)
		for range 2 {
			if _, err := k.organization([]byte("Bearer k")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(keyLifetime - time.Second)
		}
		if n := a.asked.Load(); n != 2 {
			t.Errorf("the authority was asked %d times, want 2", n)
		}
	})
}

func TestUnreachableAuthority(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := false
		a := &authority{answer: func(ctx context.Context, _ string) (uuid.UUID, error) {
			if away {
				<-ctx.Done() // it hangs until the deadline
				return uuid.Nil, ctx.Err()
			}
			return testOrganization, nil
		}}
		k := newTestKeys(a)
		header := []byte("Bearer k")
		if _, err := k.organization(header); err != nil {
			t.Fatal(err)
		}
		away = true
		time.Sleep(keyLifetime - time.Nanosecond)
		if _, err := k.organization(header); err != nil {
			t.Errorf("a key within its life is refused: %v", err)
		}
		time.Sleep(time.Nanosecond)
		asked := time.Now()
		_, err := k.organization(header)
		if err == nil || errors.Is(err, ErrUnauthorized) {
			t.Errorf("the error is %v, want one that is not ErrUnauthorized", err)
		}
		if d := time.Since(asked); d != LookupTimeout {
			t.Errorf("the answer took %s, want %s", d, LookupTimeout)
		}
		away = false
		if _, err := k.organization(header); err != nil {
			t.Errorf("when the authority is back: %v", err)
		}
	})
}

// Requests with one key share one question; other keys have their own.
func TestSingleFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: func(context.Context, string) (uuid.UUID, error) {
			time.Sleep(time.Second)
			return testOrganization, nil
		}}
		k := newTestKeys(a)
		var all sync.WaitGroup
		for n := range 100 {
			all.Go(func() {
				if _, err := k.organization(fmt.Appendf(nil, "Bearer %d", n%2)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := a.asked.Load(); n != 2 {
			t.Errorf("the authority was asked %d times, want 2", n)
		}
	})
}

// A flood of wrong keys neither fills memory nor pushes out the right ones.
func TestKeyFlood(t *testing.T) {
	t.Parallel()
	a := &authority{answer: func(_ context.Context, key string) (uuid.UUID, error) {
		if key == "good" {
			return testOrganization, nil
		}
		return uuid.Nil, ErrUnauthorized
	}}
	k := newTestKeys(a)
	if _, err := k.organization([]byte("Bearer good")); err != nil {
		t.Fatal(err)
	}
	for n := range 3 * badKeysMax {
		if _, err := k.organization(fmt.Appendf(nil, "Bearer %d", n)); !errors.Is(err, ErrUnauthorized) {
			t.Fatal(err)
		}
	}
	if len(k.bad) > badKeysMax || len(k.good) != 1 || len(k.calls) != 0 {
		t.Errorf("%d bad, %d good, %d calls are kept", len(k.bad), len(k.good), len(k.calls))
	}
}

func TestMakeRoom(t *testing.T) {
	t.Parallel()
	entries := map[keyHash]bool{}
	for n := range 100 {
		entries[keyHash{byte(n)}] = n < 10
	}
	makeRoom(entries, 101, func(alive bool) bool { return alive })
	if len(entries) != 100 {
		t.Errorf("%d entries stay in a map with room, want 100", len(entries))
	}
	makeRoom(entries, 100, func(alive bool) bool { return alive })
	if len(entries) != 10 {
		t.Errorf("%d entries stay, want the 10 that are alive", len(entries))
	}
	makeRoom(entries, 8, func(alive bool) bool { return alive })
	if len(entries) != 6 {
		t.Errorf("%d entries stay of 8 that may, want 6", len(entries))
	}
}

func TestKnownKeyDoesNotAllocate(t *testing.T) {
	a := &authority{answer: func(context.Context, string) (uuid.UUID, error) { return testOrganization, nil }}
	k := newTestKeys(a)
	header := []byte("Bearer " + testKey)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := k.organization(header); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a known key, want none", n)
	}
}

func TestUnreachableAuthorityOverHTTP(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) {
		o.Auth = &authority{answer: func(context.Context, string) (uuid.UUID, error) {
			return uuid.Nil, errors.New("connection refused")
		}}
	})
	a := h.post(pathEvent, single(event("t", "s")))
	a.want(t, 503, `{"status":503,"error":"Service Unavailable","code":"authority_unavailable",…`)
	if a.header.Get("Retry-After") != "1" {
		t.Error("503 has no Retry-After")
	}
	h.wantNothing()
}
