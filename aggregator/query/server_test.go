package query

import (
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func sha(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// post sends a question as a stranger would write it, and returns status and body.
func post(t *testing.T, url, authorization, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(out)
}

func TestSecret(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	server := serve(t, f)
	open := serveHandler(t, NewHandler(f, "", nil))
	for _, c := range []struct {
		url, authorization string
		want               int
	}{
		{server.URL, "Bearer " + testSecret, http.StatusOK},
		{server.URL, "", http.StatusUnauthorized},
		{server.URL, "Bearer ", http.StatusUnauthorized},
		{server.URL, testSecret, http.StatusUnauthorized},
		{server.URL, "Bearer " + testSecret + "x", http.StatusUnauthorized},
		{server.URL, "Basic " + testSecret, http.StatusUnauthorized},
		{open.URL, "Bearer ", http.StatusUnauthorized}, // no secret: nobody may ask
		{open.URL, "", http.StatusUnauthorized},
	} {
		asked := f.questions()
		status, body := post(t, c.url+usagePath, c.authorization, goldenUsageRequest)
		if status != c.want {
			t.Errorf("%q: status %d, want %d: %s", c.authorization, status, c.want, body)
		}
		if c.want != http.StatusOK && f.questions() != asked {
			t.Errorf("%q: the question got through", c.authorization)
		}
	}
}

func TestClientWithWrongSecret(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	var in installation
	in.announce(1, serve(t, f).URL, allPartitions...)
	c := newTestClient(t, ClientOptions{Owners: in.owners, Secret: "another"})
	_, err := c.Usage(t.Context(), usageOf("s"))
	if err == nil || !strings.Contains(err.Error(), codeUnauthorized) {
		t.Errorf("error is %v, want %s", err, codeUnauthorized)
	}
	if f.questions() != 0 {
		t.Error("the question got through")
	}
}

func TestBadQuestions(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	server := serve(t, f)
	page := func(members string) string {
		return `{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","from":"2023-01-01T00:00:00Z","to":"2024-01-01T00:00:00Z",` + members + `}`
	}
	for _, c := range []struct {
		name, path, body string
		want             int
	}{
		{"not JSON", usagePath, "usage?", http.StatusBadRequest},
		{"unknown member", usagePath, `{"organisation":"x"}`, http.StatusBadRequest},
		{"too large", usagePath, `{"subscription":"` + strings.Repeat("x", RequestBytesMax) + `"}`, http.StatusBadRequest},
		{"page too large", eventsPath, page(`"offset":0,"limit":1001`), http.StatusBadRequest},
		{"page of negative size", eventsPath, page(`"offset":0,"limit":-1`), http.StatusBadRequest},
		{"page too far", eventsPath, page(`"offset":1000001,"limit":1`), http.StatusBadRequest},
		{"page before the first", eventsPath, page(`"offset":-1,"limit":1`), http.StatusBadRequest},
		{"unknown route", PathPrefix + "v2/usage", "{}", http.StatusNotFound},
	} {
		status, body := post(t, server.URL+c.path, "Bearer "+testSecret, c.body)
		if status != c.want {
			t.Errorf("%s: status %d, want %d: %.200s", c.name, status, c.want, body)
		}
		if c.want == http.StatusBadRequest && !strings.Contains(body, `"code":"invalid_request"`) {
			t.Errorf("%s: body is %.200s", c.name, body)
		}
	}
	if f.questions() != 0 {
		t.Errorf("%d bad questions got through", f.questions())
	}
}

func TestQuestionContext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header   string
		want     time.Duration
		readable bool
	}{
		{"", TimeoutDefault, true},
		{"1.5s", 1500 * time.Millisecond, true},
		{"24h", TimeoutMax, true},
		{"-1s", 0, true}, // too late
		{"soon", 0, false},
	} {
		req := &http.Request{Header: http.Header{timeoutHeader: {c.header}}}
		ctx, cancel, err := questionContext(req)
		if (err == nil) != c.readable {
			t.Errorf("%q: error is %v", c.header, err)
		}
		if err != nil {
			continue
		}
		deadline, _ := ctx.Deadline()
		cancel()
		if left := time.Until(deadline); left > c.want || left < c.want-10*time.Second {
			t.Errorf("%q: %v left, want %v", c.header, left, c.want)
		}
	}
}
