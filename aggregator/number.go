package aggregator

import (
	"cmp"

	"github.com/shopspring/decimal"

	"weir/ingest"
)

// Number is an exact number of an event: billionths in 64 bits where it fits, a
// decimal where not. The zero Number is 0. Numbers are immutable and may be copied.
type Number struct {
	scaled int64            // billionths
	wide   *decimal.Decimal // what does not fit scaled; nil when it does
}

// numberExponentMax bounds the exponent of an event's number, up and down: that of the longest
// text in plain form. A sum of any number of them keeps to exponentMax, beyond which no counter can be read.
const numberExponentMax = ingest.PropertyValueBytesMax

// numberOf returns the number of a decimal text, which stays the caller's; ok is
// false when it is none. It allocates for wide numbers only.
func numberOf(text []byte) (n Number, ok bool) {
	if scaled, ok := ingest.ParseScaled(text); ok {
		return Number{scaled: scaled}, true
	}
	d, err := decimal.NewFromString(string(text))
	if err != nil || d.Exponent() < -numberExponentMax || d.Exponent() > numberExponentMax {
		return Number{}, false
	}
	return Number{wide: &d}, true
}

// numberOfDecimal returns the number of a decimal, whose exponent must be bounded.
func numberOfDecimal(d decimal.Decimal) Number {
	if scaled := d.Shift(sumScale); scaled.IsInteger() {
		if n := scaled.BigInt(); n.IsInt64() {
			return Number{scaled: n.Int64()}
		}
	}
	return Number{wide: &d}
}

// wholeNumber returns a small integer.
func wholeNumber(n int64) Number { return Number{scaled: n * billion} }

// billion is what one is in a narrow number: 10^sumScale.
const billion = 1_000_000_000

// Decimal returns the value.
func (n Number) Decimal() decimal.Decimal {
	if n.wide != nil {
		return *n.wide
	}
	return decimal.New(n.scaled, -sumScale)
}

// Compare orders numbers by value.
func (n Number) Compare(other Number) int {
	if n.wide == nil && other.wide == nil {
		return cmp.Compare(n.scaled, other.scaled)
	}
	return n.Decimal().Cmp(other.Decimal())
}
