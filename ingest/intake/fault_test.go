package intake

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"weir/ingest/eventlog"
)

const logUnavailable = `{"status":503,"error":"Service Unavailable","code":"log_unavailable",…`

// A request whose events go to two partitions, one of which fails: 5xx, and the
// same request again succeeds.
func TestOnePartitionFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		err     error
		status  int
		body    string
		headers []string
		send    string
	}{
		{"failed", eventlog.ErrFailed, 503, logUnavailable, nil, batch(event("a", subscriptionIn(0)), event("b", subscriptionIn(1)))},
		{"stopped", eventlog.ErrRefused, 503, logUnavailable, nil, batch(event("a", subscriptionIn(0)), event("b", subscriptionIn(1)))},
		{"timed out", errors.New("deadline exceeded"), 503, logUnavailable, nil, batch(event("a", subscriptionIn(0)), event("b", subscriptionIn(1)))},
		{"overloaded", fmt.Errorf("partition 1: %w", eventlog.ErrOverloaded), 429, `{"status":429,…`, nil, batch(event("a", subscriptionIn(0)), event("b", subscriptionIn(1)))},
		{"bulk", eventlog.ErrFailed, 503, logUnavailable, []string{ndjson}, event("a", subscriptionIn(0)) + "\n" + event("b", subscriptionIn(1))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var broken atomic.Bool
			log := &fakeLog{answer: func(partition int32, _ []byte) error {
				if partition == 1 && broken.Load() {
					return tt.err
				}
				return nil
			}}
			h := start(t, func(o *Options) { o.Log = log })
			broken.Store(true)
			a := h.post(pathBatch, tt.send, tt.headers...)
			a.want(t, tt.status, tt.body)
			if a.header.Get("Retry-After") == "" {
				t.Error("the answer has no Retry-After")
			}
			if n := h.window.IDs(); n != 0 {
				t.Errorf("%d ids are remembered after a failure, want none", n)
			}
			if got := log.ids(t); !slices.Equal(got, []string{"a"}) {
				t.Errorf("the log holds %v, want [a]", got)
			}
			broken.Store(false)
			h.post(pathBatch, tt.send, tt.headers...).want(t, 200, "{…")
			// a is there twice, at two positions: the store behind the log counts it once.
			if got := log.ids(t); !slices.Equal(got, []string{"a", "a", "b"}) {
				t.Errorf("the log holds %v, want [a a b]", got)
			}
		})
	}
}

// A bulk request that fails after its first chunk: the same request again
// counts that chunk as duplicates, and writes the rest.
func TestBulkFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	log := &fakeLog{answer: func(_ int32, value []byte) error {
		if broken.Load() && bytes.Contains(value, []byte("t10000")) {
			return eventlog.ErrFailed
		}
		return nil
	}}
	h := start(t, func(o *Options) { o.Log, o.WindowIDs = log, 100_000 })
	var body strings.Builder
	for n := range bulkChunkEvents + 2 {
		body.WriteString(event(fmt.Sprintf("t%05d", n), "s") + "\n")
	}
	broken.Store(true)
	h.post(pathBatch, body.String(), ndjson).want(t, 503, logUnavailable)
	broken.Store(false)
	h.post(pathBatch, body.String(), ndjson).want(t, 200,
		`{"accepted":2,"duplicates":10000,"conflicts":0,"refused_count":0,"refused":[]}`)
	if got := len(log.ids(t)); got != bulkChunkEvents+2 {
		t.Errorf("the log holds %d events, want %d", got, bulkChunkEvents+2)
	}
}

// blockedLog holds every record until it is told what becomes of it.
type blockedLog struct {
	fakeLog
	arrived chan struct{}
	outcome chan error
}

func newBlockedLog() *blockedLog {
	l := &blockedLog{arrived: make(chan struct{}, 100), outcome: make(chan error)}
	l.answer = func(int32, []byte) error {
		l.arrived <- struct{}{}
		return <-l.outcome
	}
	return l
}

// post sends a request and returns where its answer will come.
func (h *harness) postLater(path, body string, headers ...string) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		a, err := h.try(http.MethodPost, path, strings.NewReader(body), headers...)
		if err != nil {
			h.t.Error(err)
		}
		answers <- a
	}()
	return answers
}

// startWaiting starts a server on the log, and returns a channel that gets a
// value when a request begins to wait for ids that others write.
func startWaiting(t *testing.T, log Log) (*harness, <-chan struct{}) {
	t.Helper()
	waits := make(chan struct{}, 100)
	return start(t, func(o *Options) { o.Log = log }, func(s *Server) {
		s.onWait = func() { waits <- struct{}{} }
	}), waits
}

// A repeat of an event whose write is under way waits for that write.
func TestRepeatWaitsForTheWrite(t *testing.T) {
	t.Parallel()
	original := single(event("t", "s"))
	conflict := strings.Replace(original, "requests", "other", 1)
	for _, tt := range []struct {
		name, path, repeat string
		headers            []string
		written, failed    string // what the repeat is answered when the write succeeds, and fails
	}{
		{"single", pathEvent, original, nil, repeatOne, `{"event":…`},
		{"conflict", pathEvent, conflict, nil, conflictOne, `{"event":…`},
		{
			"batch", pathBatch, batch(event("u", "s"), event("t", "s")), nil,
			`{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"1":…`, `{"events":…`,
		},
		{"bulk", pathBatch, event("t", "s"), []string{ndjson}, `{"accepted":0,"duplicates":1,…`, `{"accepted":1,"duplicates":0,…`},
	} {
		for _, fails := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, failed %v", tt.name, fails), func(t *testing.T) {
				t.Parallel()
				log := newBlockedLog()
				h, waits := startWaiting(t, log)
				first := h.postLater(pathEvent, original)
				wait(t, "the first write", log.arrived)
				second := h.postLater(tt.path, tt.repeat, tt.headers...)
				wait(t, "the repeat's wait", waits)
				select {
				case a := <-second:
					t.Fatalf("the repeat is answered before the write: %d %s", a.status, a.body)
				default:
				}
				if !fails {
					log.outcome <- nil
					wait(t, "the first answer", first).want(t, 200, `{"event":…`)
					a := wait(t, "the second answer", second)
					a.want(t, a.status, tt.written)
					return
				}
				log.outcome <- eventlog.ErrFailed
				wait(t, "the first answer", first).want(t, 503, logUnavailable)
				wait(t, "the second write", log.arrived) // it goes on to write
				log.outcome <- nil
				wait(t, "the second answer", second).want(t, 200, tt.failed)
			})
		}
	}
}

// The two parts of a request that waits: its own ids are not held meanwhile.
func TestCrossedRequestsOverHTTP(t *testing.T) {
	t.Parallel()
	log := newBlockedLog()
	h, waits := startWaiting(t, log)
	first := h.postLater(pathEvent, single(event("1", "s")))
	wait(t, "the first write", log.arrived)
	crossed := h.postLater(pathBatch, batch(event("2", "s"), event("1", "s")))
	wait(t, "the crossed request's wait", waits)
	// 2 is in a request that waits for 1, and can be written by another.
	third := h.postLater(pathEvent, single(event("2", "s")))
	wait(t, "the third write", log.arrived)
	log.outcome <- nil
	log.outcome <- nil
	wait(t, "the first answer", first).want(t, 200, `{"event":…`)
	wait(t, "the third answer", third).want(t, 200, `{"event":…`)
	wait(t, "the crossed answer", crossed).want(t, 422, `{"status":422,…`)
	if got := log.ids(t); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("the log holds %v, want [1 2]", got)
	}
}
