package query

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
)

// PathPrefix is where a Handler expects its routes; mount it there.
const PathPrefix = "/internal/query/"

// Limits of the wire.
const (
	// RequestBytesMax is the largest question taken.
	RequestBytesMax = 4 << 20
	// AnswerBytesMax is the largest answer given or read.
	AnswerBytesMax = 64 << 20
	// TimeoutMax is how long a question may wait for its answer, whatever it asks
	// for, TimeoutDefault how long when it does not say.
	TimeoutMax     = 2 * time.Minute
	TimeoutDefault = 30 * time.Second
	// QuestionsMax is how many questions a Handler has under way; the next one is
	// refused and asked again by its client.
	QuestionsMax = 1024
)

// timeoutHeader carries the time left as a Go duration ("4.9s").
const timeoutHeader = "Weir-Timeout"

const (
	usagePath  = PathPrefix + "v2/usage"
	eventPath  = PathPrefix + "v2/event"
	eventsPath = PathPrefix + "v2/events"
	seriesPath = PathPrefix + "v2/series"
)

// handler answers questions from other processes with what a Querier knows.
type handler struct {
	querier Querier
	secret  [sha256.Size]byte
	locked  bool // there is no secret: nobody may ask
	slots   chan struct{}
	metrics *serverMetrics
}

// NewHandler returns the HTTP server's side: it answers the questions of Clients
// with the same secret from q, which usually knows the partitions of this process
// alone and says ErrNotOwner for the rest. An empty secret lets nobody in.
// registerer may be nil.
func NewHandler(q Querier, secret string, registerer prometheus.Registerer) http.Handler {
	h := &handler{
		querier: q,
		secret:  sha256.Sum256([]byte(secret)),
		locked:  secret == "",
		slots:   make(chan struct{}, QuestionsMax),
		metrics: newServerMetrics(registerer),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+usagePath, h.route("usage", h.usage))
	mux.HandleFunc("POST "+eventPath, h.route("event", h.event))
	mux.HandleFunc("POST "+eventsPath, h.route("events", h.events))
	mux.HandleFunc("POST "+seriesPath, h.route("series", h.series))
	return mux
}

// route wraps what all routes do: let in, bound, answer, count.
func (h *handler) route(name string, answer func(context.Context, []byte) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		body, err := h.serve(r, answer)
		code := "ok"
		if err != nil {
			f := faultFor(err)
			code = f.code
			writeFault(w, f, err)
		} else {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // the asker is gone: it will ask again, nothing to undo
		}
		h.metrics.observe(name, code, time.Since(started))
	}
}

// requestError is a fault of the question itself.
type requestError struct {
	code string
	err  error
}

func (e *requestError) Error() string { return e.err.Error() }

func faultFor(err error) fault {
	var bad *requestError
	if errors.As(err, &bad) {
		return faultOfCode(bad.code)
	}
	return faultOf(err)
}

func (h *handler) serve(r *http.Request, answer func(context.Context, []byte) (any, error)) ([]byte, error) {
	if !h.mayAsk(r) {
		return nil, &requestError{codeUnauthorized, errors.New("the secret is missing or wrong")}
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return nil, fmt.Errorf("%w: %d questions are under way", errOverloaded, QuestionsMax)
	}
	ctx, cancel, err := questionContext(r)
	if err != nil {
		return nil, &requestError{codeInvalid, err}
	}
	defer cancel()
	body, err := readBounded(r.Body, RequestBytesMax)
	if err != nil {
		return nil, &requestError{codeInvalid, fmt.Errorf("cannot read question: %w", err)}
	}
	given, err := answer(ctx, body)
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(given)
	if err != nil {
		return nil, fmt.Errorf("cannot write answer: %w", err)
	}
	if len(out) > AnswerBytesMax {
		return nil, fmt.Errorf("answer has %d bytes (limit %d)", len(out), AnswerBytesMax)
	}
	return out, nil
}

// mayAsk compares hashes, so that neither the time nor the length tells anything.
func (h *handler) mayAsk(r *http.Request) bool {
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	given := sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(given[:], h.secret[:]) == 1
	return ok && same && !h.locked
}

// questionContext ends when the asker's time is up or, where the HTTP server
// notices, when it has gone.
func questionContext(r *http.Request) (context.Context, context.CancelFunc, error) {
	timeout := TimeoutDefault
	if text := r.Header.Get(timeoutHeader); text != "" {
		asked, err := time.ParseDuration(text)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read header %s: %w", timeoutHeader, err)
		}
		timeout = min(asked, TimeoutMax)
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	return ctx, cancel, nil
}

// readBounded reads all of r, at most limit bytes.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return body, nil
}

// decode reads a question or an answer. It is strict: see the package's invariants.
func decode(body []byte, into any) error {
	return json.Unmarshal(body, into, json.RejectUnknownMembers(true))
}

func decodeQuestion(body []byte, into any) error {
	if err := decode(body, into); err != nil {
		return &requestError{codeInvalid, fmt.Errorf("cannot read question: %w", err)}
	}
	return nil
}

func (h *handler) usage(ctx context.Context, body []byte) (any, error) {
	var question wireUsageRequest
	if err := decodeQuestion(body, &question); err != nil {
		return nil, err
	}
	req, err := question.request()
	if err == nil {
		err = req.Check()
	}
	if err != nil {
		return nil, &requestError{codeInvalid, err}
	}
	answer, err := h.querier.Usage(ctx, req)
	if err == nil {
		err = answer.Check()
	}
	if err != nil {
		return nil, err
	}
	return usageAnswerToWire(answer), nil
}

func (h *handler) event(ctx context.Context, body []byte) (any, error) {
	var question wireEventRequest
	if err := decodeQuestion(body, &question); err != nil {
		return nil, err
	}
	events, err := h.querier.Event(ctx, question.request())
	if err != nil {
		return nil, err
	}
	return wireEventAnswer{eventsToWire(events)}, nil
}

func (h *handler) events(ctx context.Context, body []byte) (any, error) {
	var question wireEventsRequest
	if err := decodeQuestion(body, &question); err != nil {
		return nil, err
	}
	req, err := question.request()
	if err == nil {
		err = req.Check()
	}
	if err != nil {
		return nil, &requestError{codeInvalid, err}
	}
	answer, err := h.querier.Events(ctx, req)
	if err != nil {
		return nil, err
	}
	return wireEventsAnswer{eventsToWire(answer.Events), answer.Total}, nil
}

func (h *handler) series(ctx context.Context, body []byte) (any, error) {
	var question wireSeriesRequest
	if err := decodeQuestion(body, &question); err != nil {
		return nil, err
	}
	req := question.request()
	if err := req.Check(); err != nil {
		return nil, &requestError{codeInvalid, err}
	}
	answer, err := h.querier.Series(ctx, req)
	if err != nil {
		return nil, err
	}
	return seriesAnswerToWire(answer), nil
}

func writeFault(w http.ResponseWriter, f fault, err error) {
	var out wireFault
	out.Error.Code, out.Error.Message = f.code, strings.ToValidUTF8(err.Error(), "?")
	body, marshalErr := json.Marshal(out)
	if marshalErr != nil {
		panic("BUG: a fault cannot be written: " + marshalErr.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_, _ = w.Write(body) // as above
}
