package intake

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"weir/ingest"
)

// Many requests share pooled memory; every buffer that goes back to a pool is
// scribbled over. What the log got and what clients were answered is what was sent.
func TestPoolsUnderScribbling(t *testing.T) {
	t.Parallel()
	log := &fakeLog{answer: func(int32, []byte) error {
		time.Sleep(200 * time.Microsecond) // the buffer is in the log's hands for a while
		return nil
	}}
	h := start(t, func(o *Options) { o.Log, o.WindowIDs = log, 100_000 }, func(s *Server) {
		s.onRelease = func(b []byte) {
			for i := range b {
				b[i] = 0xdb
			}
		}
	})
	const clients, requests, events = 16, 20, 10
	var all sync.WaitGroup
	var want []string
	for c := range clients {
		for r := range requests {
			for e := range events {
				want = append(want, fmt.Sprintf("%02d-%02d-%02d", c, r, e))
			}
		}
		all.Go(func() {
			for r := range requests {
				h.checkScribbled(c, r, events)
			}
		})
	}
	all.Wait()
	if got := log.ids(t); !slices.Equal(got, want) {
		t.Errorf("the log holds %d events, not the %d that were sent", len(got), len(want))
	}
}

// checkScribbled sends one batch and compares its answer.
func (h *harness) checkScribbled(client, request, events int) {
	sent := make([]string, events)
	for e := range sent {
		sent[e] = fmt.Sprintf(`{"transaction_id":"%02d-%02d-%02d","external_subscription_id":"sub\u002d%d","code":"c",`+
			`"timestamp":1,"properties":{"p\u0071":"%d\n"}}`, client, request, e, e%7, request)
	}
	body, headers := batch(sent...), []string(nil)
	if client%2 == 1 {
		body, headers = gzipped(h.t, body), []string{"Content-Encoding: gzip"}
	}
	a, err := h.try(http.MethodPost, pathBatch, strings.NewReader(body), headers...)
	if err != nil || a.status != http.StatusOK {
		h.t.Errorf("request %d of client %d: %v, %d %s", request, client, err, a.status, a.body)
		return
	}
	for e := range sent {
		part := fmt.Sprintf(`"transaction_id":"%02d-%02d-%02d","lago_customer_id":null,"code":"c","timestamp":"1970-01-01T00:00:01.000Z",`+
			`"precise_total_amount_cents":null,"properties":{"pq":"%d\n"},"lago_subscription_id":null,"external_subscription_id":"sub-%d"`,
			client, request, e, request, e%7)
		if !strings.Contains(a.body, part) {
			h.t.Errorf("the answer lacks %s: %s", part, a.body)
		}
	}
}

// instantLog acknowledges at once, from the goroutine that appends.
type instantLog struct{ offset atomic.Int64 }

func (l *instantLog) Append(_ int32, _, _ []byte, done func(int64, error)) {
	done(l.offset.Add(1), nil)
}

// core is the handler without HTTP: a request's body in, its answer out.
type core struct {
	*Server
	header fasthttp.RequestHeader
	body   []byte
	ids    [][]byte // where each event's transaction_id stands in body
	next   int64
}

