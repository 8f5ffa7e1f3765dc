package intake

import (
	"bytes"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// eventOverheadBytes is what an event costs in memory besides its body, rounded
// up: its struct, its sighting, its place in the write and in the answer.
const eventOverheadBytes = 512

// admission bounds the bytes of all requests in flight. It refuses instead of
// waiting: a client that is told early can go elsewhere, one that waits holds a
// connection and its buffers.
type admission struct {
	max   int64
	bytes atomic.Int64
}

// reserve takes n bytes, or reports that there is no room.
func (a *admission) reserve(n int) bool {
	if a.bytes.Add(int64(n)) <= a.max {
		return true
	}
	a.bytes.Add(-int64(n))
	return false
}

// release gives n bytes back.
func (a *admission) release(n int) {
	if a.bytes.Add(-int64(n)) < 0 {
		panic("BUG: more bytes released than reserved")
	}
}

// largeReplyBytes is from where on an answer counts among the bytes in flight
// until the client has read it. A smaller one fits the socket's buffers, or nearly.
const largeReplyBytes = 64 << 10

// largeReply is an answer that waits for its client. fasthttp closes it when it
// is sent, or cannot be.
type largeReply struct {
	bytes.Reader
	admission *admission
	reserved  int
}

// sendLarge answers with the body, which it owns from now on. The bytes are taken
// even where there is no room: the events are written, and that must be said.
func (s *Server) sendLarge(ctx *fasthttp.RequestCtx, body []byte) {
	s.admission.bytes.Add(int64(len(body)))
	reply := &largeReply{admission: &s.admission, reserved: len(body)}
	reply.Reset(body)
	ctx.Response.SetBodyStream(reply, len(body))
}

// Close gives the bytes back.
func (r *largeReply) Close() error {
	r.admission.release(r.reserved)
	r.reserved = 0
	r.Reset(nil)
	return nil
}
