package api

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/billing"
	"weir/ingest/ratelimit"
)

const (
	// bodyBytesMax is the longest body of a request that is not events.
	bodyBytesMax = 1 << 20
	// requestTimeout bounds the work on one request. The test clock, which may
	// have years to catch up on, is exempt.
	requestTimeout = 30 * time.Second
	// requestIDBytesMax is the longest X-Request-Id that is taken over.
	requestIDBytesMax = 128
)

// request is one authenticated request.
type request struct {
	*http.Request
	organization billing.Organization
	// answer is the header of the answer, which an action may add to.
	answer http.Header
}

// action answers an authenticated request: with what is to be printed, or an
// error that refusal knows.
type action func(ctx context.Context, r request) (any, error)

// authenticated runs an action for the organization of the request's key.
func (a *api) authenticated(do action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if r.Pattern != patternSetTestClock {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, requestTimeout)
			defer cancel()
		}
		organization, err := a.keys.organization(ctx, r.Header.Get("Authorization"))
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		if err := a.takeRequest(w, organization.ID); err != nil {
			a.refuse(w, r, err)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyBytesMax)
		answer, err := do(ctx, request{Request: r, organization: organization, answer: w.Header()})
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		reply(w, http.StatusOK, answer)
	})
}

// takeRequest counts a request against the organization's limit, and says in the answer's
// header what is left, where there is one.
func (a *api) takeRequest(w http.ResponseWriter, organization uuid.UUID) error {
	state := a.Requests.Take(organization, 1, a.Clock())
	if state.Limit > 0 {
		header := w.Header()
		header.Set(ratelimit.HeaderLimit, strconv.Itoa(state.Limit))
		header.Set(ratelimit.HeaderRemaining, strconv.Itoa(state.Remaining))
		header.Set(ratelimit.HeaderReset, strconv.Itoa(state.ResetSeconds()))
	}
	if !state.Allowed {
		return &overLimitError{state}
	}
	return nil
}

// refuse answers with the error. What is our fault is logged with the id of the
// request and shows nothing but that id.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	body := refusal(err)
	if body.Status >= http.StatusInternalServerError {
		body.RequestID = w.Header().Get("X-Request-Id")
		level := slog.LevelWarn // it will pass
		if body.Status == http.StatusInternalServerError {
			level = slog.LevelError
		}
		a.Logger.Log(r.Context(), level, "request failed", slog.String("request_id", body.RequestID),
			slog.String("route", r.Pattern), slog.Int("status", body.Status), slog.Any("error", err))
	}
	if seconds := retryAfter(body.Status, err); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	reply(w, body.Status, body)
}

// observe gives each request an id, survives a panic, and counts the answer.
func (a *api) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get("X-Request-Id")
		if !plainID(id) {
			id = newRequestID()
		}
		w.Header().Set("X-Request-Id", id)
		seen := &statusWriter{ResponseWriter: w}
		defer func() {
			if fault := recover(); fault != nil {
				a.refusePanic(seen, r, fault)
			}
			route, method := routeOf(r)
			a.metrics.answered(route, method, seen.status, time.Since(began))
		}()
		next.ServeHTTP(seen, r)
	})
}

// newRequestID returns a random UUID. It is no secret, so it comes from the runtime's
// generator: the system's costs 7 microseconds.
func newRequestID() string {
	var id uuid.UUID
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4, RFC 9562
	return id.String()
}

// refusePanic answers for an action that broke. Broken code must not take down
// the process that also takes in events.
func (a *api) refusePanic(w *statusWriter, r *http.Request, fault any) {
	err := fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
	if w.status != 0 {
		a.Logger.Error("request failed while it was answered", slog.String("route", r.Pattern), slog.Any("error", err))
		return
	}
	a.refuse(w, r, err)
}

// statusWriter remembers the status that was written, 0 if none was.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// routeOf names the route that answered, for metrics.
func routeOf(r *http.Request) (route, method string) {
	method, route, found := strings.Cut(r.Pattern, " ")
	if !found {
		return "unknown", "other"
	}
	return route, method
}

// plainID reports whether a caller's request id may stand in headers and logs.
func plainID(id string) bool {
	if id == "" || len(id) > requestIDBytesMax {
		return false
	}
	return strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+=") == ""
}

// now is the organization's instant: the test clock's where one is set, else the system's.
func (a *api) now(ctx context.Context, organization uuid.UUID) (time.Time, error) {
	if !a.Sandbox {
		return a.nowBy(nil), nil
	}
	set, err := a.DB.TestClock(ctx, organization)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot read test clock: %w", err)
	}
	return a.nowBy(set), nil
}

// nowBy is now, of an organization whose test clock, nil when none is set, is known.
func (a *api) nowBy(testClock *time.Time) time.Time {
	if a.Sandbox && testClock != nil {
		return testClock.UTC()
	}
	return a.Clock().UTC().Truncate(time.Microsecond) // what PostgreSQL keeps
}

// form reads the request's body: the members of the object under the wrapper's name.
func (r request) form(wrapper string) (form, error) {
	body, err := r.body()
	if err != nil {
		return form{}, err
	}
	return parseForm(body, wrapper)
}

// body reads the request's body.
func (r request) body() ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, err
	}
	if err != nil {
		return nil, billing.BadRequest("cannot read body: " + err.Error())
	}
	return body, nil
}

// pathText returns a path's id. One that cannot exist is not found, like one that does not.
func (r request) pathText(name, resource string) (string, error) {
	s := r.PathValue(name)
	if len(s) > textBytesMax || !utf8.ValidString(s) || !storable(s) {
		return "", billing.NotFound(resource)
	}
	return s, nil
}

// pathUUID returns a path's lago_id.
func (r request) pathUUID(name, resource string) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue(name))
	if err != nil {
		return uuid.UUID{}, billing.NotFound(resource)
	}
	return id, nil
}

// wait asks a usage question that may have to wait for a position, and gives up in time.
func wait[T any](ctx context.Context, ask func(ctx context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, positionWaitMax)
	defer cancel()
	answer, err := ask(bounded)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return answer, fmt.Errorf("%w: %w", query.ErrNotYet, err)
	}
	return answer, err
}
