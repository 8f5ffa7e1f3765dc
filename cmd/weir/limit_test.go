package main

import (
	"net/http"
	"strings"
	"testing"
)

// Events and the rest of the API are limited together, and say so in the same words.
func TestOrganizationLimits(t *testing.T) {
	t.Parallel()
	// Three requests in a second, and the test needs less than that for all, or the
	// limit gives way to some of the next: it sends until it is refused.
	c, _ := inProcess(t, "--organization-requests-per-second=3", "--organization-events-per-second=1000")
	for _, request := range []struct{ method, path, body string }{
		{http.MethodGet, "/api/v1/billable_metrics", ""},
		{http.MethodPost, "/api/v1/events", `{"event":{"transaction_id":"t","external_subscription_id":"s","code":"c"}}`},
	} {
		for n := 0; ; n++ {
			req, err := http.NewRequestWithContext(t.Context(), request.method, c.api+request.path, strings.NewReader(request.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+c.key)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			limit, left, reset := res.Header.Get("X-Ratelimit-Limit"), res.Header.Get("X-Ratelimit-Remaining"), res.Header.Get("X-Ratelimit-Reset")
			if limit != "3" || left == "" || reset == "" {
				t.Fatalf("%s: limit, remaining, reset are %q, %q, %q", request.path, limit, left, reset)
			}
			if res.StatusCode == http.StatusTooManyRequests {
				if left != "0" || reset != "1" || res.Header.Get("Retry-After") != "1" {
					t.Errorf("%s is refused with %v", request.path, res.Header)
				}
				break
			}
			if n > 10_000 {
				t.Fatalf("%s is not limited", request.path)
			}
		}
	}
}
