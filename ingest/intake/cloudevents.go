package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"weir/ingest"
)

// CloudEvents come in the modes that their HTTP binding has
// (https://github.com/cloudevents/spec, cloudevents/bindings/http-protocol-binding.md):
//
//	structured  one event: application/cloudevents+json
//	batched     an array: application/cloudevents-batch+json
//	binary      one event: its attributes in headers (ce-id …), its data the body
//
// The first two may be sent to either route, binary ones to that of single events:
// there the header ce-specversion tells them from Lago's events.

// binaryMarker is the header that every binary CloudEvent has.
const binaryMarker = "Ce-Specversion"

// binaryAttributes are the attributes that binary mode has in headers. All others
// are ignored, as they are in JSON.
var binaryAttributes = [...]struct{ name, header string }{
	{"specversion", binaryMarker},
	{"id", "Ce-Id"},
	{"source", "Ce-Source"},
	{"type", "Ce-Type"},
	{"subject", "Ce-Subject"},
	{"time", "Ce-Time"},
	{"precisetotalamountcents", "Ce-Precisetotalamountcents"},
}

// isBinaryCloudEvent reports whether a request of routeCloudEvent is in binary mode.
func isBinaryCloudEvent(h *fasthttp.RequestHeader) bool {
	return !hasPrefixFold(h.ContentType(), cloudPrefix)
}

// checkCloudMedia refuses what is not the JSON that we read, by its Content-Type
// alone. Binary data without a Content-Type is taken for JSON.
func checkCloudMedia(h *fasthttp.RequestHeader) *refusal {
	kind := utf8Type(h.ContentType())
	switch {
	case kind == cloudJSON, kind == cloudBatchJSON:
		return nil
	case isBinaryCloudEvent(h) && (isJSON(kind) || len(h.ContentType()) == 0):
		return nil
	}
	return refusedCloudMedia
}

// dataPrefix stands before the data in the text that structureCloudEvent makes.
const dataPrefix = `{"data":`

// structureCloudEvent returns the structured form of a binary CloudEvent, so that one
// parser reads both. It is in x.structured.
func (x *exchange) structureCloudEvent(h *fasthttp.RequestHeader, data []byte) ([]byte, *refusal) {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		data = []byte("null") // no data
	case len(data) > ingest.EventBytesMax:
		return nil, invalid([]ingest.FieldError{{
			Field: "event", Code: ingest.CodeTooLong, Limit: ingest.EventBytesMax,
		}}, false)
	case !json.Valid(data):
		// What is one value can't go beyond its place; the parser is stricter still.
		return nil, badRequest("the body is not one JSON value")
	}
	if !x.reserve(len(data) + ingest.HeaderBytesMax) {
		return nil, refusedOverload
	}
	dst := append(append(x.structured[:0], dataPrefix...), data...)
	for _, a := range binaryAttributes {
		values := h.PeekAll(a.header)
		if len(values) == 0 {
			continue
		}
		text, err := attributeText(values)
		if err != nil {
			return nil, badRequest("ce-" + a.name + " " + err.Error())
		}
		dst = append(dst, `,"`...)
		dst = append(dst, a.name...)
		dst = append(dst, `":`...)
		dst = appendJSON(dst, text)
	}
	x.structured = append(dst, '}')
	x.parsedBefore = len(dataPrefix)
	return x.structured, nil
}

// What is wrong with a header of an attribute; its name stands before.
var (
	errHeaderTwice   = errors.New("is there more than once")
	errHeaderQuotes  = errors.New("has a quoted string that does not end")
	errHeaderPercent = errors.New("has a % that is not followed by two hexadecimal digits; % itself is %25")
	errHeaderUTF8    = errors.New("is not UTF-8")
)

// attributeText returns the value of an attribute from its header: out of quotes
// first, then percent-decoded once.
func attributeText(values [][]byte) ([]byte, error) {
	if len(values) > 1 {
		return nil, errHeaderTwice
	}
	text, err := unquoted(values[0])
	if err != nil {
		return nil, err
	}
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			decoded = append(decoded, text[i])
			continue
		}
		if i+2 >= len(text) {
			return nil, errHeaderPercent
		}
		high, low := hexValue(text[i+1]), hexValue(text[i+2])
		if high < 0 || low < 0 {
			return nil, errHeaderPercent
		}
		decoded = append(decoded, byte(high<<4|low))
		i += 2
	}
	if !utf8.Valid(decoded) {
		return nil, errHeaderUTF8
	}
	return decoded, nil
}

// unquoted returns the text with its double-quoted parts out of their quotes, each
// backslash in them replaced by what follows it.
func unquoted(text []byte) ([]byte, error) {
	if bytes.IndexByte(text, '"') < 0 {
		return text, nil
	}
	plain := make([]byte, 0, len(text))
	inside := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			inside = !inside
			continue
		case c == '\\' && inside:
			if i++; i == len(text) {
				return nil, errHeaderQuotes
			}
			c = text[i]
		}
		plain = append(plain, c)
	}
	if inside {
		return nil, errHeaderQuotes
	}
	return plain, nil
}

// hexValue returns what a hexadecimal digit stands for, -1 for another byte.
func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
