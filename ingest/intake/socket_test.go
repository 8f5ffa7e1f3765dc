package intake

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"weir/ingest"
)

// dial opens a raw connection.
func (h *harness) dial() net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(waitMax)); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// raw sends bytes as they are and reads one answer.
func (h *harness) raw(text string) answer {
	h.t.Helper()
	c := h.dial()
	defer c.Close()
	// A server that refuses may close before all is sent.
	_, _ = io.WriteString(c, text)
	return readAnswer(h.t, bufio.NewReader(c))
}

func readAnswer(t *testing.T, r *bufio.Reader) answer {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer can be read: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("the answer breaks off: %v", err)
	}
	return answer{resp.StatusCode, string(body), resp.Header}
}

func head(method, path string, length int, more ...string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + testKey +
		fmt.Sprintf("\r\nContent-Length: %d\r\n", length) + strings.Join(more, "") + "\r\n"
}

func TestPathsAndMethodsAsSent(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	body := single(event("t", "s"))
	const noRoute = `{"status":404,"error":"Not Found","code":"resource_not_found"}`
	for _, path := range []string{
		"//api/v1/events", "/api/v1/./events", "/api/v1/../v1/events", "/x/%2e%2e/api/v1/events",
		"/api/v1/event%73", "/api%2Fv1/events",
	} {
		h.raw(head("POST", path, len(body))+body).want(t, 404, noRoute)
	}
	h.raw(head("post", pathEvent, len(body))+body).want(t, 405, `{"status":405,…`)
	h.wantNothing()
	h.raw(head("POST", pathEvent+"?x=1", len(body))+body).want(t, 200, `{"event":…`)
	h.wantIDs("t")
}

func TestHeaderTooLarge(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for _, size := range []int{ingest.HeaderBytesMax, 1 << 20} {
		h.raw(head("POST", pathEvent, 0, "X-Long: "+strings.Repeat("x", size)+"\r\n")).want(t, 431,
			`{"status":431,"error":"Request Header Fields Too Large","code":"header_too_large",`+
				`"message":"request line and header have more than 16384 bytes"}`)
	}
	h.raw("NONSENSE\r\n\r\n").want(t, 400, `{"status":400,"error":"BadRequest: …`)
	h.raw("POST "+pathEvent+" HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab").want(t, 400, `{"status":400,…`)
	h.wantNothing()
}

// Two lengths may be an attempt to smuggle a request past a proxy: the
// connection ends with the answer, so that nothing can follow it.
func TestTwoLengths(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	c := h.dial()
	smuggled := single(event("smuggled", "s"))
	text := head("POST", pathEvent, 5, "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n" +
		head("POST", pathEvent, len(smuggled)) + smuggled
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	readAnswer(t, r).want(t, 400, `{"status":400,…`)
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("a second request is answered: %s", rest)
	}
	h.wantNothing()
}

func TestTruncatedBodies(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	body := single(event("t", "s"))
	for _, text := range []string{
		head("POST", pathEvent, len(body)+1) + body,
		head("POST", pathEvent, 20_000) + body + strings.Repeat(" ", 9000),
		strings.Replace(head("POST", pathEvent, 0, "Transfer-Encoding: chunked\r\n"), "Content-Length: 0\r\n", "", 1) +
			fmt.Sprintf("%x\r\n%s\r\n", len(body), body),
	} {
		c := h.dial().(*net.TCPConn)
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		reply, err := io.ReadAll(c) // until the server has closed: then it is done
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(reply), " 200 ") {
			t.Errorf("a body that was cut off is taken: %s", reply)
		}
	}
	h.wantNothing()
}

// A client that waits with the rest of its header or body, or sends a byte now
// and then, is cut off; meanwhile others are served.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	h := start(t, nil, func(s *Server) {
		s.http.ReadTimeout = timeout
		s.bodyTimeout = timeout
	})
	const requestTimeout = `{"status":408,"error":"Request Timeout","code":"request_timeout"}`
	body := single(event("slow", "s"))
	begins := []string{
		"",                                 // says nothing
		"POST /api",                        // in the header
		head("POST", pathEvent, len(body)), // before the body
		head("POST", pathEvent, len(body)) + body[:10],
		head("POST", pathEvent, 20_000) + body + strings.Repeat(" ", 9000), // in a longer body
		head("POST", pathBatch, len(body), "Expect: 100-continue\r\n"),
	}
	slow := make([]net.Conn, 0, 20*len(begins))
	for range 20 {
		for _, begin := range begins {
			c := h.dial()
			if _, err := io.WriteString(c, begin); err != nil {
				t.Fatal(err)
			}
			slow = append(slow, c)
		}
	}
	for n := range 10 {
		h.post(pathEvent, single(event(fmt.Sprint(n), "s"))).want(t, 200, `{"event":…`)
	}
	started := time.Now()
	for i, c := range slow {
		reply, err := io.ReadAll(dripped(c))
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("connection %d (%.20q): %v", i, begins[i%len(begins)], err)
		}
		if text := string(reply); strings.Contains(text, " 200 ") || len(text) > 0 && !strings.HasSuffix(text, requestTimeout) {
			t.Errorf("connection %d (%.20q) is answered %q", i, begins[i%len(begins)], text)
		}
	}
	if d := time.Since(started); d > waitMax/2 {
		t.Errorf("slow clients were cut off after %s", d)
	}
	h.wantIDs("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
}

