package intake

import (
	"errors"
	"net"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"weir/ingest/ratelimit"
)

const (
	contentTypeJSON = "application/json; charset=utf-8"

	// positionBytesMax keeps the position from making a header that proxies refuse.
	positionBytesMax = 4 << 10

	// unreadBytesKept is how long an unread body may be for a refused request to
	// keep its connection: fasthttp reads and drops it.
	unreadBytesKept = 64 << 10
)

// route is one way of writing events.
type route uint8

const (
	routeEvent       route = iota // POST /api/v1/events
	routeBatch                    // POST /api/v1/events/batch, JSON
	routeBulk                     // POST /api/v1/events/batch, NDJSON
	routeCloudEvent               // POST to either, one CloudEvent
	routeCloudEvents              // POST to either, an array of CloudEvents
	routes                        // how many there are
	routeOther       = routes
)

func (r route) String() string {
	return [...]string{"event", "batch", "bulk", "cloudevent", "cloudevents"}[r]
}

// isBatch reports whether the request is a list of events: answered by index.
func (r route) isBatch() bool { return r == routeBatch || r == routeCloudEvents }

func (r route) isCloud() bool { return r == routeCloudEvent || r == routeCloudEvents }

// idField is how the sender calls the transaction_id.
func (r route) idField() string {
	if r.isCloud() {
		return "id"
	}
	return "transaction_id"
}

// routeOf returns the route of a request. It looks at the path as sent: fasthttp's
// cleaned one turns //api/v1/../v1/events into ours. A Content-Type that it does not
// know is taken for Lago's JSON.
func routeOf(ctx *fasthttp.RequestCtx) route {
	batch := false
	switch string(ctx.URI().PathOriginal()) {
	case "/api/v1/events":
	case "/api/v1/events/batch":
		batch = true
	default:
		return routeOther
	}
	h := &ctx.Request.Header
	switch contentType := h.ContentType(); {
	case hasPrefixFold(contentType, cloudBatchPrefix):
		return routeCloudEvents
	case hasPrefixFold(contentType, cloudPrefix):
		return routeCloudEvent
	case batch && isNDJSON(contentType):
		return routeBulk
	case batch:
		return routeBatch
	}
	if len(h.Peek(binaryMarker)) > 0 {
		return routeCloudEvent
	}
	return routeEvent
}

// handle answers one request.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	started := time.Now()
	route := routeOf(ctx)
	if route == routeOther || string(ctx.Method()) != fasthttp.MethodPost {
		s.handleOther(ctx, route)
		return
	}
	organization, err := s.keys.organization(ctx.Request.Header.Peek(fasthttp.HeaderAuthorization))
	switch {
	case err == nil:
		s.handleEvents(ctx, route, organization, started)
	case errors.Is(err, ErrUnauthorized):
		s.refuseUnread(ctx, refusedUnauthorized)
	default:
		s.refuseUnread(ctx, refusedAuthority)
	}
	s.metrics.duration[route].Observe(time.Since(started).Seconds())
}

// handleEvents answers a request for writing events, its key being good.
func (s *Server) handleEvents(ctx *fasthttp.RequestCtx, route route, organization uuid.UUID, now time.Time) {
	x := s.newExchange(organization, route, now)
	defer s.finish(ctx, x)
	if r := s.receive(ctx, x); r != nil {
		s.sendRate(ctx, x.rate)
		s.refuseUnread(ctx, r)
		return
	}
	x.enter()
	r := s.take(x, &ctx.Request.Header)
	s.sendRate(ctx, x.rate)
	if r != nil {
		s.refuse(ctx, r)
		return
	}
	s.answer(ctx, x)
}

// receive reads a request's body, after it has looked at all that may refuse the
// request without it.
func (s *Server) receive(ctx *fasthttp.RequestCtx, x *exchange) *refusal {
	h := &ctx.Request.Header
	if x.route.isCloud() {
		if r := checkCloudMedia(h); r != nil {
			return r
		}
		x.form = formNothing
	}
	switch preferred(h) {
	case preferMinimal:
		x.form = formMinimal
	case preferRepresentation:
		x.form = formEvents
	}
	if r := x.payRequest(); r != nil {
		return r
	}
	if s.admission.crowded(x.account, x.receivedAt) {
		return refusedOverload
	}
	return s.readBody(ctx, x)
}