func newCore(t testing.TB, events int, change ...func(*Options)) *core {
	t.Helper()
	options := Options{Log: &instantLog{}, Partitions: 16, Auth: oneKey{}, WindowIDs: 10_000}
	for _, c := range change {
		c(&options)
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	c := &core{Server: s, body: []byte(`{"events":[`)}
	var starts []int
	for e := range events {
		if e > 0 {
			c.body = append(c.body, ',')
		}
		starts = append(starts, len(c.body)+len(`{"transaction_id":"`))
		c.body = fmt.Appendf(c.body, `{"transaction_id":"0000000000000000","external_subscription_id":"sub_%04d","code":"tokens",`+
			`"timestamp":1700000000.123,"properties":{"model":"gpt-4","region":"eu","input":1234,"cached":true}}`, e%50)
	}
	c.body = append(c.body, "]}"...)
	for _, at := range starts {
		c.ids = append(c.ids, c.body[at:at+16])
	}
	return c
}

// round takes one request with ids that were never sent.
func (c *core) round() error {
	for _, id := range c.ids {
		c.next++
		for i, n := 15, c.next; i >= 0; i, n = i-1, n/10 {
			id[i] = byte('0' + n%10)
		}
	}
	x := c.newExchange(testOrganization, routeBatch, time.Now())
	defer x.release()
	x.sent = append(x.sent[:0], c.body...)
	x.enter()
	if r := c.take(x, &c.header); r != nil {
		return fmt.Errorf("refused: %s", r.body)
	}
	if len(x.reply) == 0 || len(x.position) == 0 {
		return errors.New("no answer")
	}
	return nil
}

// noExpressions is asked for every event, and no metric has one.
func noExpressions(o *Options) {
	o.Expressions = func(uuid.UUID, []byte) *ingest.Expression { return nil }
}

// oneExpression is evaluated for every event.
func oneExpression(t testing.TB) func(*Options) {
	expression := mustExpression(t, "event.properties.input * 2")
	return func(o *Options) {
		o.Expressions = func(uuid.UUID, []byte) *ingest.Expression { return expression }
	}
}

func TestTakeDoesNotAllocatePerEvent(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"plain": func(*Options) {}, "no expression": noExpressions, "an expression": oneExpression(t),
	} {
		t.Run(name, func(t *testing.T) { checkTakeAllocates(t, change) })
	}
}

func checkTakeAllocates(t *testing.T, change func(*Options)) {
	t.Helper()
	const events = 1000
	c := newCore(t, events, change)
	for range 30 { // fills the pools and the window
		if err := c.round(); err != nil {
			t.Fatal(err)
		}
	}
	got := testing.AllocsPerRun(50, func() {
		if err := c.round(); err != nil {
			t.Fatal(err)
		}
	})
	// With -race, pools drop some of what they are given, on purpose.
	if got > events/5 && !raceEnabled {
		t.Errorf("%v allocations for a request of %d events, want none for an event", got, events)
	}
}

func BenchmarkTake(b *testing.B) {
	for _, events := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(events), func(b *testing.B) { benchmarkTake(b, newCore(b, events)) })
	}
}

// BenchmarkTakeExpressions is BenchmarkTake of 100 events where expressions are asked for.
func BenchmarkTakeExpressions(b *testing.B) {
	b.Run("none", func(b *testing.B) { benchmarkTake(b, newCore(b, 100, noExpressions)) })
	b.Run("all", func(b *testing.B) { benchmarkTake(b, newCore(b, 100, oneExpression(b))) })
}

func benchmarkTake(b *testing.B, c *core) {
	b.ReportAllocs()
	for b.Loop() {
		if err := c.round(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(c.ids)), "ns/event")
}

// BenchmarkHTTP sends batches over loopback, from a raw client, to a log that
// acknowledges at once: what HTTP adds.
func BenchmarkHTTP(b *testing.B) {
	c := newCore(b, 100)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = c.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	header := []byte(head("POST", pathBatch, len(c.body), "Content-Type: application/json\r\n"))
	buf := make([]byte, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		for _, id := range c.ids {
			c.next++
			for i, n := 15, c.next; i >= 0; i, n = i-1, n/10 {
				id[i] = byte('0' + n%10)
			}
		}
		if _, err := conn.Write(append(header, c.body...)); err != nil {
			b.Fatal(err)
		}
		if err := readWhole(conn, buf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/event")
}

// readWhole reads until the answer's last bytes.
func readWhole(c io.Reader, buf []byte) error {
	n := 0
	for {
		m, err := c.Read(buf[n:])
		if n += m; err != nil {
			return err
		}
		if strings.HasSuffix(string(buf[max(0, n-3):n]), "}]}") {
			if !strings.HasPrefix(string(buf[:16]), "HTTP/1.1 200 OK") {
				return fmt.Errorf("answer %s", buf[:n])
			}
			return nil
		}
	}
}