// The body has a time of its own, however long the header took.
func TestBodyTimeIsItsOwn(t *testing.T) {
	t.Parallel()
	const headerTimeout = 200 * time.Millisecond
	h := start(t, nil, func(s *Server) { s.http.ReadTimeout = headerTimeout })
	c := h.dial()
	body := single(event("t", "s"))
	if _, err := io.WriteString(c, head("POST", pathEvent, len(body))); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * headerTimeout) // what is tested is that this does not matter
	if _, err := io.WriteString(c, body); err != nil {
		t.Fatal(err)
	}
	readAnswer(t, bufio.NewReader(c)).want(t, 200, `{"event":…`)
}

// dripped returns the connection, to which a space is sent every now and then
// until it breaks: each byte comes well within the timeout, all of them do not.
func dripped(c net.Conn) net.Conn {
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			if _, err := c.Write([]byte(" ")); err != nil {
				return
			}
		}
	}()
	return c
}

// A client that does not read its answer is cut off. Until then the answer
// counts among the bytes in flight.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	reserved := make(chan int64, 1)
	h := start(t, nil, func(s *Server) {
		s.onRelease = func(b []byte) {
			if len(b) > 0 && b[0] == '{' { // the body: the handler is at its end
				reserved <- s.admission.bytesInFlight()
			}
		}
		s.http.WriteTimeout = 300 * time.Millisecond
		s.http.ConnState = func(_ net.Conn, state fasthttp.ConnState) {
			if state == fasthttp.StateClosed {
				closed <- struct{}{}
			}
		}
	})
	c := h.dial().(*net.TCPConn)
	if err := c.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	events := make([]string, 10_000) // an answer of about 3 MB, more than the sockets hold
	for e := range events {
		events[e] = event(fmt.Sprintf("%05d-%s", e, strings.Repeat("x", 200)), "s")
	}
	body := batch(events...)
	if _, err := io.WriteString(c, head("POST", pathBatch, len(body))+body); err != nil {
		t.Fatal(err)
	}
	if n := wait(t, "the end of the handler", reserved); n < 2<<20 {
		t.Errorf("%d bytes are in flight when the handler has returned, want the answer's", n)
	}
	wait(t, "the end of the connection", closed)
	if n := h.admission.bytesInFlight(); n != 0 {
		t.Errorf("%d bytes are in flight when the connection is closed, want none", n)
	}
}

// A connection is kept after a refusal whose body was read, or is short.
func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	c := h.dial()
	r := bufio.NewReader(c)
	body := single(event("t", "s"))
	for _, tt := range []struct {
		text   string
		status int
	}{
		{strings.Replace(head("POST", pathEvent, len(body)), testKey, "no", 1) + body, 401},
		{head("POST", pathEvent, 5) + "hello", 400},
		{head("POST", "/nothing", len(body)) + body, 404},
		{head("POST", pathEvent, len(body)) + body, 200},
		{head("POST", pathEvent, len(body)) + body, 422},
	} {
		if _, err := io.WriteString(c, tt.text); err != nil {
			t.Fatal(err)
		}
		readAnswer(t, r).want(t, tt.status, "{…")
	}
}

func TestConnectionsMax(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) { o.ConnectionsMax = 2 })
	body := single(event("t", "s"))
	var held []*bufio.Reader
	for range 2 {
		c := h.dial()
		r := bufio.NewReader(c)
		if _, err := io.WriteString(c, head("POST", "/nothing", 0)); err != nil {
			t.Fatal(err)
		}
		readAnswer(t, r).want(t, 404, "{…")
		held = append(held, r)
	}
	c := h.dial()
	_, _ = io.WriteString(c, head("POST", pathEvent, len(body))+body)
	reply, _ := io.ReadAll(c)
	if strings.Contains(string(reply), " 200 ") {
		t.Errorf("a third connection is served beside %d: %s", len(held), reply)
	}
	h.wantNothing()
}
