package oracle

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
)

// Value is a property's value as filters, groups and unique counts compare it: a text,
// or null for a property that is missing, null or nested.
type Value struct {
	Text string
	Null bool
}

// Text returns a value that is not null.
func Text(text string) Value { return Value{Text: text} }

// Null returns the value of what is missing.
func Null() Value { return Value{Null: true} }

// valueOf returns the text form: of a string itself, of a number its shortest plain
// decimal (1, 1.0 and 1e0 are "1"), of a boolean "true" or "false".
func valueOf(property any) Value {
	switch v := property.(type) {
	case string:
		return Text(v)
	case bool:
		if v {
			return Text("true")
		}
		return Text("false")
	case json.Number:
		number := number(v)
		if number == nil {
			panic("BUG: not a JSON number: " + v.String())
		}
		return Text(plain(number))
	default:
		return Null()
	}
}

// valuesOf returns the event's values of the properties named by keys.
func valuesOf(e Event, keys []string) []Value {
	var values []Value
	for _, key := range keys {
		values = append(values, valueOf(e.Properties[key]))
	}
	return values
}

// compareValues orders tuples: null first, then by the bytes of the text.
func compareValues(a, b []Value) int {
	return slices.CompareFunc(a, b, func(a, b Value) int {
		switch {
		case a.Null && b.Null:
			return 0
		case a.Null:
			return -1
		case b.Null:
			return 1
		default:
			return strings.Compare(a.Text, b.Text)
		}
	})
}

// plain returns the shortest decimal text of a fraction, which must have an end as a decimal.
func plain(x *big.Rat) string {
	for digits := range 1000 {
		text := x.FloatString(digits)
		if Decimal(text).Cmp(x) == 0 {
			return text
		}
	}
	panic("BUG: not a decimal: " + x.RatString())
}
