package api

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func pageFor(number, size int) postgres.Page { return postgres.Page{Number: number, Size: size} }

// keyBook is a table of keys that counts how often it is asked.
type keyBook struct {
	keys  map[string]billing.Organization
	fault error
	asked int
}

func (b *keyBook) find(_ context.Context, key string) (billing.Organization, error) {
	b.asked++
	if b.fault != nil {
		return billing.Organization{}, b.fault
	}
	organization, ok := b.keys[key]
	if !ok {
		return billing.Organization{}, billing.NotFound("api_key")
	}
	return organization, nil
}

func TestKeysTakeTheSecondWord(t *testing.T) {
	t.Parallel()
	organization := billing.Organization{ID: uuid.New()}
	book := &keyBook{keys: map[string]billing.Organization{"secret": organization}}
	k := &keys{find: book.find, now: time.Now}
	for _, header := range []string{"Bearer secret", "bearer secret", "Token secret", "Bearer  secret more"} {
		if got, err := k.organization(t.Context(), header); err != nil || got.ID != organization.ID {
			t.Errorf("%q: %v, %v", header, got.ID, err)
		}
	}
	for _, header := range []string{"", "secret", "Bearer", "Bearer wrong", "Bearer Secret"} {
		if _, err := k.organization(t.Context(), header); !errors.Is(err, errUnauthorized) {
			t.Errorf("%q: %v, want unauthorized", header, err)
		}
	}
}

func TestRevokedKeyDiesWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	book := &keyBook{keys: map[string]billing.Organization{"secret": {ID: uuid.New()}}}
	now := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	k := &keys{find: book.find, now: func() time.Time { return now }}
	ask := func() error {
		_, err := k.organization(t.Context(), "Bearer secret")
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	delete(book.keys, "secret") // revoked
	now = now.Add(5*time.Second - 1)
	if err := ask(); err != nil || book.asked != 1 {
		t.Fatalf("the key is remembered for 5 s: %v, asked %d times", err, book.asked)
	}
	now = now.Add(1)
	if err := ask(); !errors.Is(err, errUnauthorized) {
		t.Fatalf("a revoked key lived longer than 5 s: %v", err)
	}
}

func TestKeysSurviveTheDatabaseForFiveSeconds(t *testing.T) {
	t.Parallel()
	book := &keyBook{keys: map[string]billing.Organization{"secret": {ID: uuid.New()}}}
	now := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	k := &keys{find: book.find, now: func() time.Time { return now }}
	if _, err := k.organization(t.Context(), "Bearer secret"); err != nil {
		t.Fatal(err)
	}
	book.fault = errors.New("database is away")
	if _, err := k.organization(t.Context(), "Bearer secret"); err != nil {
		t.Errorf("a known key was refused: %v", err)
	}
	// One that is not known is neither right nor wrong: not a 401, which a client would believe.
	if _, err := k.organization(t.Context(), "Bearer other"); err == nil || errors.Is(err, errUnauthorized) {
		t.Errorf("an unknown key: %v", err)
	}
}

func TestKeyCacheIsBounded(t *testing.T) {
	t.Parallel()
	book := &keyBook{keys: map[string]billing.Organization{}}
	k := &keys{find: book.find, now: time.Now}
	for i := range keyCacheEntriesMax + 5 {
		key := fmt.Sprint("key", i)
		book.keys[key] = billing.Organization{}
		if _, err := k.organization(t.Context(), "Bearer "+key); err != nil {
			t.Fatal(err)
		}
	}
	if len(k.entries) > keyCacheEntriesMax {
		t.Errorf("%d keys are remembered, more than %d", len(k.entries), keyCacheEntriesMax)
	}
}