// answer answers a request whose events were taken.
func (s *Server) answer(ctx *fasthttp.RequestCtx, x *exchange) {
	if n := len(x.position); n > 0 && n <= positionBytesMax {
		ctx.Response.Header.SetBytesV(PositionHeader, x.position)
	}
	switch x.form {
	case formNothing:
		ctx.SetStatusCode(fasthttp.StatusNoContent)
		return
	case formMinimal:
		ctx.Response.Header.Set(headerPreferenceApplied, returnMinimal)
		x.reply = append(x.reply[:0], "{}"...)
	}
	ctx.Response.Header.SetContentType(contentTypeJSON)
	if len(x.reply) > largeReplyBytes {
		s.sendLarge(ctx, x.organization, x.reply)
		x.reply = nil
		return
	}
	// The answer's buffer and fasthttp's change places: no copy.
	x.reply = ctx.Response.SwapBody(x.reply)
}

// take takes the body that was read. The request has a turn, which ends when its
// events are in the log's hands. x.reply, if the exchange wants one, and x.position are
// the answer when it returns nil.
func (s *Server) take(x *exchange, h *fasthttp.RequestHeader) *refusal {
	body, r := s.inflate(h.ContentEncoding(), x)
	if r == nil && x.route == routeCloudEvent && isBinaryCloudEvent(h) {
		body, r = x.structureCloudEvent(h, body)
	}
	switch {
	case r != nil:
	case x.route == routeBulk:
		r = s.takeBulk(x, body)
	default:
		r = s.takeEvents(x, body)
	}
	if r == nil {
		x.position = appendPositions(x.position, x.write.offsets)
	}
	return r
}

// finish ends a request's use of its memory. A panic that came from input ends the
// request and not the process, unless ids or records are under way: their state
// is not known any more.
func (s *Server) finish(ctx *fasthttp.RequestCtx, x *exchange) {
	if p := recover(); p != nil {
		if x.claim.Open() {
			panic(p)
		}
		s.options.Logger.Error("BUG: request panicked", "panic", p, "stack", string(debug.Stack()))
		x.giveBack()
		s.refuseUnread(ctx, refusedBroken)
		return
	}
	x.release()
}

// handleOther answers a request that is not for writing events.
func (s *Server) handleOther(ctx *fasthttp.RequestCtx, route route) {
	if s.options.Fallback == nil {
		r := refusedRoute
		if route != routeOther {
			r = refusedMethod
			ctx.Response.Header.Set(fasthttp.HeaderAllow, fasthttp.MethodPost)
		}
		s.refuseUnread(ctx, r)
		return
	}
	// The body is the fallback's to keep: not from the pool, nor back to it.
	x := &exchange{server: s, account: s.admission.open(uuid.Nil)}
	defer x.giveBack()
	if r := s.readBody(ctx, x); r != nil {
		s.refuseUnread(ctx, r)
		return
	}
	if len(x.sent) > 0 {
		ctx.Request.SetBodyRaw(x.sent)
	}
	s.options.Fallback(ctx)
}

// handleError answers what fasthttp could not read as a request.
func (s *Server) handleError(ctx *fasthttp.RequestCtx, err error) {
	var (
		small   *fasthttp.ErrSmallBuffer
		timeout net.Error
	)
	switch {
	case errors.As(err, &small):
		s.refuse(ctx, refusedHeaderSize)
	case errors.As(err, &timeout) && timeout.Timeout():
		s.refuse(ctx, refusedTimeout)
		return
	default:
		s.refuse(ctx, badRequest("the request is not HTTP/1.1 that can be read"))
	}
	linger(ctx.Conn())
}

// refuse answers with the refusal.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, r *refusal) {
	s.metrics.refuse(r.reason, 1)
	ctx.SetStatusCode(r.status)
	ctx.Response.Header.SetContentType(contentTypeJSON)
	if r.retryAfter > 0 {
		seconds := strconv.Itoa(r.retryAfter)
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, seconds)
		// Lago's clients wait by this one.
		ctx.Response.Header.Set(ratelimit.HeaderReset, seconds)
	}
	if len(r.body) > largeReplyBytes {
		s.sendLarge(ctx, uuid.Nil, r.body)
		return
	}
	ctx.SetBody(r.body)
}

// refuseUnread answers with the refusal a request whose body was not read, or
// not to its end, and sees to it that the client can read the answer.
func (s *Server) refuseUnread(ctx *fasthttp.RequestCtx, r *refusal) {
	s.refuse(ctx, r)
	length := ctx.Request.Header.ContentLength()
	if ctx.RequestBodyStream() == nil || length >= 0 && length <= unreadBytesKept && r != refusedTimeout {
		return
	}
	ctx.SetConnectionClose()
	if r != refusedTimeout {
		linger(ctx.Conn())
	}
}
