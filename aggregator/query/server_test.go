package query

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/aggregator"
	"weir/ingest"
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
	const count = `{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","code":"c","aggregation":1,"cell_keys":["k"]}`
	usage := func(metric, items string) string {
		return page(`"subscription":"s","at_least":"0","metrics":[` + metric + `],"items":[` + items + `]`)
	}
	part := func(members, of string) string {
		return page(members + `"subscription":"s","offset":0,"limit":1,"of":{"metric":` + count + `,"split":{},` + of + `}`)
	}
	for name, good := range map[string]struct{ path, body string }{ // what the bad ones differ from
		"usage":  {usagePath, usage(count, `{"metric":0,"split":{"group_keys":["k"]}}`)},
		"part":   {eventsPath, part(`"code":"c",`, `"filter":-1,"reason":4`)},
		"series": {seriesPath, page(`"limit":1000`)},
	} {
		if status, body := post(t, server.URL+good.path, "Bearer "+testSecret, good.body); status != http.StatusOK {
			t.Fatalf("%s: status %d: %.200s", name, status, body)
		}
	}
	asked := f.questions()
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
		{"too many items", usagePath, page(`"subscription":"s","at_least":"0","metrics":[` + count + `],"items":[` +
			strings.TrimSuffix(strings.Repeat(`{"metric":0,"split":{}},`, ItemsMax+1), ",") + `]`), http.StatusBadRequest},
		{"no such metric", usagePath, usage(count, `{"metric":1,"split":{}}`), http.StatusBadRequest},
		{"metric before the first", usagePath, usage(count, `{"metric":-1,"split":{}}`), http.StatusBadRequest},
		{"unknown aggregation", usagePath, usage(strings.Replace(count, ":1", ":10", 1), ""), http.StatusBadRequest},
		{"no aggregation", usagePath, usage(strings.Replace(count, ":1", ":0", 1), `{"metric":0,"split":{}}`), http.StatusBadRequest},
		{"recurring maximum", usagePath, usage(strings.Replace(count, ":1", `:3,"recurring":true`, 1), ""), http.StatusBadRequest},
		{"percentile of 101", usagePath, usage(strings.Replace(count, ":1", `:9,"percentile":"101"`, 1), ""), http.StatusBadRequest},
		{"bad expression", usagePath, usage(strings.Replace(count, ":1", `:2,"expression":"1 +"`, 1), ""), http.StatusBadRequest},
		{"group by no cell key", usagePath, usage(count, `{"metric":0,"split":{"group_keys":["x"]}}`), http.StatusBadRequest},
		{"shown by no cell key", usagePath, usage(count, `{"metric":0,"split":{"presentation_keys":["x"]}}`), http.StatusBadRequest},
		{"filter on no cell key", usagePath, usage(count, `{"metric":0,"split":{"filters":[{"conditions":[{"key":"x","values":["1"]}]}]}}`), http.StatusBadRequest},
		{"unknown member of a split", usagePath, usage(count, `{"metric":0,"split":{"group":["k"]}}`), http.StatusBadRequest},
		{"unknown member of a metric", usagePath, usage(strings.Replace(count, ":1", `:1,"rounding":"ceil"`, 1), ""), http.StatusBadRequest},
		{"part of no subscription", eventsPath, page(`"offset":0,"limit":1,"of":{"metric":` + count + `,"split":{},"filter":-1}`), http.StatusBadRequest},
		{"part of another code", eventsPath, part(`"code":"other",`, `"filter":-1`), http.StatusBadRequest},
		{"part of no filter", eventsPath, part("", `"filter":0`), http.StatusBadRequest},
		{"part below any filter", eventsPath, part("", `"filter":-3`), http.StatusBadRequest},
		{"part of no group", eventsPath, part("", `"filter":-1,"group":["v"]`), http.StatusBadRequest},
		{"part for no reason", eventsPath, part("", `"filter":-2,"reason":5`), http.StatusBadRequest},
		{"no series", seriesPath, page(`"limit":0`), http.StatusBadRequest},
		{"too many series", seriesPath, page(`"limit":1001`), http.StatusBadRequest},
		{"unknown route", PathPrefix + "v1/usage", "{}", http.StatusNotFound},
	} {
		status, body := post(t, server.URL+c.path, "Bearer "+testSecret, c.body)
		if status != c.want {
			t.Errorf("%s: status %d, want %d: %.200s", c.name, status, c.want, body)
		}
		if c.want == http.StatusBadRequest && !strings.Contains(body, `"code":"invalid_request"`) {
			t.Errorf("%s: body is %.200s", c.name, body)
		}
	}
	if got := f.questions() - asked; got != 0 {
		t.Errorf("%d bad questions got through", got)
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

// TestAnswerTooLarge: an answer is bounded in its buckets, those for display included.
func TestAnswerTooLarge(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	var buckets []aggregator.BucketUsage
	f.onUsage = func(_ context.Context, req UsageRequest) (UsageAnswer, error) {
		return UsageAnswer{
			LogID: testLogID, Partition: ingest.Partition(req.Organization, req.Subscription, testPartitions),
			Items: []ItemUsage{{Buckets: buckets}},
		}, nil
	}
	var in installation
	in.announce(1, serve(t, f).URL, allPartitions...)
	c := in.client(t)
	req := usageOf("s")
	metric := &aggregator.Metric{Organization: testOrganization, Code: "c", Aggregation: aggregator.CountAgg}
	req.Items = []UsageItem{{Metric: metric}}
	presentation := make([]aggregator.PresentationUsage, BucketsMax)
	buckets = []aggregator.BucketUsage{{Filter: aggregator.NoFilter, Presentation: presentation[:BucketsMax-1]}}
	if _, err := c.Usage(t.Context(), req); err != nil {
		t.Errorf("an answer of the most buckets: %v", err)
	}
	buckets[0].Presentation = presentation
	if _, err := c.Usage(t.Context(), req); !errors.Is(err, aggregator.ErrTooManyCells) {
		t.Errorf("error is %v, want ErrTooManyCells", err)
	}
	if f.questions() != 2 {
		t.Errorf("asked %d times, want twice", f.questions())
	}
}
