package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"

	"github.com/valyala/fasthttp"
)

// adapt makes a net/http handler serve behind the ingest server. The handler runs in the
// server's own goroutine and its answer is sent when it returns: it can't stream, hijack the
// connection, or see that the client has gone, and its panics are nobody else's. What the request says is copied, but for its
// body, which ends with the handler: the server uses its memory again for the next one.
//
// A path that net/http can't read is the client's fault.
func adapt(handler http.Handler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		r, err := netRequest(ctx)
		if err != nil {
			ctx.SetStatusCode(fasthttp.StatusBadRequest)
			ctx.SetContentType("application/json; charset=utf-8")
			ctx.SetBodyString(`{"status":400,"error":"BadRequest: the path is not a valid URL"}`)
			return
		}
		w := &netWriter{ctx: ctx, header: make(http.Header, 8)}
		handler.ServeHTTP(w, r)
		w.finish()
	}
}

// netRequest returns the request as a net/http server would have read it.
func netRequest(ctx *fasthttp.RequestCtx) (*http.Request, error) {
	uri := string(ctx.RequestURI())
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	body := ctx.PostBody()
	r := &http.Request{
		Method: string(ctx.Method()), URL: u, RequestURI: uri, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, 8), Host: string(ctx.Host()), RemoteAddr: ctx.RemoteAddr().String(),
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	for name, value := range ctx.Request.Header.All() {
		if string(name) != fasthttp.HeaderHost {
			r.Header.Add(string(name), string(value))
		}
	}
	return r.WithContext(ctx), nil
}

// netWriter writes the answer of a net/http handler into that of the server.
type netWriter struct {
	ctx    *fasthttp.RequestCtx
	header http.Header
	status int // 0: not written yet
}

// Header implements http.ResponseWriter.
func (w *netWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. The first final status counts, with the header as it is then.
func (w *netWriter) WriteHeader(status int) {
	if w.status != 0 || status < http.StatusOK {
		return
	}
	w.status = status
	w.ctx.SetStatusCode(status)
	for name, values := range w.header {
		if name == fasthttp.HeaderContentLength { // the server's
			continue
		}
		for _, value := range values {
			w.ctx.Response.Header.Add(name, value)
		}
	}
}

// Write implements http.ResponseWriter.
func (w *netWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		if w.header.Get(fasthttp.HeaderContentType) == "" {
			w.header.Set(fasthttp.HeaderContentType, http.DetectContentType(p))
		}
		w.WriteHeader(http.StatusOK)
	}
	w.ctx.Response.AppendBody(p)
	return len(p), nil
}

// finish completes an answer without a body.
func (w *netWriter) finish() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}
