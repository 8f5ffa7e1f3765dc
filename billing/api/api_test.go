package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/api"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// testPartitions is how many partitions the tests' log has.
const testPartitions = 4

// testNow is the instant at which the tests' API lives.
var testNow = time.Date(2024, 3, 15, 10, 30, 0, 0, time.UTC)

// usage is a Querier that answers what a test tells it to, and remembers what it was asked.
type usage struct {
	mu     sync.Mutex
	asked  []query.UsageRequest
	answer func(ctx context.Context, req query.UsageRequest) (query.UsageAnswer, error)
	event  func(ctx context.Context, req query.EventRequest) ([]query.Event, error)
	events func(ctx context.Context, req query.EventsRequest) (query.EventsAnswer, error)
	series func(ctx context.Context, req query.SeriesRequest) (query.SeriesAnswer, error)
}

func (u *usage) Usage(ctx context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	u.mu.Lock()
	u.asked = append(u.asked, req)
	answer := u.answer
	u.mu.Unlock()
	if answer == nil { // nothing was used
		return query.UsageAnswer{Items: make([]query.ItemUsage, len(req.Items))}, nil
	}
	return answer(ctx, req)
}

func (u *usage) Event(ctx context.Context, req query.EventRequest) ([]query.Event, error) {
	return u.event(ctx, req)
}

func (u *usage) Events(ctx context.Context, req query.EventsRequest) (query.EventsAnswer, error) {
	return u.events(ctx, req)
}

func (u *usage) Series(ctx context.Context, req query.SeriesRequest) (query.SeriesAnswer, error) {
	return u.series(ctx, req)
}

// lastAsked returns the newest question about usage.
func (u *usage) lastAsked(t *testing.T) query.UsageRequest {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.asked) == 0 {
		t.Fatal("usage was not asked for")
	}
	return u.asked[len(u.asked)-1]
}

// tenant is one organization and its key.
type tenant struct {
	organization billing.Organization
	key          string
}

// record is a log that may be read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

// take returns what was written since it was last taken.
func (r *record) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.text.String()
	r.text.Reset()
	return text
}

// server is an API over a real database, asked over real HTTP.
type server struct {
	url   string
	db    *postgres.DB
	usage *usage
	log   *record
	mine  tenant
	other tenant
}

// newServer starts an API with two tenants. change may change its options.
func newServer(t *testing.T, change func(*api.Options)) *server {
	t.Helper()
	s := &server{db: pgtest.New(t), usage: &usage{}, log: &record{}}
	s.mine = newTenant(t, s.db, "Mine")
	s.other = newTenant(t, s.db, "Other")
	opts := api.Options{
		DB: s.db, Usage: s.usage, Partitions: testPartitions, Version: "test",
		Clock:  func() time.Time { return testNow },
		Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if change != nil {
		change(&opts)
	}
	httpServer := httptest.NewServer(api.New(opts))
	t.Cleanup(httpServer.Close)
	s.url = httpServer.URL
	return s
}

func newTenant(t *testing.T, db *postgres.DB, name string) tenant {
	t.Helper()
	o := billing.Organization{
		Name: name, DefaultCurrency: "USD", Timezone: "UTC", DocumentNumberPrefix: strings.ToUpper(name) + "-0001",
		CreatedAt: testNow,
	}
	if err := db.CreateOrganization(t.Context(), &o); err != nil {
		t.Fatal(err)
	}
	key := uuid.NewString()
	if err := db.CreateAPIKey(t.Context(), o.ID, "test", key, testNow); err != nil {
		t.Fatal(err)
	}
	return tenant{o, key}
}

// object is decoded JSON.
type object = map[string]any

// answer is an HTTP response, read to its end.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   object
}

// send sends a request with a tenant's key, and header lines "name: value".
func (s *server) send(t *testing.T, who tenant, method, path string, body any, header ...string) answer {
	t.Helper()
	raw, ok := body.(string)
	if !ok && body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(text)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if who.key != "" {
		req.Header.Set("Authorization", "Bearer "+who.key)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(a.raw, &a.body); err != nil {
		t.Fatalf("%s %s: status %d, body %q: %v", method, path, a.status, a.raw, err)
	}
	return a
}

// must sends a request of mine that must be answered with 200.
func (s *server) must(t *testing.T, method, path string, body any) object {
	t.Helper()
	a := s.send(t, s.mine, method, "/api/v1"+path, body)
	if a.status != http.StatusOK {
		t.Fatalf("%s %s: status %d: %s\n%s", method, path, a.status, a.raw, s.log.take())
	}
	return a.body
}

// refused sends a request of mine that must be refused with exactly this body.
func (s *server) refused(t *testing.T, method, path string, body any, want string) {
	t.Helper()
	var wanted object
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	a := s.send(t, s.mine, method, "/api/v1"+path, body)
	delete(a.body, "message") // for people
	if fmt.Sprint(a.status) != fmt.Sprint(wanted["status"]) || !reflect.DeepEqual(a.body, wanted) {
		t.Errorf("%s %s %v:\n got %d %s\nwant %s", method, path, body, a.status, a.raw, want)
	}
}

// invalid sends a request that must be refused for exactly these fields: "name: code, …".
func (s *server) invalid(t *testing.T, method, path string, body any, fields ...string) {
	t.Helper()
	details := object{}
	for _, field := range fields {
		name, codes, _ := strings.Cut(field, ": ")
		details[name] = strings.Split(codes, ", ")
	}
	want, err := json.Marshal(object{"status": 422, "error": "Unprocessable Entity", "code": "validation_errors", "error_details": details})
	if err != nil {
		t.Fatal(err)
	}
	s.refused(t, method, path, body, string(want))
}

// notFound is the body of a 404.
func notFound(code string) string {
	return `{"status":404,"error":"Not Found","code":"` + code + `"}`
}

// dig follows keys and list indexes into decoded JSON.
func dig(t *testing.T, value any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch step := step.(type) {
		case string:
			members, ok := value.(object)
			if _, there := members[step]; !ok || !there {
				t.Fatalf("%v: not in %v", path[:i+1], value)
			}
			value = members[step]
		case int:
			list, ok := value.([]any)
			if !ok || step >= len(list) {
				t.Fatalf("%v: not in %v", path[:i+1], value)
			}
			value = list[step]
		}
	}
	return value
}

// expect compares what stands at a path, as text.
func expect(t *testing.T, value any, want string, path ...any) {
	t.Helper()
	if got := fmt.Sprint(dig(t, value, path...)); got != want {
		t.Errorf("%v: got %s, want %s", path, got, want)
	}
}
