package aggregator

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"weir/ingest"
)

// Value is one property's value as filters and groups compare it: a stated text
// form, or null when the event lacks the property, or it is null or nested.
//
// The text form: a string is itself; true and false are "true" and "false"; a
// number is its shortest plain decimal (1, 1.0 and 1e0 are all "1"). So the
// number 1 and the string "1" are the same value.
type Value struct {
	Text string
	Null bool
}

// Compare orders values: null first, then by the bytes of their text.
func (v Value) Compare(other Value) int {
	if v.Null != other.Null {
		if v.Null {
			return -1
		}
		return 1
	}
	return cmp.Compare(v.Text, other.Text)
}

// CompareValues orders tuples of values.
func CompareValues(a, b []Value) int {
	return slices.CompareFunc(a, b, Value.Compare)
}

// appendValue appends the text form of a property's value; ok is false when the value is null.
func appendValue(dst []byte, p ingest.Property) (out []byte, ok bool) {
	switch p.Kind {
	case ingest.KindFalse:
		return append(dst, "false"...), true
	case ingest.KindTrue:
		return append(dst, "true"...), true
	case ingest.KindNumber:
		return ingest.AppendPlain(dst, p.Text), true
	case ingest.KindString:
		return append(dst, p.Text...), true
	default: // null and nested values can't be matched
		return dst, false
	}
}

// ValueOf returns the value of a property as filters and groups compare it.
func ValueOf(p ingest.Property) Value {
	text, ok := appendValue(nil, p)
	if !ok {
		return Value{Null: true}
	}
	return Value{Text: string(text)}
}

// valueOf returns an event's value of a property.
func valueOf(e *ingest.Event, key string) Value {
	p, ok := e.Property(key)
	if !ok {
		return Value{Null: true}
	}
	return ValueOf(p)
}

// describeValues returns values as people read them.
func describeValues(values []Value) string {
	texts := make([]string, len(values))
	for i, v := range values {
		if texts[i] = "null"; !v.Null {
			texts[i] = strconv.Quote(v.Text)
		}
	}
	return "[" + strings.Join(texts, " ") + "]"
}
