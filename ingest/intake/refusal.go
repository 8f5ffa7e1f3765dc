package intake

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"weir/ingest"
)

// refusal is an answer other than 200. Those that never vary are made once.
type refusal struct {
	status     int
	reason     string // label of weir_ingest_refused_total
	retryAfter int    // seconds; 0 = the client need not try again
	body       []byte // JSON, in Lago's shape
}

// retryAfterSeconds is when a client that was turned away may try again.
const retryAfterSeconds = 1

// Refusals that never vary.
var (
	refusedUnauthorized = &refusal{
		status: fasthttp.StatusUnauthorized, reason: "unauthorized",
		body: []byte(`{"status":401,"error":"Unauthorized"}`),
	}
	refusedRoute = &refusal{
		status: fasthttp.StatusNotFound, reason: "route",
		body: []byte(`{"status":404,"error":"Not Found","code":"resource_not_found"}`),
	}
	refusedMethod = &refusal{
		status: fasthttp.StatusMethodNotAllowed, reason: "method",
		body: []byte(`{"status":405,"error":"Method Not Allowed","code":"method_not_allowed"}`),
	}
	refusedTimeout = &refusal{
		status: fasthttp.StatusRequestTimeout, reason: "timeout",
		body: []byte(`{"status":408,"error":"Request Timeout","code":"request_timeout"}`),
	}
	refusedBodySize = tooLarge("body_too_large",
		"the body has more than "+strconv.Itoa(ingest.BodyBytesMax)+" bytes")
	refusedInflatedSize = tooLarge("body_too_large_decompressed",
		"the body has more than "+strconv.Itoa(ingest.BodyInflatedBytesMax)+
			" bytes decompressed, or more than "+strconv.Itoa(ingest.InflationRatioMax)+" for each byte sent")
	refusedEncoding = &refusal{
		status: fasthttp.StatusUnsupportedMediaType, reason: "encoding",
		body: appendError(nil, fasthttp.StatusUnsupportedMediaType, "Unsupported Media Type",
			"unsupported_content_encoding", "Content-Encoding may be gzip, zstd or identity"),
	}
	refusedCloudMedia = &refusal{
		status: fasthttp.StatusUnsupportedMediaType, reason: "media_type",
		body: appendError(nil, fasthttp.StatusUnsupportedMediaType, "Unsupported Media Type",
			"unsupported_content_type", "CloudEvents may be "+cloudJSON+" or "+cloudBatchJSON+
				", or have their attributes in headers and JSON data; all of them in UTF-8"),
	}
	refusedHeaderSize = &refusal{
		status: fasthttp.StatusRequestHeaderFieldsTooLarge, reason: "header_too_large",
		body: appendError(nil, fasthttp.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large",
			"header_too_large", "request line and header have more than "+strconv.Itoa(ingest.HeaderBytesMax)+" bytes"),
	}
	refusedOverload = &refusal{
		status: fasthttp.StatusTooManyRequests, reason: "overloaded", retryAfter: retryAfterSeconds,
		body: appendError(nil, fasthttp.StatusTooManyRequests, "Too Many Requests",
			"overloaded", "too much is in flight; send the same request again later"),
	}
	refusedAuthority = unavailable("authority_unavailable", "the API key could not be checked")
	refusedClock     = unavailable("clock_unavailable", "the test clock could not be read")
	refusedLog       = unavailable("log_unavailable",
		"not every event could be written; send the same request again, each event counts once")
	refusedBroken = &refusal{
		status: fasthttp.StatusInternalServerError, reason: "broken",
		body: []byte(`{"status":500,"error":"Internal Server Error"}`),
	}
)

func tooLarge(code, message string) *refusal {
	const status = fasthttp.StatusRequestEntityTooLarge
	return &refusal{
		status: status, reason: code,
		body: appendError(nil, status, "Content Too Large", code, message),
	}
}

func unavailable(code, message string) *refusal {
	const status = fasthttp.StatusServiceUnavailable
	return &refusal{
		status: status, reason: code, retryAfter: retryAfterSeconds,
		body: appendError(nil, status, "Service Unavailable", code, message),
	}
}

// badRequest says that the body is not the JSON we take.
func badRequest(detail string) *refusal {
	body := appendStatus(nil, fasthttp.StatusBadRequest, "BadRequest: "+detail)
	return &refusal{status: fasthttp.StatusBadRequest, reason: "syntax", body: append(body, '}')}
}

