package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// ask puts a request, as it comes off the wire, to a net/http handler behind the ingest server.
func ask(t *testing.T, ctx *fasthttp.RequestCtx, target, header, body string, handler http.HandlerFunc) {
	t.Helper()
	ctx.Request.Reset()
	ctx.Response.Reset()
	ctx.Request.Header.SetMethod(http.MethodPost)
	ctx.Request.Header.Set("X-Asked", header)
	ctx.Request.Header.SetHost("weir.example")
	ctx.Request.SetRequestURI(target)
	ctx.Request.SetBodyString(body)
	adapt(handler)(ctx)
}

func TestAdapt(t *testing.T) {
	t.Parallel()
	var ctx fasthttp.RequestCtx
	ask(t, &ctx, "/a%20b?c=d", "one", "body", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got := strings.Join([]string{r.Method, r.Host, r.URL.Path, r.URL.Query().Get("c"), r.Header.Get("X-Asked"), r.Header.Get("Host"), string(body)}, " ")
		if want := "POST weir.example /a b d one  body"; got != want || r.ContentLength != 4 {
			t.Errorf("got %q (%d bytes), want %q", got, r.ContentLength, want)
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Add("X-Said", "1")
		w.Header().Add("X-Said", "2")
		w.Header().Set("Content-Length", "7")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "3") // too late
		w.WriteHeader(http.StatusOK)  // and this, too
		_, _ = io.WriteString(w, "some")
		_, _ = io.WriteString(w, "thing more")
	})
	got := ctx.Response.String()
	for _, want := range []string{"418", "Content-Type: text/plain\r\n", "X-Said: 1\r\n", "X-Said: 2\r\n", "Content-Length: 14\r\n", "\r\n\r\nsomething more"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "X-Late") {
		t.Errorf("a header that came late is in\n%s", got)
	}

	ask(t, &ctx, "/", "", "", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	if got := string(ctx.Response.Header.ContentType()); ctx.Response.StatusCode() != 200 || got != "text/html; charset=utf-8" {
		t.Errorf("got %d, %q", ctx.Response.StatusCode(), got)
	}
	ask(t, &ctx, "/", "", "", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Said", "1") })
	if got := ctx.Response.Header.Peek("X-Said"); ctx.Response.StatusCode() != 200 || string(got) != "1" {
		t.Errorf("got %d, %q", ctx.Response.StatusCode(), got)
	}
	ask(t, &ctx, "/%zz", "", "", func(http.ResponseWriter, *http.Request) { t.Error("a path that can't be read got through") })
	if ctx.Response.StatusCode() != 400 {
		t.Errorf("got %d", ctx.Response.StatusCode())
	}
}

// The server's memory of one request becomes the next one's: what a handler keeps must not.
func TestAdaptKeepsNoMemoryOfTheServer(t *testing.T) {
	t.Parallel()
	var ctx fasthttp.RequestCtx
	var path, query, header, method string
	ask(t, &ctx, "/aaaa?q=bbbb", "cccc", "", func(_ http.ResponseWriter, r *http.Request) {
		path, query, header, method = r.URL.Path, r.URL.Query().Get("q"), r.Header.Get("X-Asked"), r.Method
	})
	ask(t, &ctx, "/xxxx?q=yyyy", "zzzz", "", func(http.ResponseWriter, *http.Request) {})
	ctx.Request.Header.SetMethod("PUTS")
	if got := path + query + header + method; got != "/aaaabbbbccccPOST" {
		t.Errorf("what was kept has become %q", got)
	}
}
