package intake

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"weir/ingest"
)

const (
	tooLargeBody     = `{"status":413,"error":"Content Too Large","code":"body_too_large","message":"the body has more than 10485760 bytes"}`
	tooLargeInflated = `{"status":413,"error":"Content Too Large","code":"body_too_large_decompressed",…`
)

// onlyReader hides how long a body is, so that it is sent in chunks.
type onlyReader struct{ io.Reader }

func padded(bytes int) string {
	e := single(event("t", "s"))
	return e + strings.Repeat(" ", bytes-len(e))
}

func TestBodySize(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	most, over := padded(ingest.BodyBytesMax), padded(ingest.BodyBytesMax+1)
	h.post(pathEvent, over).want(t, 413, tooLargeBody)
	h.send(http.MethodPost, pathEvent, onlyReader{strings.NewReader(over)}).want(t, 413, tooLargeBody)
	h.wantNothing()
	h.post(pathEvent, most).want(t, 200, `{"event":…`)
	h.send(http.MethodPost, pathEvent, onlyReader{strings.NewReader(most)}).want(t, 422, repeatOne)
	h.wantIDs("t")
}

// A key that is wrong is told without reading the body, however large.
func TestRefusalOfALargeBodyIsReadable(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for range 5 {
		h.post(pathEvent, padded(ingest.BodyBytesMax), "Authorization: Bearer no").want(t, 401, `{"status":401,"error":"Unauthorized"}`)
	}
	h.wantNothing()
}

func TestDecompressionBombs(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for _, tt := range []struct{ name, encoding, body string }{
		// A thousand zeros for each byte: over the ratio.
		{"gzip over the ratio", "gzip", gzipped(t, padded(20<<20))},
		{"zstd over the ratio", "zstd", zstandard(t, padded(20<<20))},
		{"gzip over the size", "gzip", gzipped(t, noise(1<<20)+strings.Repeat(" ", 100<<20))},
		{"zstd with a giant window", "zstd", zstandard(t, noise(9<<20), zstd.WithWindowSize(64<<20))},
		{"many gzip members", "gzip", strings.Repeat(gzipped(t, strings.Repeat(" ", 1<<20)), 200)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.body) > ingest.BodyBytesMax {
				t.Fatalf("the bomb itself has %d bytes", len(tt.body))
			}
			h.post(pathEvent, tt.body, "Content-Encoding: "+tt.encoding).want(t, 413, tooLargeInflated)
		})
	}
	h.wantNothing()
	// Small bodies may compress better than the ratio.
	h.post(pathEvent, gzipped(t, padded(inflatedFloorBytes)), "Content-Encoding: gzip").want(t, 200, `{"event":…`)
}

// noise returns bytes that hardly compress, the same each time.
func noise(n int) string {
	b := make([]byte, n)
	x := uint64(1)
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x >> 56)
	}
	return string(b)
}

func TestCutOffCompression(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	whole := gzipped(t, single(event("t", "s")))
	h.post(pathEvent, whole[:len(whole)-4], "Content-Encoding: gzip").want(t, 400, `{"status":400,"error":"BadRequest: cannot decompress the body: …`)
	whole = zstandard(t, single(event("t", "s")))
	h.post(pathEvent, whole[:len(whole)-4], "Content-Encoding: zstd").want(t, 400, `{"status":400,"error":"BadRequest: cannot decompress the body: …`)
	h.wantNothing()
	h.post(pathEvent, whole, "Content-Encoding: zstd").want(t, 200, `{"event":…`)
}

// No room for a body: refused at once, and served when there is room again.
func TestBytesInFlight(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	other := h.admission.open(uuid.Nil)
	taken := int(h.admission.bytesMax) - 50
	h.admission.take(other, taken)
	check := func(a answer) {
		t.Helper()
		a.want(t, 429, `{"status":429,"error":"Too Many Requests","code":"overloaded",…`)
		if a.header.Get("Retry-After") != "1" || a.header.Get("X-RateLimit-Reset") != "1" {
			t.Errorf("429 has headers %v", a.header)
		}
	}
	body := single(event("t", "s"))
	check(h.post(pathEvent, body))                                                 // the body as sent
	check(h.send(http.MethodPost, pathEvent, onlyReader{strings.NewReader(body)})) // in chunks
	check(h.post(pathEvent, gzipped(t, body)[:40], "Content-Encoding: gzip"))      // decompressed
	h.admission.take(other, -100)
	check(h.post(pathEvent, body)) // its working memory
	h.admission.close(other, taken-100)
	h.wantNothing()
	h.post(pathEvent, body).want(t, 200, `{"event":…`)
}

