package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"weir/ingest"
	"weir/ingest/eventlog"
)

const (
	testKey        = "0f36aa2b-64ad-4b55-8b26-6c2b4a0a7f0e"
	testPartitions = 4
	waitMax        = 30 * time.Second // for what must happen; a test that waits so long has failed
)

var testOrganization = uuid.MustParse("7a3cbb30-6ac8-4a5f-9d5c-0a3c3b9a1d01")

// oneKey knows one key.
type oneKey struct{}

func (oneKey) Authenticate(_ context.Context, key string) (uuid.UUID, error) {
	if key != testKey {
		return uuid.Nil, fmt.Errorf("oneKey: %w", ErrUnauthorized)
	}
	return testOrganization, nil
}

// harness is a server on a real listener, with a real log in memory unless a
// test gives another.
type harness struct {
	*Server
	t        *testing.T
	address  string
	log      eventlog.Log // nil when the test gave its own
	served   chan error
	client   *http.Client
	shutdown sync.Once
}

// start starts a server. change may change its options, prepare the server itself.
func start(t *testing.T, change func(*Options), prepare ...func(*Server)) *harness {
	t.Helper()
	options := Options{Partitions: testPartitions, Auth: oneKey{}, WindowIDs: 10_000}
	h := &harness{t: t, served: make(chan error, 1)}
	if change != nil {
		change(&options)
	}
	if options.Log == nil {
		log, err := eventlog.OpenEmbedded("log", eventlog.EmbeddedOptions{
			FS: vfs.NewMem(), Partitions: options.Partitions,
		})
		if err != nil {
			t.Fatal(err)
		}
		h.log, options.Log = log, log
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	h.Server = s
	for _, p := range prepare {
		p(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.address = l.Addr().String()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	h.client = &http.Client{Transport: transport, Timeout: waitMax}
	go func() { h.served <- s.Serve(l) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		h.stop()
		if h.log != nil {
			if err := h.log.Close(); err != nil {
				t.Errorf("cannot close the log: %v", err)
			}
		}
	})
	return h
}

// stop shuts the server down and checks that nothing is left.
func (h *harness) stop() {
	h.shutdown.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitMax)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			h.t.Errorf("Shutdown: %v", err)
		}
		if err := <-h.served; err != nil {
			h.t.Errorf("Serve: %v", err)
		}
		if n := h.admission.bytesInFlight(); n != 0 {
			h.t.Errorf("%d bytes stay reserved", n)
		}
		if n := h.window.Pending(); n != 0 {
			h.t.Errorf("%d ids stay pending", n)
		}
	})
}

// answer is what a request got.
type answer struct {
	status int
	body   string
	header http.Header
}

// send sends a request with the right key and returns its answer. Headers are
// "Name: value"; one with an empty value is not sent at all.
func (h *harness) send(method, path string, body io.Reader, headers ...string) answer {
	h.t.Helper()
	a, err := h.try(method, path, body, headers...)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *harness) try(method, path string, body io.Reader, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, "http://"+h.address+path, body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", "application/json")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if value == "" {
			req.Header.Del(name)
		} else {
			req.Header.Set(name, value)
		}
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(text), resp.Header}, err
}

func (h *harness) post(path, body string, headers ...string) answer {
	h.t.Helper()
	return h.send(http.MethodPost, path, strings.NewReader(body), headers...)
}

const (
	pathEvent = "/api/v1/events"
	pathBatch = "/api/v1/events/batch"
	ndjson    = "Content-Type: application/x-ndjson"
)

// want fails the test unless the answer has the status and the body; a body
// that is a part of it is written with … at its end.
func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status is %d, want %d; body %s", a.status, status, a.body)
	}
	if prefix, cut := strings.CutSuffix(body, "…"); cut {
		if !strings.HasPrefix(a.body, prefix) {
			t.Errorf("body is\n%s\nwant it to begin\n%s", a.body, prefix)
		}
	} else if a.body != body {
		t.Errorf("body is\n%s\nwant\n%s", a.body, body)
	}
	if !json.Valid([]byte(a.body)) {
		t.Errorf("body is not JSON: %s", a.body)
	}
}

// stored is one event as it stands in the log.
type stored struct {
	partition    int32
	offset       int64
	organization uuid.UUID
	id, subject  string // transaction_id, external_subscription_id
	code         string
	timestamp    int64
	filled       bool
	properties   string // as the answer prints them
}

