package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// A record is an id, the time and the value as 64-bit integers in millionths, the length
// of the counter's key in a byte, and the key: subscription, code, model and region, each
// with a zero after it.
const (
	idBytes     = 16
	timeAt      = idBytes
	valueAt     = timeAt + 8
	keyLengthAt = valueAt + 8
	keyAt       = keyLengthAt + 1
	keyBytesMax = 255
	decimals    = 6
)

// id is never zero: nobody finds the text for that.
type id [idBytes]byte

// errBody is all that is said of a body that is not as bench/load's.
var errBody = errors.New("a body that bench/load does not send")

// fields are an event's, in the body.
type fields struct {
	transaction, subscription, code, model, region []byte
	time, value                                    int64 // millionths
}

// appendRecords appends the records of a body's events: of {"event":{…}}, of
// {"events":[{…},…]} or of one event a line. The body is not kept.
func appendRecords(dst, body []byte) ([]byte, error) {
	s := scanner{body}
	for _, opening := range []string{`{"event":`, `{"events":[`} {
		if bytes.HasPrefix(body, []byte(opening)) {
			s.rest = body[len(opening):]
		}
	}
	for len(s.rest) > 0 && s.rest[0] == '{' {
		var e fields
		if !s.object(&e) {
			return dst, errBody
		}
		size := len(e.subscription) + len(e.code) + len(e.model) + len(e.region) + 4
		if len(e.transaction) == 0 || len(e.subscription) == 0 || size > keyBytesMax {
			return dst, errBody
		}
		dst = appendRecord(dst, &e, size)
		if len(s.rest) > 1 && (s.rest[0] == ',' || s.rest[0] == '\n') {
			s.rest = s.rest[1:]
		}
	}
	switch string(s.rest) {
	case "", "\n", "}", "]}":
		return dst, nil
	}
	return dst, errBody
}

func appendRecord(dst []byte, e *fields, keyBytes int) []byte {
	var memory [128]byte
	text := append(append(append(memory[:0], e.subscription...), 0), e.transaction...)
	hash := sha256.Sum256(text)
	dst = append(dst, hash[:idBytes]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.time))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.value))
	dst = append(dst, byte(keyBytes))
	dst = append(append(dst, e.subscription...), 0)
	dst = append(append(dst, e.code...), 0)
	dst = append(append(dst, e.model...), 0)
	return append(append(dst, e.region...), 0)
}

// scanner goes over JSON without white space and without escapes.
type scanner struct{ rest []byte }

// object reads an event, or its properties; false: it is not understood.
func (s *scanner) object(e *fields) bool {
	for s.skip('{'); ; {
		name, ok := s.text()
		if !ok || !s.skip(':') {
			return false
		}
		switch string(name) {
		case "transaction_id":
			e.transaction, ok = s.text()
		case "external_subscription_id":
			e.subscription, ok = s.text()
		case "code":
			e.code, ok = s.text()
		case "timestamp":
			e.time, ok = s.number()
		case "properties":
			ok = len(s.rest) > 0 && s.rest[0] == '{' && s.object(e)
		case "units":
			e.value, ok = s.number()
		case "model":
			e.model, ok = s.text()
		case "region":
			e.region, ok = s.text()
		default:
			return false
		}
		if !ok {
			return false
		}
		if !s.skip(',') {
			return s.skip('}')
		}
	}
}

func (s *scanner) skip(c byte) bool {
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) text() ([]byte, bool) {
	if !s.skip('"') {
		return nil, false
	}
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 {
		return nil, false
	}
	text := s.rest[:end]
	s.rest = s.rest[end+1:]
	return text, true
}

// number reads a decimal of at most twelve digits before the point and six after it.
func (s *scanner) number() (n int64, ok bool) {
	after, point, i := 0, 0, 0
	for ; i < len(s.rest) && i < 20; i++ {
		switch c := s.rest[i]; {
		case '0' <= c && c <= '9':
			n = 10*n + int64(c-'0')
			after += point
		case c == '.' && point == 0:
			point = 1
		default:
			digits := i - point
			if digits == 0 || digits-after > 12 || after > decimals {
				return 0, false
			}
			s.rest = s.rest[i:]
			return n * scales[decimals-after], true
		}
	}
	return 0, false
}

var scales = [decimals + 1]int64{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000}