func TestFallback(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) {
		o.Fallback = fasthttpadaptor.NewFastHTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+string(body))
		})
	})
	for _, tt := range []struct{ method, path, body, want string }{
		{"GET", "/api/v1/events/a%2Fb", "", "GET /api/v1/events/a%2Fb "},
		{"GET", pathEvent, "", "GET /api/v1/events "},
		{"POST", "/api/v1/plans", `{"plan":{}}`, `POST /api/v1/plans {"plan":{}}`},
		{"PUT", "/x", strings.Repeat("y", 100_000), "PUT /x " + strings.Repeat("y", 100_000)},
		{"POST", "/api/v1/events/estimate_fees", "{}", "POST /api/v1/events/estimate_fees {}"},
	} {
		if a := h.send(tt.method, tt.path, strings.NewReader(tt.body)); a.status != 200 || a.body != tt.want {
			t.Errorf("%s %s: status %d, body %.100s, want %.100s", tt.method, tt.path, a.status, a.body, tt.want)
		}
		a := h.send(tt.method, tt.path, onlyReader{strings.NewReader(tt.body)})
		if a.status != 200 || a.body != tt.want {
			t.Errorf("%s %s in chunks: status %d, body %.100s, want %.100s", tt.method, tt.path, a.status, a.body, tt.want)
		}
	}
	h.send("POST", "/api/v1/plans", strings.NewReader(padded(ingest.BodyBytesMax+1))).want(t, 413, tooLargeBody)
	h.send("POST", "/api/v1/plans", onlyReader{bytes.NewReader(make([]byte, ingest.BodyBytesMax+1))}).want(t, 413, tooLargeBody)
	h.post(pathEvent, single(event("t", "s"))).want(t, 200, `{"event":…`)
}

// Events are corrected, read and listed by the rest of the API: every method but POST
// on our paths, and every path below them, goes there as it was sent.
func TestOtherMethodsReachTheFallback(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) {
		o.Fallback = func(ctx *fasthttp.RequestCtx) {
			fmt.Fprintf(ctx, "%s %s %s", ctx.Method(), ctx.RequestURI(), ctx.Request.Body())
		}
	})
	const body = `{"event":{"code":"c"}}`
	for _, id := range []string{
		"tx-1", "batch", "a%2Fb", "%2e%2e", "..", ".", "a//b", "a%00b", "%E2%82%AC", "a+b%20c", "a;b=c", "a:b@c,d!$&'()*", "%25", "%zz",
		strings.Repeat("%F0%9F%98%80", ingest.IDBytesMax/4),
	} {
		path := pathEvent + "/" + id + "?external_subscription_id=s%2F1"
		for _, method := range []string{"PUT", "DELETE", "GET", "PATCH"} {
			a := h.raw(head(method, path, len(body), "Content-Type: application/json\r\n") + body)
			if want := method + " " + path + " " + body; a.status != 200 || a.body != want {
				t.Errorf("%s %s: status %d, body %s", method, path, a.status, a.body)
			}
		}
	}
	for _, path := range []string{pathEvent, pathBatch} {
		for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS"} {
			for _, contentType := range []string{"application/json", "application/x-ndjson", "application/cloudevents+json", "application/cloudevents+avro"} {
				a := h.raw(head(method, path+"?page=1", 0, "Content-Type: "+contentType+"\r\nce-specversion: 1.0\r\n"))
				if want := method + " " + path + "?page=1 "; a.status != 200 || a.body != want {
					t.Errorf("%s %s: status %d, body %s", method, path, a.status, a.body)
				}
			}
		}
	}
	h.wantNothing()
}
