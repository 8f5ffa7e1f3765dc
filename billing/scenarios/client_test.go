package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// object is JSON, decoded or to be encoded.
type object = map[string]any

// httpClient is one for all scenarios, so that they share connections.
var httpClient = &http.Client{
	Timeout:   2 * time.Minute, // of a clock that is moved over years, on a busy machine
	Transport: &http.Transport{MaxIdleConnsPerHost: 64},
}

// client speaks to weir as one organization.
type client struct {
	*weir
	key string
}

// must sends a request that has to be answered with 200, and returns the answer.
func (c *client) must(t *testing.T, method, path string, body any) object {
	t.Helper()
	return c.send(t, c.api, method, path, body)
}

// send sends a request to one of the addresses.
func (c *client) send(t *testing.T, origin, method, path string, body any) object {
	t.Helper()
	var raw []byte
	if body != nil {
		var err error
		raw, err = json.Marshal(body)
		must(t, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, origin+"/api/v1"+path, bytes.NewReader(raw))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := httpClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %s: status %d: %s", method, path, raw, res.StatusCode, answer)
	}
	var decoded object
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber() // amounts as they were written
	must(t, decoder.Decode(&decoded))
	return decoded
}

// dig follows member names and list indexes into decoded JSON; nil when it does not lead anywhere.
func dig(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			members, _ := value.(object)
			value = members[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// list returns the list that dig finds.
func list(value any, path ...any) []any {
	found, _ := dig(value, path...).([]any)
	return found
}

// text returns what dig finds as text, "" where there is nothing.
func text(value any, path ...any) string {
	found := dig(value, path...)
	if found == nil {
		return ""
	}
	return fmt.Sprint(found)
}
