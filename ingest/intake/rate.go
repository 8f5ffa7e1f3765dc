package intake

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"weir/ingest/ratelimit"
)

// payRequest takes what a request costs from the organization's limits, before its body
// is read, and refuses it when there is nothing left of one of them. What its events
// cost is not known yet.
func (x *exchange) payRequest() *refusal {
	o := &x.server.options
	if o.Requests == nil && o.Events == nil {
		return nil
	}
	events := o.Events.Peek(x.organization, x.receivedAt)
	x.rate = events
	if events.Allowed {
		x.requestRate = o.Requests.Take(x.organization, 1, x.receivedAt)
		x.rate = ratelimit.Tighter(x.requestRate, events)
	}
	return refusedRate(x.rate)
}

// payEvents takes what n events cost. They may cost more than is left, but not when
// others have taken that meanwhile.
func (x *exchange) payEvents(n int) *refusal {
	o := &x.server.options
	if o.Events == nil {
		return nil
	}
	x.rate = ratelimit.Tighter(x.requestRate, o.Events.Take(x.organization, n, x.receivedAt))
	return refusedRate(x.rate)
}

// refusedRate returns the refusal of a request beyond a limit, nil when it is within.
func refusedRate(state ratelimit.State) *refusal {
	if state.Allowed {
		return nil
	}
	return &refusal{
		status: fasthttp.StatusTooManyRequests, reason: "rate", retryAfter: state.ResetSeconds(),
		body: bodyRate,
	}
}

var bodyRate = appendError(nil, fasthttp.StatusTooManyRequests, "Too Many Requests",
	"rate_limited", "the organization is beyond its limit; send the same request again later")

// sendRate says what is left of the tighter limit, where there is one.
func (s *Server) sendRate(ctx *fasthttp.RequestCtx, state ratelimit.State) {
	if state.Limit == 0 {
		return
	}
	h := &ctx.Response.Header
	var digits [20]byte
	h.SetBytesV(ratelimit.HeaderLimit, strconv.AppendInt(digits[:0], int64(state.Limit), 10))
	h.SetBytesV(ratelimit.HeaderRemaining, strconv.AppendInt(digits[:0], int64(state.Remaining), 10))
	h.SetBytesV(ratelimit.HeaderReset, strconv.AppendInt(digits[:0], int64(state.ResetSeconds()), 10))
}
