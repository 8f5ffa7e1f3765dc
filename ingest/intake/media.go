package intake

import (
	"bytes"
	"mime"
	"strings"

	"github.com/valyala/fasthttp"
)

// isNDJSON reports whether a Content-Type is one of those that newline-delimited
// JSON goes by. Parameters do not matter.
func isNDJSON(contentType []byte) bool {
	kind, _, _ := bytes.Cut(contentType, []byte{';'})
	kind = bytes.TrimRight(kind, " \t")
	return equalFold(kind, "application/x-ndjson") ||
		equalFold(kind, "application/ndjson") ||
		equalFold(kind, "application/jsonl")
}

// Media types of CloudEvents in structured mode. The prefix alone says that it is
// one, the rest which format it has.
const (
	cloudPrefix      = "application/cloudevents"
	cloudBatchPrefix = "application/cloudevents-batch"
	cloudJSON        = "application/cloudevents+json"
	cloudBatchJSON   = "application/cloudevents-batch+json"
)

// hasPrefixFold reports whether b begins with the lower-case prefix, in any case.
func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && equalFold(b[:len(prefix)], prefix)
}

// utf8Type returns the media type of a Content-Type, in lower case, or "" when it is
// none or names another character set than UTF-8. Other parameters do not matter.
func utf8Type(contentType []byte) string {
	kind, parameters, err := mime.ParseMediaType(string(contentType))
	if err != nil {
		return ""
	}
	if charset, given := parameters["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return kind
}

// isJSON reports whether a media type is …/json or …/…+json.
func isJSON(kind string) bool {
	return strings.HasSuffix(kind, "/json") || strings.HasSuffix(kind, "+json")
}

// wantsRepresentation reports whether the client asks for what it has made to be in
// the answer (RFC 7240, Prefer: return=representation).
func wantsRepresentation(h *fasthttp.RequestHeader) bool {
	for _, line := range h.PeekAll("Prefer") {
		for preference := range bytes.SplitSeq(line, []byte{','}) {
			preference, _, _ = bytes.Cut(preference, []byte{';'})
			if equalFold(bytes.TrimSpace(preference), "return=representation") {
				return true
			}
		}
	}
	return false
}
