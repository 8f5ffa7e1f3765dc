package intake

import (
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"

	"weir/ingest"
)

// answerForm says what the answer to a request whose events were taken has in it.
type answerForm uint8

const (
	formEvents  answerForm = iota // what was taken, as Lago prints it
	formNothing                   // 204, no body
	formMinimal                   // {}, as the client prefers
)

// replyEvents writes {"event":{…}} or {"events":[…]} of all events of x.batch, whose
// lago_ids are in x.eventIDs.
func (x *exchange) replyEvents(batch bool) {
	if !batch {
		dst := append(x.reply, `{"event":`...)
		x.reply = append(x.appendEvent(dst, 0), '}')
		return
	}
	dst := append(x.reply, `{"events":[`...)
	for i := range x.batch.Events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = x.appendEvent(dst, i)
	}
	x.reply = append(dst, `]}`...)
}

// appendEvent appends Lago's object of one of the batch's events. What weir binds at
// read (customer, subscription) is null.
func (x *exchange) appendEvent(dst []byte, index int) []byte {
	e := &x.batch.Events[index]
	dst = append(dst, `{"lago_id":"`...)
	dst = appendUUID(dst, &x.eventIDs[index])
	dst = append(dst, `","transaction_id":`...)
	dst = appendJSON(dst, e.TransactionID)
	dst = append(dst, `,"lago_customer_id":null,"code":`...)
	dst = appendJSON(dst, e.Code)
	dst = append(dst, `,"timestamp":"`...)
	dst = x.day.appendMillis(dst, e.Timestamp)
	dst = append(dst, `","precise_total_amount_cents":`...)
	if e.PreciseTotal == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendJSON(dst, e.PreciseTotal)
	}
	dst = append(dst, `,"properties":`...)
	dst = appendProperties(dst, e.Properties)
	dst = append(dst, `,"lago_subscription_id":null,"external_subscription_id":`...)
	dst = appendJSON(dst, e.Subscription)
	dst = append(dst, `,"created_at":"`...)
	dst = append(dst, x.createdAt...)
	return append(dst, `"}`...)
}

func appendProperties(dst []byte, properties []ingest.Property) []byte {
	dst = append(dst, '{')
	for i := range properties {
		p := &properties[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, p.Name)
		dst = append(dst, ':')
		dst = appendValue(dst, p)
	}
	return append(dst, '}')
}

func appendValue(dst []byte, p *ingest.Property) []byte {
	switch p.Kind {
	case ingest.KindNull:
		return append(dst, "null"...)
	case ingest.KindFalse:
		return append(dst, "false"...)
	case ingest.KindTrue:
		return append(dst, "true"...)
	case ingest.KindString:
		return appendJSON(dst, p.Text)
	case ingest.KindNumber, ingest.KindNested:
		return append(dst, p.Text...)
	}
	panic("BUG: property of an unknown kind")
}

// appendPositions appends partition:offset,… of what a write added, in the
// order of the partitions. offsets has -1 where nothing was written.
func appendPositions(dst []byte, offsets []int64) []byte {
	for partition, offset := range offsets {
		if offset < 0 {
			continue
		}
		if len(dst) > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(partition), 10)
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, offset, 10)
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// hexPairs holds the two digits of every byte.
var hexPairs = func() (pairs [256][2]byte) {
	for b := range pairs {
		pairs[b] = [2]byte{hexDigits[b>>4], hexDigits[b&15]}
	}
	return pairs
}()

// uuidTextBytes is the length of a UUID's text, uuidTextPlaces where in it each byte stands.
const uuidTextBytes = 36

var uuidTextPlaces = [16]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// appendUUID appends the lower-case text of id.
func appendUUID(dst []byte, id *uuid.UUID) []byte {
	dst = append(dst, "........-....-....-....-............"...)
	text := (*[uuidTextBytes]byte)(dst[len(dst)-uuidTextBytes:])
	for i, at := range &uuidTextPlaces {
		*(*[2]byte)(text[at : at+2]) = hexPairs[id[i]]
	}
	return dst
}

// appendJSON appends text as a JSON string. The text is UTF-8: the parser
// refused everything else; in an error's words, a stray byte becomes U+FFFD.
func appendJSON[T ~string | ~[]byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	plain := plainBytes(text)
	dst = append(dst, text[:plain]...)
	if plain < len(text) {
		dst = appendEscaped(dst, text[plain:])
	}
	return append(dst, '"')
}

// plainBytes returns how many bytes at the front of text stand in JSON as they are:
// ASCII that needs no escape. It may stop up to seven bytes early.
func plainBytes[T ~string | ~[]byte](text T) int {
	n := len(text)
	if n < 4 {
		for i := range n {
			if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
				return i
			}
		}
		return n
	}
	if n < 8 { // two halves that overlap
		if needEscape(uint64(fourBytes(text[:4])) | uint64(fourBytes(text[n-4:]))<<32) {
			return 0
		}
		return n
	}
	i := 0
	for ; i < n-8; i += 8 {
		if needEscape(uint64(fourBytes(text[i:i+4])) | uint64(fourBytes(text[i+4:i+8]))<<32) {
			return i
		}
	}
	// The last eight, some of them for the second time.
	if needEscape(uint64(fourBytes(text[n-8:n-4])) | uint64(fourBytes(text[n-4:]))<<32) {
		return i
	}
	return n
}

// fourBytes returns the first four bytes of text as one number. The compiler makes
// one load of it.
func fourBytes[T ~string | ~[]byte](text T) uint32 {
	_ = text[3]
	return uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
}

// needEscape reports whether one of eight bytes is not ASCII, or needs an escape.
func needEscape(w uint64) bool {
	const (
		ones = 0x0101010101010101
		tops = 0x80 * ones
	)
	quote, backslash := w^ones*'"', w^ones*'\\'
	// A byte's top bit is set if the byte is not ASCII, below a space, or zero in one
	// of the two. A borrow may set it above such a byte, never without one.
	return (w|(w-ones*' ')|(quote-ones)|(backslash-ones))&tops != 0
}

// appendEscaped appends text, escaped where it must be.
func appendEscaped[T ~string | ~[]byte](dst []byte, text T) []byte {
	plain := 0 // start of the run that needs no escape
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, text[plain:i]...)
				dst = append(dst, "\ufffd"...)
				plain = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, text[plain:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		plain = i
	}
	return append(dst, text[plain:]...)
}