// invalid says what is wrong with which field, keyed by the event's index when
// the request was a batch.
func invalid(faults []ingest.FieldError, batch bool) *refusal {
	body := appendInvalid(nil)
	body = appendFaults(body, faults, batch)
	body = appendLimits(body, faults)
	return &refusal{status: fasthttp.StatusUnprocessableEntity, reason: "validation", body: append(body, '}')}
}

// repeated says which events of a request are repeats or conflicts.
func repeated(sightings []ingest.Sighting, route route) *refusal {
	r := &refusal{status: fasthttp.StatusUnprocessableEntity, reason: "repeat"}
	body := appendInvalid(nil)
	if !route.isBatch() {
		body = appendVerdict(body, route, sightings[0].Verdict)
		r.body = append(body, '}')
		return r
	}
	open := byte('{')
	for i := range sightings {
		if sightings[i].Verdict == ingest.Fresh {
			continue
		}
		body = append(body, open, '"')
		body = strconv.AppendInt(body, int64(i), 10)
		body = append(body, `":`...)
		body = appendVerdict(body, route, sightings[i].Verdict)
		open = ','
	}
	r.body = append(body, "}}"...)
	return r
}

func appendVerdict(dst []byte, route route, v ingest.Verdict) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, route.idField()...)
	dst = append(dst, `":["`...)
	dst = append(dst, codeOf(v)...)
	return append(dst, `"]}`...)
}

func codeOf(v ingest.Verdict) string {
	if v == ingest.Conflict {
		return ingest.CodeConflict
	}
	return ingest.CodeAlreadyExist
}

// appendInvalid appends a validation error up to the value of error_details.
func appendInvalid(dst []byte) []byte {
	dst = appendStatus(dst, fasthttp.StatusUnprocessableEntity, "Unprocessable Entity")
	return append(dst, `,"code":"validation_errors","error_details":`...)
}

// appendError appends a whole error body with our own code and message.
func appendError(dst []byte, status int, name, code, message string) []byte {
	dst = appendStatus(dst, status, name)
	dst = append(dst, `,"code":"`...)
	dst = append(dst, code...)
	dst = append(dst, `","message":`...)
	dst = appendJSON(dst, message)
	return append(dst, '}')
}

// appendStatus appends {"status":…,"error":… without the closing brace.
func appendStatus(dst []byte, status int, name string) []byte {
	dst = append(dst, `{"status":`...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, `,"error":`...)
	return appendJSON(dst, name)
}

// appendFaults appends error_details: codes by field, and by index above that
// for a batch. Faults of the request as a whole (index -1) stand beside the indexes.
// The faults of one event must be adjacent.
func appendFaults(dst []byte, faults []ingest.FieldError, batch bool) []byte {
	dst = append(dst, '{')
	for len(faults) > 0 {
		n := 1
		for n < len(faults) && faults[n].Index == faults[0].Index {
			n++
		}
		if batch && faults[0].Index >= 0 {
			dst = append(dst, '"')
			dst = strconv.AppendInt(dst, int64(faults[0].Index), 10)
			dst = append(dst, `":{`...)
			dst = appendFields(dst, faults[:n])
			dst = append(dst, '}')
		} else {
			dst = appendFields(dst, faults[:n])
		}
		if faults = faults[n:]; len(faults) > 0 {
			dst = append(dst, ',')
		}
	}
	return append(dst, '}')
}

// appendFields appends "field":["code",…],… of one event, each field once.
func appendFields(dst []byte, faults []ingest.FieldError) []byte {
	codes := make(map[string][]string, len(faults))
	order := make([]string, 0, len(faults))
	for _, f := range faults {
		if _, ok := codes[f.Field]; !ok {
			order = append(order, f.Field)
		}
		codes[f.Field] = append(codes[f.Field], f.Code)
	}
	for i, field := range order {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, field)
		for j, code := range codes[field] {
			dst = append(dst, ":,"[min(j, 1)])
			if j == 0 {
				dst = append(dst, '[')
			}
			dst = appendJSON(dst, code)
		}
		dst = append(dst, ']')
	}
	return dst
}

// limitsListedMax is how many exceeded limits a message spells out.
const limitsListedMax = 10

// appendLimits appends a message that names the limits that were exceeded, if
// any: the codes alone do not say them.
func appendLimits(dst []byte, faults []ingest.FieldError) []byte {
	var limits []ingest.FieldError
	for _, f := range faults {
		if f.Limit > 0 && len(limits) < limitsListedMax {
			limits = append(limits, f)
		}
	}
	if len(limits) == 0 {
		return dst
	}
	dst = append(dst, `,"message":`...)
	return appendJSON(dst, (&ingest.ValidationError{Fields: limits}).Error())
}
