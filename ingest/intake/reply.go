package intake

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"weir/ingest"
)

// Layouts of times in answers, as Lago prints them.
const (
	layoutMillis  = "2006-01-02T15:04:05.000Z"
	layoutSeconds = "2006-01-02T15:04:05Z"
)

// appendEvent appends Lago's event object. createdAt is its created_at, ready
// to print. What weir binds at read (customer, subscription) is null.
func appendEvent(dst []byte, organization uuid.UUID, e *ingest.Event, createdAt []byte) []byte {
	dst = append(dst, `{"lago_id":"`...)
	dst = appendUUID(dst, ingest.EventID(organization, e.Subscription, e.TransactionID))
	dst = append(dst, `","transaction_id":`...)
	dst = appendJSON(dst, e.TransactionID)
	dst = append(dst, `,"lago_customer_id":null,"code":`...)
	dst = appendJSON(dst, e.Code)
	dst = append(dst, `,"timestamp":"`...)
	dst = time.Unix(0, e.Timestamp).UTC().AppendFormat(dst, layoutMillis)
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
	dst = append(dst, createdAt...)
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

// appendUUID appends the lower-case text of id.
func appendUUID(dst []byte, id uuid.UUID) []byte {
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}

// appendJSON appends text as a JSON string. The text is UTF-8: the parser
// refused everything else; in an error's words, a stray byte becomes U+FFFD.
func appendJSON[T ~string | ~[]byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
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
	dst = append(dst, text[plain:]...)
	return append(dst, '"')
}
