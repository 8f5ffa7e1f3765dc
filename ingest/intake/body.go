package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"

	"weir/ingest"
)

const (
	// bodyStepBytes is what an unknown body length starts with; it doubles from there.
	bodyStepBytes = 64 << 10
	// inflatedFloorBytes is what any body may decompress to, whatever the ratio:
	// small bodies of equal events compress very well.
	inflatedFloorBytes = 64 << 10
	// zstdWindowBytesMax is what the format's specification asks every decoder to take.
	zstdWindowBytesMax = 8 << 20
)

// Why readAll stopped, besides the reader's own errors.
var (
	errTooLong    = errors.New("too long")
	errOverloaded = errors.New("too many bytes in flight")
)

// readBody reads the whole body as sent into x.sent. The bytes are reserved
// before they are read.
func (s *Server) readBody(ctx *fasthttp.RequestCtx, x *exchange) *refusal {
	x.sent = x.sent[:0]
	stream := ctx.RequestBodyStream()
	if stream == nil {
		return nil
	}
	var err error
	if length := ctx.Request.Header.ContentLength(); length >= 0 {
		if length > ingest.BodyBytesMax {
			return refusedBodySize // fasthttp does not look when bodies are streamed
		}
		if !x.reserve(length) {
			return refusedOverload
		}
		x.sent = grow(x.sent, length)
		// A client that went away early must not pass for one that was done.
		_, err = io.ReadFull(stream, x.sent)
	} else {
		x.sent, err = x.readAll(stream, x.sent, ingest.BodyBytesMax)
	}
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLong):
		return refusedBodySize
	case errors.Is(err, errOverloaded):
		return refusedOverload
	case errors.As(err, &timeout) && timeout.Timeout():
		return refusedTimeout
	}
	return badRequest("cannot read the body: " + err.Error())
}

// readAll reads r to its end over dst, at most limit bytes, and reserves them as
// it goes.
func (x *exchange) readAll(r io.Reader, dst []byte, limit int) ([]byte, error) {
	dst = dst[:0]
	room := 0
	for {
		if len(dst) == room {
			// One byte above the limit, so that its end is told from an overrun.
			more := min(limit+1, max(2*room, bodyStepBytes)) - room
			if !x.reserve(more) {
				return dst, errOverloaded
			}
			room += more
			dst = grow(dst, room)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):room])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, errTooLong
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}

// grow returns b with the length n, its bytes up to len(b) kept.
func grow(b []byte, n int) []byte {
	if n <= cap(b) {
		return b[:n]
	}
	grown := make([]byte, n)
	copy(grown, b)
	return grown
}

// inflate returns the body without its Content-Encoding: x.sent itself, or
// x.plain. How far it may grow is bounded by its size as sent.
func (s *Server) inflate(encoding []byte, x *exchange) ([]byte, *refusal) {
	var open func(*inflater) (io.Reader, error)
	switch {
	case len(encoding) == 0 || equalFold(encoding, "identity"):
		return x.sent, nil
	case equalFold(encoding, "gzip") || equalFold(encoding, "x-gzip"):
		open = (*inflater).openGzip
	case equalFold(encoding, "zstd"):
		open = (*inflater).openZstd
	default:
		return nil, refusedEncoding
	}
	in := <-s.inflaters
	defer func() { s.inflaters <- in }()
	in.source.Reset(x.sent)
	defer in.source.Reset(nil)

	limit := max(inflatedFloorBytes, len(x.sent)*ingest.InflationRatioMax)
	reader, err := open(in)
	if err == nil {
		x.plain, err = x.readAll(reader, x.plain, min(limit, ingest.BodyInflatedBytesMax))
	}
	switch {
	case err == nil:
		return x.plain, nil
	case errors.Is(err, errTooLong), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, refusedInflatedSize
	case errors.Is(err, errOverloaded):
		return nil, refusedOverload
	}
	return nil, badRequest("cannot decompress the body: " + err.Error())
}

// inflater holds the decoders that one request at a time uses. There are as many
// as processors: decompression waits for nothing else, and each may hold a window
// of zstdWindowBytesMax.
type inflater struct {
	source bytes.Reader
	gzip   *gzip.Reader
	zstd   *zstd.Decoder
}

func newInflaters() chan *inflater {
	free := make(chan *inflater, runtime.GOMAXPROCS(0))
	for range cap(free) {
		free <- &inflater{}
	}
	return free
}

func (in *inflater) openGzip() (io.Reader, error) {
	if in.gzip == nil {
		r, err := gzip.NewReader(&in.source)
		if err != nil {
			return nil, fmt.Errorf("cannot read the gzip header: %w", err)
		}
		in.gzip = r
		return r, nil
	}
	return in.gzip, in.gzip.Reset(&in.source)
}

func (in *inflater) openZstd() (io.Reader, error) {
	if in.zstd == nil {
		// One thread, so that a decoder has no goroutine that would need closing.
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindowBytesMax), zstd.WithDecodeBuffersBelow(0))
		if err != nil {
			return nil, fmt.Errorf("cannot make a zstd decoder: %w", err)
		}
		in.zstd = d
	}
	return in.zstd, in.zstd.Reset(&in.source)
}

// equalFold reports whether b is the lower-case word, in any case.
func equalFold(b []byte, word string) bool {
	return len(b) == len(word) && bytes.EqualFold(b, []byte(word))
}
