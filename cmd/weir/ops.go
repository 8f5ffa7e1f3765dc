package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"weir/ingest"
)

// checkTimeout bounds one run of all readiness checks.
const checkTimeout = 2 * time.Second

// readiness is the list of what must hold before requests are sent here. A
// check is added by the role it belongs to; draining turns the whole red.
type readiness struct {
	mu       sync.Mutex
	names    []string
	checks   map[string]func(ctx context.Context) error
	begun    bool
	draining bool
}

// add registers a check under a name that /readyz shows.
func (r *readiness) add(name string, check func(ctx context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checks == nil {
		r.checks = map[string]func(context.Context) error{}
	}
	if _, ok := r.checks[name]; !ok {
		r.names = append(r.names, name)
	}
	r.checks[name] = check
}

// started says that every role of the process runs: before, /readyz is red.
func (r *readiness) started() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = true
}

// drain makes /readyz red for good: the process is about to end.
func (r *readiness) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
}

// checkResult is one line of /readyz.
type checkResult struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// run runs every check and reports whether all of them passed.
func (r *readiness) run(ctx context.Context) (results []checkResult, ready bool) {
	r.mu.Lock()
	names, begun, draining := slices.Clone(r.names), r.begun, r.draining
	checks := make([]func(context.Context) error, len(names))
	for i, name := range names {
		checks[i] = r.checks[name]
	}
	r.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	ready = begun && !draining
	for i, name := range names {
		result := checkResult{Name: name, OK: true}
		if err := checks[i](ctx); err != nil {
			result.OK, result.Error, ready = false, err.Error(), false
		}
		results = append(results, result)
	}
	if !begun {
		results = append(results, checkResult{Name: "started", Error: "the process is starting"})
	}
	if draining {
		results = append(results, checkResult{Name: "draining", Error: "the process is shutting down"})
	}
	return results, ready
}

func (r *readiness) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	results, ready := r.run(req.Context())
	w.Header().Set("Content-Type", "application/json")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// An error here is the asker's connection: nobody is left to be told.
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": ready, "checks": results})
}

// startOps serves metrics, health and profiles until the returned function is called.
func startOps(address string, registry *prometheus.Registry, ready *readiness) (stop func(context.Context) error, err error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.Handle("GET /readyz", ready)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	listener, err := listen(address)
	if err != nil {
		return nil, err
	}
	return serveHTTP(listener, mux), nil
}

// Timeouts of the net/http servers. Reading a body may take longer than its headers.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute
)

// listen opens a TCP listener.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return listener, nil
}

// serveHTTP serves handler until stop is called, which waits for the requests
// under way.
func serveHTTP(listener net.Listener, handler http.Handler) (stop func(context.Context) error) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    ingest.HeaderBytesMax,
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if serveErr := <-done; err == nil && !errors.Is(serveErr, http.ErrServerClosed) {
			err = serveErr
		}
		return err
	}
}