// decode returns the events of a record.
func decode(partition int32, offset int64, value []byte) ([]stored, error) {
	var batch ingest.Batch
	head, err := batch.ParseRecord(value, 0)
	if err != nil {
		return nil, err
	}
	var events []stored
	for i := range batch.Events {
		e := &batch.Events[i]
		events = append(events, stored{
			partition: partition, offset: offset, organization: head.Organization,
			id: string(e.TransactionID), subject: string(e.Subscription), code: string(e.Code),
			timestamp: e.Timestamp, filled: e.Filled,
			properties: string(appendProperties(nil, e.Properties)),
		})
	}
	return events, nil
}

// stored returns all events in the log, by partition and offset.
func (h *harness) stored() []stored {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	var events []stored
	for p := range h.options.Partitions {
		from, end, err := h.log.Range(ctx, p)
		if err != nil {
			h.t.Fatal(err)
		}
		if from == end {
			continue
		}
		reader, err := h.log.Read(ctx, p, from)
		if err != nil {
			h.t.Fatal(err)
		}
		for from < end {
			records, err := reader.Next(ctx)
			if err != nil {
				h.t.Fatal(err)
			}
			for _, r := range records {
				more, err := decode(p, r.Offset, r.Value)
				if err != nil {
					h.t.Fatalf("record %d of partition %d: %v", r.Offset, p, err)
				}
				events = append(events, more...)
				from = r.Offset + 1
			}
		}
		reader.Close()
	}
	return events
}

// ids returns the sorted ids of the events in the log.
func (h *harness) ids() []string {
	h.t.Helper()
	var ids []string
	for _, e := range h.stored() {
		ids = append(ids, e.id)
	}
	slices.Sort(ids)
	return ids
}

// wantIDs fails the test unless the log holds exactly the events with these ids.
func (h *harness) wantIDs(ids ...string) {
	h.t.Helper()
	slices.Sort(ids)
	if got := h.ids(); !slices.Equal(got, ids) {
		h.t.Errorf("the log holds %v, want %v", got, ids)
	}
}

// wantNothing fails the test unless log and window are empty.
func (h *harness) wantNothing() {
	h.t.Helper()
	h.wantIDs()
	if n := h.window.IDs() + h.window.Pending(); n != 0 {
		h.t.Errorf("the window knows %d ids, want none", n)
	}
}

// event returns an event's JSON.
func event(id, subscription string) string {
	return fmt.Sprintf(`{"transaction_id":%q,"external_subscription_id":%q,"code":"requests","timestamp":1700000000}`,
		id, subscription)
}

func single(event string) string { return `{"event":` + event + `}` }

func batch(events ...string) string { return `{"events":[` + strings.Join(events, ",") + `]}` }

// subscriptionIn returns an external_subscription_id that lies in the partition.
func subscriptionIn(partition int32) string {
	for n := 0; ; n++ {
		s := fmt.Sprintf("sub-%d", n)
		if ingest.Partition(testOrganization, s, testPartitions) == partition {
			return s
		}
	}
}

// fakeLog keeps records in memory and answers as a test wants it to.
type fakeLog struct {
	mu      sync.Mutex
	records map[int32][][]byte
	// answer says what becomes of a record; nil = it is kept. It may block: every
	// record has a goroutine of its own.
	answer func(partition int32, value []byte) error
}

func (l *fakeLog) Append(partition int32, value, _ []byte, done func(int64, error)) {
	go func() {
		before := bytes.Clone(value)
		if l.answer != nil {
			if err := l.answer(partition, before); err != nil {
				done(-1, err)
				return
			}
		}
		l.mu.Lock()
		if l.records == nil {
			l.records = map[int32][][]byte{}
		}
		// Whoever touches the value before done is called is found here.
		if !bytes.Equal(before, value) {
			panic("BUG: record changed before it was acknowledged")
		}
		offset := int64(len(l.records[partition]))
		l.records[partition] = append(l.records[partition], before)
		l.mu.Unlock()
		done(offset, nil)
	}()
}

// ids returns the sorted ids of the events that the log has kept.
func (l *fakeLog) ids(t *testing.T) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	for p, records := range l.records {
		for offset, value := range records {
			events, err := decode(p, int64(offset), value)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				ids = append(ids, e.id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

func wait[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(waitMax):
		t.Fatalf("%s does not happen", what)
		panic("unreachable")
	}
}
