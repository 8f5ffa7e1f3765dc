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

// preference is how much a client wants to read of what it has made (RFC 7240, 4.2).
type preference uint8

const (
	preferNothing preference = iota // it does not say
	preferMinimal
	preferRepresentation
)

const (
	headerPrefer            = "Prefer"
	headerPreferenceApplied = "Preference-Applied"

	returnMinimal        = "return=minimal"
	returnRepresentation = "return=representation"
)

// preferred returns the first preference for what is returned that a request states.
func preferred(h *fasthttp.RequestHeader) preference {
	if len(h.Peek(headerPrefer)) == 0 {
		return preferNothing
	}
	for _, line := range h.PeekAll(headerPrefer) {
		for stated := range bytes.SplitSeq(line, []byte{','}) {
			stated, _, _ = bytes.Cut(stated, []byte{';'})
			stated = bytes.TrimSpace(stated)
			switch {
			case equalFold(stated, returnMinimal):
				return preferMinimal
			case equalFold(stated, returnRepresentation):
				return preferRepresentation
			}
		}
	}
	return preferNothing
}
