package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// client speaks to a running weir as any user's program would.
type client struct {
	api    string // URL of the API, without /api/v1
	ingest string // URL that takes events; the same where one process does everything
	key    string
	http   *http.Client
}

// newClient returns a client of one origin.
func newClient(url, key string) *client {
	return &client{api: url, ingest: url, key: key, http: &http.Client{Timeout: time.Minute}}
}

// object is decoded JSON.
type object = map[string]any

// do sends one request and returns the status and the decoded body.
func (c *client) do(ctx context.Context, method, url, contentType string, body []byte) (int, object, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, err
	}
	if res.StatusCode == http.StatusNoContent {
		return res.StatusCode, nil, nil
	}
	var answer object
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil {
		return res.StatusCode, nil, fmt.Errorf("status %d, body %.200q: %w", res.StatusCode, raw, err)
	}
	return res.StatusCode, answer, nil
}

// must sends a request to the management API and fails the test unless it is answered with 200.
func (c *client) must(t *testing.T, method, path string, body any) object {
	t.Helper()
	var raw []byte
	contentType := ""
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
		contentType = "application/json"
	}
	status, answer, err := c.do(t.Context(), method, c.api+"/api/v1"+path, contentType, raw)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if status != http.StatusOK {
		t.Fatalf("%s %s: status %d: %v", method, path, status, answer)
	}
	return answer
}

// events posts bulk lines and returns the answer; a refusal of the whole is an error.
func (c *client) events(ctx context.Context, lines []byte) (object, error) {
	status, answer, err := c.do(ctx, http.MethodPost, c.ingest+"/api/v1/events/batch", "application/x-ndjson", lines)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %v", status, answer)
	}
	return answer, err
}

// dig follows keys and list indexes into decoded JSON.
func dig(t *testing.T, value any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch step := step.(type) {
		case string:
			members, ok := value.(object)
			if !ok {
				t.Fatalf("%v: not an object: %v", path[:i+1], value)
			}
			value, ok = members[step]
			if !ok {
				t.Fatalf("%v: no such member in %v", path[:i+1], members)
			}
		case int:
			list, ok := value.([]any)
			if !ok || step >= len(list) {
				t.Fatalf("%v: no such element in %v", path[:i+1], value)
			}
			value = list[step]
		}
	}
	return value
}

// text returns what dig finds as text: a string as it is, a number as written.
func text(t *testing.T, value any, path ...any) string {
	t.Helper()
	return fmt.Sprint(dig(t, value, path...))
}

// eventually asks again until what holds or the time is over; it fails with the last complaint.
func eventually(t *testing.T, within time.Duration, what func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := what()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %v", within, err)
		}
		time.Sleep(20 * time.Millisecond) // a poll, not a synchronisation: what is asked for is eventual by contract
	}
}

// plain strips the decimals that only dress a number up: 10.0 is 10.
func plain(number string) string {
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number
}
