package intake

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/ingest/ratelimit"
)

const rateLimited = `{"status":429,"error":"Too Many Requests","code":"rate_limited","message":"the organization is beyond its limit; send the same request again later"}`

// rates fails the test unless an answer says what is left of a limit.
func (a answer) rates(t *testing.T, limit, remaining, reset, retryAfter string) {
	t.Helper()
	got := [...]string{
		a.header.Get("x-ratelimit-limit"), a.header.Get("x-ratelimit-remaining"), a.header.Get("x-ratelimit-reset"), a.header.Get("Retry-After"),
	}
	if want := [...]string{limit, remaining, reset, retryAfter}; got != want {
		t.Errorf("limit, remaining, reset, retry after are %q, want %q", got, want)
	}
}

// A request within the limit is taken, and those of a debtor are refused.
func TestRequestLimit(t *testing.T) {
	t.Parallel()
	requests := ratelimit.New(1)
	h := start(t, func(o *Options) { o.Requests = requests })
	a := h.post(pathEvent, single(event("a", "s")))
	a.want(t, 200, `{"event":…`)
	a.rates(t, "1", "0", "1", "")
	// A debt of more than a day. It is of an hour ahead, and so does not shrink here.
	requests.Take(testOrganization, 100_000, time.Now().Add(time.Hour))
	for path, body := range map[string]string{pathEvent: single(event("b", "s")), pathBatch: "not even JSON"} {
		a = h.post(path, body)
		a.want(t, 429, rateLimited)
		if reset := a.header.Get("X-Ratelimit-Reset"); len(reset) != len("100000") || reset != a.header.Get("Retry-After") {
			t.Errorf("reset is %q, Retry-After %q, want about 100000", reset, a.header.Get("Retry-After"))
		}
	}
	h.wantIDs("a")
	// Who has no key has no limit, and takes nothing of others'.
	h.post(pathEvent, "", "Authorization: ").want(t, 401, `{"status":401,"error":"Unauthorized"}`)
}

// Events cost one each, repeats too; a request may cost more than is left, once.
func TestEventLimit(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) { o.Events = ratelimit.New(10) })
	h.post(pathBatch, `{"events":[{}]}`).want(t, 422, `{"status":422,…`) // costs nothing: no event
	h.post(pathBatch, "bad\n"+event("a", "s")+"\n", ndjson).want(t, 200, `{"accepted":1,…`)
	var many []string
	for n := range 100 {
		many = append(many, event(fmt.Sprint(n), "s"))
	}
	a := h.post(pathBatch, batch(many...))
	a.want(t, 200, `{"events":[…`)
	if a.header.Get("X-Ratelimit-Limit") != "10" || a.header.Get("X-Ratelimit-Remaining") != "0" {
		t.Errorf("the headers are %v", a.header)
	}
	// 2 lines and 100 events, of 10 and what has come back: some 9 seconds to the next one.
	a = h.post(pathEvent, single(event("b", "s")))
	a.want(t, 429, rateLimited)
	if a.header.Get("Retry-After") == "" || a.header.Get("Retry-After") != a.header.Get("X-Ratelimit-Reset") {
		t.Errorf("the headers are %v", a.header)
	}
	if n := len(h.ids()); n != 101 {
		t.Errorf("the log holds %d events, want 101", n)
	}
}

// twoKeys knows a key for each of two organizations.
type twoKeys struct{ oneKey }

const otherKey = "other"

func (k twoKeys) Authenticate(ctx context.Context, key string) (uuid.UUID, error) {
	if key == otherKey {
		return number(2), nil
	}
	return k.oneKey.Authenticate(ctx, key)
}

// A limit is each organization's own.
func TestLimitOfEach(t *testing.T) {
	t.Parallel()
	requests := ratelimit.New(1)
	h := start(t, func(o *Options) { o.Requests, o.Auth = requests, twoKeys{} })
	requests.Take(testOrganization, 100_000, time.Now())
	h.post(pathEvent, single(event("a", "s"))).want(t, 429, rateLimited)
	h.post(pathEvent, single(event("a", "s")), "Authorization: Bearer "+otherKey).want(t, 200, `{"event":…`)
}

// Without a limit there are no headers of one.
func TestNoLimitNoHeaders(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	h.post(pathEvent, single(event("a", "s"))).rates(t, "", "", "", "")
}

func TestPreferMinimal(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	const minimal = "Prefer: return=minimal"
	cloud := `{"specversion":"1.0","id":"c","source":"x","type":"requests","subject":"s"}`
	for _, tt := range []struct {
		path, body string
		headers    []string
		want       string
		applied    string
	}{
		{pathEvent, single(event("a", "s")), []string{minimal}, "{}", "return=minimal"},
		{pathEvent, single(event("b", "s")), []string{"Prefer: wait=5, Return=Minimal; x=y"}, "{}", "return=minimal"},
		{pathBatch, batch(event("d", "s"), event("e", "s")), []string{minimal}, "{}", "return=minimal"},
		{pathEvent, cloud, []string{minimal, "Content-Type: application/cloudevents+json"}, "{}", "return=minimal"},
		{pathBatch, event("f", "s") + "\n", []string{minimal, ndjson}, "{}", "return=minimal"},
		// A line that is refused must be told.
		{pathBatch, "bad\n" + event("g", "s"), []string{minimal, ndjson}, `{"accepted":1,"duplicates":0,"conflicts":0,"refused_count":1,…`, ""},
		{pathEvent, single(event("h", "s")), []string{"Prefer: return=representation"}, `{"event":…`, ""},
		{pathEvent, single(event("i", "s")), []string{"Prefer: return=minimalist"}, `{"event":…`, ""},
	} {
		a := h.post(tt.path, tt.body, tt.headers...)
		a.want(t, 200, tt.want)
		if got := a.header.Get("Preference-Applied"); got != tt.applied {
			t.Errorf("%v: Preference-Applied is %q, want %q", tt.headers, got, tt.applied)
		}
		if a.header.Get(PositionHeader) == "" {
			t.Errorf("%v: the answer has no position", tt.headers)
		}
	}
	h.post(pathEvent, single(event("a", "s")), minimal).want(t, 422, `{"status":422,…`) // refusals are whole
	h.wantIDs("a", "b", "c", "d", "e", "f", "g", "h", "i")
}
