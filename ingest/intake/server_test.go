package intake

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Shutdown lets requests finish, and takes no more.
func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	log := newBlockedLog()
	h := start(t, func(o *Options) { o.Log = log })
	first := h.postLater(pathEvent, single(event("t", "s")))
	wait(t, "the write", log.arrived)
	stopped := make(chan struct{})
	go func() { h.stop(); close(stopped) }()
	for { // until the listener is closed
		c, err := net.Dial("tcp", h.address)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	select {
	case <-stopped:
		t.Fatal("Shutdown returns while a request is under way")
	default:
	}
	log.outcome <- nil
	wait(t, "the answer", first).want(t, 200, `{"event":…`)
	wait(t, "the end of Shutdown", stopped)
}

func TestShutdownBeforeServe(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Log: &fakeLog{}, Partitions: 1, Auth: oneKey{}, WindowIDs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); err != nil {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	_, err := New(Options{Sandbox: true, BatchEventsMax: -1, WindowIDs: -1, BytesInFlightMax: 1, ConnectionsMax: -1, ConnectionsPerIP: -1})
	for _, name := range []string{
		"Log", "Auth", "Clock", "Partitions", "BatchEventsMax", "WindowIDs", "BytesInFlightMax", "ConnectionsMax", "ConnectionsPerIP",
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

// The tests above shorten the timeouts; these are the ones that are served with.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Log: &fakeLog{}, Partitions: 1, Auth: oneKey{}, WindowIDs: 1})
	if err != nil {
		t.Fatal(err)
	}
	got := []time.Duration{s.http.ReadTimeout, s.bodyTimeout, s.http.WriteTimeout, s.http.IdleTimeout}
	want := []time.Duration{10 * time.Second, 10 * time.Second, 30 * time.Second, 75 * time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("header, body, write and idle timeouts are %v, want %v", got, want)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	h := start(t, func(o *Options) { o.Registerer = registry })
	h.post(pathBatch, batch(event("a", "s"), event("b", "s")))
	h.post(pathEvent, single(event("a", "s")))
	h.post(pathEvent, single(strings.Replace(event("a", "s"), "requests", "x", 1)))
	h.post(pathBatch, event("a", "s")+"\nbad\n"+event("c", "s"), ndjson)
	h.post(pathEvent, "bad")
	h.post(pathEvent, "", "Authorization: ")
	want := map[string]float64{
		"weir_ingest_events_total":                   3,
		"weir_ingest_duplicates_total":               2,
		"weir_ingest_conflicts_total":                1,
		"weir_ingest_refused_total/repeat":           2,
		"weir_ingest_refused_total/line":             1,
		"weir_ingest_refused_total/syntax":           1,
		"weir_ingest_refused_total/unauthorized":     1,
		"weir_ingest_request_duration_seconds/event": 4,
		"weir_ingest_request_duration_seconds/batch": 1,
		"weir_ingest_request_duration_seconds/bulk":  1,
		"weir_ingest_append_duration_seconds":        2,
		"weir_ingest_window_ids":                     3,
		"weir_ingest_window_pending_ids":             0,
	}
	h.client.CloseIdleConnections()
	h.stop() // so that every handler has returned
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "/" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
	for _, name := range []string{"weir_ingest_in_flight_bytes", "weir_ingest_connections", "weir_ingest_waiting_requests"} {
		if value, ok := got[name]; !ok || value != 0 {
			t.Errorf("%s is %v (there: %v), want 0", name, value, ok)
		}
	}
}
