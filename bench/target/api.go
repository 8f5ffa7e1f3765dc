package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// requestTimeout bounds one call of the management API; setting a test clock
// answers only when everything due has been billed.
const requestTimeout = 2 * time.Minute

// Overload and a partition that is not there yet pass: a call is made again that often at most.
const (
	attemptsMax  = 20
	attemptPause = 200 * time.Millisecond
)

// PositionHeader tells where in the log the events of a write are, and, given to
// a read, what the read must cover.
const PositionHeader = "Weir-Log-Position"

// httpClient keeps the connections of setting up, which the default client would
// close but for two.
var httpClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: idleConnectionsMax}}

// idleConnectionsMax is how many connections are kept open between calls.
const idleConnectionsMax = 64

// Object is a JSON object on its way out.
type Object = map[string]any

// API is a weir as its users see it.
type API struct {
	URL string // of the public listener, without /api/v1
	Key string
}

// Refusal is an answer other than 200.
type Refusal struct {
	Method, Path string
	Status       int
	Body         string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s %s was answered %d: %s", r.Method, r.Path, r.Status, r.Body)
}

// Post sends body to a path under /api/v1 and reads the answer into out, unless that is nil.
func (a API) Post(ctx context.Context, path string, body, out any) error {
	_, err := a.call(ctx, http.MethodPost, path, body, out, "")
	return err
}

// Get reads a path under /api/v1 into out. position is what the read must cover, "" = nothing.
func (a API) Get(ctx context.Context, path string, out any, position string) error {
	_, err := a.call(ctx, http.MethodGet, path, nil, out, position)
	return err
}

func (a API) call(ctx context.Context, method, path string, body, out any, position string) (http.Header, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("cannot write request: %w", err)
		}
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if position != "" {
		header.Set(PositionHeader, position)
	}
	answer, err := a.patiently(ctx, method, path, header, sent)
	if err != nil {
		return nil, err
	}
	if out != nil {
		if err := json.Unmarshal(answer.Body, out); err != nil {
			return nil, fmt.Errorf("cannot read answer of %s %s: %w", method, path, err)
		}
	}
	return answer.Header, nil
}

// Answer is an answer of status 200.
type Answer struct {
	Header http.Header
	Body   []byte
}

// SendEvents posts an events body as it is; contentType says whether it is JSON
// or NDJSON. It sends the same again when told to come back later.
func (a API) SendEvents(ctx context.Context, path, contentType string, body []byte) (Answer, error) {
	return a.patiently(ctx, http.MethodPost, path, http.Header{"Content-Type": {contentType}}, body)
}

// patiently repeats a request that was answered 429 or 503.
func (a API) patiently(ctx context.Context, method, path string, header http.Header, body []byte) (Answer, error) {
	for attempt := 1; ; attempt++ {
		answer, err := a.once(ctx, method, path, header, body)
		var refusal *Refusal
		if !errors.As(err, &refusal) || attempt == attemptsMax ||
			refusal.Status != http.StatusTooManyRequests && refusal.Status != http.StatusServiceUnavailable {
			return answer, err
		}
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
			return Answer{}, errors.Join(err, ctx.Err())
		}
	}
}

func (a API) once(ctx context.Context, method, path string, header http.Header, body []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.URL+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("cannot make request: %w", err)
	}
	req.Header = header.Clone()
	req.Header.Set("Authorization", "Bearer "+a.Key)
	res, err := httpClient.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("cannot call weir: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("cannot read answer of %s %s: %w", method, path, err)
	}
	if res.StatusCode != http.StatusOK {
		return Answer{}, &Refusal{method, path, res.StatusCode, string(answer)}
	}
	return Answer{res.Header, answer}, nil
}
