package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"weir/ingest"
)

// PositionHeader names the header of an answer that says where the request's
// events stand in the log: partition:offset,…, the offset of the last record
// written to each partition. A reader that wants to see them asks for offset+1. It
// is left out when it would be longer than positionBytesMax.
const PositionHeader = "Weir-Log-Position"

// Server takes events in over HTTP, and hands every other request to
// Options.Fallback.
type Server struct {
	options   Options
	http      fasthttp.Server
	window    *ingest.Window
	keys      *keys
	admission *admission
	inflaters chan *inflater
	exchanges sync.Pool // of *exchange
	records   sync.Pool // of *record
	metrics   *metrics
	waits     atomic.Int64 // requests that wait for ids that others write

	logFault, clockFault fault

	mu       sync.Mutex
	listener net.Listener // set by Serve
	stopped  bool         // set by Shutdown

	bodyTimeout time.Duration // ingest.BodyTimeout, shorter in tests

	// For tests; nil otherwise.
	onRelease func([]byte) // sees every buffer that goes back to a pool
	onWait    func()       // is called before a request waits for ids that others write
}

// New returns a server that is not serving yet.
func New(options Options) (*Server, error) {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, fmt.Errorf("cannot make the intake: %w", err)
	}
	window, err := ingest.NewWindow(options.WindowIDs)
	if err != nil {
		return nil, fmt.Errorf("cannot make the intake: %w", err)
	}
	s := &Server{
		options:    options,
		window:     window,
		keys:       newKeys(options.Auth, options.Logger),
		admission:  newAdmission(options.BytesInFlightMax, runtime.GOMAXPROCS(0)),
		inflaters:  newInflaters(),
		exchanges:  sync.Pool{New: func() any { return &exchange{} }},
		records:    sync.Pool{New: newRecord},
		logFault:   fault{logger: options.Logger, name: "log"},
		clockFault: fault{logger: options.Logger, name: "test clock"},

		bodyTimeout: ingest.BodyTimeout,
	}
	s.configureHTTP()
	if s.metrics, err = newMetrics(s, options.Registerer); err != nil {
		return nil, err
	}
	return s, nil
}

// configureHTTP sets up fasthttp. (Its Server must not be copied.)
func (s *Server) configureHTTP() {
	h := &s.http
	h.Handler = s.handle
	h.ErrorHandler = s.handleError
	h.HeaderReceived = s.headerReceived
	h.Logger = quietLogger{s.options.Logger}

	h.Concurrency = s.options.ConnectionsMax
	h.MaxConnsPerIP = s.options.ConnectionsPerIP
	h.ReadBufferSize = ingest.HeaderBytesMax
	h.ReadTimeout = ingest.HeaderTimeout // from the connection, or the first byte of a further request
	h.WriteTimeout = WriteTimeout
	h.IdleTimeout = IdleTimeout

	// The handler runs before the body is read: it may refuse it by key or size. So
	// MaxRequestBodySize means nothing here, and readBody looks at the size.
	h.StreamRequestBody = true
	h.DisablePreParseMultipartForm = true
	h.CloseOnShutdown = true
	h.SecureErrorLogMessage = true
	h.NoDefaultServerHeader = true
	h.NoDefaultContentType = true
}

// headerReceived gives the body a time of its own, once the header is there.
func (s *Server) headerReceived(*fasthttp.RequestHeader) fasthttp.RequestConfig {
	return fasthttp.RequestConfig{ReadTimeout: s.bodyTimeout}
}

// Serve answers requests on the listener until Shutdown, then returns nil. It
// owns the listener. It is called at most once.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listener = l
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		return l.Close()
	}
	err := s.http.Serve(listener{l})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !s.stopped {
		return fmt.Errorf("cannot serve %s: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown stops taking connections, lets the requests under way finish, and
// returns when they have, or with ctx's error when it ends first. It may be called
// more than once, and before Serve.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.stopped
	s.stopped = true
	if s.listener != nil && first {
		// A Serve that is about to begin finds it closed.
		_ = s.listener.Close()
	}
	s.mu.Unlock()
	if err := s.http.ShutdownWithContext(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("cannot finish all requests: %w", err)
	}
	return nil
}

// quietLogger takes fasthttp's remarks on clients that misbehave.
type quietLogger struct{ logger *slog.Logger }

func (l quietLogger) Printf(format string, args ...any) {
	if l.logger.Enabled(context.Background(), slog.LevelDebug) {
		l.logger.Debug("http: " + fmt.Sprintf(format, args...))
	}
}
